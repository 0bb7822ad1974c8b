"""Quick runs that come in one turn of the event loop are made together at the beginning of the next.

A client alone waits for no other: its run is the only one. Of many clients' runs, those that read the same weights read
them once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable
from time import perf_counter_ns

from service.execution.joined_runs import MAX_JOINED_ROWS
from service.execution.run import JoinableRun, Reply

logger = logging.getLogger(__name__)


class TurnRun:
    """A run is made when the turn of the event loop ends in which its request came.

    `finish` makes a reply of what comes of it, which may be an error, and `deliver` is called with that reply, once.
    """

    __slots__ = ("_turn", "came_ns", "deliver", "finish", "run")

    def __init__(self, run: JoinableRun, turn: TurnBatch) -> None:
        self.run = run
        self.came_ns = perf_counter_ns()
        self.finish: Callable[[Reply | Exception], Reply] = _raise_or_return
        self.deliver: Callable[[Reply], None] | None = None
        self._turn = turn

    def make_now(self) -> None:
        """Makes the run here and now, because its connection cannot wait for the end of the turn."""
        self._turn.make_now(self)

    def give_up(self) -> None:
        """Makes no run, because nobody waits for it any more."""
        if self._turn.drop(self):
            self.run.count_as_cancelled()


class TurnBatch:
    """A turn has the quick runs that came in it; only the event loop may use it.

    One joined run takes at most `max_rows` rows, and none takes more than are quick together.
    """

    def __init__(self, max_rows: int = MAX_JOINED_ROWS) -> None:
        self._max_rows = max_rows
        self._waiting: dict[Hashable, list[TurnRun]] = {}
        self._is_due = False

    def take(self, run: JoinableRun) -> TurnRun:
        """Takes a run whose rows are worth joining."""
        waiting = TurnRun(run, self)
        self._waiting.setdefault(run.kind, []).append(waiting)
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._end)

        return waiting

    def make_now(self, waiting: TurnRun) -> None:
        """Makes one run ahead of the others."""
        if self.drop(waiting):
            _make([waiting])

    def drop(self, waiting: TurnRun) -> bool:
        """Takes a run out, and returns whether it was still to be made."""
        kin = self._waiting.get(waiting.run.kind, [])
        if waiting not in kin:
            return False

        kin.remove(waiting)
        return True

    def _end(self) -> None:
        """Makes all runs that came."""
        waiting = self._waiting
        self._waiting = {}
        self._is_due = False

        for kin in waiting.values():
            while kin:
                _make(self._cut(kin))

    def _cut(self, kin: list[TurnRun]) -> list[TurnRun]:
        """Takes from runs of one kind the first, and those behind it that fit into one joined run with it."""
        max_rows = min(self._max_rows, kin[0].run.max_joined_rows)
        n_rows = kin[0].run.n_rows
        n_taken = 1

        while n_taken < len(kin) and n_rows + kin[n_taken].run.n_rows <= max_rows:
            n_rows += kin[n_taken].run.n_rows
            n_taken += 1

        taken = kin[:n_taken]
        del kin[:n_taken]

        return taken


def _make(chosen: list[TurnRun]) -> None:
    """Makes one run for all of these, and delivers to each what is its own."""
    runs = [each.run for each in chosen]
    came_ns = [each.came_ns for each in chosen]
    results = runs[0].reply_together(runs, came_ns)

    for waiting, result in zip(chosen, results, strict=True):
        try:
            reply = waiting.finish(result)
            if waiting.deliver is not None:
                waiting.deliver(reply)
        except Exception:
            # The others of the turn get their answers all the same.
            logger.exception("an answer could not be delivered")


def _raise_or_return(result: Reply | Exception) -> Reply:
    if isinstance(result, Exception):
        raise result
    return result
