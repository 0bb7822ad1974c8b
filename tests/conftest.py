"""What the tests share: seeded rows, tiny models in a folder, and a real server of the shipped models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.server import Server, serve
from tests.support.tiny_models import tiny_card, write_tiny

ROOT = Path(__file__).resolve().parent.parent
EXPORTED_MODELS = ROOT / "exported_models"


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder with two tiny classifiers of one task, `colour-first` and `colour-second`."""
    folder = tmp_path / "models"
    folder.mkdir()
    write_tiny(folder, tiny_card(family="first"))
    write_tiny(folder, tiny_card(family="second"), sign=-1.0)
    return folder


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`bentoml serve` over the shipped models, once for the whole run."""
    with serve(tmp_path_factory.mktemp("shipped")) as running:
        yield running


@pytest.fixture
def start_server(tmp_path: Path) -> Callable[..., Server]:
    """Starts a server of its own for one test: `start_server(VEREDICTO_MODELS=folder)` in a `with`."""
    return lambda **environment: serve(tmp_path, **environment)
