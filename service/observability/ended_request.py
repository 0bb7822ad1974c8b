"""A request that has ended is described here, for the access log and for spans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


class EndedRequest(NamedTuple):
    """An EndedRequest says who asked for what, and how it went; no part of what was sent is in it.

    `records` are its runs, each with the graph and the times.
    """

    method: str
    route: str
    status: int | str
    seconds: float
    n_bytes: int
    request_id: str | None
    traceparent: str | None
    caller: str | None = None
    records: Sequence[Any] = ()
