"""The listener accepts connections in a thread of its own, and answers probes there.

The event loop takes a new connection between two rounds of all that are busy, so a probe waits as long as the service
is busy, and whoever asks it restarts a healthy server. This thread takes connections as they come: 1,000 busy ones kept
a new one from being accepted for 5.8 s. A connection that sends nothing but probes stays here; any other is handed to
the event loop with the first byte of something else, so one that sends nothing costs a descriptor alone.
"""

from __future__ import annotations

import errno
import logging
import select
import socket
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from time import monotonic

from service.http.responses import Response
from service.server.lingering_close import LingeringClose
from service.server.load_shedding import BUSY_CHECK_S
from service.server.probes import (
    MAX_PROBE_BYTES,
    find_path,
    keeps_connection,
    write_response,
)
from service.server.scrapes import PATH, Scrapes
from service.server.silent_connections import SilentConnections
from service.server.waiting_room import (
    MAX_WAIT_S,
    REFUSAL,
    ConnectionAdopter,
    Shedder,
    WaitingRoom,
)

MAX_ACCEPTED = 64
"""So many connections are accepted in a row, before those that have sent something get their turn."""
SWEEP_S = 0.5
PAUSE_S = 0.1
"""Nothing is accepted for this long where no descriptor is left."""
_EPOLLEXCLUSIVE = getattr(select, "EPOLLEXCLUSIVE", 0)

logger = logging.getLogger(__name__)


class Listener:
    """A listener has one thread, from its start until it is closed."""

    def __init__(
        self,
        listening: socket.socket,
        adopter: ConnectionAdopter,
        shedder: Shedder,
        probes: Mapping[bytes, Callable[[], Response]],
        *,
        silent_s: float,
        keep_alive_s: float,
        max_wait_s: float = MAX_WAIT_S,
        scrapes: Scrapes | None = None,
        refusal: bytes = REFUSAL,
    ) -> None:
        self._listening = listening
        self._adopter = adopter
        self._shedder = shedder
        self._probes = probes
        self._silent_s = silent_s
        self._keep_alive_s = keep_alive_s
        self._scrapes = scrapes
        self._known = {*probes, PATH} if scrapes and probes else set(probes)
        self._returned: deque[tuple[socket.socket, bool]] = deque()
        """These were scraped, and come back with whether they stay."""
        self._poll = select.epoll()
        self._silent = SilentConnections(self._poll)
        self._lingering = LingeringClose(self._poll, max_s=silent_s)
        self._waiting = WaitingRoom(
            adopter, shedder, self._lingering, max_wait_s=max_wait_s, refusal=refusal
        )
        self._told, self._telling = socket.socketpair()
        self._is_draining = False
        self._is_closing = False
        self._swept_s = monotonic()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    @property
    def listening(self) -> socket.socket:
        """Returns the socket from which connections are accepted."""
        return self._listening

    @property
    def is_alive(self) -> bool:
        """Returns whether its thread runs."""
        return self._thread.is_alive()

    @property
    def n_waiting(self) -> int:
        """Returns how many connections wait for room."""
        return len(self._waiting)

    @property
    def n_silent(self) -> int:
        """Returns how many connections have sent nothing yet but probes."""
        return len(self._silent)

    def start(self) -> None:
        """Starts to accept connections."""
        self._told.settimeout(0)
        self._poll.register(self._told, select.EPOLLIN)
        self._poll.register(self._listening, select.EPOLLIN | _EPOLLEXCLUSIVE)
        self._thread.start()

    def start_draining(self) -> None:
        """Keeps no connection from here on that has been answered."""
        self._is_draining = True

    def close(self) -> None:
        """Accepts who has connected already, and then nobody; returns once all of them are handed over."""
        self._is_draining = self._is_closing = True
        self._telling.send(b"!")
        self._thread.join()
        self._poll.close()
        self._told.close()
        self._telling.close()

    def _run(self) -> None:
        while not self._is_closing:
            try:
                self._turn()
            except Exception:
                logger.exception("the listener goes on after a defect")

        self._accept(limit=None)
        self._listening.close()
        self._take_back()
        self._lingering.close()
        for connection in (*self._silent, *self._waiting):
            self._hand_over(connection)

    def _turn(self) -> None:
        rest_s = BUSY_CHECK_S if self._waiting else self._shedder.rest_s
        for descriptor, _ in self._poll.poll(min(rest_s, SWEEP_S)):
            if descriptor == self._listening.fileno():
                self._accept(limit=MAX_ACCEPTED)
            elif descriptor == self._told.fileno():
                self._take_back()
            elif descriptor in self._silent:
                self._look_at(self._silent.find(descriptor))
            elif descriptor in self._lingering:
                self._lingering.read(descriptor)

        self._shedder.check()
        now_s = monotonic()
        if self._waiting:
            self._waiting.serve(now_s)
        if now_s - self._swept_s >= SWEEP_S:
            self._swept_s = now_s
            self._adopter.beat()
            self._lingering.sweep(now_s)
            self._silent.sweep(now_s)

    def _accept(self, *, limit: int | None) -> None:
        """Accepts connections until there is none, or the limit is reached."""
        n_accepted = 0
        while limit is None or n_accepted < limit:
            try:
                connection, _ = self._listening.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if self._make_room(error):
                    continue
                self._pause(error)
                return

            n_accepted += 1
            connection.settimeout(0)
            self._silent.wait_for(connection, self._silent_s)
            if not self._look_at(connection):
                self._poll.register(connection, select.EPOLLIN)

    def _make_room(self, error: OSError) -> bool:
        """Closes who has been silent for the longest where no descriptor is left; returns whether there was one.

        Else clients that connect and say nothing would keep all others out, probes too.
        """
        is_full = error.errno in (errno.EMFILE, errno.ENFILE)
        if not is_full or self._is_closing or not self._silent:
            return False

        logger.warning(
            "no descriptor is left: the connection that was silent for the longest is closed"
        )
        self._silent.close_oldest()

        return True

    def _pause(self, error: OSError) -> None:
        """Leaves connections unaccepted for a moment: without a descriptor each try would fail at once."""
        logger.warning("cannot accept a connection: %s", error.strerror)
        if not self._is_closing:
            select.select([self._told], [], [], PAUSE_S)

    def _look_at(self, connection: socket.socket) -> bool:
        """Answers or hands over a connection that has sent something; returns whether it is no longer waited for."""
        try:
            data = connection.recv(MAX_PROBE_BYTES, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            data = b""

        path = find_path(data, self._known)
        if path == PATH:
            self._scrape(connection, data)
            return True
        if path is not None and self._answer(connection, data):
            self._silent.wait_for(connection, self._keep_alive_s)
            return False

        if not data:
            self._silent.close(connection)
        elif connection.fileno() >= 0:
            self._hand_over(connection)

        return True

    def _scrape(self, connection: socket.socket, data: bytes) -> None:
        """Has a scrape answered in a thread, or by the event loop where there are too many."""
        scrapes = self._scrapes
        assert scrapes is not None
        if not scrapes.reserve():
            self._hand_over(connection)
            return

        self._silent.forget(connection)
        connection.recv(len(data))
        stays = keeps_connection(data) and not self._is_draining
        has_body = data.startswith(b"GET ")

        def write(response: Response) -> bytes:
            return write_response(response, stays=stays, has_body=has_body)

        def give_back(scraped: socket.socket, *, is_sent: bool) -> None:
            if self._is_closing:
                scraped.close()
                return
            self._returned.append((scraped, stays and is_sent))
            with suppress(OSError):
                self._telling.send(b".")

        scrapes.begin(connection, data, write, give_back)

    def _take_back(self) -> None:
        """Waits again for connections that were scraped."""
        with suppress(BlockingIOError):
            self._told.recv(4096)
        while self._returned:
            connection, stays = self._returned.popleft()
            if stays:
                self._silent.wait_for(connection, self._keep_alive_s)
                self._poll.register(connection, select.EPOLLIN)
            else:
                connection.close()

    def _answer(self, connection: socket.socket, data: bytes) -> bool:
        """Answers a probe; returns whether the connection stays open."""
        method, path, _ = data[: data.find(b"\r\n")].split(b" ")
        response = self._probes[path]()
        stays = keeps_connection(data) and not self._is_draining
        content = write_response(response, stays=stays, has_body=method == b"GET")

        try:
            connection.recv(len(data))
            connection.send(content)
        except OSError:
            stays = False

        if not stays:
            self._silent.close(connection)

        return stays

    def _hand_over(self, connection: socket.socket) -> None:
        self._silent.forget(connection)
        if self._is_closing:
            self._waiting.adopt(connection)
        else:
            self._waiting.enter(connection)
