"""The ending protocol is uvicorn's HTTP/1.1 with an end that loses no answer, whoever ends the connection and when.

A refused client may still be sending, one that has said all may still be reading, and one that is silent may be gone.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from fcntl import ioctl
from termios import FIONREAD
from typing import Any, ClassVar

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.http.wire.connections import LINGER_S, MAX_LINGERING, Connections
from service.http.wire.framing import Chunks, write_refusal
from service.http.wire.heads import Refusal

GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"
"""uvicorn tells a client so that it may send its body."""
ARE_YOU_THERE = GO_ON
"""Any client of HTTP/1.1 passes over this, and the system of one that is gone answers it by a reset."""
_CUT_OFF = "malformed request: the client sends no more, and"
RESET_S = 0.05
"""A reset is looked for after this time, and then whenever the connection is looked at."""


class PausedFlowControl(FlowControl):
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


class ExpectingTransport(ClosingTransport):
    """This is the transport of an answer to a client that holds its body back until it is told to go on.

    An answer ahead of that ends the connection, by RFC 9110, 10.1.1: nobody knows whether the body will follow, and the
    client's next request would be taken for it.
    """

    __slots__ = ("_cycle", "_write", "keeps_alive")

    def __init__(self, transport: Any, close: Callable[[], None], cycle: Any) -> None:
        super().__init__(transport, close)
        self._write = self.write
        self._cycle = cycle
        self.write = self._write_interim
        self.keeps_alive: bool = cycle.keep_alive
        cycle.keep_alive = False

    def go_on(self) -> None:
        """Notes that the body comes: the connection stays if it would have stayed without the expectation."""
        self.write = self._write
        self._cycle.keep_alive = self.keeps_alive

    def _write_interim(self, data: bytes) -> None:
        if data == GO_ON:
            self.go_on()
        self._write(data)


class EndingProtocol(HttpToolsProtocol):
    """This is one connection as far as its end goes."""

    wire: ClassVar[Connections]
    flow: PausedFlowControl

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._rest = b""
        self._left = 0
        self._chunks: Chunks | None = None
        self._version = ""
        self._is_new = True
        self._is_complete = False
        self._is_ending = False
        self._is_lingering = False
        self._timer: asyncio.TimerHandle | None = None
        self._is_half_closed = False
        self._since = 0.0
        self._unsent = 0
        self._unsent_since = 0.0

    def connection_lost(self, exc: Exception | None) -> None:
        self._keep(b"")
        self.wire.resume(self)
        if self._is_lingering:
            self._is_lingering = False
            self.wire.n_lingering -= 1
        if self._timer is not None:
            # It would hold the connection for seconds, and hostile clients leave a hundred of them in each.
            self._timer.cancel()
            self._timer = None

        self._is_ending = True
        super().connection_lost(exc)
        # Both hold each other; whoever still answers has the cycle.
        self.cycle = None  # type: ignore[assignment]  # as it is before the first request

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio lets it be returned
        """Returns whether the connection stays open: where a client that sends no more still gets its answers."""
        cut_off = self._find_cut_off()
        if cut_off is not None:
            self._is_half_closed = True
            self._refuse(cut_off)
            return False

        is_whole = not self._left and self._chunks is None and not self._is_ending
        if not (is_whole and self._is_answering() and self._can_ask_whether_it_reads()):
            return False

        if not self._is_half_closed:
            self._is_half_closed = True
            self.transport.write(ARE_YOU_THERE)
            self.loop.call_later(RESET_S, self._end_where_client_is_gone)

        return True

    def shutdown(self) -> None:
        """Ends the connection where it has no request, else after its next answer, which says so."""
        if not self._has_request():
            # What was not read yet is a request: its answer ends the connection.
            if not self._has_unread():
                self.transport.close()
        elif self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
            transport: Any = self.cycle.transport
            if isinstance(transport, ExpectingTransport):
                transport.keeps_alive = False

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
        if self._is_half_closed:
            self._end_where_client_is_gone()

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
        if now - self._since >= waits_s and (is_due or not self._has_unread()):
            transport.close()

    def _is_answering(self) -> bool:
        """Returns whether an answer is still to come."""
        return self.cycle is not None and not self.cycle.response_complete

    def _find_cut_off(self) -> Refusal | None:
        """Returns what to say to a client that sends no more within a request; None where it has its answer."""
        if self._is_ending:
            return None

        if self._left or self._chunks is not None:
            if not self._is_awaited():
                return None
            if self._chunks is not None:
                return Refusal(400, f"{_CUT_OFF} its body ends before its last chunk")
            return Refusal(
                400,
                f"{_CUT_OFF} {self._left} bytes of its Content-Length are missing",
            )

        is_head = self._rest and not self.flow.is_held and not self._is_answering()
        return Refusal(400, f"{_CUT_OFF} it ends within its head") if is_head else None

    def _is_awaited(self) -> bool:
        """Returns whether an answer is still to come of which nothing was sent."""
        cycle = self.cycle
        is_started = cycle is not None and not cycle.response_complete
        return self._is_answering() and not (is_started and cycle.response_started)

    def _keep(self, data: bytes) -> bool:
        """Keeps what cannot be read yet; returns whether there is room for it."""
        more = len(data) - len(self._rest)
        self._rest = data
        return self.wire.hold(more) if more else True

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
        if self._is_half_closed:
            self.transport.close()
            return

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
            self._timer = self.loop.call_at(end_s_if_quiet, self._end_lingering, end_s)

    def _has_unread(self) -> bool:
        """Returns whether the client has sent something that the event loop, which may be late, has not read yet."""
        descriptor = self.transport.get_extra_info("socket").fileno()
        if descriptor < 0:
            return False

        (n_bytes,) = struct.unpack("i", ioctl(descriptor, FIONREAD, bytes(4)))
        return bool(n_bytes)

    def _can_ask_whether_it_reads(self) -> bool:
        """Returns whether something may be sent ahead of the answer; a client that ended TLS reads no more."""
        cycle = self.cycle
        return (
            self._version == "1.1"
            and (cycle is None or cycle.response_complete or not cycle.response_started)
            and self.transport.can_write_eof()
        )

    def _end_where_client_is_gone(self) -> None:
        """Ends the connection of a client that has not only ended its side, so that nothing more is done for it."""
        if self.transport.is_closing():
            return

        connection = self.transport.get_extra_info("socket")
        if connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.transport.abort()

    def _end_half_closed(self) -> None:
        """Ends the connection behind the last answer to a client that sends no more."""
        is_waiting = self._is_answering() or self.flow.is_held or self._is_lingering
        if not is_waiting:
            self.transport.close()
