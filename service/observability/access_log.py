"""The access log has a line for each answered request, at most so many a second."""

from __future__ import annotations

import logging
from time import monotonic
from typing import Any

from service.observability.ended_request import EndedRequest

NAME = "veredicto.access"


class AccessLog:
    """The log writes at most `max_lines` lines in each second, and says how many requests it left out."""

    def __init__(self, max_lines: int) -> None:
        self._max_lines = max_lines
        self._logger = logging.getLogger(NAME)
        self._second = 0
        self._n_lines = 0
        self._n_left_out = 0

    def write(self, ended: EndedRequest) -> None:
        """Writes the line of a request, or counts it where this second has its lines already."""
        second = int(monotonic())
        if second != self._second:
            self._second = second
            self._n_lines = 0
        if self._n_lines >= self._max_lines:
            self._n_left_out += 1
            return

        self._n_lines += 1
        fields = _describe(ended)
        if self._n_left_out:
            fields["left_out"] = self._n_left_out
            self._n_left_out = 0

        self._logger.info("request", extra={"fields": fields})


def _describe(ended: EndedRequest) -> dict[str, Any]:
    """Returns the fields of a line; those that are not known are left out."""
    fields: dict[str, Any] = {
        "method": ended.method,
        "route": ended.route,
        "status": ended.status,
        "ms": round(ended.seconds * 1000, 3),
        "bytes": ended.n_bytes,
    }
    if ended.request_id:
        fields["request_id"] = ended.request_id
    if ended.traceparent:
        fields["trace_id"] = ended.traceparent.split("-")[1]
    if ended.caller:
        fields["caller"] = ended.caller
    if ended.records:
        fields["model"] = ",".join(
            dict.fromkeys(each.graph.name for each in ended.records)
        )

    return fields
