"""Folders of a few shipped models, since to load all of them takes seconds of processor."""

from __future__ import annotations

from pathlib import Path

EXPORTED_MODELS = Path(__file__).resolve().parents[2] / "exported_models"


def link_models(folder: Path, *patterns: str) -> Path:
    """Makes a folder with links to the shipped models of these patterns, as `wine-*`, and returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    for pattern in patterns:
        found = sorted(EXPORTED_MODELS.glob(f"{pattern}.onnx"))
        assert found, pattern

        for path in found:
            (folder / path.name).symlink_to(path)

    return folder
