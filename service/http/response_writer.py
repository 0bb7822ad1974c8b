"""A writer sends a response by the two messages of ASGI."""

from __future__ import annotations

from typing import Any

from service.execution.lifecycle import Lifecycle
from service.http.lifespan import Send
from service.http.responses import CLOSE, Response, list_headers


class ResponseWriter:
    """This writer sends responses as any ASGI server takes them; while the server drains, each ends its connection."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self.lifecycle = lifecycle

    async def send(self, response: Response, send: Send) -> None:
        """Sends a whole response."""
        await self.send_plainly(response, send, has_body=True)

    async def send_plainly(
        self, response: Response, send: Send, *, has_body: bool
    ) -> None:
        """Sends a response by messages, without its body where the request was HEAD."""
        start: dict[str, Any] = {
            "type": "http.response.start",
            "status": response.status,
            "headers": list_headers(response),
        }
        if self.lifecycle.is_draining:
            start["headers"].append(CLOSE)

        body = response.body if has_body else b""
        await send(start)
        await send({"type": "http.response.body", "body": body})
