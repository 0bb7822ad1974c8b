"""The benchmark's models are files that the service takes."""

from __future__ import annotations

from pathlib import Path

from benchmarks.workloads import models
from service.models.registry import Registry


def test_the_service_takes_all_models_of_the_benchmark(folder: Path) -> None:
    """Eight classifiers of one task, and the wide one, pass the loader's checks."""
    registry = Registry.load(folder)
    assert registry.refused == {}
    assert len(registry.task(models.TASK)) == 8
    assert models.WIDE in registry.models
