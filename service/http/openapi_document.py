"""The OpenAPI document is served with examples: each request stands beside what the models answer to it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from service.calls.data_plane import DataPlane
from service.contract.answers import LearntRows
from service.contract.calls import CALLS
from service.contract.codec import as_json, encode, read_json
from service.errors import VeredictoError
from service.execution.run import wait_for
from service.http.open_inference import PREFIX, OpenInferenceRoutes
from service.http.platforms import PREFIX as V1
from service.http.platforms import PlatformRoutes
from service.http.responses import Response
from service.http.route import HTTPRoute
from service.reference.document import describe_interface
from service.reference.openapi import JSON_TYPE

MAX_ITEMS = 3
"""A list in an answer that nobody asked for by an example is cut to so many items."""
HASHES_SHOWN = 64
"""So many characters of base64 are six hashes, whole."""
_JOURNALLED = ("predict", "predict_proba", "feedback", "invocations")
"""The answers of these go into the journal, where there is one; an example is nobody's question."""


class OpenAPIDocument:
    """The document is written when it is first asked for, and again after the models have changed."""

    def __init__(
        self,
        plane: DataPlane,
        protocol: OpenInferenceRoutes,
        platforms: PlatformRoutes,
    ) -> None:
        self._plane = plane
        self._protocol = protocol
        self._platforms = platforms
        self._written: bytes | None = None
        self._generation = 0
        """It changes with the models, so that a document that was begun before is not kept."""

    def forget(self) -> None:
        """Forgets the document, whose examples are of models that may be gone."""
        self._generation += 1
        self._written = None

    def write(self) -> bytes:
        """Returns the document in JSON; the first time takes the models' answers, in a thread."""
        written = self._written
        if written is None:
            generation = self._generation
            written = encode(self._describe())
            if generation == self._generation:
                self._written = written

        return written

    def _describe(self) -> dict[str, Any]:
        described = describe_interface(self._plane.cards())
        paths = described["paths"]
        name = _find_name(paths["/models/{name}"]["get"])

        self._show_calls(paths)
        views = self._list_views(paths)
        views |= self._list_protocol(paths, name)
        for path, look in views.items():
            _show_answer(paths[path]["get"], look)
        self._show_posts(paths, name)

        return described

    def _show_calls(self, paths: dict[str, Any]) -> None:
        """Shows what each call answers to its example, unless the answer would be journalled."""
        for call in CALLS:
            if self._plane.monitor and call.name in _JOURNALLED:
                continue

            operation = paths[call.route]["post"]
            asked = find_request(operation)
            if asked:
                answer = partial(self._plane.answer, call.name, **asked)
                _show_answer(operation, answer)

    def _list_views(self, paths: dict[str, Any]) -> dict[str, Callable[[], Any]]:
        """Returns what answers each view that has an example, by its path."""
        plane = self._plane
        task = _find_name(paths["/tasks/{task}/verdict"]["get"])
        network = _find_name(paths["/models/{name}/layers"]["get"])
        name = _find_name(paths["/models/{name}"]["get"])
        state = {"ready": True, "models": plane.registry.count()}

        return {
            "/livez": lambda: {"live": True},
            "/healthz": lambda: {"live": True},
            "/readyz": lambda: state,
            "/ping": lambda: state,
            "/models": lambda: _cut(as_json(plane.list_models())),
            "/models/{name}": lambda: _cut(plane.describe_model(name)),
            "/models/{name}/layers": lambda: plane.pictures.describe_layers(network),
            "/models/{name}/learnt": lambda: _cut_hashes(plane.list_learnt(name)),
            "/tasks/{task}/examples": lambda: plane.list_examples(task, n="1"),
            "/tasks/{task}/verdict": lambda: _cut(as_json(plane.judge(task))),
        }

    def _list_protocol(
        self, paths: dict[str, Any], name: str
    ) -> dict[str, Callable[[], Any]]:
        """Returns what answers each view of the two protocols, by its path, of one model in its latest version."""
        versions = self._plane.registry.versions.get(name, {"": None})
        latest = next(reversed(versions))
        views: dict[str, Callable[[], Any]] = {}

        for path, operations in paths.items():
            needs_model = "{name}" in path
            if "get" not in operations or (needs_model and not name):
                continue

            url = path.format(name=name, version=latest, task="", number="")
            if path.startswith(PREFIX):
                views[path] = partial(_call_view, self._protocol.view, url)
            elif path.startswith(V1):
                views[path] = partial(_call_view, self._platforms.view, url)

        return views

    def _show_posts(self, paths: dict[str, Any], name: str) -> None:
        """Shows what the routes of the two protocols answer that predict by the model of their path."""
        for path in ("/v2/models/{name}/infer", "/v1/models/{name}:predict"):
            operation = paths[path]["post"]
            url = path.format(name=name)
            route = self._protocol.routes.get(url) or self._platforms.find(url)
            asked = find_request(operation)
            if asked and route and not self._plane.monitor:
                answer = partial(_call_route, route, asked)
                _show_answer(operation, answer)


def find_request(operation: dict[str, Any]) -> Any:
    """Returns the example of a request in JSON that an operation has, or None."""
    body = operation["requestBody"]
    return body["content"][JSON_TYPE].get("example")


def _find_name(operation: dict[str, Any]) -> str:
    """Returns the first of the names that may stand in the path of an operation, or an empty text."""
    parameter = operation["parameters"][0]
    names: list[str] = parameter["schema"].get("examples", [])
    return names[0] if names else ""


def _call_view(view: Callable[[str], Response], url: str) -> Any:
    response = view(url)
    return read_json(response.body)


def _call_route(route: HTTPRoute, asked: Any) -> Any:
    head = route.read_head([])
    request = route.decode(encode(asked), head)
    reply = wait_for(route.answer(request, head))
    return read_json(reply.content.body)


def _show_answer(operation: dict[str, Any], answer: Callable[[], Any]) -> None:
    """Puts an answer into the description of its operation; where there is none, the schema has to do."""
    try:
        example = as_json(answer())
    except VeredictoError:
        return

    response = operation["responses"]["200"]
    response["content"][JSON_TYPE]["example"] = example


def _cut_hashes(learnt: LearntRows) -> LearntRows:
    """Returns the first hashes alone: there are thousands."""
    hashes = learnt["hashes"]
    if hashes is None:
        return learnt

    return {**learnt, "hashes": hashes[:HASHES_SHOWN]}


def _cut(value: Any) -> Any:
    """Returns the value with its lists cut short: those of a card have hundreds of numbers."""
    if isinstance(value, dict):
        return {name: _cut(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_cut(each) for each in value[:MAX_ITEMS]]
    return value
