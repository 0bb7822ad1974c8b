"""The data plane's HTTP: an ASGI callable ahead of BentoML's own application.

BentoML's middleware costs several times what a small prediction does, so requests of the contract are
answered here and never reach it; what this module does not know (lifespan, metrics, the SDK's schema) goes
behind. What that stack would have done is done here: limits, deadline, metrics, errors as JSON.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from service import errors
from service.calls.data_plane import DataPlane
from service.contract.codec import encode
from service.contract.requests import (
    CompareRequest,
    ExplainRequest,
    FeedbackRequest,
    GenerateRequest,
    PredictProbaRequest,
    PredictRequest,
    TransformRequest,
)
from service.errors import VeredictoError
from service.execution.admission import (
    LONGEST_ERROR,
    Admission,
    ClientLeft,
    report_defect,
)
from service.execution.batching import Batches
from service.execution.metrics import flush_routes
from service.execution.run import Promised, Work
from service.http.lifespan import ASGIApp, Receive, Send
from service.http.open_inference import PREFIX, Protocol
from service.http.route import (
    BEGUN,
    NEVER_INLINE,
    PNG,
    Call,
    Later,
    Message,
    Response,
    Route,
    takes_pictures,
)
from service.http.uvicorn_protocol import Wire, list_headers
from service.reference import document
from service.settings import Settings

STATUSES: dict[type[VeredictoError], int] = {
    errors.InvalidRequest: 400,
    errors.NotFound: 404,
    errors.TooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.Overloaded: 503,
    errors.DeadlinePassed: 504,
    errors.Defect: 500,
}
RETRY_AFTER_S = b"1"
LAYERS = "/layers"
TASKS = "/tasks/"
COMPARISON = "/comparison"
_BEHIND = frozenset(
    {
        "/metrics",
        "/schema.json",
        "/static_content/swagger-ui.css",
        "/static_content/swagger-ui-bundle.js",
    }
)
_HTML = b"text/html; charset=utf-8"
_PAGES = Path(__file__).parent.parent / "pages"


class Application:
    """Answers the contract's routes and passes the rest to the application behind it."""

    def __init__(
        self,
        plane: DataPlane,
        settings: Settings,
        admission: Admission,
        batches: Batches,
        *,
        behind: ASGIApp,
    ) -> None:
        self._plane = plane
        self._behind = behind
        self._admission = admission
        self._models = admission.models
        self._batches = batches
        self._protocol = Protocol(plane, settings)
        self._calls: dict[str, Route] = (
            _make_calls(plane, settings) | self._protocol.calls
        )
        self.wire = Wire(stuck_s=settings.deadline_s)
        self.express = {route.encode(): call for route, call in self._calls.items()}
        """What may be answered at once, by the whole URL."""
        self._views: dict[str, Callable[[], Response]] = {
            "/": partial(_page, "home.html"),
            "/docs": partial(_page, "docs.html"),
            "/docs.json": partial(_json, document.describe_interface(plane.cards())),
            "/models": lambda: _json(plane.list_models()),
            "/livez": lambda: _json({"live": True}),
            "/healthz": lambda: _json({"live": True}),
            "/readyz": self._ready,
        }

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        is_post = scope["type"] == "http" and scope["method"] == "POST"
        call = self._calls.get(scope["path"]) if is_post else None
        if call is None:
            await self._answer_other(scope, receive, send)
            return

        started = perf_counter()

        try:
            response = await self._admission.attend(
                self._run_call(call, scope, receive), started, scope["path"]
            )
        except VeredictoError as error:
            response = _error(error)
        except ClientLeft:
            return

        self._count(call, response, started)
        await self.wire.send(response, send)

    def answer_at_once(
        self, call: Route, body: bytes, scope: Message
    ) -> Response | Work | Promised | Later | None:
        """The answer to a small request, or what is left of it; None where it is no small one, or one too many."""
        started = perf_counter()
        try:
            given = call.read_headers(scope["headers"])
            if (
                len(body) > call.most_bytes(given)
                or not call.is_small(body, given)
                or not self._admission.has_room()
            ):
                return None

            done = call(body, scope, given)
        except VeredictoError as error:
            self._models.fail(error, perf_counter() - started)
            done = _error(error)
        except Exception:
            done = _error(report_defect(scope["path"]))

        if isinstance(done, Response):
            self._count(call, done, started)

        return done

    def _count(self, call: Route, response: Response, started: float) -> None:
        seconds = perf_counter() - started
        call.metrics.record(response.status, seconds)
        if response.runs:
            self._models.succeed(response.runs, seconds)

    async def _answer_other(self, scope: Message, receive: Receive, send: Send) -> None:
        """What is no call: a view, or for the application behind."""
        is_http = scope["type"] == "http"
        if not is_http or (
            scope["path"] in _BEHIND and scope["method"] in ("GET", "HEAD")
        ):
            if is_http:
                flush_routes()
                self._models.flush()
            await self._behind(scope, receive, send)
            return

        try:
            response = self._view(scope) or await self._compare_live(scope["path"])
        except VeredictoError as error:
            response = _error(error)
        except Exception:
            response = _error(report_defect(f"{scope['method']} {scope['path'][:200]}"))

        body = b"" if scope["method"] == "HEAD" else response.body
        await send(
            {
                "type": "http.response.start",
                "status": response.status,
                "headers": list_headers(response),
            }
        )
        await send({"type": "http.response.body", "body": body})

    async def _run_call(
        self, call: Route, scope: Message, receive: Receive
    ) -> Response:
        self._admission.check_room()
        begun = scope.get(BEGUN)
        if begun is None:
            done = await self._begin(call, scope, receive)
        else:
            done = begun
            await receive()  # the body, of which this is made

        if isinstance(done, Later):
            done = await self._batches.offload(done.go_on)

        if isinstance(done, Response):
            return done

        if isinstance(done, Promised):
            await asyncio.wrap_future(done.done)
            promised: Response = done.answer
            return promised

        return await self._carry_out(done, receive)

    async def _begin(
        self, call: Route, scope: Message, receive: Receive
    ) -> Response | Work | Promised | Later:
        """What the call makes of the body, once that is there."""
        given = call.read_headers(scope["headers"])
        limit = call.most_bytes(given)
        for name, value in scope["headers"]:
            if name == b"content-length" and int(value) > limit:  # not waited for
                raise self._admission.too_large(int(value), limit)

        message = await receive()
        whole = message["type"] == "http.request" and not message.get("more_body")
        body = (
            message["body"] if whole else await self._read_rest(message, receive, limit)
        )
        if len(body) > limit:
            raise self._admission.too_large(len(body), limit)
        if call.is_small(body, given):
            return call(body, scope, given)

        return await self._batches.offload(call, body, scope, given)

    async def _carry_out(self, work: Work, receive: Receive) -> Response:
        """The answer to work that takes its time; given up where the client leaves, which raises ClientLeft."""
        carrying = asyncio.ensure_future(self._batches.carry_out(work))
        leaving = asyncio.ensure_future(receive())

        try:
            await asyncio.wait((carrying, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not carrying.done():
                raise ClientLeft
            response, ran = carrying.result()
        finally:
            carrying.cancel()
            leaving.cancel()

        finished: Response = response._replace(runs=(ran,))

        return finished

    async def _read_rest(self, message: Message, receive: Receive, limit: int) -> bytes:
        """A body that did not come at once; not read to its end where that is over the limit."""
        body = bytearray()
        while message["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body") or len(body) > limit:
                return bytes(body)
            message = await receive()

        raise ClientLeft

    async def _compare_live(self, path: str) -> Response:
        """Read from a file and computed in a thread."""
        task = path.removeprefix(TASKS).removesuffix(COMPARISON)
        return Response(
            200,
            await self._batches.offload(lambda: encode(self._plane.compare_live(task))),
        )

    def _view(self, scope: Message) -> Response | None:
        """The answer to anything but a POST to a call; None to a live comparison, which takes its time."""
        path = scope["path"]
        method = scope["method"]
        allowed = self._allowed_methods(path)
        if not allowed:
            return _json(
                {
                    "error": f"unknown path {path[:200]!r}; GET /docs lists what there is"
                },
                status=404,
            )

        if method not in allowed:
            text = (
                f"{method} is not taken by {path[:200]}; allowed: {', '.join(allowed)}"
            )
            headers = ((b"allow", ", ".join(allowed).encode()),)
            return _json({"error": text}, status=405, headers=headers)

        view = self._views.get(path)
        if view:
            return view()
        if path.startswith(PREFIX):
            return self._protocol.view(path)
        if path.startswith(TASKS):
            return None

        name = path.removeprefix("/models/")
        if not name.endswith(LAYERS):
            return _json(self._plane.describe_model(name))

        png = (
            self._plane.gallery.draw_filters(name.removesuffix(LAYERS))
            if takes_pictures(scope)
            else None
        )
        if png is not None:
            return Response(200, png, content_type=PNG)

        return _json(self._plane.gallery.describe_layers(name.removesuffix(LAYERS)))

    def _allowed_methods(self, path: str) -> tuple[str, ...]:
        if path in self._calls:
            return ("POST",)
        if path in self._views or path in _BEHIND or path.startswith("/models/"):
            return ("GET", "HEAD")
        if path.startswith(TASKS) and path.endswith(COMPARISON):
            return ("GET", "HEAD")

        return self._protocol.allows(path) if path.startswith(PREFIX) else ()

    def _ready(self) -> Response:
        reason = self._plane.why_not_ready()
        if reason is None:
            return _json({"ready": True, "models": len(self._plane.registry.versions)})

        return _json(
            {"error": f"not ready: {reason}"},
            status=503,
            headers=((b"retry-after", RETRY_AFTER_S),),
        )


def _make_calls(plane: DataPlane, settings: Settings) -> dict[str, Route]:
    calls = (
        Call(
            "/predict",
            PredictRequest,
            plane.predict,
            settings,
            inline_bytes=64_000,
            takes_images=True,
        ),
        Call(
            "/predict_proba",
            PredictProbaRequest,
            plane.predict_proba,
            settings,
            inline_bytes=16_000,
            query=("top",),
            takes_images=True,
        ),
        Call(
            "/compare",
            CompareRequest,
            plane.compare,
            settings,
            inline_bytes=4_000,
            takes_images=True,
        ),
        Call(
            "/feedback", FeedbackRequest, plane.feedback, settings, inline_bytes=64_000
        ),
        Call(
            "/transform",
            TransformRequest,
            plane.transform,
            settings,
            inline_bytes=16_000,
            takes_images=True,
        ),
        Call(
            "/explain",
            ExplainRequest,
            plane.gallery.explain,
            settings,
            inline_bytes=16_000,
            picture=plane.gallery.draw_explanation,
            takes_images=True,
        ),
        Call(
            "/generate",
            GenerateRequest,
            plane.gallery.generate,
            settings,
            inline_bytes=NEVER_INLINE,
            picture=plane.gallery.generate_grid,
        ),
    )
    return {call.route: call for call in calls}


def _error(error: VeredictoError) -> Response:
    status = STATUSES[type(error)]
    headers = ((b"retry-after", RETRY_AFTER_S),) if status == 503 else ()
    return _json({"error": str(error)[:LONGEST_ERROR]}, status=status, headers=headers)


def _json(
    answer: Any, status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> Response:
    return Response(status=status, body=encode(answer), headers=headers)


def _page(name: str) -> Response:
    return Response(status=200, body=(_PAGES / name).read_bytes(), content_type=_HTML)
