"""The data plane's HTTP: an ASGI callable ahead of BentoML's own application.

BentoML's middleware costs several times what a small prediction does, so requests of the contract are
answered here and never reach it; what this module does not know (lifespan, metrics, the SDK's schema) goes
behind. What that stack would have done is done here: limits, deadline, metrics, errors as JSON.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from service import documentation, errors
from service.call import JSON, NEVER_INLINE, Call, Message, Response
from service.data_plane import DataPlane
from service.errors import VeredictoError
from service.payloads import (
    CompareRequest,
    GenerateRequest,
    PredictProbaRequest,
    PredictRequest,
    TransformRequest,
    encode,
)
from service.settings import Settings

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
WATCH_EVERY_S = 0.25
LONGEST_ERROR = 4000
"""Characters: texts quote what the client sent, and need not send all of it back."""
_BEHIND = frozenset(
    {"/metrics", "/schema.json", "/static_content/swagger-ui.css", "/static_content/swagger-ui-bundle.js"}
)
_PLAIN_JSON = (b"content-type", JSON)
_WATCHED = frozenset({b"content-type", b"content-encoding"})
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
        self._pool = ThreadPoolExecutor(_n_threads(), thread_name_prefix="veredicto")
        self._calls = {
            "/predict": Call("/predict", PredictRequest, plane.predict, inline_bytes=64_000),
            "/predict_proba": Call(
                "/predict_proba", PredictProbaRequest, plane.predict_proba, inline_bytes=16_000, query=("top",)
            ),
            "/compare": Call("/compare", CompareRequest, plane.compare, inline_bytes=4_000),
            "/transform": Call("/transform", TransformRequest, plane.transform, inline_bytes=16_000),
            "/generate": Call(
                "/generate", GenerateRequest, plane.generate, inline_bytes=NEVER_INLINE, picture=plane.generate_grid
            ),
        }
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
            await self._behind(scope, receive, send)
        else:
            try:
                response = self._view(scope["path"], scope["method"])
            except VeredictoError as error:
                response = _error(error)
            except Exception:
                response = _defect(scope)
            body = b"" if scope["method"] == "HEAD" else response.body
            await send({"type": "http.response.start", "status": response.status, "headers": _headers(response)})
            await send({"type": "http.response.body", "body": body})

    async def _answer_call(self, call: Call, scope: Message, receive: Receive, send: Send) -> None:
        started = perf_counter()
        task = asyncio.current_task()
        self._in_flight[task] = started
        if not self._is_watching:
            self._watch()
        try:
            response = await self._run_call(call, scope, receive)
        except VeredictoError as error:
            response = _error(error)
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
        call.metrics.record(response.status, perf_counter() - started)
        await send({"type": "http.response.start", "status": response.status, "headers": _headers(response)})
        await send({"type": "http.response.body", "body": response.body})

    async def _run_call(self, call: Call, scope: Message, receive: Receive) -> Response:
        if len(self._in_flight) > self._settings.max_in_flight:
            raise self._overloaded()
        for header in scope["headers"]:
            if header[0] in _WATCHED and header != _PLAIN_JSON:
                self._check_header(*header)
        message = await receive()
        whole = message["type"] == "http.request" and not message.get("more_body")
        body = message["body"] if whole else await self._read_rest(scope, message, receive)
        if len(body) > self._settings.max_body_bytes:
            raise self._too_large(len(body))
        if len(body) <= call.inline_bytes:
            return call(body, scope)
        # Off the event loop, so that a large request does not delay the small ones.
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, call, body, scope)

    async def _read_rest(self, scope: Message, message: Message, receive: Receive) -> bytes:
        """A body that did not come at once; not read to its end where its announced length is over the limit."""
        for name, value in scope["headers"]:
            if name == b"content-length" and int(value) > self._settings.max_body_bytes:
                raise self._too_large(int(value))
        body = bytearray()
        while message["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body") or len(body) > self._settings.max_body_bytes:
                return bytes(body)
            message = await receive()
        raise ClientLeft

    def _check_header(self, name: bytes, value: bytes) -> None:
        """The body is JSON, or nothing is said of it."""
        text = value.decode("latin-1").strip().lower()
        if name == b"content-type" and text.partition(";")[0].strip() not in ("application/json", ""):
            raise errors.UnsupportedMediaType(
                f"expected Content-Type application/json, got {text!r}; with curl: -H 'Content-Type: application/json'"
            )
        if name == b"content-encoding" and text not in ("identity", ""):
            raise errors.UnsupportedMediaType(f"content encoding {text!r} is not taken here: send the JSON as it is")

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

    def _view(self, path: str, method: str) -> Response:
        """The answer to anything but a POST to a call."""
        allowed = self._allowed_methods(path)
        if not allowed:
            return _json({"error": f"unknown path {path[:200]!r}; GET /docs lists what there is"}, status=404)
        if method not in allowed:
            text = f"{method} is not taken by {path[:200]}; allowed: {', '.join(allowed)}"
            headers = ((b"allow", ", ".join(allowed).encode()),)
            return _json({"error": text}, status=405, headers=headers)
        view = self._views.get(path)
        return view() if view else _json(self._plane.describe_model(path.removeprefix("/models/")))

    def _allowed_methods(self, path: str) -> tuple[str, ...]:
        if path in self._calls:
            return ("POST",)
        if path in self._views or path in _BEHIND or path.startswith("/models/"):
            return ("GET", "HEAD")
        return ()

    def _ready(self) -> Response:
        reason = self._plane.why_not_ready()
        if reason is None:
            return _json({"ready": True, "models": len(self._plane.registry.models)})
        return _json({"error": f"not ready: {reason}"}, status=503, headers=((b"retry-after", RETRY_AFTER_S),))

    def _overloaded(self) -> errors.Overloaded:
        return errors.Overloaded(
            f"{len(self._in_flight) - 1} requests are being answered already, the limit is "
            f"{self._settings.max_in_flight} (VEREDICTO_MAX_IN_FLIGHT): try again"
        )

    def _too_large(self, n_bytes: int) -> errors.TooLarge:
        return errors.TooLarge(
            f"a body of {n_bytes} bytes is over the limit of {self._settings.max_body_bytes} bytes "
            "(VEREDICTO_MAX_BODY_BYTES): send the rows in several requests"
        )

    def _deadline_passed(self) -> errors.DeadlinePassed:
        return errors.DeadlinePassed(
            f"no answer within {self._settings.deadline_s} s (VEREDICTO_DEADLINE_S), counted from the request's arrival"
        )


def _n_threads() -> int:
    """As many as this process may use processors, where the system says which."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


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


def _headers(response: Response) -> list[tuple[bytes, bytes]]:
    length = b"%d" % len(response.body)
    return [(b"content-type", response.content_type), (b"content-length", length), *response.headers]
