"""A comparison's request names classifiers and true classes, which are looked up here."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from service.contract.requests import CompareRequest
from service.errors import InvalidRequest, hint_at
from service.models.model import Model
from service.models.registry import Registry


def select_classifiers(registry: Registry, request: CompareRequest) -> list[Model]:
    """Returns the classifiers that a request names, in its order, or all of its task.

    It raises NotFound for an unknown task, and InvalidRequest for no names, one twice, or one of another model.
    """
    classifiers = registry.task(request.task)
    if request.models is None:
        return classifiers

    models = {model.name: model for model in classifiers}
    names = request.models
    if not names or len(set(names)) < len(names):
        raise InvalidRequest(
            f"models: expected different names, at least one, got {names}"
        )

    unknown = [name for name in names if name not in models]
    if unknown:
        known = ", ".join(models)
        hint = hint_at(unknown[0], models)
        raise InvalidRequest(
            f"models: {unknown[0]!r} is not a classifier of the task {request.task!r}{hint}; "
            f"its classifiers: {known}"
        )

    return [models[name] for name in names]


def index_labels(
    labels: list[str | int], model: Model, *, n_rows: int
) -> NDArray[np.int64]:
    """Returns the class indices `(n_rows,)` of the labels that a client sent; 3 means the class "3"."""
    if len(labels) != n_rows:
        raise InvalidRequest(
            f"labels: expected {n_rows}, one for each row of inputs, got {len(labels)}"
        )

    index = {name: position for position, name in enumerate(model.classes)}
    unknown = [label for label in labels if str(label) not in index]
    if unknown:
        hint = hint_at(str(unknown[0]), index)
        raise InvalidRequest(
            f"labels: unknown class {unknown[0]!r}{hint}; classes: {', '.join(index)}"
        )

    return np.array([index[str(label)] for label in labels], dtype=np.int64)
