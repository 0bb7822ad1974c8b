"""The fast path is uvicorn's HTTP/1.1 protocol with a short way for small requests.

A response of ours is whole, its headers are ours and its length is known: it needs one write, not two messages whose
headers are looked through again. A request that came whole, to a route that needs nothing but its body, needs no task,
no scope and no messages. Where a connection is not in the plain state, both go the way that ASGI has. That took a row
from 0.88 to 1.14 of the requests a second of a bare ASGI callable. `fast_path` decides whether it is used.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, Protocol

import uvicorn.config
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    RequestResponseCycle,
)

from service.contract.calls import MAX_MATRIX_BYTES
from service.execution.lifecycle import Lifecycle
from service.execution.run import Pending, Reply, Run
from service.execution.turn_batching import TurnRun
from service.http.application import STARTED
from service.http.lifespan import Send
from service.http.request_timeout import has_bad_timeout
from service.http.response_writer import ResponseWriter
from service.http.responses import BODILESS, CLOSE, Response
from service.http.wire.connections import BUSY, Connections
from service.http.wire.heads import END, Refusal
from service.http.wire.refusing_protocol import (
    MIN_CHECKED_BYTES,
    RefusingApplication,
    RefusingProtocol,
)
from service.settings import Settings

AWAITED_S = 0.02
MAX_AWAITED_BYTES = MAX_MATRIX_BYTES
"""The rest of a body of at most this size is awaited for 20 ms before its request goes the usual way."""

MAX_KNOWN = 256
MAX_KNOWN_BYTES = 1024
MAX_KNOWN_BODY_BYTES = 64_000
"""So many heads are known, of at most this length and with a body of at most this size; one more clears them all."""
KnownHead = tuple[bytes, list[tuple[bytes, bytes]], int]
"""A head that came before has the URL of its request, its fields, and the length of the body.

It has no route: that would be the one of a model which may have been replaced since.
"""
_ANSWERED = object()


class FastWriter(ResponseWriter):
    """This writer sends a response by one write; it knows the server's own headers, which change once a second."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        super().__init__(lifecycle)
        self._server_headers: list[tuple[bytes, bytes]] = []
        self._server_lines = b""

    async def send(self, response: Response, send: Send) -> None:
        """Sends a response by one write where the connection is in the plain state, else by messages."""
        cycle: Any = getattr(send, "__self__", None)
        is_odd = (
            CLOSE in response.headers
            or self.lifecycle.is_draining
            or response.status in BODILESS
        )
        if type(cycle) is RequestResponseCycle and not is_odd and _is_plain(cycle):
            cycle.response_started = cycle.response_complete = True
            self.write(response, cycle.transport, cycle.default_headers)
            cycle.message_event.set()
            cycle.on_response()
            return

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


class FastApplication(RefusingApplication, Protocol):
    """An application can answer small requests at once; `fast_routes` are its routes by the whole URL."""

    fast_routes: dict[bytes, Any]

    def answer_at_once(
        self,
        route: Any,
        body: bytes,
        headers: list[tuple[bytes, bytes]],
        client: int = 0,
    ) -> Run | Reply | Pending | TurnRun | None:
        """Returns the reply, or what is left of a request that takes its time; None for one that is not small.

        What waits for the end of the event loop's turn comes as a whole reply then; `client` numbers the connection.
        """
        ...


class FastPathProtocol(RefusingProtocol):
    """This is one connection whose small requests are answered where they are read."""

    application: ClassVar[FastApplication]
    is_fast: ClassVar[bool] = True
    known_heads: ClassVar[dict[bytes, KnownHead]] = {}
    """Heads of plain requests, byte for byte: clients repeat them, and parsing one costs 9 us of a row's 40."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        is_bare = not self.root_path and self.limit_concurrency is None
        self._routes = self.application.fast_routes if is_bare and self.is_fast else {}
        self._route: Any | None = None
        self._body = b""
        self._head_before = b""
        self._outcome: Any = None
        self._turn_run: TurnRun | None = None
        self._is_passed_on = False
        self._waiting: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._route = None
        self._stop_waiting()
        if self._turn_run is not None:
            self._turn_run.give_up()
            self._turn_run = None

        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        end = data.find(END, 0, MAX_KNOWN_BYTES) + len(END)
        known = self.known_heads.get(data[:end])
        if (
            known is not None
            and len(data) - end == known[2]
            and (route := self._routes.get(known[0])) is not None
            and self._is_idle()
        ):
            if (self._late_until_s or self.wire.level < 1.0) and self._is_unwelcome():
                self._turn_away(route, len(data))
                return

            outcome = self._answer(route, data[end:], known[1])
            if outcome is _ANSWERED:
                return

            self._outcome = outcome
            self._is_passed_on = True

        super().data_received(data)

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio lets it be returned
        self._end_turn()
        return super().eof_received()

    def shutdown(self) -> None:
        self._end_turn()
        # A request whose answer is still to come must be known to uvicorn.
        if self._route is not None:
            self._fall_back()
        super().shutdown()

    def on_body(self, body: bytes) -> None:
        if self._route is None:
            super().on_body(body)
        else:
            self._body = self._body + body if self._body else body

    def on_message_complete(self) -> None:
        if self._route is None:
            super().on_message_complete()
            return

        self._is_complete = True
        if self._waiting is not None:
            self._stop_waiting()

        route = self._route
        self._route = None
        outcome = self._answer(route, self._body, self.headers)
        if outcome is _ANSWERED:
            self._body = b""
        else:
            self._fall_back(outcome)
            super().on_message_complete()

    def _answer(self, route: Any, body: bytes, headers: Any) -> Any:
        """Answers a request at once where it is small; returns what there is of an answer where it is not."""
        outcome = self.application.answer_at_once(route, body, headers, id(self))
        if type(outcome) is TurnRun:
            self._turn_run = outcome
            outcome.deliver = self._deliver
            return _ANSWERED
        if type(outcome) is not Reply:
            return outcome

        self._write(outcome)
        # Nothing is held back here, and the connection stays: this is all that is left of `on_response_complete`.
        self.server_state.total_requests += 1
        self._is_new = False
        self._since = self.loop.time()

        return _ANSWERED

    def _deliver(self, reply: Reply) -> None:
        """Writes the answer to a request whose run waited for the end of the turn, and reads on."""
        self._turn_run = None
        if not (self._is_ending or self.transport.is_closing()):
            self._write(reply)
        self.on_response_complete()

    def _write(self, reply: Reply) -> None:
        self.application.writer.write(
            reply.content, self.transport, self.server_state.default_headers
        )

    def _end_turn(self) -> None:
        """Answers a request whose run waits for the end of the turn before it."""
        if self._turn_run is not None:
            self._turn_run.make_now()

    def _turn_away(self, route: Any, n_bytes: int) -> None:
        """Refuses a request that came whole."""
        route.metrics.record(503, 0.0)
        self._n_thrown = n_bytes
        self._tell(BUSY)
        self._end_refusal()

    def _start(self) -> None:
        route = self._routes.get(self.url)
        is_long = self._left > MIN_CHECKED_BYTES or (route is None and self._left > 0)
        if (
            (is_long or self._late_until_s or self.wire.level < 1.0)
            and not self._is_passed_on
            and self._refuse_by_head(has_long_body=is_long)
        ):
            return

        if (
            self._is_passed_on
            or route is None
            or not self._is_plain()
            or has_bad_timeout(self.headers)
        ):
            self._is_passed_on = False
            super()._start()
            return

        self._n_in_a_row -= 1
        self._route = route
        self._body = b""
        head = self._head
        if head != self._head_before:
            # One that has an id of its own will not come again.
            self._head_before = head
        elif 0 < self._left <= MAX_KNOWN_BODY_BYTES and len(head) <= MAX_KNOWN_BYTES:
            if len(self.known_heads) >= MAX_KNOWN:
                self.known_heads.clear()
            self.known_heads[head] = (self.url, self.headers, self._left)

    def _is_idle(self) -> bool:
        """Returns whether a request may begin here, and be answered at once."""
        cycle = self.cycle
        return (
            not self._rest
            and not self._left
            and self._chunks is None
            and self._route is None
            and self._turn_run is None
            and (cycle is None or cycle.response_complete)
            and not self.flow.write_paused
            and not self._is_ending
            and not self.transport.is_closing()
            and not self._lifecycle.is_draining
        )

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        if self._outcome is not None:
            cycle.scope[STARTED] = self._outcome
            self._outcome = None
        super()._start_asgi_task(cycle, app)

    def _is_answering(self) -> bool:
        waits = self._route is not None or self._turn_run is not None
        return waits or super()._is_answering()

    def _refuse(self, refusal: Refusal) -> None:
        self._route = None
        self._stop_waiting()
        super()._refuse(refusal)

    def _read(self, data: bytes, n_checked: int = 0) -> None:
        super()._read(data, n_checked)
        if self._route is not None:
            self._wait_for_rest()

    def _wait_for_rest(self) -> None:
        """Waits a moment for the rest of a body that came in part, since there is no deadline here."""
        if self._waiting is not None:
            return

        if self._left > MAX_AWAITED_BYTES:
            self._fall_back()
        else:
            self._waiting = self.loop.call_later(AWAITED_S, self._fall_back)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _fall_back(self, outcome: Any = None) -> None:
        """Hands the request to uvicorn, with what has come of its body, and what there is of an answer."""
        self._route = None
        self._stop_waiting()
        self._outcome = outcome
        super()._start()
        body = self._body
        self._body = b""
        if body:
            super().on_body(body)


def install(application: Any, settings: Settings) -> None:
    """Makes this protocol that of the servers that start from here on, where the choice is left to uvicorn."""
    if settings.fast_path:
        application.writer = FastWriter(application.writer.lifecycle)
    FastPathProtocol.application = application
    FastPathProtocol.is_fast = settings.fast_path
    FastPathProtocol.known_heads = {}
    FastPathProtocol.wire = Connections(settings)
    FastPathProtocol.teller = FastWriter(application.writer.lifecycle)
    uvicorn.config.HTTP_PROTOCOLS["auto"] = f"{__name__}:{FastPathProtocol.__name__}"
