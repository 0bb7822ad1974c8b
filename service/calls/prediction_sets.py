"""A prediction set has so many classes that it holds the true one with a wanted probability."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model_card import CardError
from row_records import MAX_PROBABILITY_CODE, HeldOut
from service.errors import InvalidRequest
from service.models.model import Model
from stats.risk_coverage import find_set_threshold


def find_thresholds(model: Model, coverage: float) -> NDArray[np.float64]:
    """Returns the probability from which on each class belongs to a set, `(n_classes,)`.

    Each class has a threshold of its own where the held-out rows of all classes are enough for it: sets then hold each
    class with the wanted probability (Vovk, JMLR W&CP 25, 2012). Else all classes have one, and sets hold the truth
    with that probability on the whole. It raises InvalidRequest where the model is no classifier, or its file keeps no
    held-out answers.
    """
    if model.card.kind != "classifier":
        raise InvalidRequest(
            f"coverage: {model.name} is a {model.card.kind}, and only classifiers have prediction sets: leave it out"
        )

    record = _read(model)
    rows = np.arange(len(record.truth))
    if record.groups is not None:
        _, rows = np.unique(record.groups, return_index=True)  # equal rows say it once

    truth = record.truth[rows]
    of_truth = record.probabilities[rows, truth]
    n_classes = record.probabilities.shape[1]
    of_classes = [
        find_set_threshold(of_truth[truth == each], coverage)
        for each in range(n_classes)
    ]
    if None in of_classes:
        of_classes = [find_set_threshold(of_truth, coverage)] * n_classes

    return np.array([each or 0.0 for each in of_classes])


def collect_sets(
    classes: tuple[str, ...],
    probabilities: NDArray[np.float32],
    thresholds: NDArray[np.float64],
) -> list[list[str]]:
    """Returns each row's classes that reach their thresholds, the most probable first, which is always there."""
    belongs = probabilities >= thresholds - limit_rounding(thresholds, len(classes))
    order = np.argsort(-probabilities, axis=1, kind="stable")
    belongs[np.arange(len(order)), order[:, 0]] = True

    return [
        [classes[each] for each in ranked if mine[each]]
        for ranked, mine in zip(order.tolist(), belongs.tolist(), strict=True)
    ]


def limit_rounding(kept: NDArray[np.float64], n_classes: int) -> NDArray[np.float64]:
    """Returns by how much a kept probability may be over the one that was answered, alike `kept`.

    Half a step of its code is its own, half a step of each class is in the sum that it was divided by, in its
    proportion, and half a step is for the sum of float32 probabilities. So rows that are as probable as a threshold
    reach it, of which models with few distinct probabilities have many.
    """
    return (2 + n_classes * kept) / (2 * MAX_PROBABILITY_CODE)


def _read(model: Model) -> HeldOut:
    try:
        record = model.held_out
    except CardError as error:
        raise InvalidRequest(f"coverage: {model.name}: {error}") from None

    if record is None:
        raise InvalidRequest(
            f"coverage: the file of {model.name} keeps no answers to held-out rows, which sets are made from: "
            "train the model again, or leave it out"
        )

    return record
