"""The one way of a request: decoded once, answered once, written once, on the event loop or in threads.

A route has two phases, `decode` and `answer`. A request that is small goes through both where it was read, since a hop
to a thread costs more than a small prediction; any other goes through them in a thread. Both transports come this way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter_ns
from typing import Any, NamedTuple, Protocol

from service.errors import VeredictoError
from service.execution.admission import ClientLeft
from service.execution.batching import Batches
from service.execution.metrics import RouteMetrics
from service.execution.run import Pending, Reply, Run
from service.models.graph import Graph


class Head(Protocol):
    """What a route reads of the headers beside a body."""

    @property
    def max_bytes(self) -> int:
        """The limit of the body."""
        ...

    @property
    def max_inline_bytes(self) -> int:
        """The longest body for which both phases take less time than to find a thread; -1 where there is none."""
        ...


class BodyLimits(NamedTuple):
    """The head of a route that reads no header."""

    max_bytes: int
    max_inline_bytes: int


class Route(Protocol):
    """What takes requests of one kind."""

    @property
    def metrics(self) -> RouteMetrics:
        """Where its requests are counted."""
        ...

    @property
    def graph(self) -> Graph | None:
        """The graph whose fault an error is, where every request of the route is for the same one."""
        ...

    def decode(self, body: bytes, head: Any, /) -> Any:
        """The request in a body; raises VeredictoError."""
        ...

    def is_slow(self, request: Any, /) -> bool:
        """Whether a small request is not to be answered on the event loop after all, now that it is decoded."""
        ...

    def answer(self, request: Any, head: Any, /) -> Run | Reply | Pending:
        """The reply, or what is left to be done for it; raises VeredictoError."""
        ...


class Pipeline:
    """Takes requests through both phases of their routes and through the runs that are left."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches

    def start(self, route: Route, body: bytes, head: Head) -> Run | Reply | Pending:
        """Both phases, here where the request is small, and in a thread otherwise; to be called on the event loop."""
        if len(body) <= head.max_inline_bytes:
            return self.answer(route, body, head)
        return Pending(self._batches.submit(_decode_and_answer, route, body, head))

    def answer(self, route: Route, body: bytes, head: Head) -> Run | Reply | Pending:
        """Both phases, and the run where that is quick; the second in a thread where the route says so."""
        started_ns = perf_counter_ns()
        request = _decode(route, body, head)
        if route.is_slow(request):
            return Pending(
                self._batches.submit(_answer, route, request, head, started_ns)
            )

        return _answer(route, request, head, started_ns)

    async def complete(
        self,
        outcome: Run | Reply | Pending,
        leaving: Callable[[], Awaitable[Any]] | None = None,
    ) -> Reply:
        """The reply that comes of both phases; raises ClientLeft where `leaving` comes true while a run waits."""
        while not isinstance(outcome, Reply):
            if isinstance(outcome, Pending):
                outcome = await outcome.wait()
            elif leaving is None:
                outcome = await self._batches.carry_out(outcome)
            else:
                outcome = await _race(self._batches.carry_out(outcome), leaving())

        return outcome


async def _race(reply: Awaitable[Reply], leaving: Awaitable[Any]) -> Reply:
    """The reply, given up where the client leaves first, which raises ClientLeft."""
    replying = asyncio.ensure_future(reply)
    left = asyncio.ensure_future(leaving)

    try:
        await asyncio.wait((replying, left), return_when=asyncio.FIRST_COMPLETED)
        if not replying.done():
            raise ClientLeft
        return replying.result()
    finally:
        replying.cancel()
        left.cancel()


def _decode(route: Route, body: bytes, head: Head) -> Any:
    """The first phase."""
    try:
        return route.decode(body, head)
    except VeredictoError as error:
        _blame(error, route)
        raise


def _decode_and_answer(route: Route, body: bytes, head: Head) -> Run | Reply | Pending:
    """Both phases in a thread."""
    started_ns = perf_counter_ns()
    return _answer(route, _decode(route, body, head), head, started_ns)


def _answer(
    route: Route, request: Any, head: Any, started_ns: int
) -> Run | Reply | Pending:
    """The second phase of a request that was decoded since `started_ns`, and its run where that is quick."""
    try:
        outcome = route.answer(request, head)
    except VeredictoError as error:
        _blame(error, route)
        raise

    if type(outcome) is not Run:
        return outcome

    return outcome.reply_if_quick(started_ns)


def _blame(error: VeredictoError, route: Route) -> None:
    """Counts an error for the graph of its route where nothing else is to blame."""
    if error.model is None:
        error.model = route.graph
