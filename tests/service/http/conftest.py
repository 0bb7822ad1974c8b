"""Servers with narrow limits are shared by the tests of HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import tritonclient.http as triton

from tests.support.graphs import write_all
from tests.support.server import Server, serve
from tests.support.tiny_models import tiny_card, write_tiny


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server has one tiny model, `colour-first`, and small limits of bytes, rows and time."""
    folder = tmp_path_factory.mktemp("models")
    write_tiny(folder, tiny_card())
    limits = {
        "VEREDICTO_MAX_BODY_BYTES": 200,
        "VEREDICTO_MAX_ROWS": 2,
        "VEREDICTO_DEADLINE_S": 2,
    }

    with serve(
        tmp_path_factory.mktemp("home"), VEREDICTO_MODELS=folder, **limits
    ) as running:
        yield running


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server has graphs without cards, two versions of one, one of images and a generator."""
    folder = tmp_path_factory.mktemp("graphs")
    write_all(folder)
    limits = {
        "VEREDICTO_MAX_ROWS": 100,
        "VEREDICTO_MAX_PIXELS": 100_000,
        "VEREDICTO_MAX_BODY_BYTES": 100_000,
    }

    with serve(
        tmp_path_factory.mktemp("home"), VEREDICTO_MODELS=folder, **limits
    ) as running:
        yield running


@pytest.fixture
def client(graphs: Server) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(graphs.url.removeprefix("http://")) as client:
        yield client
