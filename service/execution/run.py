"""A call makes of a request a run that is still to be made, a reply, or a reply that waits for something else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any, NamedTuple, Protocol

from numpy.typing import NDArray

from service.errors import VeredictoError
from service.execution import joined_runs
from service.models.graph import Graph
from service.models.model_statistics import Times

MAX_INLINE_TEXTS = 100
"""An answer with more texts is written in a thread: each of them takes microseconds."""

MAX_SHORT_S = 0.05
"""A run that takes no longer than this ends in the thread that has decoded its request, unless others wait."""

Outputs = list[NDArray[Any]]


class RunRecord(NamedTuple):
    """A record names the graph of a run that had a part in a reply, and the run's times for its statistics."""

    graph: Graph
    times: Times


class Reply(NamedTuple):
    """A reply has an answer, and the records of the runs that it took."""

    content: Any
    records: tuple[RunRecord, ...] = ()

    def encode_with(self, encode: Callable[[Any], Any]) -> Reply:
        """Returns the reply as a transport writes it."""
        return Reply(encode(self.content), self.records)


class Pending(NamedTuple):
    """A reply that waits is true once its future is done, or is what the future gives; `cancel` ends what it waits
    for.
    """

    future: Future[Any]
    reply: Reply | None = None
    cancel: Callable[[], None] | None = None

    def encode_with(self, encode: Callable[[Any], Any]) -> Pending:
        """Returns the pending reply as a transport writes it."""
        # A reply that a thread gives is encoded there, and not here.
        assert self.reply is not None
        return Pending(self.future, self.reply.encode_with(encode))

    async def wait(self) -> Run | Reply | Pending:
        """Waits and returns what comes of it; raises what keeps the reply from being true."""
        waiting = asyncio.wrap_future(self.future)
        try:
            # What cannot be ended is not cancelled either: someone else will set its result.
            return self._choose(
                await (asyncio.shield(waiting) if self.cancel is None else waiting)
            )
        except asyncio.CancelledError:
            waiting.add_done_callback(_note_end)
            self.give_up()
            raise

    def give_up(self) -> None:
        """Ends the work that it waits for, where there is any."""
        if self.cancel is not None:
            self.cancel()

    def block(self) -> Run | Reply | Pending:
        """Waits as `wait` does, for a caller without an event loop."""
        return self._choose(self.future.result())

    def _choose(self, result: Run | Reply | Pending) -> Run | Reply | Pending:
        return result if self.reply is None else self.reply


def _note_end(waiting: asyncio.Future[Any]) -> None:
    """Takes note of how it ended, which asyncio would log as a defect where nobody does."""
    if not waiting.cancelled():
        waiting.exception()


@dataclass(slots=True, eq=False)
class Run:
    """A run of a graph is still to be made, and knows how its outputs become a reply.

    `inputs` are a model's rows, or the arrays of all inputs by name where a graph has no card; `finish` makes the
    answer of the outputs, which are in the order of `names`, and `encode` writes it. The answer has `n_texts` texts
    that are written one by one. The request was decoded in `decode_ns` nanoseconds.
    """

    graph: Graph
    names: list[str]
    inputs: Any
    n_rows: int
    finish: Callable[[Outputs], Any]
    n_texts: int = 0
    decode_ns: int = 0
    encode: Callable[[Any], Any] | None = None
    timeout_s: float | None = None
    """The request itself may say how long it waits."""
    is_begun: bool = False
    """A thread has decoded the request, so that to refuse it now would waste that."""

    def encode_with(self, encode: Callable[[Any], Any]) -> Run:
        """Sets what writes the answer, and returns the run itself."""
        self.encode = encode
        return self

    def reply_if_quick(self, started_ns: int) -> Reply | Run:
        """Returns the reply where it is there sooner than a thread is found, else the run; the request came at
        `started_ns`.

        How long a graph's runs take was measured at the start.
        """
        self.decode_ns = perf_counter_ns() - started_ns
        return self.reply() if self.is_quick else self

    @property
    def is_quick(self) -> bool:
        """Returns whether it takes less than to find a thread, by what was measured at the start."""
        return (
            self.n_rows <= self.graph.max_quick_rows
            and self.n_texts <= MAX_INLINE_TEXTS
        )

    @property
    def is_short(self) -> bool:
        """Returns whether it ends soon, by what was measured at the start and whatever its values are."""
        graph = self.graph
        return (
            0 < self.n_rows * graph.row_s <= MAX_SHORT_S
            and self.timeout_s is None
            and not graph.depends_on_values
        )

    @property
    def is_worth_joining(self) -> bool:
        """Returns whether it is quick, and other requests' rows cost it little."""
        return self.graph.is_batchable and self.is_quick

    @property
    def kind(self) -> Hashable:
        """Returns what requests must have in common to share a run: the graph, output names, and the shapes of rows."""
        shapes = sorted({each.shape for each in self.inputs})
        return (self.graph, *self.names, *shapes)

    @property
    def max_joined_rows(self) -> int:
        """Returns how many rows are quick together."""
        return self.graph.max_quick_rows

    def is_shared_by(self, client: int) -> bool:
        """Returns whether another client than this one asked the graph before it; only the event loop may call it."""
        return self.graph.is_shared_by(client)

    def reply_together(
        self, runs: Sequence[Run], came_ns: Sequence[int]
    ) -> list[Reply | Exception]:
        """Makes runs of this kind, which came at these times, as one; returns the reply or the error of each."""
        return joined_runs.reply_together(runs, came_ns)

    def count_as_cancelled(self) -> None:
        """Counts the run for its graph as one that nobody waited for."""
        self.graph.statistics.fail("cancelled", 0)

    def execute(self) -> Outputs:
        """Runs the graph; raises InvalidRequest for values that it cannot work with, as this graph's fault."""
        try:
            return self.graph.run(self.names, self.inputs)
        except VeredictoError as error:
            error.model = self.graph
            raise

    def write(self, outputs: Outputs) -> Any:
        """Returns the answer as the transport writes it."""
        answer = self.finish(outputs)
        return answer if self.encode is None else self.encode(answer)

    def reply(self) -> Reply:
        """Runs the graph and writes the answer, here and now."""
        started_ns = perf_counter_ns()
        outputs = self.execute()
        ran_ns = perf_counter_ns()
        try:
            content = self.write(outputs)
        except VeredictoError as error:
            error.model = self.graph
            raise

        times = Times(
            self.decode_ns,
            0,
            ran_ns - started_ns,
            perf_counter_ns() - ran_ns,
            self.n_rows,
        )

        return Reply(content, (RunRecord(self.graph, times),))

    def make_reply(
        self, result: Outputs | BaseException, *, queue_ns: int, infer_ns: int
    ) -> Reply | Exception:
        """Returns the reply of outputs that came of a joined run, or the error of the run or of writing the answer."""
        ran_ns = perf_counter_ns()
        try:
            if isinstance(result, BaseException):
                raise result
            content = self.write(result)
        except VeredictoError as error:
            error.model = self.graph
            return error
        except Exception as error:
            return error

        times = Times(
            self.decode_ns,
            queue_ns,
            infer_ns,
            perf_counter_ns() - ran_ns,
            self.n_rows,
            executions=0,
        )

        return Reply(content, (RunRecord(self.graph, times),))


class JoinableRun(Protocol):
    """A joinable run can be made by itself, or together with those of other requests."""

    n_rows: int
    decode_ns: int

    @property
    def is_worth_joining(self) -> bool:
        """Returns whether it is quick, and other requests' rows cost it little."""
        ...

    @property
    def kind(self) -> Hashable:
        """Returns what requests must have in common to share a run."""
        ...

    @property
    def max_joined_rows(self) -> int:
        """Returns how many rows are quick together."""
        ...

    def is_shared_by(self, client: int, /) -> bool:
        """Returns whether another client than this one asked for the like before it."""
        ...

    def encode_with(self, encode: Callable[[Any], Any], /) -> JoinableRun:
        """Sets what writes the answer, and returns the run itself."""
        ...

    def reply(self) -> Reply:
        """Makes the run and writes the answer, here and now."""
        ...

    def reply_if_quick(self, started_ns: int, /) -> Reply | Run:
        """Returns the reply where it is there sooner than a thread is found, else the run."""
        ...

    def reply_together(
        self, runs: Sequence[Any], came_ns: Sequence[int], /
    ) -> list[Reply | Exception]:
        """Makes runs of this kind, which came at these times in ns, as one; returns the reply or the error of each."""
        ...

    def count_as_cancelled(self) -> None:
        """Counts the run for its graphs as one that nobody waited for."""
        ...


Outcome = JoinableRun | Reply | Pending
"""A call makes one of these of a request."""


def wait_for(outcome: Outcome) -> Reply:
    """Returns the reply that comes of a call, for a caller without an event loop."""
    while not isinstance(outcome, Reply):
        outcome = outcome.block() if isinstance(outcome, Pending) else outcome.reply()
    return outcome
