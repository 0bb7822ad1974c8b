"""The classifiers of a folder that are judged are those of one task."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from evaluation.classifiers import LocalClassifiers


def test_files_of_other_tasks_are_not_read(
    models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A broken file of another task is not even looked at, and the task's own classifiers are there."""
    (models / "shape-first.onnx").write_bytes(b"no model")

    with caplog.at_level(logging.INFO, logger="service.models.registry"):
        found = LocalClassifiers(models, "colour").contenders

    assert [each.name for each in found] == ["colour-first", "colour-second"]
    assert caplog.messages == ["serving 2 models: colour-first, colour-second"]
