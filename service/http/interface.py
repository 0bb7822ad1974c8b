"""The OpenAPI document as it is served: each example of a request stands beside what the models answer to it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from service.calls.data_plane import DataPlane
from service.contract.calls import CALLS
from service.contract.codec import as_json, encode, read_json
from service.errors import VeredictoError
from service.http.open_inference import PREFIX, OpenInferenceRoutes
from service.reference.document import describe_interface
from service.reference.openapi import JSON_TYPE

MAX_ITEMS = 3
"""A list in an answer that nobody asked for by an example is cut to so many items."""
_JOURNALLED = ("predict", "predict_proba", "feedback", "invocations")
"""The answers of these go into the journal, where there is one; an example is nobody's question."""


class Interface:
    """The document is written when it is first asked for, and again after the models have changed."""

    def __init__(self, plane: DataPlane, protocol: OpenInferenceRoutes) -> None:
        self._plane = plane
        self._protocol = protocol
        self._written: bytes | None = None

    def follow(self) -> None:
        """Forgets the document, whose examples are of models that may be gone."""
        self._written = None

    def write(self) -> bytes:
        """Returns the document in JSON; the first time takes the models' answers, in a thread."""
        written = self._written
        if written is None:
            written = self._written = encode(self._describe())
        return written

    def _describe(self) -> dict[str, Any]:
        described = describe_interface(self._plane.cards())
        for call in CALLS:
            operation = described["paths"][call.route]["post"]
            asked = operation["requestBody"]["content"][JSON_TYPE].get("example")
            if asked and not (self._plane.monitor and call.name in _JOURNALLED):
                _show_answer(operation, lambda: self._plane.answer(call.name, **asked))  # noqa: B023  # called at once

        for path, look in (self._list_views() | self._list_protocol(described)).items():
            _show_answer(described["paths"][path]["get"], look)

        return described

    def _list_views(self) -> dict[str, Callable[[], Any]]:
        """Returns what answers each view that has an example, by its path."""
        plane = self._plane
        names = list(plane.registry.models)
        tasks = sorted(
            {each.task for each in plane.cards() if each.kind == "classifier"}
        )
        views: dict[str, Callable[[], Any]] = {
            "/livez": lambda: {"live": True},
            "/healthz": lambda: {"live": True},
            "/readyz": lambda: {"ready": True, "models": plane.registry.count()},
            "/models": lambda: _cut(as_json(plane.list_models())),
        }
        if names:
            views["/models/{name}"] = lambda: _cut(plane.describe_model(names[0]))
            views["/models/{name}/layers"] = lambda: plane.pictures.describe_layers(
                next(each.name for each in plane.cards() if each.family == "cnn")
            )
        if tasks:
            views["/tasks/{task}/examples"] = lambda: plane.list_examples(
                tasks[0], n="1"
            )
            views["/tasks/{task}/verdict"] = lambda: _cut(
                as_json(plane.judge(tasks[0]))
            )

        return views

    def _list_protocol(self, described: dict[str, Any]) -> dict[str, Callable[[], Any]]:
        """Returns what answers each view of the protocol, by its path, of the first model in its latest version."""
        graphs = self._plane.registry.versions
        name = next(iter(graphs), "")
        version = next(reversed(graphs[name])) if name else ""

        return {
            path: partial(self._look, path.format(name=name, version=version))
            for path, operations in described["paths"].items()
            if path.startswith(PREFIX) and "get" in operations
        }

    def _look(self, path: str) -> Any:
        return read_json(self._protocol.view(path).body)


def _show_answer(operation: dict[str, Any], answer: Callable[[], Any]) -> None:
    """Puts an answer into the description of its operation; where there is none, the schema has to do."""
    try:
        example = as_json(answer())
    except (VeredictoError, StopIteration):
        return

    operation["responses"]["200"]["content"][JSON_TYPE]["example"] = example


def _cut(value: Any) -> Any:
    """Returns the value with its lists cut short: those of a card have hundreds of numbers."""
    if isinstance(value, dict):
        return {name: _cut(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_cut(each) for each in value[:MAX_ITEMS]]
    return value
