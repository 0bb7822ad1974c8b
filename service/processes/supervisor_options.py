"""The supervisor is told by these options what to start, and the times that it keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from service.processes.reloader import ReloadOptions

MAX_STILL_S = 5.0
"""A worker that says nothing for this long is replaced: its event loop does not turn, or it was stopped."""


@dataclass(frozen=True, kw_only=True)
class SupervisorOptions:
    """These are the times that the supervisor keeps, in seconds, and what it starts."""

    command: Callable[[int, int], Sequence[str]]
    """Returns the command of a worker, by the descriptor of the listening socket and the worker's number from 1."""
    folder: str
    """The workers run in this folder."""
    n_workers: int
    drain_s: float
    grace_s: float
    load_s: float
    max_still_s: float = MAX_STILL_S
    count_restart: Callable[[str], None] | None = None
    """This is told of each worker that is replaced, and by one word why: `died`, `hung` or `stopped`."""
    announce: Callable[[Mapping[str, int], float], None] | None = None
    """This is told once, when all workers are ready, of what they serve and after how many seconds."""
    environment: Mapping[str, str] = field(default_factory=dict)
    inherited: tuple[int, ...] = ()
    """The workers get these descriptors, under their numbers."""
    look: Callable[[], None] | None = None
    """This is called whenever the supervisor has looked at its workers."""
    reload: ReloadOptions | None = None
    """Without these the workers load the model folder itself."""
    shares_models: bool = False
    """With this a process that loads the models is started first, and workers are forked from it where they can be."""
