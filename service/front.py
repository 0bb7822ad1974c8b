"""The data plane's HTTP: an ASGI callable ahead of BentoML's own application.

BentoML's middleware costs several times what a small prediction does, so requests of the contract are
answered here and never reach it; what this module does not know (lifespan, metrics, the SDK's schema) goes
behind. What that stack would have done is done here: limits, deadline, metrics, errors as JSON.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from time import perf_counter, perf_counter_ns
from typing import Any, cast

from service import documentation, errors
from service.batching import MOST_ROWS, Batches
from service.call import NEVER_INLINE, PNG, AnyCall, Call, Message, Response, takes_pictures
from service.data_plane import DataPlane
from service.errors import VeredictoError
from service.metrics import ModelMetrics
from service.payloads import (
    CompareRequest,
    ExplainRequest,
    GenerateRequest,
    PredictProbaRequest,
    PredictRequest,
    TransformRequest,
    encode,
)
from service.processors import count_processors
from service.protocol import PREFIX, Protocol
from service.settings import Settings
from service.statistics import Times
from service.wire import Wire, list_headers
from service.work import Ran, Work

Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Message, Receive, Send], Awaitable[None]]

logger = logging.getLogger(__name__)

STATUSES: dict[type[VeredictoError], int] = {
    errors.InvalidRequest: 400,
    errors.NotFound: 404,
    errors.TooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.Overloaded: 503,
    errors.DeadlinePassed: 504,
}
RETRY_AFTER_S = b"1"
LAYERS = "/layers"
WATCH_EVERY_S = 0.25
LONGEST_ERROR = 4000
"""Characters: texts quote what the client sent, and need not send all of it back."""
_BEHIND = frozenset(
    {"/metrics", "/schema.json", "/static_content/swagger-ui.css", "/static_content/swagger-ui-bundle.js"}
)
_HTML = b"text/html; charset=utf-8"
_PAGES = Path(__file__).parent / "pages"


class ClientLeft(Exception):
    """The client closed its connection before the end of its request: there is nobody to answer."""


class Front:
    """Answers the contract's routes and passes the rest to the application behind it."""

    def __init__(self, plane: DataPlane, settings: Settings, *, behind: ASGIApp) -> None:
        self._plane = plane
        self._behind = behind
        self._settings = settings
        self._in_flight: dict[asyncio.Task[None] | None, float] = {}  # and when each started
        self._late: set[asyncio.Task[None] | None] = set()
        self._is_watching = False
        n_threads = count_processors()
        self._pool = ThreadPoolExecutor(n_threads, thread_name_prefix="veredicto")
        self._batches = Batches(self._pool, n_threads=n_threads, most_waiting=settings.max_rows)
        self._protocol = Protocol(plane, settings)
        self._calls: dict[str, AnyCall] = _make_calls(plane, settings) | self._protocol.calls
        self._model_metrics = ModelMetrics(
            (each.name, each.version, each.statistics)
            for versions in plane.registry.served.values()
            for each in versions.values()
        )
        self._wire = Wire()
        self._views: dict[str, Callable[[], Response]] = {
            "/": partial(_page, "home.html"),
            "/docs": partial(_page, "docs.html"),
            "/docs.json": partial(_json, documentation.describe_interface(plane.cards())),
            "/models": lambda: _json(plane.list_models()),
            "/livez": lambda: _json({"live": True}),
            "/healthz": lambda: _json({"live": True}),
            "/readyz": self._ready,
        }

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._behind(scope, receive, send)
            return
        call = self._calls.get(scope["path"])
        if call is not None and scope["method"] == "POST":
            await self._answer_call(call, scope, receive, send)
        elif scope["path"] in _BEHIND and scope["method"] in ("GET", "HEAD"):
            for each in self._calls.values():
                each.metrics.flush()
            self._model_metrics.flush()
            await self._behind(scope, receive, send)
        else:
            try:
                response = self._view(scope)
            except VeredictoError as error:
                response = _error(error)
            except Exception:
                response = _defect(scope)
            body = b"" if scope["method"] == "HEAD" else response.body
            await send({"type": "http.response.start", "status": response.status, "headers": list_headers(response)})
            await send({"type": "http.response.body", "body": body})

    async def _answer_call(self, call: AnyCall, scope: Message, receive: Receive, send: Send) -> None:
        started = perf_counter()
        task = asyncio.current_task()
        self._in_flight[task] = started
        if not self._is_watching:
            self._watch()
        try:
            response = await self._run_call(call, scope, receive)
        except VeredictoError as error:
            response = _error(error)
            if error.model is not None:
                error.model.statistics.fail(_reason(error), int((perf_counter() - started) * 1e9))
                self._model_metrics.flush_soon()
        except asyncio.CancelledError:
            if task not in self._late:
                raise
            response = _error(self._deadline_passed())
        except ClientLeft:
            return
        except Exception:
            response = _defect(scope)
        finally:
            del self._in_flight[task]
            self._late.discard(task)
        self._record(call, response, perf_counter() - started)
        await self._wire.send(response, send)

    async def _run_call(self, call: AnyCall, scope: Message, receive: Receive) -> Response:
        if len(self._in_flight) > self._settings.max_in_flight:
            raise self._overloaded()
        given = call.read_headers(scope["headers"])
        limit = call.most_bytes(given)
        message = await receive()
        whole = message["type"] == "http.request" and not message.get("more_body")
        body = message["body"] if whole else await self._read_rest(scope, message, receive, limit)
        if len(body) > limit:
            raise self._too_large(len(body), limit)
        if call.is_small(body, given):
            done = call(body, scope, given)
        else:
            # Off the event loop, so that a large request does not delay the small ones.
            loop = asyncio.get_running_loop()
            done = await loop.run_in_executor(self._pool, call, body, scope, given)
        return done if isinstance(done, Response) else await self._finish(done)

    async def _finish(self, work: Work) -> Response:
        """The response to work that has to be run; like the deadline, what goes wrong is the model's to count."""
        try:
            outputs, queue_ns, infer_ns = await self._batches.run(work)
        except VeredictoError as error:
            error.model = work.served
            raise
        except asyncio.CancelledError:
            work.served.statistics.fail("cancelled", 0)
            raise
        started_ns = perf_counter_ns()
        if work.n_rows > MOST_ROWS:
            response = await asyncio.get_running_loop().run_in_executor(self._pool, work.finish, outputs)
        else:
            response = work.finish(outputs)
        output_ns = perf_counter_ns() - started_ns
        times = Times(work.input_ns, queue_ns, infer_ns, output_ns, work.n_rows, executions=0)
        return cast(Response, response)._replace(runs=(Ran(work.served, times),))

    def _record(self, call: AnyCall, response: Response, seconds: float) -> None:
        call.metrics.record(response.status, seconds)
        if response.runs:
            for served, times in response.runs:
                served.statistics.succeed(times, int(seconds * 1e9))
            self._model_metrics.flush_soon()

    async def _read_rest(self, scope: Message, message: Message, receive: Receive, limit: int) -> bytes:
        """A body that did not come at once; not read to its end where its announced length is over the limit."""
        for name, value in scope["headers"]:
            if name == b"content-length" and int(value) > limit:
                raise self._too_large(int(value), limit)
        body = bytearray()
        while message["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body") or len(body) > limit:
                return bytes(body)
            message = await receive()
        raise ClientLeft

    def _watch(self) -> None:
        """Cancels what is late, again and again while anything is in flight.

        One timer looks at all requests: one for each would cost a tenth of a small prediction, and
        `asyncio.timeout` half of it.
        """
        latest = perf_counter() - self._settings.deadline_s
        for task, started in self._in_flight.items():
            if started < latest and task is not None and task not in self._late:
                self._late.add(task)
                task.cancel()
        self._is_watching = bool(self._in_flight)
        if self._is_watching:
            asyncio.get_running_loop().call_later(WATCH_EVERY_S, self._watch)

    def _view(self, scope: Message) -> Response:
        """The answer to anything but a POST to a call."""
        path, method = scope["path"], scope["method"]
        allowed = self._allowed_methods(path)
        if not allowed:
            return _json({"error": f"unknown path {path[:200]!r}; GET /docs lists what there is"}, status=404)
        if method not in allowed:
            text = f"{method} is not taken by {path[:200]}; allowed: {', '.join(allowed)}"
            headers = ((b"allow", ", ".join(allowed).encode()),)
            return _json({"error": text}, status=405, headers=headers)
        view = self._views.get(path)
        if view:
            return view()
        if path.startswith(PREFIX):
            return self._protocol.view(path)
        name = path.removeprefix("/models/")
        if not name.endswith(LAYERS):
            return _json(self._plane.describe_model(name))
        png = self._plane.draw_filters(name.removesuffix(LAYERS)) if takes_pictures(scope) else None
        if png is not None:
            return Response(200, png, content_type=PNG)
        return _json(self._plane.describe_layers(name.removesuffix(LAYERS)))

    def _allowed_methods(self, path: str) -> tuple[str, ...]:
        if path in self._calls:
            return ("POST",)
        if path in self._views or path in _BEHIND or path.startswith("/models/"):
            return ("GET", "HEAD")
        return self._protocol.allows(path) if path.startswith(PREFIX) else ()

    def _ready(self) -> Response:
        reason = self._plane.why_not_ready()
        if reason is None:
            return _json({"ready": True, "models": len(self._plane.registry.served)})
        return _json({"error": f"not ready: {reason}"}, status=503, headers=((b"retry-after", RETRY_AFTER_S),))

    def _overloaded(self) -> errors.Overloaded:
        return errors.Overloaded(
            f"{len(self._in_flight) - 1} requests are being answered already, the limit is "
            f"{self._settings.max_in_flight} (VEREDICTO_MAX_IN_FLIGHT): try again"
        )

    def _too_large(self, n_bytes: int, limit: int) -> errors.TooLarge:
        setting = "BODY" if limit == self._settings.max_body_bytes else "IMAGE"
        return errors.TooLarge(
            f"a body of {n_bytes} bytes is over the limit of {limit} bytes "
            f"(VEREDICTO_MAX_{setting}_BYTES): send the rows in several requests"
        )

    def _deadline_passed(self) -> errors.DeadlinePassed:
        return errors.DeadlinePassed(
            f"no answer within {self._settings.deadline_s} s (VEREDICTO_DEADLINE_S), counted from the request's arrival"
        )


def _make_calls(plane: DataPlane, settings: Settings) -> dict[str, AnyCall]:
    calls = (
        Call("/predict", PredictRequest, plane.predict, settings, inline_bytes=64_000, takes_images=True),
        Call(
            "/predict_proba",
            PredictProbaRequest,
            plane.predict_proba,
            settings,
            inline_bytes=16_000,
            query=("top",),
            takes_images=True,
        ),
        Call("/compare", CompareRequest, plane.compare, settings, inline_bytes=4_000, takes_images=True),
        Call("/transform", TransformRequest, plane.transform, settings, inline_bytes=16_000, takes_images=True),
        Call(
            "/explain",
            ExplainRequest,
            plane.explain,
            settings,
            inline_bytes=16_000,
            picture=plane.draw_explanation,
            takes_images=True,
        ),
        Call(
            "/generate",
            GenerateRequest,
            plane.generate,
            settings,
            inline_bytes=NEVER_INLINE,
            picture=plane.generate_grid,
        ),
    )
    return {call.route: call for call in calls}


def _reason(error: VeredictoError) -> str:
    """A word for metrics: InvalidRequest is invalid_request."""
    return re.sub(r"(?<!^)([A-Z])", r"_\1", type(error).__name__).lower()


def _defect(scope: Message) -> Response:
    """Called while an exception of ours is handled."""
    logger.exception("a defect in %s %s", scope["method"], scope["path"][:200])
    return _json({"error": "the service has a defect; its log has the details"}, status=500)


def _error(error: VeredictoError) -> Response:
    status = STATUSES[type(error)]
    headers = ((b"retry-after", RETRY_AFTER_S),) if status == 503 else ()
    return _json({"error": str(error)[:LONGEST_ERROR]}, status=status, headers=headers)


def _json(answer: Any, status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Response:
    return Response(status=status, body=encode(answer), headers=headers)


def _page(name: str) -> Response:
    return Response(status=200, body=(_PAGES / name).read_bytes(), content_type=_HTML)
