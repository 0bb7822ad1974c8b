"""The views answer GET: pages, models, tasks, probes, and the protocol's descriptions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from service.calls.data_plane import DataPlane
from service.contract.codec import encode
from service.errors import InvalidRequest, NotReady, VeredictoError, hint_at
from service.execution.batching import Batches
from service.execution.metrics import render_metrics
from service.http.open_inference import PREFIX, OpenInferenceRoutes
from service.http.openapi_document import OpenAPIDocument
from service.http.page_security import protect_page
from service.http.platforms import PREFIX as V1
from service.http.platforms import PlatformRoutes
from service.http.request_bodies.forms import read_parameters
from service.http.responses import (
    HTML,
    METRICS,
    PNG,
    Message,
    Response,
    respond,
    respond_to_error,
)
from service.http.route import takes_pictures
from service.http.static_files import COURSES, PAGES, StaticFiles, prefers_html
from service.http.static_files import MODELS as LIST
from service.http.static_files import PREFIX as STATIC

HOME = "/"
MODELS = "/models/"
LAYERS = "/layers"
LEARNT = "/learnt"
TASKS = "/tasks/"
COMPARISON = "/comparison"
VERDICT = "/verdict"
TO_LABEL = "/to-label"
EXAMPLES = "/examples"
FIELDS: dict[str, tuple[str, ...]] = {
    COMPARISON: ("by", "curves"),
    VERDICT: ("by", "curves"),
    EXAMPLES: ("hard", "n"),
    TO_LABEL: ("n", "wanted"),
}
"""The query of each view of a task may have these fields."""
METRICS_PATH = "/metrics"
INTERFACE = "/docs.json"
CLASSES = tuple(f"{each}/" for each in COURSES)
READ_ONLY = ("GET", "HEAD")
PROBES = ("/livez", "/healthz", "/readyz", "/v2/health/live", "/v2/health/ready")
_PAGES = Path(__file__).parent.parent / "pages"


class Views:
    """The views answer GET and HEAD."""

    def __init__(
        self,
        plane: DataPlane,
        batches: Batches,
        protocol: OpenInferenceRoutes,
        platforms: PlatformRoutes,
    ) -> None:
        self._plane = plane
        self._platforms = platforms
        self._batches = batches
        self._protocol = protocol
        self._static = StaticFiles(_PAGES)
        self._openapi = OpenAPIDocument(plane, protocol, platforms)
        self._fixed: dict[str, Callable[[], Response]] = {
            "/docs": partial(_show_page, "docs.html"),
            LIST: lambda: respond(plane.list_models(), headers=((b"vary", b"accept"),)),
            "/livez": self._show_liveness,
            "/healthz": self._show_liveness,
            "/readyz": self._show_readiness,
        }

    def follow(self) -> None:
        """Describes the interface anew, whose examples are of the models that are served."""
        self._openapi.forget()

    @property
    def names(self) -> tuple[str, ...]:
        """Returns the paths that a person may write with a slash too many."""
        return (*self._fixed, *PAGES, METRICS_PATH, INTERFACE)

    def allowed_methods(self, path: str) -> tuple[str, ...]:
        """Returns the methods of a path, none for an unknown one; raises NotFound for one of a protocol."""
        if path in self._fixed or path in PAGES or path in COURSES:
            return READ_ONLY
        if path in (HOME, METRICS_PATH, INTERFACE):
            return READ_ONLY
        if path.startswith((MODELS, STATIC, *CLASSES)) and path != MODELS:
            return READ_ONLY
        if path.startswith(TASKS) and path.endswith(tuple(FIELDS)):
            return READ_ONLY
        if path.startswith(V1):
            return self._platforms.allowed_methods(path)
        if path.startswith(PREFIX):
            return self._protocol.allowed_methods(path)

        return ()

    async def show(self, scope: Message) -> Response:
        """Returns the answer to a path that is allowed; raises VeredictoError."""
        path = scope["path"]
        view = self._fixed.get(path)
        is_page = path == LIST and prefers_html(scope["headers"])
        if view is not None and not is_page:
            return view()
        if path == HOME:
            return self._static.show_home(scope["headers"])
        if path in COURSES or path.startswith(CLASSES):
            return self._static.show_course(path, scope["headers"])
        if path in PAGES:
            return self._static.show_page(path, scope["headers"])
        if path.startswith(STATIC):
            return self._static.show(path, scope["headers"])
        if path in (INTERFACE, METRICS_PATH):
            return await self._show_written(path)
        if path.startswith(PREFIX):
            return self._protocol.view(path)
        if path.startswith(V1):
            return self._platforms.view(path)
        if path.startswith(TASKS):
            return await self._show_task(path, scope["query_string"])

        # Cards are large, and a network's layers are looked at: 5 to 30 ms.
        name = path.removeprefix(MODELS)
        return await self._batches.offload(self._show_model, name, scope)

    async def _show_written(self, path: str) -> Response:
        """Returns what a thread writes: the metrics of all workers, or the document with its examples."""
        if path == METRICS_PATH:
            metrics = await asyncio.to_thread(render_metrics)
            return Response(200, metrics, METRICS)

        document = await self._batches.offload(self._openapi.write)
        return Response(200, document)

    def _show_model(self, name: str, scope: Message) -> Response:
        if name.endswith(LEARNT):
            return respond(self._plane.list_learnt(name.removesuffix(LEARNT)))
        if not name.endswith(LAYERS):
            registry = self._plane.registry
            is_page = prefers_html(scope["headers"])
            if is_page and name in registry.versions and not registry.has_card(name):
                return self._static.show_graph(scope["headers"])

            described = self._plane.describe_model(name)
            if is_page:
                return self._static.show_model(scope["headers"])
            return respond(described, headers=((b"vary", b"accept"),))

        name = name.removesuffix(LAYERS)
        pictures = self._plane.pictures
        if takes_pictures(scope["headers"]):
            png = pictures.draw_filters(name)
            if png is not None:
                return Response(200, png, PNG)

        return respond(pictures.describe_layers(name))

    async def _show_task(self, path: str, query: bytes) -> Response:
        """Returns what a view tells of a task, which is computed in a thread."""
        task, _, name = path.removeprefix(TASKS).rpartition("/")
        view = f"/{name}"
        plane = self._plane

        def show() -> bytes:
            options = _read_options(query, FIELDS[view])
            if view == COMPARISON:
                return encode(plane.compare_live(task, **options))
            if view == EXAMPLES:
                return encode(plane.list_examples(task, **options))
            if view == TO_LABEL:
                return encode(plane.list_to_label(task, **options))
            return encode(plane.judge(task, **options))

        body = await self._batches.offload(show)
        return Response(200, body)

    def list_probes(
        self, other_paths: Mapping[str, str]
    ) -> dict[bytes, Callable[[], Response]]:
        """Returns the views that a probe asks, by their paths and by others; any thread may call them."""
        paths = {path: path for path in PROBES}
        paths |= {path: ours for path, ours in other_paths.items() if ours in PROBES}
        return {
            path.encode(): partial(self._probe, ours) for path, ours in paths.items()
        }

    def _probe(self, path: str) -> Response:
        view = self._fixed.get(path)
        try:
            if view is None:
                return self._protocol.view(path)
            return view()
        except VeredictoError as error:
            return respond_to_error(error)

    def _show_liveness(self) -> Response:
        """Says that the event loop turns, or by 503 that it does not."""
        reason = self._plane.lifecycle.why_not_live()
        if reason is not None:
            return respond_to_error(NotReady(f"not live: {reason}"))
        return respond({"live": True})

    def _show_readiness(self) -> Response:
        try:
            self._plane.check_ready()
        except NotReady as error:
            return respond_to_error(error)
        return respond({"ready": True, "models": self._plane.registry.count()})


def _read_options(query: bytes, known: tuple[str, ...]) -> dict[str, str]:
    """Returns the fields of a view's query; raises InvalidRequest for one that is not known, or comes again."""
    fields = read_parameters(query)
    unknown = sorted(set(fields) - set(known))
    if unknown:
        first = unknown[0]
        hint = hint_at(first, known)
        raise InvalidRequest(
            f"query: unknown field {first!r}{hint}; known fields: {', '.join(known)}"
        )

    return fields


def _show_page(name: str) -> Response:
    page = (_PAGES / name).read_bytes()
    return Response(200, page, HTML, protect_page(page))
