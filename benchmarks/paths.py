"""The folders of the repository that benchmarks read from, start programs in and write to."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHIPPED_MODELS = ROOT / "exported_models"
