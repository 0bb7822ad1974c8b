"""The repository's routes list what is in the model folder, and load and unload models by request."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from service.calls.data_plane import DataPlane
from service.contract.limits import Limits
from service.errors import InvalidRequest
from service.execution.metrics import RouteMetrics
from service.execution.pipeline import BodyLimits, Cost
from service.execution.run import Pending, Reply
from service.http.responses import respond
from service.models.graph import Graph
from service.open_inference import metadata

INDEX = "/v2/repository/index"
MODEL_ROUTE = "/v2/repository/models/{name}"
MAX_SMALL_BYTES = 64_000
"""A body that is no larger is read on the event loop."""
_MODEL_PATH = re.compile(
    r"/v2/repository/models/(?P<name>[^/]+)/(?P<action>load|unload)"
)
_T = TypeVar("_T")


class IndexRequest(msgspec.Struct):
    """A request for the index may ask for nothing but what is ready."""

    ready: bool | None = False


class ModelRequest(msgspec.Struct):
    """A request to load or unload a model may have parameters."""

    parameters: dict[str, Any] | None = None


class IndexRoute:
    """This route is POST to the repository's index: what is served, and what was refused and why."""

    path = INDEX
    graph: Graph | None = None

    def __init__(self, plane: DataPlane, limits: Limits) -> None:
        self.metrics = RouteMetrics(INDEX)
        self._plane = plane
        self._limits = limits

    def read_head(
        self, headers: Iterable[tuple[bytes, bytes]], query: bytes = b""
    ) -> BodyLimits:
        """Returns the limits alone: one field of the body matters."""
        return BodyLimits(self._limits.max_json_bytes, MAX_SMALL_BYTES)

    def decode(self, body: bytes, head: BodyLimits) -> IndexRequest:
        """Returns the request in a body; raises InvalidRequest."""
        return _decode(body, IndexRequest, '{"ready": true or false}')

    def find_cost(self, request: IndexRequest) -> Cost:
        """Returns that it is small: the list is short."""
        return Cost.SMALL

    def answer(self, request: IndexRequest, head: BodyLimits) -> Reply:
        """Returns the list of what is in the folder."""
        registry = self._plane.registry
        return Reply(
            respond(metadata.list_repository(registry, only_ready=bool(request.ready)))
        )


class ModelRoute:
    """This route is POST to the loading or the unloading of one name, known or not."""

    graph: Graph | None = None

    def __init__(
        self, plane: DataPlane, name: str, action: str, metrics: RouteMetrics
    ) -> None:
        self.metrics = metrics
        self.path = f"{MODEL_ROUTE}/{action}"
        self._name = name
        self._ask = getattr(plane.repository, action)

    def read_head(
        self, headers: Iterable[tuple[bytes, bytes]], query: bytes = b""
    ) -> BodyLimits:
        """Returns the limit of bodies, which have hardly anything to say."""
        return BodyLimits(MAX_SMALL_BYTES, MAX_SMALL_BYTES)

    def decode(self, body: bytes, head: BodyLimits) -> ModelRequest:
        """Returns the request in a body; raises InvalidRequest."""
        return _decode(body, ModelRequest, '{"parameters": {}}')

    def find_cost(self, request: ModelRequest) -> Cost:
        """Returns that it is small: the loading itself is waited for without a thread."""
        return Cost.SMALL

    def answer(self, request: ModelRequest, head: BodyLimits) -> Pending:
        """Returns the reply that is true once all workers have loaded or unloaded the model."""
        pending: Pending = self._ask(self._name, request.parameters or {})
        return pending.encode_with(respond)


class ModelRoutes:
    """These routes are found by their path, since a name may be one that is not served yet."""

    def __init__(self, plane: DataPlane) -> None:
        self._plane = plane
        self._metrics = {
            action: RouteMetrics(f"{MODEL_ROUTE}/{action}")
            for action in ("load", "unload")
        }

    def find(self, path: str) -> ModelRoute | None:
        """Returns the route of a path, or None."""
        match = _MODEL_PATH.fullmatch(path)
        if match is None:
            return None

        action = match["action"]
        return ModelRoute(self._plane, match["name"], action, self._metrics[action])


def _decode(body: bytes, kind: type[_T], expected: str) -> _T:
    """Returns the request in a body, which may be empty; raises InvalidRequest."""
    if not body.strip():
        return kind()

    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(f"expected {expected}, or nothing: {error}") from error
