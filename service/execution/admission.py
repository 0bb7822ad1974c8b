"""Admission counts the requests in flight of all transports: how many there are, how long each takes, how each ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from time import perf_counter
from typing import Any, TypeVar

from service.errors import DeadlinePassed, Defect, Overloaded, VeredictoError
from service.execution.metrics import ModelMetrics
from service.observability.request_ids import REQUEST_ID, make_request_id
from service.settings import Settings

T = TypeVar("T")
_Task = asyncio.Task[Any] | None

WATCH_EVERY_S = 0.1
MAX_ERROR_CHARS = 4000
"""An error is cut to this many characters: texts quote what the client sent, and need not send all of it back."""

logger = logging.getLogger(__name__)


class ClientLeft(Exception):
    """The client closed its connection before the end of its request, so that there is nobody to answer."""


class Admission:
    """Admission lets requests in and ends those that are late; all transports of one process share it."""

    def __init__(self, settings: Settings, models: ModelMetrics) -> None:
        self.models = models
        self._settings = settings
        self._max = settings.max_in_flight
        self._in_flight: dict[_Task, float] = {}
        """Each request's task stands here with the time when it started."""
        self._late: set[_Task] = set()
        self._is_watching = False

    async def admit(self, answering: Awaitable[T], started: float, what: str) -> T:
        """Returns the answer of a request in flight; raises VeredictoError for whatever prevents it, counted for its
        model.

        It lets through what is no error of a request: the client's leaving, and the server's stop.
        """
        task = asyncio.current_task()
        self._in_flight[task] = started
        if not self._is_watching:
            self._watch()

        try:
            return await answering
        except VeredictoError as error:
            self.models.fail(error, perf_counter() - started)
            raise
        except asyncio.CancelledError:
            if task not in self._late:
                raise
            raise self._deadline_passed() from None
        except ClientLeft:
            raise
        except Exception:
            raise report_defect(what) from None
        finally:
            del self._in_flight[task]
            self._late.discard(task)

    def count_in_flight(self) -> int:
        """Returns the number of requests in flight, of all transports."""
        return len(self._in_flight)

    def check_room(self) -> None:
        """Raises Overloaded where the request, which is in flight itself, is one too many."""
        if len(self._in_flight) > self._max:
            raise Overloaded(
                f"{len(self._in_flight) - 1} requests are being answered already, the limit is "
                f"{self._max} (VEREDICTO_MAX_IN_FLIGHT): try again"
            )

    def _watch(self) -> None:
        """Cancels what is late, again and again while anything is in flight.

        One timer looks at all requests: one for each would cost a tenth of a small prediction, and `asyncio.timeout`
        half of it.
        """
        latest = perf_counter() - self._settings.deadline_s
        for task, started in self._in_flight.items():
            if started < latest and task is not None and task not in self._late:
                self._late.add(task)
                task.cancel()

        self._is_watching = bool(self._in_flight)
        if self._is_watching:
            asyncio.get_running_loop().call_later(WATCH_EVERY_S, self._watch)

    def _deadline_passed(self) -> DeadlinePassed:
        return DeadlinePassed(
            f"no answer within {self._settings.deadline_s} s (VEREDICTO_DEADLINE_S), counted from the request's arrival"
        )


def report_defect(what: str, request_id: str | None = None) -> Defect:
    """Logs the exception that is being handled, and returns the error that a client is told in its place.

    A request without an id gets one, by which the log line is found.
    """
    known_id = request_id or REQUEST_ID.get()
    error = Defect("the service has a defect; its log has the details")
    if known_id is None:
        error.request_id = known_id = make_request_id()
    logger.exception("a defect in %s", what, extra={"request_id": known_id})

    return error
