"""A graph's own words on its answers are read here: contributions of features, or neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.calls.explaining.contributions import find_class, list_contributions
from service.calls.explaining.shapley import Attribution
from service.models import cancellation
from service.models.model import Model

Rows = NDArray[np.float32]

CONTRIBUTIONS, NEIGHBORS = "contributions", "neighbors"
_EXTRAS = ("contributions", "base", "neighbor", "neighbor_distance", "neighbor_class")


def find_graph_method(model: Model) -> str | None:
    """Returns the method that the graph itself has outputs for; None without such outputs."""
    if "contributions" in model.extras:
        return CONTRIBUTIONS
    if "neighbor_class" in model.extras:
        return NEIGHBORS
    return None


def explain_by_graph(
    model: Model, features: Rows, class_name: str | None
) -> list[dict[str, Any]]:
    """Returns for each row what its graph says: what its features add to the score, or the neighbours that decided.

    Where there are contributions, base and contributions sum to the value of a regressor, or to the score of the class:
    the logarithm of its odds for two classes, and for more what the softmax takes.
    """
    found = [name for name in _EXTRAS if name in model.extras]
    names = model.output_names + found
    values = model.run_outputs(names, features)
    outputs = dict(zip(names, values, strict=True))

    rows = cancellation.watch(enumerate(features))
    if "contributions" in outputs:
        return [
            _read_contributions(model, row, outputs, index, class_name)
            for index, row in rows
        ]

    return [_read_neighbors(model, outputs, index) for index, _ in rows]


def _read_contributions(
    model: Model, row: Rows, outputs: dict[str, Any], index: int, name: str | None
) -> dict[str, Any]:
    contributions = outputs["contributions"][index]
    bases = outputs["base"]
    if model.card.kind == "regressor":
        value = outputs["value"][index]
        given = Attribution(bases[0], value, contributions[:, 0])
        answer = {"prediction": value, "method": CONTRIBUTIONS, "explains": "value"}
        return answer | list_contributions(model, row, given)

    predicted = int(outputs["label"][index])
    chosen = predicted if name is None else find_class(model, name)
    # Of two classes there is one column, that of the second; the first has the opposite.
    is_single = contributions.shape[1] == 1
    column = 0 if is_single else chosen
    sign = -1 if is_single and chosen == 0 else 1
    of_class = contributions[:, column]
    total = bases[column] + of_class.sum()
    given = Attribution(sign * bases[column], sign * total, sign * of_class)

    answer = {
        "prediction": model.classes[predicted],
        "class": model.classes[chosen],
        "probability": outputs["probabilities"][index, chosen],
        "method": CONTRIBUTIONS,
        "explains": "log odds" if is_single else "score",
    }

    return answer | list_contributions(model, row, given)


def _read_neighbors(
    model: Model, outputs: dict[str, Any], index: int
) -> dict[str, Any]:
    label = int(outputs["label"][index])
    neighbors = zip(
        outputs["neighbor"][index].tolist(),
        outputs["neighbor_distance"][index],
        outputs["neighbor_class"][index].tolist(),
        strict=True,
    )
    return {
        "prediction": model.classes[label],
        "probability": outputs["probabilities"][index, label],
        "method": NEIGHBORS,
        "neighbors": [
            {"row": row, "distance": distance, "class": model.classes[each]}
            for row, distance, each in neighbors
        ],
    }
