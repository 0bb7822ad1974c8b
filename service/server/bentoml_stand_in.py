"""BentoML's description of the calls, and its files, are sent here without BentoML, which no worker imports.

The import is more than half of the processor time of a start, and no call of the contract needs it.
"""

from __future__ import annotations

import asyncio
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from service.http.lifespan import ASGIApp, Receive, Send
from service.http.responses import SECURITY, Message, Response, list_headers
from service.server.description import read_description

STATIC = "/static_content"
"""The files of Swagger UI stand here, which BentoML ships."""


class BentoMLStandIn:
    """This application stands in the place of BentoML's; it sends BentoML's description of the calls, and its files."""

    def __init__(self) -> None:
        self._description = Response(200, read_description())
        self._making: asyncio.Task[ASGIApp] | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _take_part_in_lifespan(receive, send)
        elif scope["type"] != "http":
            # As BentoML's: nothing here speaks WebSocket.
            await send({"type": "websocket.close", "code": 1000})
        elif scope["path"].startswith(f"{STATIC}/"):
            application = await self._find_static_files()
            await application({**scope, "root_path": STATIC}, receive, send)
        else:
            await _send(self._description, scope, send)

    async def _find_static_files(self) -> ASGIApp:
        """Returns an application that is made once, whoever else waits for it or leaves meanwhile."""
        making = self._making
        if making is None or (making.done() and making.exception() is not None):
            making = asyncio.create_task(asyncio.to_thread(_make_static_files))
            self._making = making

        return await asyncio.shield(making)


async def _send(response: Response, scope: Message, send: Send) -> None:
    # The gate, which lets in who may see this, adds the headers of all its answers.
    headers = [each for each in list_headers(response) if each not in SECURITY]
    start = {
        "type": "http.response.start",
        "status": response.status,
        "headers": headers,
    }
    body = b"" if scope["method"] == "HEAD" else response.body
    await send(start)
    await send({"type": "http.response.body", "body": body})


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


async def _take_part_in_lifespan(receive: Receive, send: Send) -> None:
    """Takes part in the start and in the end, with nothing to do at either."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})
