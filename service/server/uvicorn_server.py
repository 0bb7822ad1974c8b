"""This is uvicorn's server with a listener in a thread of its own, a link to the supervisor, and an end without losses.

BentoML's worker makes a `uvicorn.Server` once its application is there; `install` puts this class in its place.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar, cast

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from service.execution import gauges
from service.http.lifespan import Companion
from service.http.wire.connections import Connections
from service.processes.listening import HALFWAY_S, refuse_new_connections
from service.server.context import ServerContext
from service.server.graceful_end import finish_connections, finish_tasks
from service.server.listener import Listener
from service.server.load_shedding import LoadShedder
from service.server.waiting_room import REFUSAL

if TYPE_CHECKING:
    from service.access.renewal import Renewal

TICK_S = 0.1
LATE_S = 0.1
"""A connection that waited so long for the event loop is late."""
HANDSHAKE_LIMIT_S = 10.0

_NAMES = ("startup", "shutdown", "on_tick", "handle_exit", "main_loop")
_STATE_NAMES = ("connections", "tasks", "default_headers", "total_requests")

logger = logging.getLogger(__name__)


class WorkerServer(uvicorn.Server):
    """A WorkerServer accepts in a thread, tells the supervisor that it lives, and drains before it ends."""

    context: ClassVar[ServerContext]

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._settings = self.context.settings
        self._lifecycle = self.context.lifecycle
        self._link = self.context.link
        self._renewal: Renewal | None = None
        if config.is_ssl:
            # It imports ssl, which a start without TLS does without. It looks at the files before they are loaded, or
            # what is renewed while models are loaded would go unnoticed.
            from service.access.renewal import Renewal

            self._renewal = Renewal(self._settings, protocol="HTTP")

        self._listeners: list[Listener] = []
        self._closing = asyncio.Event()
        self._is_told_to_drain = False
        self._is_in_a_hurry = False
        self._adopting: set[asyncio.Task[Any]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts the application, and then to accept connections from the sockets."""
        self._loop = asyncio.get_running_loop()
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(STARTUP_FAILURE)

        self._lifecycle.turn()
        self.servers = []
        for each in sockets or []:
            listener = Listener(
                each,
                self,
                self._make_shedder(),
                {} if self.config.is_ssl else self.context.probes,
                silent_s=self._settings.deadline_s,
                keep_alive_s=self._settings.keep_alive_s,
                scrapes=self.context.scrapes,
                # A refusal in plain text is none in TLS, and a handshake costs as much as an answer. A client that
                # finds its connection ended in the handshake knows that it may try again: it has asked nothing yet.
                refusal=b"" if self.config.is_ssl else REFUSAL,
            )
            self._listeners.append(listener)

        gauges.watch("connections", lambda: len(self.server_state.connections))
        # It comes first: a worker that answers and hangs is replaced within seconds, one that still starts in a minute.
        self._listen_to_supervisor()
        for listener in self._listeners:
            listener.start()
        self.started = True

    def _make_shedder(self) -> LoadShedder:
        state = self.server_state
        # A protocol that is none of ours serves all connections.
        wire = getattr(self.config.http_protocol_class, "wire", None)
        return LoadShedder(
            time.pthread_getcpuclockid(threading.get_ident()),
            self._loop.call_soon_threadsafe,
            lambda: len(state.connections),
            wire or Connections(self._settings),
        )

    def handle_exit(self, sig: int, _frame: Any) -> None:
        """Begins the end; an interrupt, or a second signal, takes the short way."""
        if self.should_exit or sig == signal.SIGINT:
            self._is_in_a_hurry = True
        self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Notes that the loop turns, and returns whether the end has begun."""
        self._lifecycle.turn()

        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002  # it is closed by its listener
        """Drains, takes no more connections, answers what is in flight, and ends the application."""
        ticking = asyncio.create_task(self._tick())
        self._lifecycle.start_draining()
        for listener in self._listeners:
            listener.start_draining()
        await self._drain()
        for listener in self._listeners:
            await asyncio.to_thread(listener.close)

        if self._adopting:
            await asyncio.wait(self._adopting)

        end_s = monotonic() + self._grace_s()
        companions = [self._stop(each) for each in self.context.companions]
        await asyncio.gather(
            finish_connections(
                self.server_state.connections,
                self._settings,
                end_s,
                is_in_a_hurry=self._is_hurried,
            ),
            *companions,
        )
        await finish_tasks(
            self.server_state.tasks, end_s, is_in_a_hurry=self._is_hurried
        )
        if not self.force_exit:
            await self.lifespan.shutdown()
        ticking.cancel()

    def adopt(self, connection: socket.socket, waited_s: float = 0.0) -> None:
        """Hands a connection from the listener's thread to the event loop."""
        self._loop.call_soon_threadsafe(self._take_over, connection, waited_s)

    def beat(self) -> None:
        """Tells the supervisor that the event loop turns, from the listener's thread.

        A timer of the loop would not do: uvloop runs none while a thousand connections are busy.
        """
        if self._link is not None and self._lifecycle.why_not_live() is None:
            self._link.send("beat")

    def _take_over(self, connection: socket.socket, waited_s: float) -> None:
        task = self._loop.create_task(self._connect(connection, waited_s))
        self._adopting.add(task)
        task.add_done_callback(self._adopting.discard)

    async def _connect(self, connection: socket.socket, waited_s: float) -> None:
        options: dict[str, Any] = {}
        if self._renewal is not None:
            renewed = self._renewal.read()
            if renewed is not None:
                self.config.ssl = renewed
            options = {
                "ssl": self.config.ssl,
                "ssl_handshake_timeout": HANDSHAKE_LIMIT_S,
            }

        try:
            await self._loop.connect_accepted_socket(
                partial(self._make_protocol, waited_s), connection, **options
            )
        except (OSError, ValueError):
            # The client left meanwhile, or spoke something else than TLS.
            connection.close()

    def _make_protocol(self, waited_s: float) -> asyncio.Protocol:
        make: Any = self.config.http_protocol_class
        protocol: Any = make(
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        if waited_s > LATE_S and hasattr(protocol, "note_wait"):
            protocol.note_wait()

        return cast(asyncio.Protocol, protocol)

    def _listen_to_supervisor(self) -> None:
        """Lets the supervisor begin the end, which comes too where there is no supervisor any more."""
        if self._link is None:
            return

        def tell(act: Callable[[], None]) -> Callable[[Any], None]:
            return lambda _: self._call(act)

        self._link.handle("drain", tell(self._start_draining))
        self._link.handle("close", tell(self._start_closing))
        self._link.on_orphaned(lambda: self._call(self._leave_at_once))
        self._link.send(
            "ready",
            refused=dict(self.context.unserved),
            served=dict(self.context.served),
        )

    def _call(self, act: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(act)

    def _start_draining(self) -> None:
        self._is_told_to_drain = True
        self.should_exit = True

    def _start_closing(self) -> None:
        self._closing.set()
        self.should_exit = True

    def _leave_at_once(self) -> None:
        logger.error("the supervisor is gone: this worker ends")
        self._is_in_a_hurry = True
        self._start_closing()

    async def _tick(self) -> None:
        counter = 0
        while True:
            await asyncio.sleep(TICK_S)
            counter += 1
            await self.on_tick(counter)

    async def _drain(self) -> None:
        """Serves on until the supervisor says that it is time, or for as long as the setting has it."""
        if self._closing.is_set() or self._is_in_a_hurry:
            return

        if self._is_told_to_drain:
            await self._closing.wait()
        elif self._link is None:
            await self._sleep(self._settings.drain_s or 0)
            for listener in self._listeners:
                refuse_new_connections(listener.listening)
            await self._sleep(HALFWAY_S)

    async def _sleep(self, seconds: float) -> None:
        end_s = monotonic() + seconds
        while monotonic() < end_s and not self._is_in_a_hurry:
            await asyncio.sleep(TICK_S)

    def _is_hurried(self) -> bool:
        return self._is_in_a_hurry

    def _grace_s(self) -> float:
        return float(self.config.timeout_graceful_shutdown or self._settings.grace_s)

    async def _stop(self, companion: Companion) -> None:
        try:
            await companion.stop()
        except Exception:
            logger.exception("a companion did not stop in order")


def find_missing_names() -> list[str]:
    """Returns the names that this server uses of uvicorn's inside, and that the installed uvicorn lacks."""
    state = uvicorn.server.ServerState()
    missing = [name for name in _NAMES if not hasattr(uvicorn.Server, name)]
    missing += [name for name in _STATE_NAMES if not hasattr(state, name)]

    return missing


def install(context: ServerContext) -> None:
    """Makes this class the server that BentoML's worker starts."""
    WorkerServer.context = context
    uvicorn.Server = WorkerServer  # type: ignore[misc]  # BentoML's worker looks it up there
