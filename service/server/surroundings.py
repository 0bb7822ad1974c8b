"""These are the surroundings that a server works with beside its application."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from service.execution.lifecycle import Lifecycle
from service.http.lifespan import Companion
from service.http.responses import Response
from service.processes.link import Link
from service.server.scrapes import Scrapes
from service.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """A server drains by these settings, and tells its supervisor by this link that it lives."""

    settings: Settings
    lifecycle: Lifecycle
    link: Link | None
    unserved: Mapping[str, str]
    """Files that this worker was given and refuses, by the reason."""
    served: Mapping[str, int]
    """So many `models` of so many `tasks` are served at first, and so many files were `refused`."""
    companions: Sequence[Companion]
    """These end while the last requests are answered."""
    probes: Mapping[bytes, Callable[[], Response]]
    scrapes: Scrapes
