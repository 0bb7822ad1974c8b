"""A companion starts with the server and ends with it, around an application that knows nothing of it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from service.errors import VeredictoError
from service.http.responses import Message

Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Message, Receive, Send], Awaitable[None]]

logger = logging.getLogger(__name__)


class Companion(Protocol):
    """A companion runs beside the application, such as the gRPC server and the monitor."""

    async def start(self) -> None:
        """Starts it; raises SettingsError where it cannot."""
        ...

    async def stop(self) -> None:
        """Stops it once what is in flight is answered."""
        ...


def accompany(application: ASGIApp, companion: Companion) -> ASGIApp:
    """Returns the application with a companion that starts and ends with it; one that cannot start ends both."""

    async def run(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _run_lifespan(application, companion, scope, receive, send)
        else:
            await application(scope, receive, send)

    return run


async def _run_lifespan(
    application: ASGIApp,
    companion: Companion,
    scope: Message,
    receive: Receive,
    send: Send,
) -> None:
    refusals: list[VeredictoError] = []

    async def send_when_done(message: Message) -> None:
        if message["type"] == "lifespan.startup.complete":
            try:
                await companion.start()
            except VeredictoError as error:
                refusals.append(error)
                raise
        elif message["type"] == "lifespan.shutdown.complete":
            await companion.stop()
        # After a refusal all that the application has to say is a traceback.
        if not refusals:
            await send(message)

    try:
        await application(scope, receive, send_when_done)
    except VeredictoError as error:
        logger.error("veredicto does not start: %s", error)
        await send({"type": "lifespan.startup.failed", "message": ""})
