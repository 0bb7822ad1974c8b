"""The cards of the shipped models are read once for all tests of a process."""

from __future__ import annotations

from tests.support.documents import ROOT
from training.model_tables import find_shipped

SHIPPED_MODELS = find_shipped(ROOT / "exported_models")
