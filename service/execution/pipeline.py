"""The pipeline takes every request one way: decoded once, answered once, written once, on the event loop or in threads.

A route has two phases, `decode` and `answer`. A request that is small goes through both where it was read, since a hop
to a thread costs more than a small prediction; any other goes through them in a thread. Both transports come this way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum
from functools import partial
from time import perf_counter_ns
from typing import Any, NamedTuple, Protocol

from service.errors import VeredictoError
from service.execution.admission import ClientLeft
from service.execution.batching import Batches
from service.execution.metrics import RouteMetrics
from service.execution.run import Outcome, Pending, Reply, Run
from service.execution.turn_batching import TurnBatch, TurnRun
from service.models.graph import Graph


class Head(Protocol):
    """A head is what a route reads of the headers beside a body."""

    @property
    def max_bytes(self) -> int:
        """Returns the limit of the body."""
        ...

    @property
    def max_inline_bytes(self) -> int:
        """Returns the longest body for which both phases take less time than to find a thread; -1 for no body."""
        ...


class BodyLimits(NamedTuple):
    """A route that reads no header has these limits for its head."""

    max_bytes: int
    max_inline_bytes: int


class Cost(Enum):
    """A small request may cost more than its length says, which shows once it is decoded."""

    SMALL = 0
    """It is answered where it was read."""
    LONG = 1
    """It takes a thread, as requests with a longer body do."""
    COSTLY = 2
    """It takes a thread, apart from those whose cost shows in their length."""


class Route(Protocol):
    """A route decodes and answers requests of one kind."""

    @property
    def metrics(self) -> RouteMetrics:
        """Returns the metrics that count its requests."""
        ...

    @property
    def graph(self) -> Graph | None:
        """Returns the graph to which errors are counted, where every request of the route is for the same one."""
        ...

    def decode(self, body: bytes, head: Any, /) -> Any:
        """Returns the request in a body; raises VeredictoError."""
        ...

    def find_cost(self, request: Any, /) -> Cost:
        """Returns whether a small request needs a thread after all, now that it is decoded."""
        ...

    def answer(self, request: Any, head: Any, /) -> Outcome:
        """Returns the reply, or what is left to be done for it; raises VeredictoError."""
        ...


class MatrixRoute(Route, Protocol):
    """A route may know requests that are read quickly although they are long."""

    def decode_matrix(self, body: bytes, /) -> Any | None:
        """Returns the request of rows of numbers in a body; None where it is any other."""
        ...


class Pipeline:
    """The pipeline takes requests through both phases of their routes and through the runs that are left."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches
        self._turn = TurnBatch(batches.max_batch_rows)
        self._last_client = 0
        """This client sent the last request of many rows."""

    def start(self, route: Route, body: bytes, head: Head) -> Run | Reply | Pending:
        """Takes a small request through both phases here, any other in a thread; only the event loop may call it."""
        if len(body) <= head.max_inline_bytes:
            return self.answer(route, body, head)

        return self._submit(
            _find_account(route, head), partial(_decode_and_answer, route, body, head)
        )

    def check_room(self, route: Route, head: Head, n_bytes: int = 0) -> None:
        """Raises Overloaded where a request that takes a thread would wait too long, before its body is read."""
        if n_bytes > head.max_inline_bytes:
            self._batches.threads.check_room(_find_account(route, head))

    def _submit(
        self, account: Account, work: Callable[[], Run | Reply | Pending]
    ) -> Pending:
        job = self._batches.submit(
            account, account.name, partial(self._work, account, work)
        )
        return Pending(job.future, None, partial(self._batches.threads.cancel, job))

    def _work(
        self, account: Account, work: Callable[[], Run | Reply | Pending]
    ) -> Run | Reply | Pending:
        """Does the work of both phases in a thread, and makes a short run there too.

        Where others wait for a thread it is left, to be joined with theirs.
        """
        outcome = work()
        if not isinstance(outcome, Run) or not outcome.is_short:
            return outcome

        has_others = self._batches.threads.has_waiting(account)
        return outcome if has_others else outcome.reply()

    def answer(self, route: Route, body: bytes, head: Head) -> Run | Reply | Pending:
        """Takes a request through both phases, and through its run where that is quick.

        The second phase takes a thread where the route says that the request costs more than its length does.
        """
        outcome, started_ns = self._begin(route, body, head)
        return _reply_if_quick(outcome, started_ns)

    def answer_matrix(
        self, route: MatrixRoute, body: bytes, head: Head, client: int
    ) -> Run | Reply | Pending | None:
        """Takes a request of many rows of numbers through both phases, and through its run where that is quick.

        It returns None for any other request, and where another client sent the one before: those of many clients
        would fill the event loop, and make small ones wait.
        """
        before = self._last_client
        self._last_client = client
        if before not in (0, client):
            return None

        started_ns = perf_counter_ns()
        request = route.decode_matrix(body)
        if request is None:
            return None

        return _reply_if_quick(_answer(route, request, head), started_ns)

    def answer_in_turn(
        self, route: Route, body: bytes, head: Head, client: int
    ) -> Run | Reply | Pending | TurnRun:
        """Takes a request through both phases; its quick run may wait for others that come in the same turn of the
        event loop, where joining them is worth it and several clients ask for the like.
        """
        outcome, started_ns = self._begin(route, body, head)
        if isinstance(outcome, (Reply, Pending)):
            return outcome
        if not (outcome.is_worth_joining and outcome.is_shared_by(client)):
            return outcome.reply_if_quick(started_ns)

        outcome.decode_ns = perf_counter_ns() - started_ns

        return self._turn.take(outcome)

    def _begin(self, route: Route, body: bytes, head: Head) -> tuple[Outcome, int]:
        """Returns what comes of both phases, and when they began, in nanoseconds."""
        started_ns = perf_counter_ns()
        request = _decode(route, body, head)
        cost = route.find_cost(request)
        if cost is Cost.SMALL:
            return _answer(route, request, head), started_ns

        work = partial(_answer_here, route, request, head, started_ns)
        account = Account(_name(route), is_costly=cost is Cost.COSTLY)

        return self._submit(account, work), started_ns

    async def complete(
        self,
        outcome: Run | Reply | Pending,
        disconnect: Callable[[], Awaitable[Any]] | None = None,
    ) -> Reply:
        """Returns the reply that comes of both phases; raises ClientLeft where `disconnect` ends before that.

        The work of a client that left is ended, and so is that of a request whose task is cancelled.
        """
        if isinstance(outcome, Reply):
            return outcome
        if disconnect is None:
            return await self._complete(outcome)

        return await _race(self._complete(outcome), disconnect())

    async def _complete(self, outcome: Run | Reply | Pending) -> Reply:
        while not isinstance(outcome, Reply):
            if isinstance(outcome, Pending):
                outcome = await outcome.wait()
                if type(outcome) is Run:
                    outcome.is_begun = True
            else:
                outcome = await self._batches.carry_out(outcome)

        return outcome


async def _race(reply: Awaitable[Reply], disconnect: Awaitable[Any]) -> Reply:
    """Returns the reply; raises ClientLeft where the client leaves first, and gives up what the reply waits for."""
    waiting = asyncio.current_task()
    n_cancels = 0 if waiting is None else waiting.cancelling()
    left = asyncio.ensure_future(disconnect)
    has_left = False

    def end(_: asyncio.Future[Any]) -> None:
        nonlocal has_left
        # The reply may have come after this was due to be called.
        if waiting is not None and not is_over:
            has_left = True
            waiting.cancel()

    is_over = False
    left.add_done_callback(end)

    try:
        return await reply
    except asyncio.CancelledError:
        # Others may have cancelled the task in the same turn, which is theirs to know.
        if not has_left or waiting is None or waiting.uncancel() > n_cancels:
            raise
        raise ClientLeft from None
    finally:
        is_over = True
        left.cancel()


class Account(NamedTuple):
    """Requests of one route or graph share threads, apart from those whose cost does not show in their length."""

    name: str
    is_costly: bool


def _find_account(route: Route, head: Head) -> Account:
    return Account(_name(route), head.max_inline_bytes < 0)


def _name(route: Route) -> str:
    return route.metrics.route if route.graph is None else route.graph.name


def _decode(route: Route, body: bytes, head: Head) -> Any:
    """Takes a request through the first phase."""
    try:
        return route.decode(body, head)
    except VeredictoError as error:
        _attribute_error(error, route)
        raise


def _decode_and_answer(route: Route, body: bytes, head: Head) -> Run | Reply | Pending:
    """Takes a request through both phases in a thread."""
    started_ns = perf_counter_ns()
    return _answer_here(route, _decode(route, body, head), head, started_ns)


def _answer_here(
    route: Route, request: Any, head: Any, started_ns: int
) -> Run | Reply | Pending:
    """Takes a request, decoded since `started_ns`, through the second phase, and its run where that is quick."""
    return _reply_if_quick(_answer(route, request, head), started_ns)


def _reply_if_quick(outcome: Outcome, started_ns: int) -> Run | Reply | Pending:
    """Returns the reply of a quick run, whose request came at `started_ns`; else what is left to be done."""
    if isinstance(outcome, (Reply, Pending)):
        return outcome
    return outcome.reply_if_quick(started_ns)


def _answer(route: Route, request: Any, head: Any) -> Outcome:
    """Takes a request through the second phase."""
    try:
        return route.answer(request, head)
    except VeredictoError as error:
        _attribute_error(error, route)
        raise


def _attribute_error(error: VeredictoError, route: Route) -> None:
    """Sets the graph of the route as the one at fault, where the error names none."""
    if error.model is None:
        error.model = route.graph
