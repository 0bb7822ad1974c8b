"""The fast path is uvicorn's HTTP/1.1 protocol with a short way for small requests. Only this module knows uvicorn.

A response of ours is whole, its headers are ours and its length is known: it needs one write, not two messages whose
headers are looked through again. A request that came whole, to a route that needs nothing but its body, needs no task,
no scope and no messages. Where a connection is not in the plain state, both go the way that ASGI has. That took a row
from 0.88 to 1.14 of the requests a second of a bare ASGI callable. `service.http.fast_path` decides whether it is used.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, Protocol, cast

import uvicorn.config
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from service.execution.run import Pending, Reply, Run
from service.http.application import STARTED
from service.http.lifespan import Send
from service.http.responses import Message, Response
from service.http.writer import Writer

MAX_IN_A_ROW = 16
"""This many requests of one read are answered at once, before those of other connections get their turn."""
AWAITED_S = 0.02
MAX_AWAITED_BYTES = 256_000
"""The rest of a body of at most this size is awaited for 20 ms before its request goes the usual way."""
MAX_UNWATCHED_BYTES = 1_000_000
"""A longer answer is watched until it is gone; a shorter one costs little where it waits."""


_CYCLE_ATTRIBUTES = (
    "transport",
    "flow",
    "default_headers",
    "message_event",
    "on_response",
    "access_log",
    "disconnected",
    "keep_alive",
    "response_started",
    "response_complete",
)
_PROTOCOL_ATTRIBUTES = (
    "loop",
    "parser",
    "server_state",
    "timeout_keep_alive_task",
    "ws_protocol_class",
    "root_path",
    "limit_concurrency",
    "transport",
    "flow",
    "scope",
    "headers",
    "expect_100_continue",
    "cycle",
)
_METHODS = (
    "data_received",
    "shutdown",
    "on_message_begin",
    "on_headers_complete",
    "on_body",
    "on_message_complete",
    "on_response_complete",
    "_unset_keepalive_if_required",
)
"""The fast path uses these names of uvicorn's inside."""


class FastWriter(Writer):
    """This writer sends a response by one write; it knows the server's own headers, which change once a second.

    A response that nobody takes is held for `stuck_s` seconds.
    """

    def __init__(self, *, stuck_s: float) -> None:
        self.stuck_s = stuck_s
        self._server_headers: list[tuple[bytes, bytes]] = []
        self._server_lines = b""

    async def send(self, response: Response, send: Send) -> None:
        """Sends a response by one write where the connection is in the plain state, else by messages."""
        cycle: Any = getattr(send, "__self__", None)
        if type(cycle) is RequestResponseCycle and _is_plain(cycle):
            cycle.response_started = cycle.response_complete = True
            self.write(response, cycle.transport, cycle.default_headers)
            cycle.message_event.set()
            cycle.on_response()
            return

        n_bytes = len(response.body)
        if type(cycle) is RequestResponseCycle and n_bytes > MAX_UNWATCHED_BYTES:
            self._watch(cycle.transport, n_bytes + 1)

        await super().send(response, send)

    def write(
        self,
        response: Response,
        transport: Any,
        server_headers: list[tuple[bytes, bytes]],
    ) -> None:
        """Writes a response to a client that is there, reads and stays, as uvicorn's cycle does with both messages."""
        if server_headers is not self._server_headers:
            self._server_headers = server_headers
            self._server_lines = _lines(server_headers)

        body = response.body
        if len(body) > MAX_UNWATCHED_BYTES:
            self._watch(transport, len(body) + 1)

        transport.write(
            b"%scontent-type: %s\r\ncontent-length: %d\r\n"
            b"x-content-type-options: nosniff\r\n%s%s\r\n%s"
            % (
                STATUS_LINE[response.status],
                response.content_type,
                len(body),
                _lines(response.headers) if response.headers else b"",
                self._server_lines,
                body,
            )
        )

    def _watch(self, transport: Any, left: int) -> None:
        """Ends a connection on which nothing has gone out since `left` bytes were left: its client does not read."""

        def look() -> None:
            now_left = transport.get_write_buffer_size()
            if now_left >= left:
                transport.abort()
            elif now_left and not transport.is_closing():
                self._watch(transport, now_left)

        asyncio.get_running_loop().call_later(self.stuck_s, look)


def _is_plain(cycle: Any) -> bool:
    """Returns whether nothing is left to do but to write: the client is there and reads, and the connection stays."""
    return (
        cycle.keep_alive
        and not cycle.disconnected
        and not cycle.response_started
        and not cycle.flow.write_paused
        and not cycle.access_log
    )


def _lines(headers: Any) -> bytes:
    return b"".join(b"%s: %s\r\n" % header for header in headers)


class FastApplication(Protocol):
    """An application can answer small requests at once; `fast_routes` are its routes by the whole URL."""

    fast_routes: dict[bytes, Any]
    writer: Any

    def answer_at_once(
        self, route: Any, body: bytes, headers: list[tuple[bytes, bytes]]
    ) -> Run | Reply | Pending | None:
        """Returns the reply, or what is left of a request that takes its time; None for one that is not small."""
        ...


class FastPathProtocol(HttpToolsProtocol):
    """This is uvicorn's HTTP/1.1 of one connection, which answers small requests where they are read."""

    application: ClassVar[FastApplication]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        is_bare = not self.root_path and self.limit_concurrency is None
        self._routes = self.application.fast_routes if is_bare else {}
        # Nothing here speaks WebSocket, whose connections have no deadline.
        self.ws_protocol_class = None
        self._route: Any | None = None
        self._body = b""
        self._n_left = 0
        self._is_reading_head = False
        self._waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._n_left = MAX_IN_A_ROW
        super().data_received(data)
        if self._route is not None:
            self._wait_for_rest()
        elif self._waiting is None and (self._is_reading_head or self._is_left_over()):
            self._wait_for_head()

    def shutdown(self) -> None:
        # A request whose answer is still to come must be known to uvicorn.
        if self._route is not None:
            self._fall_back()
        super().shutdown()

    def on_message_begin(self) -> None:
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._is_reading_head = True

    def on_headers_complete(self) -> None:
        self._is_reading_head = False
        if self._waiting is not None:
            self._stop_waiting()

        route = self._routes.get(self.url)
        if route is not None and self._n_left and self._is_plain():
            self._n_left -= 1
            self._route = route
            self._body = b""
        else:
            self._begin()

    def on_body(self, body: bytes) -> None:
        if self._route is None:
            super().on_body(body)
        else:
            self._body = self._body + body if self._body else body

    def on_message_complete(self) -> None:
        if self._route is None:
            super().on_message_complete()
            return

        if self._waiting is not None:
            self._stop_waiting()

        outcome = self.application.answer_at_once(self._route, self._body, self.headers)
        if type(outcome) is Reply:
            self._route = None
            self._body = b""
            self.application.writer.write(
                outcome.content, self.transport, self.server_state.default_headers
            )
            self.on_response_complete()
        else:
            self._fall_back(outcome)
            super().on_message_complete()

    def _is_left_over(self) -> bool:
        """Returns whether this is the rest of a body that was answered early: no timer of uvicorn's runs then."""
        return (
            self.cycle is not None
            and self.cycle.response_complete
            and self.timeout_keep_alive_task is None
            and not self.transport.is_closing()
        )

    def _wait_for_head(self) -> None:
        """Closes the connection of a client that sends nothing, or headers without an end, after a deadline."""
        self._waiting = self.loop.call_later(
            self.application.writer.stuck_s, self.transport.close
        )

    def _wait_for_rest(self) -> None:
        """Waits a moment for the rest of a body that came in part, since there is no deadline here."""
        if self._waiting is not None:
            return

        length = dict(self.headers).get(b"content-length")
        if length is None or int(length) > MAX_AWAITED_BYTES:
            self._fall_back()
        else:
            self._waiting = self.loop.call_later(AWAITED_S, self._fall_back)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _is_plain(self) -> bool:
        """Returns whether nothing is left but to answer: no answer before it is due, and the client reads and stays."""
        parser = self.parser
        return (
            (self.cycle is None or self.cycle.response_complete)
            and parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
            and not self.expect_100_continue
            and not self.flow.write_paused
            and not self.transport.is_closing()
        )

    def _fall_back(self, outcome: Any = None) -> None:
        """Hands the request to uvicorn, with what has come of its body, and what there is of an answer."""
        self._route = None
        self._stop_waiting()
        self._begin(outcome)
        body = self._body
        self._body = b""
        if body:
            super().on_body(body)

    def _begin(self, outcome: Any = None) -> None:
        # A request before this one in the same read may have set the timer.
        self._unset_keepalive_if_required()
        url = self.url
        headers = self.headers
        expects = self.expect_100_continue
        super().on_message_begin()
        self.url = url
        self.expect_100_continue = expects
        self.headers += headers
        if outcome is not None:
            cast(Message, self.scope)[STARTED] = outcome

        super().on_headers_complete()


def find_missing_names() -> list[str]:
    """Returns the names that the fast path uses of uvicorn's inside, and that the installed uvicorn lacks."""
    cycle_attributes = RequestResponseCycle.__init__.__code__.co_names
    protocol_attributes = HttpToolsProtocol.__init__.__code__.co_names
    missing = [name for name in _CYCLE_ATTRIBUTES if name not in cycle_attributes]
    missing += [
        name for name in _PROTOCOL_ATTRIBUTES if name not in protocol_attributes
    ]
    missing += [name for name in _METHODS if not hasattr(HttpToolsProtocol, name)]
    if "auto" not in uvicorn.config.HTTP_PROTOCOLS:
        missing.append("HTTP_PROTOCOLS")

    return missing


def install(application: Any, *, stuck_s: float) -> None:
    """Makes this protocol that of the servers that start from here on, where the choice is left to uvicorn."""
    application.writer = FastWriter(stuck_s=stuck_s)
    FastPathProtocol.application = application
    uvicorn.config.HTTP_PROTOCOLS["auto"] = f"{__name__}:{FastPathProtocol.__name__}"
