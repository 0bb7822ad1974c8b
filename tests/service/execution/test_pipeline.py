"""A request is answered where it was read if it is small, and in a thread otherwise, by one way for all routes."""

from __future__ import annotations

import asyncio
import gc
import json
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from PIL import Image

from service.calls.data_plane import DataPlane
from service.contract.calls import CALLS
from service.contract.limits import Limits
from service.errors import InvalidRequest, NotFound
from service.execution.admission import ClientLeft
from service.execution.batching import Batches
from service.execution.metrics import RouteMetrics
from service.execution.pipeline import Pipeline, Route
from service.execution.run import Pending, Reply, Run
from service.execution.turn_batching import TurnRun
from service.http.open_inference import InferRoute
from service.http.route import CallHead, ContractRoute
from service.models.graph import Graph
from service.models.registry import Registry
from service.settings import Settings
from tests.support.tiny_models import write_image_model

ROWS = json.dumps({"model": "colour-first", "inputs": [[1, "red"]]}).encode()
INLINE = CallHead(max_bytes=1_000_000, max_inline_bytes=1_000_000)
IN_A_THREAD = CallHead(max_bytes=1_000_000, max_inline_bytes=-1)
NO_TENSORS = b'{"inputs": []}'


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as threads:
        yield threads


@pytest.fixture
def pipeline(pool: ThreadPoolExecutor) -> Pipeline:
    return Pipeline(Batches(pool, n_threads=1, max_waiting_rows=10))


@pytest.fixture
def registry(models: Path) -> Registry:
    """The registry has two tiny classifiers of rows and one of images, `hue-first`, all of them quick."""
    write_image_model(models)
    loaded = Registry.load(models)
    for name in ("colour-first", "colour-second", "hue-first"):
        loaded.find_graph(name).max_quick_rows = 10

    return loaded


@pytest.fixture
def graph(registry: Registry) -> Graph:
    return registry.find_graph("colour-first")


@pytest.fixture
def predict(registry: Registry) -> ContractRoute:
    """The route is that of `/predict`."""
    settings = Settings()
    call = next(each for each in CALLS if each.name == "predict")
    plane = DataPlane(registry, settings)
    return ContractRoute(call, plane.predict, None, Limits(settings))


@pytest.fixture
def infer(graph: Graph) -> InferRoute:
    """The route takes requests for one graph, `colour-first`."""
    return InferRoute(graph, Limits(Settings()), RouteMetrics("infer"))


def start(
    pipeline: Pipeline, route: Route, body: bytes, head: CallHead
) -> tuple[Run | Reply | Pending, Reply]:
    """Returns what the start of a request gives, and the reply that comes of it."""

    async def run() -> tuple[Run | Reply | Pending, Reply]:
        outcome = pipeline.start(route, body, head)
        return outcome, await pipeline.complete(outcome)

    return asyncio.run(run())


def predictions(reply: Reply) -> list[Any]:
    found: list[Any] = json.loads(reply.content.body)["predictions"]
    return found


def test_a_small_request_is_answered_at_once(
    pipeline: Pipeline, predict: ContractRoute
) -> None:
    """A body of `max_inline_bytes` bytes for a quick model is answered by the time that `start` returns."""
    head = CallHead(max_bytes=1000, max_inline_bytes=len(ROWS))

    outcome, reply = start(pipeline, predict, ROWS, head)

    assert outcome is reply
    assert predictions(reply) == ["no"]


@pytest.mark.parametrize(
    ("is_batchable", "clients", "waits"),
    [(True, [1, 2], True), (True, [1, 1], False), (False, [1, 2], False)],
    ids=["two clients", "one client", "no gain"],
)
def test_a_quick_run_waits_for_others_of_its_turn_where_joining_is_worth_it(
    pipeline: Pipeline,
    predict: ContractRoute,
    graph: Graph,
    *,
    is_batchable: bool,
    clients: list[int],
    waits: bool,
) -> None:
    """A quick run waits for the next turn where several clients ask a graph whose rows are worth joining."""
    graph.is_batchable = is_batchable
    delivered: list[Reply] = []

    async def ask() -> Any:
        first, second = clients
        alone = pipeline.answer_in_turn(predict, ROWS, INLINE, first)
        outcome = pipeline.answer_in_turn(predict, ROWS, INLINE, second)
        assert isinstance(alone, Reply)
        if isinstance(outcome, TurnRun):
            outcome.deliver = delivered.append
            await asyncio.sleep(0.01)
        return outcome

    outcome = asyncio.run(ask())

    assert isinstance(outcome, TurnRun if waits else Reply)
    (reply,) = delivered if waits else (outcome,)
    assert predictions(reply) == ["no"]


def test_a_longer_request_is_answered_in_a_thread(
    pipeline: Pipeline, predict: ContractRoute
) -> None:
    """A body one byte over `max_inline_bytes` gives Pending, and completes with the answer of a small one."""
    head = CallHead(max_bytes=1000, max_inline_bytes=len(ROWS) - 1)
    _, expected = start(pipeline, predict, ROWS, INLINE)

    outcome, reply = start(pipeline, predict, ROWS, head)

    assert isinstance(outcome, Pending)
    assert reply.content == expected.content


def test_a_slow_request_is_answered_in_a_thread(
    pipeline: Pipeline, predict: ContractRoute
) -> None:
    """A small body with an image in base64 gives Pending, since to decode the image takes long."""
    file = BytesIO()
    Image.new("RGB", (20, 12), "blue").save(file, format="PNG")
    row = {"b64": b64encode(file.getvalue()).decode()}
    body = json.dumps({"model": "hue-first", "inputs": [row]}).encode()

    outcome, reply = start(pipeline, predict, body, INLINE)

    assert isinstance(outcome, Pending)
    assert predictions(reply) == ["blue"]


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("predict", {"model": "colour-first", "inputs": [[1, "red"]] * 1001}),
        ("compare", {"task": "colour", "inputs": [[1, "red"]], "labels": ["yes"]}),
    ],
)
def test_what_costs_more_than_its_length_says_is_answered_in_a_thread(
    pipeline: Pipeline, registry: Registry, name: str, request_: dict[str, Any]
) -> None:
    """Rows that are looked at value by value, and a comparison that resamples, give Pending."""
    settings = Settings()
    call = next(each for each in CALLS if each.name == name)
    method = getattr(DataPlane(registry, settings), name)
    route = ContractRoute(call, method, None, Limits(settings))

    outcome, reply = start(pipeline, route, json.dumps(request_).encode(), INLINE)

    assert isinstance(outcome, Pending)
    assert reply.content.status == 200


def test_a_run_that_is_not_quick_is_left_to_be_made(
    pipeline: Pipeline, predict: ContractRoute, graph: Graph
) -> None:
    """A small request for a model that is not quick gives a Run, and completes with the same answer."""
    _, expected = start(pipeline, predict, ROWS, INLINE)
    graph.max_quick_rows = 0

    outcome, reply = start(pipeline, predict, ROWS, INLINE)

    assert isinstance(outcome, Run)
    assert reply.content == expected.content


@pytest.mark.parametrize(
    ("row_s", "outcome_type"),
    [(0.001, Reply), (10.0, Run), (0.0, Run)],
    ids=["short", "long", "not measured"],
)
def test_a_short_run_is_made_in_the_thread_that_has_decoded_its_request(
    pipeline: Pipeline,
    predict: ContractRoute,
    graph: Graph,
    row_s: float,
    outcome_type: type,
) -> None:
    """The thread gives a reply where the run is short, else the run; the answer is the same, of one run."""
    _, expected = start(pipeline, predict, ROWS, INLINE)
    graph.max_quick_rows = 0
    graph.row_s = row_s
    before = graph.statistics.executions

    outcome, reply = start(pipeline, predict, ROWS, IN_A_THREAD)

    assert isinstance(outcome, Pending)
    assert isinstance(outcome.future.result(), outcome_type)
    assert reply.content == expected.content
    for _, times in reply.records:
        graph.statistics.succeed(times, 0)
    assert graph.statistics.executions == before + 1


def test_a_short_run_that_others_may_join_is_left_to_be_made(
    pool: ThreadPoolExecutor, predict: ContractRoute, graph: Graph
) -> None:
    """While another request waits for a thread a short run is left, and the last one is made where it was decoded."""
    batches = Batches(pool, n_threads=1, max_waiting_rows=10)
    pipeline = Pipeline(batches)
    graph.max_quick_rows = 0
    graph.row_s = 0.001

    async def ask() -> tuple[list[Any], list[Reply]]:
        may_end = Event()
        batches.submit("other work", "other work", may_end.wait)
        outcomes = [
            pipeline.start(predict, ROWS, IN_A_THREAD),
            pipeline.start(predict, ROWS, IN_A_THREAD),
        ]
        may_end.set()
        replies = await asyncio.gather(*map(pipeline.complete, outcomes))
        return outcomes, replies

    outcomes, replies = asyncio.run(ask())

    first, last = (each.future.result() for each in outcomes)
    assert isinstance(first, Run)
    assert isinstance(last, Reply)
    assert [predictions(each) for each in replies] == [["no"], ["no"]]


@pytest.mark.parametrize("head", [INLINE, IN_A_THREAD], ids=["inline", "thread"])
@pytest.mark.parametrize(
    "body", [b"{", NO_TENSORS], ids=["no JSON", "nothing to answer"]
)
def test_an_error_is_blamed_on_the_routes_graph(
    pipeline: Pipeline, infer: InferRoute, graph: Graph, head: CallHead, body: bytes
) -> None:
    """An error of either phase names the route's graph, on the event loop and in a thread."""
    infer_head = infer.read_head([])._replace(max_inline_bytes=head.max_inline_bytes)

    with pytest.raises(InvalidRequest) as raised:
        start(pipeline, infer, body, infer_head)

    assert raised.value.model is graph


def test_an_error_of_a_route_without_a_graph_is_blamed_on_none(
    pipeline: Pipeline, predict: ContractRoute
) -> None:
    """An error of a body that says nothing of a model names no graph."""
    with pytest.raises(InvalidRequest) as raised:
        start(pipeline, predict, b"{", INLINE)

    assert raised.value.model is None


def test_a_run_is_given_up_when_its_client_leaves(
    pipeline: Pipeline, pool: ThreadPoolExecutor, predict: ContractRoute, graph: Graph
) -> None:
    """A run that waits for a thread raises ClientLeft when `disconnect` completes, and counts as cancelled."""
    graph.max_quick_rows = 0
    go_on = Event()
    pool.submit(go_on.wait, 30)

    async def leave() -> None:
        await asyncio.sleep(0)

    async def run() -> None:
        outcome = pipeline.start(predict, ROWS, INLINE)
        try:
            await pipeline.complete(outcome, disconnect=leave)
        finally:
            go_on.set()

    with pytest.raises(ClientLeft):
        asyncio.run(run())

    assert graph.statistics.failed["cancelled"] == 1


def test_a_client_that_leaves_behind_its_reply_ends_nothing_else(
    pipeline: Pipeline,
) -> None:
    """A task whose reply was there first goes on, even where the client left in the same turn of the event loop."""
    done: Future[Any] = Future()

    async def run() -> Reply:
        loop = asyncio.get_running_loop()
        left: asyncio.Future[None] = loop.create_future()

        async def leave() -> None:
            await left

        def come_and_leave() -> None:
            done.set_result(Reply("there"))
            left.set_result(None)

        loop.call_later(0.01, come_and_leave)
        pending = Pending(done, None, cancel=done.cancel)
        reply = await pipeline.complete(pending, disconnect=leave)
        for _ in range(5):
            await asyncio.sleep(0)

        return reply

    assert asyncio.run(run()) == Reply("there")


def test_a_task_that_is_cancelled_as_its_client_leaves_is_cancelled(
    pipeline: Pipeline,
) -> None:
    """A client that leaves in the same turn of the event loop hides no cancellation by others."""

    async def run() -> asyncio.Task[Reply]:
        left: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def leave() -> None:
            await left

        done: Future[Any] = Future()
        pending = Pending(done, None, cancel=done.cancel)
        task = asyncio.create_task(pipeline.complete(pending, disconnect=leave))
        await asyncio.sleep(0.01)
        left.set_result(None)
        # So the watch for the client ends, and its callback runs, one turn later.
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

        return task

    assert asyncio.run(run()).cancelled()


def test_an_error_that_no_client_waits_for_is_no_defect() -> None:
    """Work that its client has left ends by itself, and asyncio reports nothing of it."""
    reported: list[Any] = []

    async def leave_and_fail() -> None:
        left: Future[Any] = Future()
        waiting = asyncio.ensure_future(Pending(left, Reply(None)).wait())
        await asyncio.sleep(0)
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting

        left.set_exception(NotFound("unknown id"))
        for _ in range(3):
            await asyncio.sleep(0)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reported.append(context))
        await leave_and_fail()
        gc.collect()

    asyncio.run(run())

    assert reported == []


def test_a_run_is_answered_to_a_client_that_stays(
    pipeline: Pipeline, predict: ContractRoute, graph: Graph
) -> None:
    """A run completes with its reply where `disconnect` does not."""
    graph.max_quick_rows = 0

    async def run() -> Reply:
        outcome = pipeline.start(predict, ROWS, INLINE)
        return await pipeline.complete(outcome, disconnect=asyncio.Event().wait)

    reply = asyncio.run(run())

    assert predictions(reply) == ["no"]
