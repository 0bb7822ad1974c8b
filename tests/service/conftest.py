"""The tests of the service share an application of tiny models in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from service.calls.data_plane import DataPlane
from service.execution.admission import Admission
from service.execution.batching import Batches
from service.execution.metrics import ModelMetrics
from service.http.application import Application
from service.models.registry import Registry
from service.settings import Settings


@pytest.fixture
def application(models: Path) -> Application:
    """The application has two tiny classifiers of one task and nothing behind it."""
    settings = Settings(models=models)
    plane = DataPlane(Registry.load(models), settings)
    admission = Admission(settings, ModelMetrics(plane.registry))
    fallback: Any = None  # nothing goes there
    return Application(
        plane, settings, admission, Batches.of(settings), fallback=fallback
    )
