"""Benchmarks' tests share one folder of models, which takes long to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.workloads import models


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that every contender serves."""
    made = tmp_path_factory.mktemp("models")
    models.write_models(made)
    return made
