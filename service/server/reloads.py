"""A worker follows the supervisor from one generation of models to the next."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from secrets import token_hex

from service.errors import InvalidRequest, NotFound, Overloaded, VeredictoError
from service.execution.freed_memory import release_all
from service.models.graph import Graph
from service.processes.link import Link
from service.processes.reload_request import BROKEN, UNFIT, UNKNOWN
from service.repository.loading import GenerationLoader, LoadedGeneration

RETIRE_S = 1.0
"""A graph that is no longer served is let go this long after the deadline of the last request that can have it."""
DEFECT = 70
"""A worker that cannot follow ends with this status; its successor begins with what the others serve."""

_ERRORS: dict[str, type[VeredictoError]] = {
    UNKNOWN: NotFound,
    UNFIT: InvalidRequest,
    BROKEN: Overloaded,
}

logger = logging.getLogger(__name__)


class Reloads:
    """Reloads load what is new in a thread, beside what is served, and swap on the event loop when all workers can."""

    def __init__(
        self,
        link: Link,
        loading: GenerationLoader,
        loaded: LoadedGeneration,
        *,
        deadline_s: float,
    ) -> None:
        self.followers: list[Callable[[], None]] = []
        """These are called on the event loop once the registry has other models."""
        self.forget: Callable[[Sequence[Graph]], None] = lambda _: None
        """This is called with graphs that nothing runs any more."""
        self._link = link
        self._loading = loading
        self._loaded = loaded
        self._retire_after_s = deadline_s + RETIRE_S
        self._next: LoadedGeneration | None = None
        self._turn = 0
        """A load that was begun in an earlier turn is no longer wanted."""
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asked: dict[str, Future[None]] = {}

    async def start(self) -> None:
        """Begins to follow."""
        self._loop = asyncio.get_running_loop()
        self._link.handle("prepare", lambda told: self._start(told["generation"]))
        self._link.handle("abort", lambda _: self._abort())
        self._link.handle("commit", lambda told: self._commit(told["generation"]))
        self._link.handle(
            "reloaded",
            lambda told: self._settle(told["ticket"], told["error"], told["text"]),
        )

    async def stop(self) -> None:
        """Follows no more."""
        self._abort()

    def ask(self, action: str, name: str) -> Future[None]:
        """Asks for one name to be loaded or unloaded in all workers; the future has what comes of it."""
        future: Future[None] = Future()
        ticket = token_hex(8)
        self._asked[ticket] = future
        future.add_done_callback(lambda _: self._asked.pop(ticket, None))
        self._link.send("reload", action=action, name=name, ticket=ticket)

        return future

    def _start(self, number: int) -> None:
        with self._lock:
            self._turn += 1
            turn = self._turn
        threading.Thread(
            target=self._prepare, args=(number, turn), name="reload", daemon=True
        ).start()

    def _prepare(self, number: int, turn: int) -> None:
        """Loads what is new of a generation, and says whether all of it can be served here."""
        found: LoadedGeneration | None = None
        try:
            found = self._loading.load(number, self._loaded)
            refused = dict(found.unserved)
        except Exception:
            logger.exception("generation %d of the models cannot be loaded", number)
            refused = {"": "a defect"}

        with self._lock:
            # What was given up says nothing: the same generation may be on its way again.
            if turn != self._turn:
                return
            if not refused:
                self._next = found
            self._link.send("prepared", generation=number, refused=refused)

    def _abort(self) -> None:
        with self._lock:
            self._turn += 1
            self._next = None

    def _commit(self, number: int) -> None:
        loop = self._loop
        if loop is not None:
            loop.call_soon_threadsafe(self._swap, number)

    def _swap(self, number: int) -> None:
        """Serves the next generation from here on; who has a graph of the last one goes on with it."""
        with self._lock:
            found, self._next = self._next, None

        try:
            if found is None or found.manifest.number != number:
                raise RuntimeError(f"generation {number} was not prepared")
            registry = self._loaded.registry
            retired = registry.replace_by(found.registry)
            self._loaded = LoadedGeneration(
                registry=registry, manifest=found.manifest, unserved=found.unserved
            )
            for follow in self.followers:
                follow()
        except Exception:
            logger.exception("this worker cannot follow the others, and ends")
            logging.shutdown()
            os._exit(DEFECT)

        self._link.send("committed", generation=number)
        if retired:
            loop = asyncio.get_running_loop()
            loop.call_later(self._retire_after_s, self._retire, retired)

    def _retire(self, graphs: Sequence[Graph]) -> None:
        self.forget(graphs)
        for graph in graphs:
            graph.retire()
        threading.Thread(target=release_all, daemon=True).start()

    def _settle(self, ticket: str, error: str, text: str) -> None:
        future = self._asked.get(ticket)
        if future is None:
            return
        if error:
            future.set_exception(_ERRORS[error](text))
        else:
            future.set_result(None)
