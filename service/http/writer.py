"""A writer sends a response by the two messages of ASGI."""

from __future__ import annotations

from service.http.lifespan import Send
from service.http.responses import Response, list_headers


class Writer:
    """This writer sends responses as any ASGI server takes them."""

    async def send(self, response: Response, send: Send) -> None:
        """Sends a whole response."""
        await self.send_plainly(response, send, has_body=True)

    async def send_plainly(
        self, response: Response, send: Send, *, has_body: bool
    ) -> None:
        """Sends a response by messages, without its body where the request was HEAD."""
        start = {
            "type": "http.response.start",
            "status": response.status,
            "headers": list_headers(response),
        }
        body = response.body if has_body else b""
        await send(start)
        await send({"type": "http.response.body", "body": body})
