"""BentoML's application answers behind ours what it alone knows, and is imported when that is first asked for.

The import is more than half of the processor time of a start, and no call of the contract needs it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from service.http.lifespan import ASGIApp, Receive, Send
from service.http.responses import Message

SERVICE = "service.app"
STATIC = "/static_content"
"""The files of Swagger UI stand here, which BentoML ships."""


class Behind:
    """This application stands in the place of BentoML's, which it makes in a thread at the first request for it."""

    def __init__(self) -> None:
        self._making: dict[str, asyncio.Task[ASGIApp]] = {}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] != "http":
            # As BentoML's: nothing here speaks WebSocket.
            await send({"type": "websocket.close", "code": 1000})
        elif scope["path"].startswith(f"{STATIC}/"):
            application = await self._find(STATIC, _make_static_files)
            await application({**scope, "root_path": STATIC}, receive, send)
        else:
            application = await self._find(SERVICE, _make_bentoml_application)
            await application(scope, receive, send)

    async def _find(self, name: str, make: Callable[[], ASGIApp]) -> ASGIApp:
        """Returns an application that is made once, whoever else waits for it or leaves meanwhile."""
        making = self._making.get(name)
        if making is None or (making.done() and making.exception() is not None):
            making = asyncio.create_task(asyncio.to_thread(make))
            self._making[name] = making

        return await asyncio.shield(making)


def _make_bentoml_application() -> ASGIApp:
    application: ASGIApp = import_module(SERVICE).Veredicto.make_own_application()
    return application


def _make_static_files() -> ASGIApp:
    """Returns what sends the files of Swagger UI, found without an import of BentoML."""
    # BentoML needs Starlette, and brings it.
    starlette = import_module("starlette.staticfiles")
    found = find_spec("bentoml")
    assert found is not None
    assert found.origin is not None

    folder = Path(found.origin).parent / "_internal/server/static_content"
    application: ASGIApp = starlette.StaticFiles(directory=folder)

    return application


async def _live(receive: Receive, send: Send) -> None:
    """Takes part in the start and in the end, with nothing to do at either."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})
