"""The extension of classification has the highest values of each row of an output as texts."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.errors import InvalidRequest
from service.models.cancellation import watch
from service.open_inference.tensors import widen


def classify(
    array: NDArray[Any], n_classes: int, labels: Sequence[str], where: str
) -> NDArray[Any]:
    """Returns the highest values of each row as texts `value:index:class`; of equals the first comes first.

    It raises DeadlinePassed where nobody waits for them any more.
    """
    array = widen(array)
    if array.ndim == 0 or array.dtype.kind not in "fiu":
        raise InvalidRequest(
            f"{where}: classification is of an output of numbers, with an axis of classes"
        )

    shape = (1, array.size)
    if array.ndim > 1:
        shape = (len(array), prod(array.shape[1:]))
    rows = array.reshape(shape)

    # float64 does not tell integers beyond 2**53 apart; the complement turns the order of any integers.
    keys = -rows.astype(np.float64) if array.dtype.kind == "f" else ~rows
    order = np.argsort(keys, axis=1, kind="stable")[:, :n_classes]
    texts = [
        _name_values(row[best], best, labels)
        for row, best in watch(zip(rows, order.tolist(), strict=True))
    ]

    return np.array(texts, dtype=np.object_).reshape(order.shape)


def _name_values(
    values: NDArray[Any], indices: Sequence[int], labels: Sequence[str]
) -> list[str]:
    """Returns a text for each value, with the label where its index has one."""
    texts = []
    for value, index in zip(values, indices, strict=True):
        text = f"{value}:{index}"
        if index < len(labels):
            text = f"{text}:{labels[index]}"
        texts.append(text)

    return texts
