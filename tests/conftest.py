"""Tests share seeded rows, tiny models in a folder, and real servers, one of each kind for a worker."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from tests.support.file_order import put_long_files_first
from tests.support.server import Server, serve
from tests.support.tiny_models import tiny_card, write_tiny

ROOT = Path(__file__).resolve().parent.parent
EXPORTED_MODELS = ROOT / "exported_models"

# KServe's client is not installed on arm64, where the psutil that it wants has no wheel.
WITH_KSERVE = ["deploy/test_kserve.py", "end_to_end/test_platforms.py"]
collect_ignore = [] if find_spec("kserve") else WITH_KSERVE

# The examples of a property are the same each time, so that what one finds some day fails no other change; `make fuzz`
# searches on. No example has a deadline, since machines are busy at times.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile(
    "search", max_examples=2000, deadline=None, print_blob=True, database=None
)
settings.load_profile("same")

# What is imported and collected stays to the end. To look through it again and again took 9 of the 25 seconds of
# processor that each worker's collection did.
gc.disable()


GC_THRESHOLDS = (10_000, 10, 10)
"""So many objects more than before are made until garbage is looked for: with Python's 700, tests that learn spent a
tenth of their processor's time on that, and by this a thirtieth, in no more memory.
"""


def pytest_collection_finish() -> None:
    """The collector of garbage begins with the tests, and leaves alone what was made before."""
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of files that take long come first."""
    items[:] = put_long_files_first(items)


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """The folder has two tiny classifiers of one task, `colour-first` and `colour-second`."""
    return write_models(tmp_path / "models")


def write_models(folder: Path) -> Path:
    folder.mkdir()
    write_tiny(folder, tiny_card(family="first"))
    write_tiny(folder, tiny_card(family="second"), sign=-1.0)
    return folder


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server of the shipped models is started once for all tests of a worker."""
    with serve(tmp_path_factory.mktemp("shipped")) as running:
        yield running


@pytest.fixture(scope="session")
def impatient_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server of the tiny models answers within two seconds or gives up; it is shared as `server` is."""
    folder = tmp_path_factory.mktemp("impatient")
    models = write_models(folder / "models")
    with serve(folder, VEREDICTO_MODELS=models, VEREDICTO_DEADLINE_S=2) as running:
        yield running


@pytest.fixture
def start_server(tmp_path: Path) -> Callable[..., Server]:
    """A call starts a server for one test alone: `start_server(VEREDICTO_MODELS=folder)` in a `with`."""
    return lambda **environment: serve(tmp_path, **environment)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Returns a test's id for bytes, which pytest numbers: archives have the time in them, and no two workers agree."""
    return argname if isinstance(val, bytes) else None
