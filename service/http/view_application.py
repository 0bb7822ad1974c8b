"""Views are answered here, unknown paths and wrong methods are refused, and the rest goes to the application behind."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter

from service.errors import NotFound, VeredictoError, hint_at
from service.execution.admission import report_defect
from service.execution.metrics import RouteMetrics
from service.http.gate import Gate, ObservedRequest
from service.http.lifespan import ASGIApp, Receive, Send
from service.http.open_inference import OpenInferenceRoutes
from service.http.response_writer import ResponseWriter
from service.http.responses import (
    Message,
    Response,
    forbid_stale,
    respond,
    respond_to_error,
)
from service.http.route import HTTPRoute
from service.http.views import READ_ONLY, Views

ASKED = "veredicto.asked"
"""The path that was asked for lies here, where a platform has another name for one of ours."""
_FALLBACK_PATHS = (
    "/schema.json",
    "/static_content/swagger-ui.css",
    "/static_content/swagger-ui-bundle.js",
)


class ViewApplication:
    """This application answers views, and refuses what nobody knows; `routes` are those of the calls, by path."""

    def __init__(
        self,
        views: Views,
        protocol: OpenInferenceRoutes,
        *,
        fallback: ASGIApp,
        gate: Gate,
    ) -> None:
        self._views = views
        self._protocol = protocol
        self._fallback = fallback
        self._gate = gate
        self.routes: Mapping[str, HTTPRoute] = {}
        self._views_metrics = RouteMetrics("view")
        self.unknown_metrics = RouteMetrics("unknown")

    async def answer(
        self, scope: Message, receive: Receive, send: Send, writer: ResponseWriter
    ) -> None:
        """Answers a view, or says what is wrong with the path or the method, or passes the request on."""
        if scope["type"] != "http":
            await self._fallback(scope, receive, send)
            return

        started = perf_counter()
        path, method = scope["path"], scope["method"]
        observed = self._gate.enter(method, path, scope["headers"])
        if observed is not None:
            observed.enter_task()

        try:
            response = await self._show(scope, observed)
        except VeredictoError as error:
            response = respond_to_error(error)
        except Exception:
            response = respond_to_error(report_defect(f"{method} {path[:200]}"))

        if response is None:
            await self._fallback(scope, receive, self._gate.follow(observed, send))
            return

        self._count_view(path, response, started)
        response = forbid_stale(response)
        if observed is not None:
            response = observed.leave(response)
        await writer.send_plainly(response, send, has_body=method != "HEAD")

    def _count_view(self, path: str, response: Response, started: float) -> None:
        """Counts what is no call under one of two labels, since clients make up paths."""
        metrics = self._views_metrics if self._is_known(path) else self.unknown_metrics
        metrics.record(response.status, perf_counter() - started)

    def _is_known(self, path: str) -> bool:
        try:
            return bool(self._allowed_methods(path))
        except NotFound:
            return False

    async def _show(
        self, scope: Message, observed: ObservedRequest | None
    ) -> Response | None:
        """Returns the answer to what is no call; None where the application behind has it."""
        if observed is not None:
            if observed.preflight is not None:
                return observed.preflight
            # A path that changes what is served is no secret, and its method is wrong for everyone.
            if not self._protocol.is_change(scope["path"]):
                observed.check()

        path = scope["path"]
        method = scope["method"]
        allowed = self._allowed_methods(path)
        if not allowed:
            hint = hint_at(path, (*self._views.names, *self.routes))
            text = f"unknown path {path[:200]!r}{hint}; GET /docs lists what there is"
            return respond({"error": text}, status=404)

        if method not in allowed:
            names = ", ".join(allowed)
            asked = scope.get(ASKED, path)[:200]
            text = f"{method} is not taken by {asked}; allowed: {names}"
            headers = ((b"allow", names.encode()),)
            return respond({"error": text}, status=405, headers=headers)

        if path in _FALLBACK_PATHS:
            return None

        return await self._views.show(scope)

    def _allowed_methods(self, path: str) -> tuple[str, ...]:
        if path in self.routes:
            return ("POST",)
        return (
            READ_ONLY if path in _FALLBACK_PATHS else self._views.allowed_methods(path)
        )
