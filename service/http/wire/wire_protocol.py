"""The wire protocol is uvicorn's HTTP/1.1 with an end to what one connection may cost.

uvicorn parses whatever comes: heads of any length, and requests without number while their answers wait. Here a
connection is read one request at a time: the next head is parsed when the answer before it is complete and the client
takes what is sent; meanwhile nothing is read. The parser gets heads that are whole, measured and free of offers of
other protocols, at which it would stop.
"""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Any

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT

from service.http.wire.ending_protocol import (
    ClosingTransport,
    EndingProtocol,
    ExpectingTransport,
    PausedFlowControl,
)
from service.http.wire.framing import Framing
from service.http.wire.heads import (
    END,
    SMALL_BYTES,
    Refusal,
    add_path,
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


class WireProtocol(EndingProtocol):
    """This is one connection, read no further than its client reads."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # Nothing here speaks WebSocket, whose connections have no deadline.
        self.ws_protocol_class = None
        self._head = b""
        self._has_begun = False
        self._refusal: Refusal | None = None
        self._n_in_a_row = 0
        self._turn_ends_s = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self.flow = PausedFlowControl(transport)
        self._since = self.loop.time()
        self.wire.watch(self.connections)
        if len(self.connections) > self.wire.max_connections:
            self.connections.discard(self)
            self._refuse(
                Refusal(
                    503,
                    f"{self.wire.max_connections} connections are open already "
                    "(VEREDICTO_MAX_CONNECTIONS, or the limit of open files): try again",
                )
            )

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

    def on_message_begin(self) -> None:
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._has_begun = False
        self._is_complete = False
        self._refusal = None

    def on_header(self, name: bytes, value: bytes) -> None:
        # The parser leaves white space behind a value, which is no part of it by RFC 9110, 5.5.
        self.headers.append((name.lower(), value.rstrip(b" \t")))

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
            if self._chunks is not None:
                # Fields after a body in chunks are none of the request's.
                self.headers = []

    def on_message_complete(self) -> None:
        self._is_complete = True
        if self._has_begun:
            if self.expect_100_continue:
                self._stop_expecting()
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
            if self._is_half_closed:
                self._end_half_closed()

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
            closing: Any = (
                ExpectingTransport(self.transport, self._leave, self.cycle)
                if expects
                else ClosingTransport(self.transport, self._leave)
            )
            self.cycle.transport = closing

    def _stop_expecting(self) -> None:
        """Lets the connection stay after the answer to a client that has sent its body without being told to."""
        transport: Any = self.cycle.transport
        if isinstance(transport, ExpectingTransport) and self._is_awaited():
            transport.go_on()

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
        if self._is_half_closed:
            self._end_half_closed()

    def _hold(self, data: bytes) -> None:
        """Holds requests back, with all that would come behind them."""
        self.flow.is_held = True
        self.flow.pause_reading()
        if not self._keep(data):
            self.transport.abort()

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
            # Its frames hold the connection, which may hold it.
            self._refuse(refusal.with_traceback(None))

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
            whole = add_path(head)
            if whole == head:
                raise Refusal(400, explain(head, "its target is no URL")) from None
            self._parse_again(whole)
            return
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

        self._parse_again(decline_upgrade(head))

    def _parse_again(self, head: bytes) -> None:
        """Has a head parsed in place of one at which the parser has stopped."""
        self.parser = httptools.HttpRequestParser(self)
        self._feed_head(head)

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
