"""These tests are about one task, whose champion `colour-second` has challengers, and about its journal."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.live.challengers import ShadowDeployment, find_shadow_deployments
from service.models.registry import Registry
from service.settings import Settings


@pytest.fixture
def deployment(registry: Registry) -> ShadowDeployment:
    """Returns the shadows of the task; each file of tests has a `registry` of its own."""
    settings = Settings.from_environment(
        {"VEREDICTO_SHADOW": "colour:colour-second", "VEREDICTO_JOURNAL": "j"}
    )
    return find_shadow_deployments(registry, settings)["colour-second"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Returns where a journal may be."""
    return tmp_path / "journal.db"
