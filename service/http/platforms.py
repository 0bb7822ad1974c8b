"""Platforms have paths of their own for what this server answers elsewhere, and v1 of KServe's protocol.

`/ping`, and the paths of VEREDICTO_HEALTH_ROUTE and VEREDICTO_PREDICT_ROUTE, are other paths of ours. Version 1 of the
protocol is that of TensorFlow Serving: `POST /v1/models/NAME:predict`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from service.calls.data_plane import DataPlane
from service.calls.invocations import find_model
from service.contract.calls import CALLS
from service.contract.limits import Limits
from service.contract.requests import InvocationsRequest
from service.errors import InvalidRequest, NotFound
from service.execution.metrics import RouteMetrics
from service.execution.pipeline import Cost
from service.execution.run import Outcome
from service.http.responses import Response, respond
from service.http.route import CallHead, ContractRoute
from service.models.graph import Graph
from service.settings import Settings

PREFIX = "/v1/models"
PREDICT_ROUTE = "/v1/models/{name}:predict"
INVOCATIONS = "/invocations"
PING = "/ping"
READY = "/readyz"
_MODEL_PATH = re.compile(r"/v1/models/(?P<name>[^/:]+)(?P<predict>:predict)?")


def list_other_paths(settings: Settings) -> dict[str, str]:
    """Returns the paths that stand for paths of ours."""
    paths = {PING: READY}
    if settings.health_route is not None:
        paths[settings.health_route] = READY
    if settings.predict_route is not None:
        paths[settings.predict_route] = INVOCATIONS
    return paths


class PredictRoute:
    """`POST /v1/models/NAME:predict` is a call of the contract whose path names the model."""

    path = PREDICT_ROUTE
    graph: Graph | None = None

    def __init__(self, name: str, call: ContractRoute, metrics: RouteMetrics) -> None:
        self.metrics = metrics
        self._name = name
        self._call = call

    def read_head(
        self, headers: Iterable[tuple[bytes, bytes]], query: bytes = b""
    ) -> CallHead:
        """Reads the headers that matter here; raises UnsupportedMediaType."""
        return self._call.read_head(headers, query)

    def decode(self, body: bytes, head: CallHead) -> InvocationsRequest:
        """Returns the request in a body, for the model of the path; raises InvalidRequest."""
        request: InvocationsRequest = self._call.decode(body, head)
        parameters = request.parameters or {}
        named = parameters.get("model")
        if named not in (None, self._name):
            raise InvalidRequest(
                f"parameters.model: expected {self._name[:100]!r}, which the path names, or none, got {named[:100]!r}"
            )

        request.parameters = {**parameters, "model": self._name}

        return request

    def find_cost(self, request: InvocationsRequest) -> Cost:
        """Returns whether the rows take a thread to read."""
        return self._call.find_cost(request)

    def answer(self, request: InvocationsRequest, head: CallHead) -> Outcome:
        """Returns the run that the request asks for."""
        return self._call.answer(request, head)


class PlatformRoutes:
    """The routes of version 1 of the protocol are found by name when they are asked for."""

    def __init__(self, plane: DataPlane, limits: Limits) -> None:
        [call] = [each for each in CALLS if each.route == INVOCATIONS]
        self.invocations = ContractRoute(call, plane.invocations, None, limits)
        self._plane = plane
        self._metrics = RouteMetrics(PREDICT_ROUTE)

    def find(self, path: str) -> PredictRoute | None:
        """Returns the route of a path, whether or not there is a model of that name; None for any other path."""
        match = _MODEL_PATH.fullmatch(path)
        if match is None or match["predict"] is None:
            return None
        return PredictRoute(match["name"], self.invocations, self._metrics)

    def allowed_methods(self, path: str) -> tuple[str, ...]:
        """Returns the methods of a path below `/v1/models`; raises NotFound."""
        if path == PREFIX:
            return ("GET", "HEAD")

        match = _MODEL_PATH.fullmatch(path)
        if match is None:
            raise NotFound(
                f"unknown path {path[:200]!r}; POST {PREDICT_ROUTE} and GET {PREFIX}/NAME are there"
            )

        return ("POST",) if match["predict"] else ("GET", "HEAD")

    def view(self, path: str) -> Response:
        """Returns the names of all models that have a card, or the state of one; raises NotFound."""
        registry = self._plane.registry
        if path == PREFIX:
            return respond({"models": [*registry.models, *self._list_aliases()]})

        match = _MODEL_PATH.fullmatch(path)
        assert match is not None
        name = match["name"]

        return respond(_describe_state(name, find_model(registry, name).version))

    def _list_aliases(self) -> list[str]:
        registry = self._plane.registry
        return [
            alias
            for alias, name in registry.aliases.items()
            if alias and name in registry.models
        ]


def _describe_state(name: str, version: str) -> Mapping[str, Any]:
    """Returns a model's state as KServe's clients read it, and as those of TensorFlow Serving do."""
    status = {
        "version": version,
        "state": "AVAILABLE",
        "status": {"error_code": "OK", "error_message": ""},
    }
    return {"name": name, "ready": True, "model_version_status": [status]}
