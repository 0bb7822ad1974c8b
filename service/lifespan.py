"""What starts with the server and ends with it, around an application that knows nothing of it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from service.call import Message
from service.errors import VeredictoError

Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Message, Receive, Send], Awaitable[None]]

logger = logging.getLogger(__name__)


class Companion(Protocol):
    """Something that listens too."""

    async def start(self) -> None:
        """Raises SettingsError."""
        ...

    async def stop(self) -> None:
        """Answers what is in flight."""
        ...


def accompany(application: ASGIApp, companion: Companion) -> ASGIApp:
    """The application, whose start and end are those of the companion too; a companion that cannot start ends both."""

    async def run(scope: Message, receive: Receive, send: Send) -> None:
        async def send_when_done(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                try:
                    await companion.start()
                except VeredictoError as error:
                    logger.error("veredicto does not start: %s", error)
                    message = {"type": "lifespan.startup.failed", "message": ""}
            elif message["type"] == "lifespan.shutdown.complete":
                await companion.stop()
            await send(message)

        await application(scope, receive, send_when_done if scope["type"] == "lifespan" else send)

    return run
