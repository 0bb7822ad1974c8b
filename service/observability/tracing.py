"""Spans of requests go to an OpenTelemetry collector where OTEL_EXPORTER_OTLP_ENDPOINT names one.

Each request is one span; reading, waiting, running and writing are spans in it. Only this module knows OpenTelemetry,
which is an extra: `pip install 'veredicto[otel]'`. Its own variables say the rest, such as OTEL_TRACES_SAMPLER.
"""

from __future__ import annotations

import logging
import os
from time import time_ns
from typing import Any

from service.observability.ended_request import EndedRequest

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
PHASES = (
    ("decode", "input_ns"),
    ("queue", "queue_ns"),
    ("run", "infer_ns"),
    ("encode", "output_ns"),
)
_SAMPLED = 1

logger = logging.getLogger(__name__)


def make_tracer() -> Tracer | None:
    """Returns what makes spans; None where no collector is named, or OpenTelemetry's exporter is not installed."""
    is_off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if is_off or not any(os.environ.get(each) for each in ENDPOINTS):
        return None

    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        logger.warning(
            "no spans are made: %s; pip install 'veredicto[otel]' brings what is missing",
            error,
        )
        return None

    name = os.environ.get("OTEL_SERVICE_NAME", "veredicto")
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))

    return Tracer(provider)


class Tracer:
    """The tracer makes the spans of a request once that has ended, from the times that were taken anyway."""

    def __init__(self, provider: Any) -> None:
        from opentelemetry import trace
        from opentelemetry.trace import propagation

        self._trace = trace
        self._set_span = propagation.set_span_in_context
        self._provider = provider
        self._tracer = provider.get_tracer("veredicto")

    def finish(self, ended: EndedRequest) -> None:
        """Makes the spans of a request, which ends now."""
        end_ns = time_ns()
        start_ns = end_ns - int(ended.seconds * 1e9)
        span = self._tracer.start_span(
            f"{ended.method} {ended.route}",
            context=self._make_parent(ended.traceparent),
            kind=self._trace.SpanKind.SERVER,
            attributes=_describe(ended),
            start_time=start_ns,
        )

        if span.is_recording():
            inside = self._set_span(span)
            for record in ended.records:
                self._add_phases(record, inside, start_ns)
            if str(ended.status).startswith("5"):
                span.set_status(self._trace.StatusCode.ERROR)

        span.end(end_time=end_ns)

    def _add_phases(self, record: Any, inside: Any, start_ns: int) -> None:
        """Adds a span for each phase of a run, one after the other; a phase that took no time has none."""
        for name, attribute in PHASES:
            duration_ns = getattr(record.times, attribute)
            if duration_ns:
                phase = self._tracer.start_span(
                    name,
                    context=inside,
                    start_time=start_ns,
                    attributes={"model": record.graph.name},
                )
                start_ns += duration_ns
                phase.end(end_time=start_ns)

    def _make_parent(self, traceparent: str | None) -> Any:
        if traceparent is None:
            return None

        _, trace_id, span_id, flags = traceparent.split("-")
        context = self._trace.SpanContext(
            int(trace_id, 16),
            int(span_id, 16),
            is_remote=True,
            trace_flags=self._trace.TraceFlags(int(flags, 16) & _SAMPLED),
        )

        return self._set_span(self._trace.NonRecordingSpan(context))

    def close(self) -> None:
        """Sends what spans are left."""
        self._provider.shutdown()


def _describe(ended: EndedRequest) -> dict[str, Any]:
    """Returns a span's attributes by the names of OpenTelemetry's conventions."""
    described: dict[str, Any] = {
        "http.request.method": ended.method,
        "http.route": ended.route,
        "http.response.status_code": ended.status,
        "http.response.body.size": ended.n_bytes,
    }
    if ended.request_id:
        described["request.id"] = ended.request_id

    return described
