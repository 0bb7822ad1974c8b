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


class _Sending:
    """This is `send` as the application has it: the companion starts and ends in between."""

    def __init__(self, companion: Companion, send: Send) -> None:
        self._companion = companion
        self._send = send
        self.refusal: VeredictoError | None = None
        self.refusal_of_another: VeredictoError | None = None
        """A companion further out says itself why it does not start."""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "lifespan.startup.complete":
            try:
                await self._companion.start()
            except VeredictoError as error:
                self.refusal = error
                raise
        elif message["type"] == "lifespan.shutdown.complete":
            await self._companion.stop()

        # After a refusal all that the application has to say is a traceback.
        if self.refusal is None:
            await self._pass_on(message)

    async def _pass_on(self, message: Message) -> None:
        try:
            await self._send(message)
        except VeredictoError as error:
            self.refusal_of_another = error
            raise


async def _run_lifespan(
    application: ASGIApp,
    companion: Companion,
    scope: Message,
    receive: Receive,
    send: Send,
) -> None:
    sending = _Sending(companion, send)
    refusal: VeredictoError | None = None
    try:
        await application(scope, receive, sending)
    except VeredictoError as error:
        refusal = error

    # An application that has a companion too, or catches all errors, has kept the refusal to itself.
    if sending.refusal_of_another is not None:
        raise sending.refusal_of_another

    refusal = sending.refusal or refusal
    if refusal is not None:
        logger.error("veredicto does not start: %s", refusal)
        await send({"type": "lifespan.startup.failed", "message": ""})
