"""Connections and tasks of a server that stops are ended in order: after their answers, or when their time is over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import monotonic
from typing import Any

from service.settings import Settings

IDLE_LIMIT_S = 0.5
"""Without a drain a connection that has no request has this long for one more, whose answer says that it ends."""
BODY_LIMIT_S = 5.0
"""A request whose body has not come this long after the end began is given up."""
CLOSED_POLL_S = 0.02

logger = logging.getLogger(__name__)


async def finish_connections(
    connections: Any,
    settings: Settings,
    end_s: float,
    *,
    is_in_a_hurry: Callable[[], bool],
) -> None:
    """Ends each connection after its next answer, and those whose request does not come whole."""
    idle_until_s = _find_end_of_idle(settings, end_s)
    body_until_s = min(monotonic() + BODY_LIMIT_S, end_s)
    while connections and monotonic() < end_s and not is_in_a_hurry():
        await asyncio.sleep(CLOSED_POLL_S)
        now_s = monotonic()
        if now_s >= idle_until_s:
            _shut_down(connections)
        if now_s >= body_until_s:
            _abort_unfinished(connections)

    _shut_down(connections)
    await asyncio.sleep(0)
    for connection in list(connections):
        connection.transport.abort()


def _find_end_of_idle(settings: Settings, end_s: float) -> float:
    """Returns until when a connection without a request is kept for one more.

    A client may send on it in the very moment in which it is closed, and then knows of its request only that it was
    lost: a proxy tries none again that changes something. So with a drain the client is to close it.
    """
    return end_s if settings.drain_s else monotonic() + IDLE_LIMIT_S


async def finish_tasks(
    tasks: Any, end_s: float, *, is_in_a_hurry: Callable[[], bool]
) -> None:
    """Waits for what still runs, and cancels it at the end of the grace."""
    while tasks and monotonic() < end_s and not is_in_a_hurry():
        await asyncio.sleep(CLOSED_POLL_S)

    if tasks:
        logger.error("%d requests did not end in time and were given up", len(tasks))
    for task in list(tasks):
        task.cancel()


def _shut_down(connections: Any) -> None:
    """Ends the connections that have no request, and has the others end after their answer."""
    for connection in list(connections):
        connection.shutdown()


def _abort_unfinished(connections: Any) -> None:
    """Ends the connections whose request has not come whole."""
    for connection in list(connections):
        # A protocol that is none of ours cannot tell.
        if hasattr(connection, "is_unfinished") and connection.is_unfinished():
            connection.transport.abort()
