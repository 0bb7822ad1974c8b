"""Many rows of numbers are answered where they are read, as long as one client alone sends such requests."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from service.calls.data_plane import DataPlane
from service.contract.calls import CALLS, MAX_MATRIX_BYTES
from service.execution.admission import Admission
from service.execution.batching import Batches
from service.execution.metrics import ModelMetrics
from service.execution.run import Pending, Reply, Run
from service.http.application import Application
from service.live.monitor import Monitor
from service.models.registry import Registry
from service.settings import Settings
from tests.conftest import EXPORTED_MODELS

MODEL = "points-logistic"
N_ROWS = 4_000
ROWS = np.random.default_rng(0).normal(size=(N_ROWS, 2)).round(5)
INLINE_BYTES = next(each.max_inline_bytes for each in CALLS if each.name == "predict")
HEADERS = [(b"content-type", b"application/json")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("models")
    shutil.copy(EXPORTED_MODELS / f"{MODEL}.onnx", made)
    return made


def make_application(
    folder: Path,
    registry: Registry,
    monitor: Monitor | None = None,
    **limits: Any,
) -> Application:
    settings = Settings(models=folder, **limits)
    registry.find_graph(MODEL).measure()
    plane = DataPlane(registry, settings, monitor)
    admission = Admission(settings, ModelMetrics(registry))
    fallback: Any = None  # nothing goes there
    return Application(
        plane, settings, admission, Batches.of(settings), fallback=fallback
    )


@pytest.fixture(scope="module")
def alone(folder: Path) -> Application:
    """The application keeps no journal."""
    return make_application(folder, Registry.load(folder))


@pytest.fixture
def with_journal(folder: Path, tmp_path: Path) -> Iterator[Application]:
    registry = Registry.load(folder)
    path = tmp_path / "journal.db"
    with closing(Monitor(registry, Settings(models=folder), path)) as monitor:
        yield make_application(folder, registry, monitor)


def write(rows: Any, **fields: Any) -> bytes:
    return json.dumps({"model": MODEL, "inputs": rows, **fields}).encode()


BODY = write(ROWS.tolist())


def ask(application: Application, *asked: tuple[bytes, int]) -> list[Any]:
    """Returns what there is at once of requests, each a body and the number of its client."""

    async def run() -> list[Any]:
        route = application.fast_routes[b"/predict"]
        return [
            application.answer_at_once(route, body, HEADERS, client)
            for body, client in asked
        ]

    return asyncio.run(run())


def test_many_rows_of_one_client_are_answered_at_once(alone: Application) -> None:
    """A body over what is small gets the labels that onnxruntime gives, by the time that the call returns."""
    assert INLINE_BYTES < len(BODY) <= MAX_MATRIX_BYTES
    session = onnxruntime.InferenceSession(EXPORTED_MODELS / f"{MODEL}.onnx")
    card = json.loads(session.get_modelmeta().custom_metadata_map["veredicto.card"])
    (labels,) = session.run(["label"], {"features": ROWS.astype(np.float32)})

    # Whoever asked before, the second of two is by the same client.
    _, reply = ask(alone, (BODY, 1), (BODY, 1))

    assert isinstance(reply, Reply)
    answer = json.loads(reply.content.body)
    assert answer["predictions"] == [card["classes"][label] for label in labels]


def test_the_requests_of_several_clients_take_threads(alone: Application) -> None:
    """A request that comes after another client's is left to the threads, until the same client comes again."""
    outcomes = ask(alone, *((BODY, client) for client in (1, 1, 2, 1, 2, 2)))

    assert [each is not None for each in outcomes[1:]] == [
        True,
        False,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(
    "body",
    [
        write([{"x": x, "y": y} for x, y in ROWS.tolist()]),
        write([["a" * 20, "b"]] * N_ROWS),
        write([*ROWS.tolist(), [1.0]]),
        write([*ROWS.tolist(), ["a", "b"]]),
        write(ROWS.tolist(), colour="red"),
        write(np.tile(ROWS, (5, 1)).tolist()),
        BODY[:-1],
        write([[1e-300, 2e-300]] * N_ROWS),
        BODY[:100_000].replace(b"], [", b"0" * 40 + b"], [") + BODY[100_000:],
    ],
    ids=[
        "names",
        "texts",
        "ragged",
        "a text",
        "a field",
        "too long",
        "broken",
        "extreme numbers",
        "many digits",
    ],
)
def test_any_other_long_body_is_left_to_a_thread(
    alone: Application, body: bytes
) -> None:
    """A body that is no matrix of numbers is decoded elsewhere, where it takes its time and has its words."""
    assert len(body) > INLINE_BYTES

    assert ask(alone, (BODY, 1), (body, 1))[1] is None


def test_a_body_over_its_limit_is_not_read(folder: Path) -> None:
    """Rows of numbers are left to where bodies over the limit are refused."""
    limit = len(BODY) - 1
    application = make_application(folder, Registry.load(folder), max_body_bytes=limit)

    assert ask(application, (BODY, 1)) == [None]


def test_rows_for_a_slow_model_are_read_and_then_run_in_a_thread(
    folder: Path,
) -> None:
    """Rows that were decoded stay so where their run is none for the event loop."""
    application = make_application(folder, registry := Registry.load(folder))
    registry.find_graph(MODEL).max_quick_rows = 10

    (outcome,) = ask(application, (BODY, 1))

    assert isinstance(outcome, Run)
    assert outcome.n_rows == N_ROWS


def test_a_journal_leaves_many_rows_to_a_thread(with_journal: Application) -> None:
    """A journal writes rows down, which takes longer than to answer them."""
    small = write([[0.5, 1.5]])
    many, one = ask(with_journal, (BODY, 1), (small, 1))

    assert many is None
    assert isinstance(one, Reply | Pending)
