"""The Open Inference Protocol v2 over HTTP: its routes, and Triton's extensions that are announced.

The protocol: github.com/kserve/open-inference-protocol. The extensions: triton-inference-server/server, docs/protocol.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from time import perf_counter_ns
from typing import Any, NamedTuple

import msgspec

from service.calls.data_plane import DataPlane
from service.contract.codec import encode
from service.errors import (
    InvalidRequest,
    NotFound,
    UnsupportedMediaType,
    VeredictoError,
)
from service.execution.metrics import RouteMetrics
from service.execution.run import Ran, Work, do_or_defer
from service.http.infer_body import Answer, Bodies
from service.http.route import JSON, Message, Response
from service.models.graph import Graph
from service.open_inference import compression, metadata
from service.settings import Settings

PREFIX = "/v2"
HEADER_LENGTH = b"inference-header-content-length"
OCTETS = b"application/octet-stream"
INFER_ROUTE = "/v2/models/{name}/infer"
INDEX = "/v2/repository/index"
LEAST_COMPRESSED = 1024
"""Bytes: shorter answers do not get shorter."""
LONGEST_LENGTH = 10
"""Digits of a number of bytes."""
INLINE_BYTES = 64_000
INLINE_TENSOR_BYTES = 1_000_000
"""Of tensors that need no reading; how many rows they hold is looked at again."""
_MODEL_PATH = re.compile(
    r"/v2/models/(?P<name>[^/]+)(?:/versions/(?P<version>[^/]+))?(?P<what>/ready|/config|/stats)?"
)


class Given(NamedTuple):
    """What a request's headers say: the length of its JSON, how it is packed, and what packing is taken."""

    header_length: int | None = None
    compression: str = ""
    taken: str = ""


class InferRoute:
    """POST to the inference of one model; the same to the front as a `Call`."""

    route = INFER_ROUTE

    def __init__(self, graph: Graph, settings: Settings, metrics: RouteMetrics) -> None:
        self.metrics = metrics
        self._graph = graph
        self._settings = settings
        self._bodies = Bodies(graph, settings)

    def read_headers(self, headers: Iterable[tuple[bytes, bytes]]) -> Given | None:
        """None where there is nothing but JSON; raises InvalidRequest or UnsupportedMediaType."""
        found = {name: value for name, value in headers if name in _READ}
        return _read_given(found) if found else None

    def most_bytes(self, given: Given | None) -> int:
        """Of its body, unpacked."""
        settings = self._settings
        has_bytes = given is not None and given.header_length is not None
        return (
            max(settings.max_body_bytes, settings.max_image_bytes)
            if has_bytes
            else settings.max_body_bytes
        )

    def is_small(self, body: bytes, given: Given | None) -> bool:
        """Whether it is answered sooner than a thread is found."""
        if self._graph.takes_images or (given and given.compression):
            return False
        if given is None or not given.header_length:
            return len(body) <= INLINE_BYTES
        return given.header_length <= INLINE_BYTES and len(body) <= INLINE_TENSOR_BYTES

    def __call__(
        self,
        body: bytes,
        scope: Message,
        given: Given | None,  # noqa: ARG002
    ) -> Response | Work:
        started_ns = perf_counter_ns()
        given = given or Given()

        try:
            if given.compression:
                most = self.most_bytes(given)
                body = compression.unpack(
                    body, given.compression, most, self._settings.name_limit(most)
                )

            work = self._bodies.plan(body, given.header_length)
            return do_or_defer(work, partial(_respond, given.taken), started_ns)
        except VeredictoError as error:
            error.model = self._graph
            raise


class IndexRoute:
    """POST to the repository's index: what is served, and what was refused and why."""

    route = INDEX

    def __init__(self, plane: DataPlane, settings: Settings) -> None:
        self.metrics = RouteMetrics(INDEX)
        self._plane = plane
        self._settings = settings

    def read_headers(self, headers: Iterable[tuple[bytes, bytes]]) -> None:  # noqa: ARG002
        return None

    def most_bytes(self, given: None) -> int:  # noqa: ARG002
        return self._settings.max_body_bytes

    def is_small(self, body: bytes, given: None) -> bool:  # noqa: ARG002
        return True

    def __call__(self, body: bytes, scope: Message, given: None) -> Response:  # noqa: ARG002
        only_ready = _IndexRequest() if not body.strip() else _decode_index(body)
        return _json(
            metadata.list_repository(self._plane.registry, only_ready=only_ready.ready)
        )


class _IndexRequest(msgspec.Struct):
    ready: bool = False


class Protocol:
    """The protocol's routes over what is served."""

    def __init__(self, plane: DataPlane, settings: Settings) -> None:
        self._plane = plane
        self._settings = settings
        metrics = RouteMetrics(INFER_ROUTE)
        self.calls: dict[str, Any] = {INDEX: IndexRoute(plane, settings)}

        for name, versions in plane.registry.versions.items():
            for graph in (
                versions.values()
            ):  # the latest comes last, and stands for the name alone
                call = InferRoute(graph, settings, metrics)
                self.calls[f"/v2/models/{name}/versions/{graph.version}/infer"] = call
                self.calls[f"/v2/models/{name}/infer"] = call

        self._views: Mapping[str, Callable[[], Response]] = {
            "/v2": lambda: _json(metadata.describe_server()),
            "/v2/": lambda: _json(metadata.describe_server()),
            "/v2/models/stats": lambda: _json(metadata.count(plane.registry)),
            "/v2/health/live": lambda: _json({"live": True}),
            "/v2/health/ready": self._ready,
        }

    def allows(self, path: str) -> tuple[str, ...]:
        """The methods of a path below `/v2`; raises NotFound."""
        if path in self.calls:
            return ("POST",)

        if path not in self._views and not _MODEL_PATH.fullmatch(path):
            if path.endswith("/infer") and (
                match := _MODEL_PATH.fullmatch(path.removesuffix("/infer"))
            ):
                self._plane.registry.find_graph(match["name"], match["version"])
            raise NotFound(
                f"unknown path {path[:200]!r}; GET /v2 and GET /docs say what there is"
            )

        return ("GET", "HEAD")

    def view(self, path: str) -> Response:
        """The answer to a GET; raises NotFound."""
        if path in self._views:
            return self._views[path]()

        match = _MODEL_PATH.fullmatch(path)
        assert match is not None  # allowed
        registry = self._plane.registry
        if match["what"] == "/stats":
            return _json(
                metadata.count(registry.chosen(match["name"], match["version"]))
            )

        graph = registry.find_graph(match["name"], match["version"])
        if match["what"] == "/ready":
            return _json(metadata.ModelReady(name=graph.name, ready=True))
        if match["what"] == "/config":
            return _json(metadata.configure(graph, self._settings))

        return _json(
            metadata.describe_model(graph, list(registry.versions[graph.name]))
        )

    def _ready(self) -> Response:
        reason = self._plane.why_not_ready()
        if reason is None:
            return _json({"ready": True, "live": True})

        return Response(
            503,
            encode({"error": f"not ready: {reason}"}),
            headers=((b"retry-after", b"1"),),
        )


def _respond(taken: str, answer: Answer, runs: tuple[Ran, ...]) -> Response:
    """JSON, and bytes after it where there are any; packed where that is taken and makes it shorter."""
    content, parts = answer
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content_type = JSON
    if parts:
        headers = ((HEADER_LENGTH, b"%d" % len(content)),)
        content = b"".join([content, *parts])
        content_type = OCTETS

    kind = _choose_packing(taken) if taken and len(content) >= LEAST_COMPRESSED else ""
    if kind:
        content = compression.pack(content, kind)
        headers = (*headers, (b"content-encoding", kind.encode()))

    return Response(200, content, content_type, headers, runs)


_READ = frozenset({HEADER_LENGTH, b"content-encoding", b"accept-encoding"})


def _read_given(found: Mapping[bytes, bytes]) -> Given:
    length = found.get(HEADER_LENGTH)
    if length is not None and not (length.isdigit() and len(length) <= LONGEST_LENGTH):
        raise InvalidRequest(
            f"Inference-Header-Content-Length: expected a number of bytes, got {length[:40].decode('latin-1')!r}"
        )

    if len(found) == 1 and length is not None:
        return Given(int(length))

    kind = found.get(b"content-encoding", b"").decode("latin-1").strip().lower()
    if kind not in (*compression.KINDS, "identity", ""):
        raise UnsupportedMediaType(
            f"content encoding {kind[:40]!r} is not taken: gzip, deflate or none"
        )

    taken = found.get(b"accept-encoding", b"").decode("latin-1").lower()

    return Given(
        None if length is None else int(length), kind.replace("identity", ""), taken
    )


def _choose_packing(taken: str) -> str:
    """The first of what the client takes."""
    for each in taken.split(","):
        name, _, quality = each.strip().partition(";")
        if name.strip() in compression.KINDS and quality.replace(" ", "") not in (
            "q=0",
            "q=0.0",
        ):
            return name.strip()
    return ""


def _decode_index(body: bytes) -> _IndexRequest:
    try:
        return msgspec.json.decode(body, type=_IndexRequest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(
            f'expected {{"ready": true or false}}, or nothing: {error}'
        ) from error


def _json(document: Any) -> Response:
    return Response(200, encode(document))
