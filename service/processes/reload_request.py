"""A reload is asked for by a request, and works on the supervisor's group of workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from service.processes.messages import ToProcess
from service.repository.generation import GenerationRequest, Manifest

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

    def choose_names(self) -> tuple[str, ...] | None:
        """Returns the names that the folder is to be read for; None stands for all of them."""
        if self.action == LOOK:
            return None

        return (self.name,) if self.action == LOAD else ()

    def list_unloaded(self, served: Manifest | None) -> tuple[str, ...]:
        """Returns the names that are not to be served after this request, sorted."""
        unloaded = set(served.unloaded) if served is not None else set()
        if self.action == LOAD:
            unloaded.discard(self.name)
        elif self.action == UNLOAD:
            unloaded.add(self.name)

        return tuple(sorted(unloaded))

    def list_refusals(self, manifest: Manifest) -> list[str]:
        """Returns why files of the name that was asked for are refused; there are none without a name."""
        return [
            reason
            for file, reason in manifest.refused.items()
            if self.name and _is_file_of(file, self.name)
        ]

    def is_met_by(self, manifest: Manifest) -> bool:
        """Returns whether the folder has something of the name that is to be loaded, where one is."""
        return (
            self.action != LOAD
            or self.name in manifest.names()
            or any(_is_file_of(file, self.name) for file in manifest.refused)
        )


def _is_file_of(file: str, name: str) -> bool:
    """Returns whether a file, by its path within the folder, is one of the model of this name."""
    return file in (name, f"{name}.onnx") or file.startswith(f"{name}/")


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

    def tell_worker(self, number: int, kind: ToProcess, **fields: Any) -> None:
        """Sends a message to a worker."""
        ...

    def begin(self) -> None:
        """Lets the workers begin, which wait for the first generation."""
        ...

    def count_reload(self, outcome: str) -> None:
        """Counts a reload by its outcome."""
        ...
