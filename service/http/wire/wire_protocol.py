"""The wire protocol is uvicorn's HTTP/1.1 with an end to what one connection may cost.

uvicorn parses whatever comes: heads of any length, and requests without number while their answers wait. Here a
connection is read one request at a time: the next head is parsed when the answer before it is complete and the client
takes what is sent; meanwhile nothing is read. The parser gets heads that are whole, measured and free of offers of
other protocols, at which it would stop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Any, ClassVar

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.http.wire.connections import LINGER_S, MAX_LINGERING, Connections
from service.http.wire.framing import Chunks, Framing, write_refusal
from service.http.wire.heads import (
    END,
    SMALL_BYTES,
    Refusal,
    check_part,
    check_whole,
    decline_upgrade,
    explain,
)

MAX_IN_A_ROW = 16
"""This many requests of one read are answered at once, before those of other connections get their turn."""
MAX_TURN_S = 0.002
"""Their turn comes after this time too: a comparison with labels takes milliseconds, and sixteen of them a while."""
_CR = 13
_UNUSUAL = frozenset({b"transfer-encoding", b"expect"})
"""A request of HTTP/1.1 that has none of these, and no field twice, needs no closer look."""


class HeldFlow(FlowControl):
    """Reading does not go on while requests are held back, whoever asks for more."""

    is_held = False

    def resume_reading(self) -> None:
        """Reads on, but where requests wait."""
        if not self.is_held:
            super().resume_reading()


class ClosingTransport:
    """This is a transport as an answer sees it whose request is still coming.

    A socket that is closed with bytes unread is reset, and that takes the answer from a client that has not read it.
    """

    __slots__ = ("close", "is_closing", "write")

    def __init__(self, transport: Any, close: Callable[[], None]) -> None:
        self.write = transport.write
        self.is_closing = transport.is_closing
        self.close = close


class WireProtocol(HttpToolsProtocol):
    """This is one connection, read no further than its client reads."""

    wire: ClassVar[Connections]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # Nothing here speaks WebSocket, whose connections have no deadline.
        self.ws_protocol_class = None
        self._rest = b""
        self._head = b""
        self._left = 0
        self._chunks: Chunks | None = None
        self._is_new = True
        self._has_begun = False
        self._is_complete = False
        self._is_ending = False
        self._is_lingering = False
        self._refusal: Refusal | None = None
        self._version = ""
        self._n_in_a_row = 0
        self._turn_ends_s = 0.0
        self._since = 0.0
        self._unsent = 0
        self._unsent_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self.flow: HeldFlow = HeldFlow(transport)
        self._since = self.loop.time()
        self.wire.watch(self.connections)
        if len(self.connections) > self.wire.max_connections:
            self.connections.discard(self)
            self._refuse(
                Refusal(
                    503,
                    f"{self.wire.max_connections} connections are open already "
                    "(VEREDICTO_MAX_CONNECTIONS): try again",
                )
            )

    def connection_lost(self, exc: Exception | None) -> None:
        self._keep(b"")
        self.wire.resume(self)
        if self._is_lingering:
            self._is_lingering = False
            self.wire.n_lingering -= 1

        self._is_ending = True
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_ending:
            self._since = self.loop.time()
            return

        self._begin_turn()
        n_before = len(self._rest)
        if n_before:
            data = self._rest + data
            self._keep(b"")

        self._read(data, n_before)

    def pause_writing(self) -> None:
        super().pause_writing()
        self.wire.pause(self)

    def resume_writing(self) -> None:
        super().resume_writing()
        self.wire.resume(self)
        if self.flow.is_held:
            self.loop.call_soon(self._go_on)

    def shutdown(self) -> None:
        """Ends the connection where it has no request, else after its next answer, which says so."""
        if not self._has_request():
            self.transport.close()
        elif self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False

    def is_unfinished(self) -> bool:
        """Returns whether a request has begun to come, and not come whole, nor been answered."""
        if self._left or self._chunks is not None:
            return self.cycle is None or not self.cycle.response_started
        return bool(self._rest) and not self._is_answering()

    def _has_request(self) -> bool:
        """Returns whether a request, a part of one or what a refused client still sends may be here."""
        is_coming = self._rest or self._left or self._chunks or self._is_lingering
        return bool(is_coming) or self._is_answering()

    def look(self, now: float) -> None:
        """Ends the connection where its client has sent or taken nothing for too long."""
        transport = self.transport
        unsent = transport.get_write_buffer_size()
        if unsent != self._unsent:
            self._unsent = unsent
            self._unsent_since = now
        elif unsent and now - self._unsent_since >= self.wire.stuck_s:
            transport.abort()

        if unsent or transport.is_closing() or self._is_answering():
            return

        is_due = self._is_new or self._rest or self._left or self._chunks
        waits_s = self.wire.stuck_s if is_due else self.wire.keep_alive_s
        if now - self._since >= waits_s:
            transport.close()

    def on_message_begin(self) -> None:
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._has_begun = False
        self._is_complete = False
        self._refusal = None

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        parser = self.parser
        if parser.should_upgrade():
            return

        headers = self.headers
        fields = dict(headers)
        self._version = version = parser.get_http_version()
        if (
            version == "1.1"
            and len(fields) == len(headers)
            and b"host" in fields
            and _UNUSUAL.isdisjoint(fields)
        ):
            self._left = int(fields.get(b"content-length", 0))
            self._has_begun = True
            self._start()
            return

        framing = Framing(version, headers)
        self._refusal = framing.refusal
        if framing.refusal is None:
            self._left = framing.n_bytes
            self._chunks = framing.chunks
            self.expect_100_continue = framing.expects
            self._has_begun = True
            self._start()
            # Fields after a body in chunks are none of the request's.
            self.headers = []

    def on_message_complete(self) -> None:
        self._is_complete = True
        if self._has_begun:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        self._is_new = False
        self._since = self.loop.time()
        if self.transport.is_closing():
            return

        if self.flow.is_held:
            self.loop.call_soon(self._go_on)
        else:
            self.flow.resume_reading()

    def _start(self) -> None:
        """Hands the request to uvicorn from its beginning."""
        url = self.url
        headers = self.headers
        expects = self.expect_100_continue
        super().on_message_begin()
        self.url = url
        self.expect_100_continue = expects
        self.headers += headers
        super().on_headers_complete()
        if self._left or self._chunks is not None:
            closing: Any = ClosingTransport(self.transport, self._leave)
            self.cycle.transport = closing

    def _is_answering(self) -> bool:
        """Returns whether an answer is still to come."""
        return self.cycle is not None and not self.cycle.response_complete

    def _read(self, data: bytes, n_checked: int = 0) -> None:
        """Reads as many requests as may be begun, and keeps the rest."""
        at = 0
        n_bytes = len(data)
        while at < n_bytes and not self._is_ending:
            if self._left:
                end = at + self._left
                part = data[at:end] if at or end < n_bytes else data
                self._left -= len(part)
                at += len(part)
                self._feed(part, is_last=not self._left)
            elif self._chunks is not None:
                at = self._read_chunks(data, at)
            elif self._is_answering() or self.flow.write_paused:
                self._hold(data[at:])
                return
            elif self._is_turn_over():
                self._hold(data[at:])
                self.loop.call_soon(self._go_on)
                return
            else:
                at = self._read_head(data, at, 0 if at else n_checked)

    def _begin_turn(self) -> None:
        self._n_in_a_row = MAX_IN_A_ROW
        self._turn_ends_s = perf_counter() + MAX_TURN_S

    def _is_turn_over(self) -> bool:
        """Returns whether others wait for long enough; the first request of a turn is always answered."""
        n_left = self._n_in_a_row
        return not n_left or (
            n_left < MAX_IN_A_ROW and perf_counter() > self._turn_ends_s
        )

    def _go_on(self) -> None:
        """Reads what was held back, and then what comes."""
        if not self.flow.is_held or self._is_ending or self.transport.is_closing():
            return

        data = self._rest
        self._keep(b"")
        self.flow.is_held = False
        self._begin_turn()
        self._read(data)
        # The application asks for more of a body that is ahead of it.
        if not (
            WireProtocol._is_answering(self) and len(self.cycle.body) > HIGH_WATER_LIMIT
        ):
            self.flow.resume_reading()

    def _hold(self, data: bytes) -> None:
        """Holds requests back, with all that would come behind them."""
        self.flow.is_held = True
        self.flow.pause_reading()
        if not self._keep(data):
            self.transport.abort()

    def _keep(self, data: bytes) -> bool:
        """Keeps what cannot be read yet; returns whether there is room for it."""
        more = len(data) - len(self._rest)
        self._rest = data
        return self.wire.hold(more) if more else True

    def _read_head(self, data: bytes, at: int, n_checked: int) -> int:
        """Reads a head where it is whole; returns where the data goes on."""
        if data[at] <= _CR:
            # Empty lines ahead of a request are to be passed over.
            at = len(data) - len(data[at:].lstrip(b"\r\n"))

        end = data.find(END, at) + len(END)
        is_whole = end >= len(END)

        try:
            if is_whole:
                head = data[at:end]
                if end - at > SMALL_BYTES:
                    check_whole(head)
                self._feed_head(head)
            else:
                end = len(data)
                self._wait_for_head(data[at:], n_checked)
        except Refusal as refusal:
            self._refuse(refusal)

        return end

    def _wait_for_head(self, head: bytes, n_checked: int) -> None:
        """Keeps the beginning of a head; raises Refusal where no end of it is worth waiting for."""
        if not head:
            return

        check_part(head, n_checked)
        if not n_checked:
            self._since = self.loop.time()
        if not self._keep(head):
            raise Refusal(503, "too many requests are being read: try again")

    def _feed_head(self, head: bytes) -> None:
        """Has a whole head parsed; raises Refusal."""
        self._is_complete = False
        self._head = head

        try:
            self.parser.feed_data(head)
        except httptools.HttpParserUpgrade:
            self._decline(head)
            return
        except httptools.HttpParserCallbackError:
            # uvicorn reads the target where the head is complete.
            raise Refusal(400, explain(head, "its target is no URL")) from None
        except httptools.HttpParserError as error:
            raise Refusal(400, explain(head, error)) from None

        if self._refusal is not None:
            raise self._refusal
        if not (self._is_complete or self._left or self._chunks):
            raise Refusal(400, explain(head, "it has no method that is known here"))

    def _decline(self, head: bytes) -> None:
        """Answers a request that offers another protocol as one that does not; raises Refusal for CONNECT."""
        if self.parser.get_method() == b"CONNECT":
            raise Refusal(405, "CONNECT is not taken: this server is no proxy")

        self.parser = httptools.HttpRequestParser(self)
        self._feed_head(decline_upgrade(head))

    def _read_chunks(self, data: bytes, at: int) -> int:
        """Reads some of a body in chunks; returns where the data goes on."""
        chunks = self._chunks
        assert chunks is not None

        try:
            end = chunks.measure(data, at)
        except Refusal as refusal:
            self._refuse(refusal)
            return len(data)

        if chunks.is_complete:
            self._chunks = None
        self._feed(data[at:end], is_last=chunks.is_complete)
        if end < len(data) and not chunks.is_complete:
            self._hold(data[end:])
            self.loop.call_soon(self._go_on)
            return len(data)

        return end

    def _feed(self, part: bytes, *, is_last: bool) -> None:
        """Has a part of a body parsed, which says in the same place that it was the last."""
        try:
            self.parser.feed_data(part)
        except httptools.HttpParserError as error:
            self._refuse(Refusal(400, explain(b"", error)))
            return

        if is_last != self._is_complete:
            self._refuse(Refusal(400, explain(b"", "the body does not end as it says")))

    def _refuse(self, refusal: Refusal) -> None:
        """Says what is wrong, and ends the connection once the client had time to read that."""
        self._is_ending = True
        self._keep(b"")
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            # The application learns that its client is gone.
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started:
                self.transport.abort()
                return

        if self.wire.n_lingering >= MAX_LINGERING or self.transport.is_closing():
            self.transport.abort()
            return

        self.transport.write(write_refusal(refusal, self.server_state.default_headers))
        self._linger()

    def _leave(self) -> None:
        """Ends the connection behind its last answer, once the client had time to read that."""
        is_read = self._is_complete or self._is_ending
        if is_read or self.wire.n_lingering >= MAX_LINGERING:
            self.transport.close()
            return

        self._is_ending = True
        self._keep(b"")
        self._linger()

    def _linger(self) -> None:
        """Sends no more, and drops what comes, until the client ends the connection too or has had its time."""
        self.wire.n_lingering += 1
        self._is_lingering = True
        if self.transport.can_write_eof():
            self.transport.write_eof()

        self.flow.is_held = False
        self.flow.resume_reading()
        self._since = self.loop.time()
        self._end_lingering(self._since + self.wire.stuck_s)

    def _end_lingering(self, end_s: float) -> None:
        """Ends the connection where nothing has come for long enough, and at that time in any case."""
        now = self.loop.time()
        end_s_if_quiet = min(end_s, self._since + LINGER_S)
        if now >= end_s_if_quiet:
            self.transport.abort()
        elif not self.transport.is_closing():
            self.loop.call_at(end_s_if_quiet, self._end_lingering, end_s)
