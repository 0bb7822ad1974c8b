"""These are the Open Inference Protocol's routes over HTTP, with the extensions of Triton's that are announced.

The protocol is at github.com/kserve/open-inference-protocol, the extensions at triton-inference-server/server,
docs/protocol.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import NamedTuple

from service.calls.data_plane import DataPlane
from service.contract.calls import NEVER_INLINE
from service.contract.limits import Limits
from service.errors import (
    InvalidRequest,
    NotFound,
    UnsupportedMediaType,
)
from service.execution.metrics import RouteMetrics
from service.execution.pipeline import Cost
from service.execution.run import Run
from service.http.repository import INDEX, IndexRoute, ModelRoute, ModelRoutes
from service.http.request_bodies.infer_body import InferAnswer, InferBodyCodec
from service.http.responses import JSON, Response, respond
from service.models.graph import Graph
from service.models.registry import LATEST
from service.open_inference import compression, metadata
from service.open_inference.inference import InferenceRequest
from service.settings import Settings

PREFIX = "/v2"
HEADER_LENGTH = b"inference-header-content-length"
ENCODING = b"content-encoding"
OCTETS = b"application/octet-stream"
INFER_ROUTE = "/v2/models/{name}/infer"
MIN_COMPRESSED_BYTES = 1024
"""Answers of fewer bytes are sent as they are, since compression does not shorten them."""
MAX_DIGITS = 10
"""A number of bytes in a header has at most this many digits."""
MAX_INLINE_BYTES = 64_000
MAX_INLINE_TEXT_BYTES = 16_000
"""The texts of 64,000 bytes took 14 ms of the event loop."""
TEXT_TENSOR = "tensor(string)"
MAX_INLINE_TENSOR_BYTES = 1_000_000
"""A body of tensors, which need no parsing, is answered on the event loop up to this size."""
_MODEL_PATH = re.compile(
    r"/v2/models/(?P<name>[^/]+)(?:/versions/(?P<version>[^/]+))?(?P<view>/ready|/config|/stats)?"
)


class InferHead(NamedTuple):
    """The headers say how long the JSON is, how it is compressed, and which compressions the client takes."""

    max_bytes: int
    max_inline_bytes: int
    header_length: int | None = None
    compression: str = ""
    accepted: str = ""


class InferRoute:
    """This route is POST to the inference of one graph."""

    path = INFER_ROUTE

    def __init__(self, graph: Graph, limits: Limits, metrics: RouteMetrics) -> None:
        self.metrics = metrics
        self.graph: Graph | None = graph
        self._limits = limits
        self._takes_texts = any(
            each.type == TEXT_TENSOR for each in graph.inputs.values()
        )
        self._plain = InferHead(limits.max_json_bytes, self._find_inline_bytes(None))
        self._codec = InferBodyCodec(graph, limits)

    def read_head(
        self,
        headers: Iterable[tuple[bytes, bytes]],
        query: bytes = b"",
    ) -> InferHead:
        """Reads the headers that matter here; raises InvalidRequest or UnsupportedMediaType."""
        read = [each for each in headers if each[0] in _READ]
        if not read:
            return self._plain

        found = dict(read)

        length = _read_length(found.get(HEADER_LENGTH))
        # Several fields of a name are one list.
        encodings = [value for name, value in read if name == ENCODING]
        kind = _read_compression(b",".join(encodings)) if encodings else ""
        limits = self._limits
        max_bytes = limits.max_json_bytes if length is None else limits.max_bytes
        max_inline_bytes = NEVER_INLINE if kind else self._find_inline_bytes(length)
        accepted = found.get(b"accept-encoding", b"").decode("latin-1").lower()

        return InferHead(max_bytes, max_inline_bytes, length, kind, accepted)

    def _find_inline_bytes(self, header_length: int | None) -> int:
        """Returns the longest body that takes no thread: little JSON, whatever tensors follow it, and no images."""
        assert self.graph is not None
        if self.graph.takes_images:
            return NEVER_INLINE
        if self._takes_texts:
            # Each text becomes an object of its own.
            return MAX_INLINE_TEXT_BYTES
        if not header_length:
            return MAX_INLINE_BYTES

        is_short = header_length <= MAX_INLINE_BYTES
        return MAX_INLINE_TENSOR_BYTES if is_short else NEVER_INLINE

    def decode(self, body: bytes, head: InferHead) -> InferenceRequest:
        """Returns the request in a body; raises InvalidRequest or TooLarge."""
        if head.compression:
            limit = head.max_bytes
            body = compression.decompress(
                body, head.compression, limit, self._limits.name(limit)
            )

        return self._codec.decode(body, head.header_length)

    def find_cost(self, request: InferenceRequest) -> Cost:
        """Returns that it is small: a small body is answered where it was read."""
        return Cost.SMALL

    def answer(self, request: InferenceRequest, head: InferHead) -> Run:
        """Returns the run that the request asks for."""
        return self._codec.plan(request).encode_with(partial(_respond, head.accepted))


class OpenInferenceRoutes:
    """The protocol has routes and views for every served graph."""

    def __init__(self, plane: DataPlane, settings: Settings) -> None:
        self._plane = plane
        self._settings = settings
        self._limits = Limits(settings)
        self._metrics = RouteMetrics(INFER_ROUTE)
        self._index = IndexRoute(plane, self._limits)
        self._model_routes = ModelRoutes(plane)
        self._by_graph: dict[Graph, InferRoute] = {}
        self.routes: dict[str, InferRoute | IndexRoute] = {}
        self.follow()

        self._views: Mapping[str, Callable[[], Response]] = {
            "/v2": self._describe_server,
            "/v2/": self._describe_server,
            "/v2/models/stats": lambda: respond(
                metadata.describe_statistics(plane.registry)
            ),
            "/v2/health/live": lambda: respond({"live": True}),
            "/v2/health/ready": self._show_readiness,
        }

    def follow(self) -> None:
        """Makes the routes of what is served now; a graph that was served before keeps its route."""
        before = self._by_graph
        self._by_graph = {}
        routes: dict[str, InferRoute | IndexRoute] = {INDEX: self._index}
        for name, versions in self._plane.registry.versions.items():
            for graph in versions.values():
                route = before.get(graph)
                if route is None:
                    route = InferRoute(graph, self._limits, self._metrics)
                self._by_graph[graph] = route
                routes[f"/v2/models/{name}/versions/{graph.version}/infer"] = route
                # The latest version comes last, and keeps these paths.
                routes[f"/v2/models/{name}/infer"] = route
                routes[f"/v2/models/{name}/versions/{LATEST}/infer"] = route

        self.routes = routes

    def is_change(self, path: str) -> bool:
        """Returns whether a path is one of those that load and unload models, which take POST alone."""
        return self._model_routes.find(path) is not None

    def find_model_route(self, path: str) -> ModelRoute | None:
        """Returns the route that loads or unloads a model, or None for any other path."""
        return self._model_routes.find(path)

    def allowed_methods(self, path: str) -> tuple[str, ...]:
        """Returns the methods of a path below `/v2`; raises NotFound."""
        if path in self.routes or self.find_model_route(path) is not None:
            return ("POST",)

        if path in self._views or _MODEL_PATH.fullmatch(path):
            return ("GET", "HEAD")

        if path.endswith("/infer"):
            match = _MODEL_PATH.fullmatch(path.removesuffix("/infer"))
            if match:
                self._plane.registry.find_graph(match["name"], match["version"])

        raise NotFound(
            f"unknown path {path[:200]!r}; GET /v2 and GET /docs say what there is"
        )

    def view(self, path: str) -> Response:
        """Returns the answer to a GET; raises NotFound."""
        if path in self._views:
            return self._views[path]()

        match = _MODEL_PATH.fullmatch(path)
        assert match is not None
        name, version, view = match.groups()
        registry = self._plane.registry
        if view == "/stats":
            graphs = registry.find_graphs(name, version)
            return respond(metadata.describe_statistics(graphs))

        graph = registry.find_graph(name, version)
        if view == "/ready":
            return respond(metadata.ModelReady(name=graph.name, ready=True))
        if view == "/config":
            return respond(metadata.describe_config(graph, self._settings))

        versions = list(registry.versions.get(graph.name, {}))

        return respond(metadata.describe_model(graph, versions))

    def _describe_server(self) -> Response:
        return respond(metadata.describe_server(self._settings))

    def _show_readiness(self) -> Response:
        self._plane.check_ready()
        return respond({"ready": True, "live": True})


def _respond(accepted: str, answer: InferAnswer) -> Response:
    """Returns JSON with the bytes after it, compressed where the client takes that and it makes them shorter."""
    content, parts = answer
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content_type = JSON
    if parts:
        headers = ((HEADER_LENGTH, b"%d" % len(content)),)
        content = b"".join([content, *parts])
        content_type = OCTETS

    is_long = accepted != "" and len(content) >= MIN_COMPRESSED_BYTES
    kind = compression.choose(accepted) if is_long else ""
    if kind:
        content = compression.compress(content, kind)
        headers = (*headers, (b"content-encoding", kind.encode()))

    return Response(200, content, content_type, headers)


_READ = frozenset({HEADER_LENGTH, ENCODING, b"accept-encoding"})


_SAME = {"x-gzip": "gzip"}
"""RFC 9110, 8.4.1.3 has old names that mean the same."""


def _read_length(value: bytes | None) -> int | None:
    """Returns the length of the JSON ahead of tensors; None where no header says it."""
    if value is None:
        return None

    if not (value.isdigit() and len(value) <= MAX_DIGITS):
        raise InvalidRequest(
            f"Inference-Header-Content-Length: expected a number of bytes, got {value[:40].decode('latin-1')!r}"
        )

    return int(value)


def _read_compression(value: bytes) -> str:
    """Returns the compression of the body; empty where there is none."""
    text = value.decode("latin-1").strip().lower()
    named = [each.strip() for each in text.split(",")]
    kinds = [_SAME.get(each, each) for each in named if each not in ("identity", "")]
    if len(kinds) > 1 or not compression.KINDS.keys() >= set(kinds):
        raise UnsupportedMediaType(
            f"content encoding {text[:40]!r} is not taken: gzip, deflate or none"
        )

    return kinds[0] if kinds else ""
