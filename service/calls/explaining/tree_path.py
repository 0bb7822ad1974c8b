"""The path of a single tree is the list of comparisons that lead a row to its leaf."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_card import FeatureInput
from service.models.model import Model
from service.models.parsing.tree_ensemble import COMPARISONS, TreeEnsemble

_SIGNS = ("<=", "<", ">=", ">", "=", "!=")
_OPPOSITES = {"<=": ">", "<": ">=", ">=": "<", ">": "<=", "=": "!=", "!=": "="}
assert len(_SIGNS) == len(COMPARISONS)


def find_path(
    model: Model, ensemble: TreeEnsemble, row: NDArray[np.float32]
) -> list[dict[str, Any]]:
    """Returns the comparisons that hold of a row, from the root of the tree to its leaf.

    A column that stands for a category's value is compared with that value: it is the row's, or it is not.
    """
    columns = ensemble.encoding.apply(row[None])
    goes = ensemble.compare(columns)[:, 0]
    node = _find_root(ensemble)

    path = []
    while ensemble.mode[node] >= 0:
        column = int(ensemble.column[node])
        value = float(columns[0, column])
        threshold = ensemble.threshold[node]
        sign = _SIGNS[ensemble.mode[node]]
        child = ensemble.on_true[node]
        if not goes[node]:
            sign = _OPPOSITES[sign]
            child = ensemble.on_false[node]

        path.append(_describe(model, ensemble, column, sign, threshold, value))
        node = int(child)

    return path


def _find_root(ensemble: TreeEnsemble) -> int:
    """Returns the first node that is no child of another."""
    children = np.concatenate([ensemble.on_true, ensemble.on_false])
    is_child = np.zeros(len(ensemble.mode), dtype=np.bool_)
    is_child[children[children >= 0]] = True

    return int(np.flatnonzero(~is_child)[0])


def _describe(
    model: Model,
    ensemble: TreeEnsemble,
    column: int,
    sign: str,
    threshold: np.float32,
    value: float,
) -> dict[str, Any]:
    given = model.card.input
    assert isinstance(given, FeatureInput)
    source = ensemble.encoding.source
    index = column if source is None else int(source[column])
    feature = given.features[index]
    if feature.values and source is not None:
        # A category has its columns side by side, in the order of its values.
        first_column = int(np.flatnonzero(source == index)[0])
        named = feature.values[column - first_column]
        sign = "=" if value == 1 else "!="
        return {"feature": feature.name, "condition": sign, "threshold": named}

    return {"feature": feature.name, "condition": sign, "threshold": threshold}
