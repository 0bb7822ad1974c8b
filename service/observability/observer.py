"""The observer is told of each request that has ended, and makes a line of the access log and spans of it."""

from __future__ import annotations

from typing import Any

from service.observability.access_log import AccessLog
from service.observability.ended_request import EndedRequest
from service.settings import Settings


class Observer:
    """The observer is off, and costs nothing, where neither the access log nor spans are wanted."""

    def __init__(self, access_log: AccessLog | None, tracer: Any | None) -> None:
        self._access_log = access_log
        self._tracer = tracer
        self.is_on = access_log is not None or tracer is not None

    @classmethod
    def of(cls, settings: Settings) -> Observer:
        """Returns the observer that the settings and OpenTelemetry's variables ask for."""
        from service.observability.tracing import make_tracer

        log = AccessLog(settings.access_log) if settings.access_log else None
        return cls(log, make_tracer())

    def finish(self, ended: EndedRequest) -> None:
        """Tells of a request that has ended."""
        if self._access_log is not None:
            self._access_log.write(ended)
        if self._tracer is not None:
            self._tracer.finish(ended)
