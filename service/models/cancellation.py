"""Work in a thread is told when nobody waits for it any more: it ends at its next look, or in the middle of a run.

A thread has one token at a time. What runs on the event loop has none, and pays nothing for that.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any, TypeVar

from service.errors import DeadlinePassed
from service.models.runtime.options import SessionRun, make_run_options

T = TypeVar("T")


class CancellationToken:
    """A token is given to a piece of work, and is cancelled by whoever knows that its answer is no longer wanted."""

    __slots__ = ("_options", "cancelled_at")

    def __init__(self) -> None:
        self.cancelled_at: float | None = None
        """This is the time on `perf_counter`'s clock; None for work that is wanted."""
        self._options: Any = None

    def cancel(self) -> None:
        """Ends the work: a run of a graph between two of its operators, anything else at its next look."""
        if self.cancelled_at is None:
            self.cancelled_at = perf_counter()
        if self._options is not None:
            self._options.terminate = True

    def check(self) -> None:
        """Raises DeadlinePassed where the work is no longer wanted."""
        if self.cancelled_at is not None:
            raise DeadlinePassed(
                "the work was ended: nobody waits for its answer any more"
            )

    def run(
        self, session_run: SessionRun, names: list[str], inputs: dict[str, Any]
    ) -> list[Any]:
        """Returns what a session's run returns; raises DeadlinePassed where the run was ended."""
        if self._options is None:
            self._options = make_run_options()

        # This comes after the options are there: whoever cancels from here on ends the run.
        self.check()

        try:
            return session_run(names, inputs, self._options)
        except Exception:
            # onnxruntime's errors share no base class, and one of them says that the run was ended.
            self.check()
            raise


class _Current(threading.local):
    token: CancellationToken | None = None


current = _Current()
"""This has the token of the work that the thread does; reading it takes 0.03 us."""


@contextmanager
def activate(token: CancellationToken) -> Iterator[None]:
    """Makes a token that of the work which this thread does inside the block."""
    before = current.token
    current.token = token

    try:
        token.check()
        yield
    finally:
        current.token = before


def watch(items: Iterable[T]) -> Iterator[T]:
    """Yields items as long as the work of this thread is wanted; raises DeadlinePassed from then on."""
    token = current.token
    if token is None:
        yield from items
        return

    for item in items:
        token.check()
        yield item


def check() -> None:
    """Raises DeadlinePassed where the work that this thread does is no longer wanted."""
    token = current.token
    if token is not None:
        token.check()
