"""Contributions are listed as answers have them, by the names of features and classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_card import FeatureInput
from service.calls.explaining.shapley import Attribution
from service.errors import InvalidRequest
from service.models.model import Model

Rows = NDArray[np.float32]


def find_class(model: Model, name: str) -> int:
    """Returns the index of a class; raises InvalidRequest, which lists the classes."""
    if name not in model.classes:
        raise InvalidRequest(
            f"class: unknown class {name[:100]!r}; classes: {', '.join(model.classes)}"
        )
    return model.classes.index(name)


def list_contributions(
    model: Model, row: Rows, attribution: Attribution
) -> dict[str, Any]:
    """Returns base, total and what each feature of a row adds to the base, the largest in magnitude first."""
    given = model.card.input
    assert isinstance(given, FeatureInput)
    values = model.decode(row)
    assert isinstance(values, list)
    added, errors = attribution.values, attribution.errors
    contributions = []
    for each in np.argsort(-np.abs(added), kind="stable").tolist():
        contribution = {
            "feature": given.features[each].name,
            "value": values[each],
            "contribution": float(added[each]),
        }
        if errors is not None:
            contribution["standard_error"] = float(errors[each])
        contributions.append(contribution)

    return {
        "base": float(attribution.base),
        "total": float(attribution.total),
        "contributions": contributions,
    }
