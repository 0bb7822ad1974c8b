"""Answers on their way out, past the part of uvicorn that a small prediction pays for twice.

An answer of ours is whole, its headers are ours and its length is known: it needs one write, not two messages whose
headers are looked through again. Where the server is another, or a connection is not in the plain state, it goes the
way that ASGI has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from service.call import Message, Response

Send = Callable[[Message], Awaitable[None]]

LARGE = 1_000_000
"""Bytes of an answer that is looked after: what is shorter costs little where it waits."""


class Wire:
    """Sends answers; knows the server's own headers, which change once a second.

    An answer that is taken by nobody is held for `stuck_s` seconds.
    """

    def __init__(self, *, stuck_s: float) -> None:
        self._stuck_s = stuck_s
        self._server_headers: list[tuple[bytes, bytes]] = []
        self._server_lines = b""

    async def send(self, response: Response, send: Send) -> None:
        """To a request whose method has an answer with a body."""
        cycle: Any = getattr(send, "__self__", None)
        if type(cycle) is RequestResponseCycle and len(response.body) > LARGE:
            self._watch(cycle.transport, len(response.body) + 1)
        if type(cycle) is RequestResponseCycle and _is_plain(cycle):
            self._write(response, cycle)
        else:
            await send({"type": "http.response.start", "status": response.status, "headers": list_headers(response)})
            await send({"type": "http.response.body", "body": response.body})

    def _watch(self, transport: Any, left: int) -> None:
        """Ends a connection on which nothing has gone out since `left` bytes were left: a client that does not read."""

        def look() -> None:
            now_left = transport.get_write_buffer_size()
            if now_left >= left:
                transport.abort()
            elif now_left and not transport.is_closing():
                self._watch(transport, now_left)

        asyncio.get_running_loop().call_later(self._stuck_s, look)

    def _write(self, response: Response, cycle: Any) -> None:
        """What the cycle's `send` does with both messages."""
        if cycle.default_headers is not self._server_headers:
            self._server_headers = cycle.default_headers
            self._server_lines = _lines(self._server_headers)
        body = response.body
        cycle.response_started = cycle.response_complete = True
        cycle.transport.write(
            b"%scontent-type: %s\r\ncontent-length: %d\r\n%s%s\r\n%s"
            % (
                STATUS_LINE[response.status],
                response.content_type,
                len(body),
                _lines(response.headers) if response.headers else b"",
                self._server_lines,
                body,
            )
        )
        cycle.message_event.set()
        cycle.on_response()


def list_headers(response: Response) -> list[tuple[bytes, bytes]]:
    """All that an answer has, with its length."""
    length = b"%d" % len(response.body)
    return [(b"content-type", response.content_type), (b"content-length", length), *response.headers]


def _is_plain(cycle: Any) -> bool:
    """Whether nothing is left to do but to write: the client is there and reads, and the connection stays."""
    return (
        cycle.keep_alive
        and not cycle.disconnected
        and not cycle.response_started
        and not cycle.flow.write_paused
        and not cycle.access_log
    )


def _lines(headers: Any) -> bytes:
    return b"".join(b"%s: %s\r\n" % header for header in headers)
