"""A reload is asked for by a request, and works on the supervisor's group of workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from service.repository.generation import GenerationRequest

LOOK, LOAD, UNLOAD = "look", "load", "unload"
DONE, REFUSED, FAILED = "done", "refused", "failed"
"""A reload is done, or done but for files that were refused, or failed as a whole."""
UNKNOWN, UNFIT, BROKEN = "unknown", "unfit", "broken"
"""Whoever asked is told that there is no such model, that it cannot be served, or that the service is at fault."""


@dataclass(frozen=True, kw_only=True)
class ReloadRequest:
    """A request asks for a look at the whole folder, or for one name to be loaded or unloaded.

    `asker` is the number of the worker that waits for the answer, which it knows by the ticket.
    """

    action: str
    name: str = ""
    asker: int | None = None
    ticket: str = ""


class WorkerGroup(Protocol):
    """This is what a reload needs of the supervisor."""

    def start_trial(self, order: GenerationRequest) -> None:
        """Starts the process that makes a generation."""
        ...

    def end_trial(self, why: str) -> None:
        """Kills that process."""
        ...

    def list_ready(self) -> list[int]:
        """Returns the numbers of the workers that serve."""
        ...

    def is_complete(self) -> bool:
        """Returns whether every worker serves, so that none is about to begin with another generation."""
        ...

    def tell_worker(self, number: int, kind: str, **fields: Any) -> None:
        """Sends a message to a worker."""
        ...

    def begin(self) -> None:
        """Lets the workers begin, which wait for the first generation."""
        ...

    def count_reload(self, outcome: str) -> None:
        """Counts a reload by its outcome."""
        ...
