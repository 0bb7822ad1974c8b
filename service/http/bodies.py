"""Bodies that are still coming, and those whose requests are still answered, share a budget of memory."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any

from service.contract.limits import MIN_BODY_BYTES_PER_S, SMALL_BODY_BYTES, Limits
from service.errors import BodyTooSlow, DeadlinePassed, Overloaded, VeredictoError
from service.execution.admission import ClientLeft
from service.http.lifespan import Receive
from service.http.responses import Message
from service.settings import Settings

SMALL_SHARE = 1 / 8
"""Small bodies have this share of the budget for themselves."""
GRACE_S = 1.0
"""A body may pause for so long before it counts as slow."""
WATCH_EVERY_S = 0.25


class Budget:
    """A budget says how many bytes are left for bodies of one kind."""

    def __init__(self, max_bytes: int) -> None:
        self._left = max_bytes

    def take(self, n_bytes: int) -> bool:
        """Takes so many bytes, or gives back a negative number of them; returns whether they were there."""
        if n_bytes > 0 and n_bytes > self._left:
            return False

        self._left -= n_bytes
        return True


class Bodies:
    """All bodies of one process are read here.

    A large body takes its whole length from the budget before it is read: better refused at once than half-way. Of a
    small one only what has come is counted, so that a row needs next to nothing.
    """

    def __init__(self, settings: Settings) -> None:
        small = int(settings.max_bodies_bytes * SMALL_SHARE)
        self._settings = settings
        self._limits = Limits(settings)
        self._small = Budget(small)
        self._large = Budget(settings.max_bodies_bytes - small)
        self._coming: set[Body] = set()
        self._is_watching = False

    def open(self, scope: Message, receive: Receive, limit: int) -> Body:
        """Returns the body of a request, still to be read; raises TooLarge where its length is over the limit."""
        declared = 0
        for name, value in scope["headers"]:
            if name == b"content-length":
                declared = int(value)

        self._limits.check_body(declared, limit)

        return Body(self, receive, declared, limit)

    def check(self, n_bytes: int, limit: int) -> None:
        """Raises TooLarge for a body over its limit."""
        self._limits.check_body(n_bytes, limit)

    def reserve(self, body: Body, n_bytes: int) -> None:
        """Takes memory for so much of a body; gives up slow ones for it, and raises Overloaded where there is none."""
        budget = self._small if n_bytes <= SMALL_BODY_BYTES else self._large
        if budget is not body.budget:
            body.release()
            body.budget = budget

        while not budget.take(n_bytes - body.n_reserved):
            if not self._give_up_slowest(budget, body):
                raise Overloaded(
                    f"there is no memory left for a body of {n_bytes} bytes beside those that are still coming "
                    f"({self._settings.max_bodies_bytes} bytes, VEREDICTO_MAX_BODIES_BYTES): try again"
                )

        body.n_reserved = n_bytes

    def watch(self, body: Body) -> None:
        """Gives the body up at its deadline; one timer looks at all bodies."""
        self._coming.add(body)
        if not self._is_watching:
            self._is_watching = True
            asyncio.get_running_loop().call_later(WATCH_EVERY_S, self._look)

    def forget(self, body: Body) -> None:
        """Forgets a body that has come, or does not."""
        self._coming.discard(body)

    def _look(self) -> None:
        latest = asyncio.get_running_loop().time() - self._settings.deadline_s
        for body in list(self._coming):
            if body.started < latest:
                body.give_up(
                    DeadlinePassed(
                        f"the body did not come within {self._settings.deadline_s} s (VEREDICTO_DEADLINE_S), "
                        "counted from the request's arrival"
                    )
                )

        self._is_watching = bool(self._coming)
        if self._is_watching:
            asyncio.get_running_loop().call_later(WATCH_EVERY_S, self._look)

    def _give_up_slowest(self, budget: Budget, asking: Body) -> bool:
        now = asyncio.get_running_loop().time()
        slow = [
            each
            for each in self._coming
            if each.budget is budget and each.due < now and each is not asking
        ]
        if not slow:
            return False

        slowest = min(slow, key=lambda body: body.due)
        slowest.give_up(
            BodyTooSlow(
                f"the body came slower than {MIN_BODY_BYTES_PER_S} bytes a second while others waited: try again"
            )
        )
        slowest.release()

        return True


class Body:
    """The body of one request; its memory is its own until the end of the `with` block in which it is answered."""

    def __init__(
        self, bodies: Bodies, receive: Receive, declared: int, limit: int
    ) -> None:
        loop = asyncio.get_running_loop()
        self.budget: Budget | None = None
        self.n_reserved = 0
        self.started = loop.time()
        self.due = self.started + GRACE_S
        """Until this time it has come quickly enough."""
        self._loop = loop
        self._bodies = bodies
        self._receive = receive
        self._declared = declared
        self._limit = limit
        self._task: asyncio.Task[Any] | None = asyncio.current_task()
        self._error: VeredictoError | None = None

    def __enter__(self) -> Body:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    async def read(self) -> bytes:
        """Returns the whole body; raises TooLarge without reading more than the limit, what ends it, and ClientLeft."""
        bodies = self._bodies
        if self._declared > SMALL_BODY_BYTES:
            bodies.reserve(self, self._declared)

        bodies.watch(self)

        try:
            return await self._collect()
        except asyncio.CancelledError:
            if self._error is None or self._task is None:
                raise
            self._task.uncancel()
            raise self._take_error() from None
        finally:
            bodies.forget(self)

    def give_up(self, error: VeredictoError) -> None:
        """Ends the reading with this error."""
        self._bodies.forget(self)
        if self._error is None and self._task is not None:
            self._error = error
            self._task.cancel()

    def _take_error(self) -> VeredictoError:
        """Returns the error and keeps it no longer: with its traceback it would keep what has come of the body."""
        error = self._error
        assert error is not None
        self._error = None
        return error

    def release(self) -> None:
        """Gives back the memory of the body."""
        if self.budget is not None:
            self.budget.take(-self.n_reserved)
            self.n_reserved = 0

    async def _collect(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            whole: bytes = message["body"]
            self._bodies.check(len(whole), self._limit)
            return whole

        body = bytearray()
        while message["type"] == "http.request":
            part = message.get("body", b"")
            body += part
            self._bodies.check(len(body), self._limit)
            if not message.get("more_body"):
                return bytes(body)

            self._count(len(part), len(body))
            message = await self._receive()

        raise ClientLeft

    def _count(self, n_new: int, n_bytes: int) -> None:
        """Counts what has come; raises Overloaded where no memory is left for it."""
        now = self._loop.time()
        self.due = min(max(self.due, now) + n_new / MIN_BODY_BYTES_PER_S, now + GRACE_S)
        if n_bytes > self.n_reserved:
            self._bodies.reserve(self, n_bytes)
