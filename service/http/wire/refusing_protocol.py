"""A connection whose request cannot be answered in time is told so by its head, and stays open.

The body, where there is one, is read and thrown away, since closing a connection that still sends would reset it.
"""

from __future__ import annotations

from random import random
from time import perf_counter
from typing import Any, ClassVar, Protocol

from service.errors import Overloaded
from service.http.responses import Response, respond_to_error
from service.http.wire.connections import BEHIND
from service.http.wire.heads import Refusal
from service.http.wire.wire_protocol import WireProtocol

LATE_S = 0.05
"""What comes within this time after a wait was sent before its end, and is late."""
MIN_CHECKED_BYTES = 16_384
"""A request with a shorter body, to a route without a query, is read before it is looked whether it has room."""


class RefusingApplication(Protocol):
    """An application knows by its head whether a request would wait too long."""

    writer: Any

    def check_room(self, url: bytes, headers: Any, n_bytes: int) -> None:
        """Raises Overloaded where the request would wait too long."""
        ...

    def count_refusal(self, url: bytes) -> None:
        """Counts a request that was refused by its head."""
        ...


class RefusingProtocol(WireProtocol):
    """This is one connection that is refused by the head of a request while the server has too much to do."""

    application: ClassVar[RefusingApplication]
    teller: ClassVar[Any]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._lifecycle = self.application.writer.lifecycle
        self._n_thrown = 0
        self._rank = random()  # it protects nothing
        self._is_refusing = False
        self._is_held_back = False
        self._late_until_s = 0.0

    def on_body(self, body: bytes) -> None:
        if not self._is_refusing:
            super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self._is_refusing:
            self._is_refusing = False
            self._end_refusal()

    def release(self) -> None:
        """Reads on after a refusal; what was sent meanwhile is late."""
        self._is_held_back = False
        self._late_until_s = perf_counter() + LATE_S
        self._go_on()

    def note_wait(self) -> None:
        """Notes that what was sent has waited: it is late where not all connections are served."""
        if self.wire.level < 1.0:
            self._late_until_s = perf_counter() + LATE_S

    def _is_unwelcome(self) -> bool:
        """Returns whether what came is late, or on a connection that is none of those served now.

        Only what comes soon after a refusal or a wait was sent before the end of that.
        """
        if self._late_until_s:
            is_late = perf_counter() < self._late_until_s
            self._late_until_s = 0.0
            if is_late:
                return True

        wire = self.wire
        return wire.level < 1.0 and (self._rank + wire.phase) % 1.0 >= wire.level

    def _is_answering(self) -> bool:
        return self._is_held_back or super()._is_answering()

    def _is_plain(self) -> bool:
        """Returns whether nothing is left but to answer: the client takes the answer as it is, and stays."""
        parser = self.parser
        return (
            parser.get_method() == b"POST"
            and self._version == "1.1"
            and parser.should_keep_alive()
            and not self.expect_100_continue
            and self._chunks is None
            and not self.transport.is_closing()
            and not self._lifecycle.is_draining
        )

    def _refuse_by_head(self, *, has_long_body: bool) -> bool:
        """Refuses the request whose head has just come where it would wait too long; returns whether it did."""
        refusal: Overloaded | None = None
        if self._is_unwelcome():
            refusal = Overloaded(BEHIND)
        elif has_long_body:
            refusal = self._find_refusal()
        if refusal is None:
            return False

        self._has_begun = False
        self.application.count_refusal(self.url)
        if self._is_plain():
            self._is_refusing = True
            self._n_in_a_row -= 1
            self._n_thrown = self._left
            self._tell(respond_to_error(refusal))
        else:
            self._refusal = Refusal(503, str(refusal))

        return True

    def _find_refusal(self) -> Overloaded | None:
        try:
            self.application.check_room(self.url, self.headers, self._left)
        except Overloaded as error:
            return error
        return None

    def _tell(self, response: Response) -> None:
        self.teller.write(response, self.transport, self.server_state.default_headers)

    def _end_refusal(self) -> None:
        """Goes on after a refusal, at once or once there is time for another one."""
        self._is_new = False
        self._since = self.loop.time()
        if self.wire.refusals.note(self, self._n_thrown):
            self._is_held_back = True
            self.flow.is_held = True
            self.flow.pause_reading()
