"""The context of a worker's server is all that it works with beside its application."""

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
class ServerContext:
    """A ServerContext has the settings by which the server drains, and its link to the supervisor."""

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
