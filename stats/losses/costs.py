"""This module decides what to say when mistakes cost differently, and computes what that costs.

Axes: costs `(n_classes, n_classes)`, rows are true classes, columns what is said; probabilities `(n_rows, n_classes)`;
truth `(n_rows,)` has indices of classes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stats.groups import Groups

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

N_FOLDS = 5
SEED = 0
"""Folds are drawn from this seed: the same rows are in the same ones."""
ROUNDING = 1e-12
"""Expected costs that differ by less, for a cost of 1, are equal: the first class is said."""


def decide(probabilities: Floats, costs: Floats) -> Labels:
    """Returns the class of the least expected cost for each row, `(n_rows,)`; Elkan, IJCAI 2001, section 1."""
    expected = probabilities @ costs
    scale = max(1.0, float(np.abs(costs).max()))
    is_least = expected <= expected.min(axis=1, keepdims=True) + ROUNDING * scale
    said: Labels = is_least.argmax(axis=1).astype(np.int64)

    return said


def find_costs(said: Labels, truth: Labels, costs: Floats) -> Floats:
    """Returns what each answer costs, `(n_rows,)`."""
    found: Floats = costs[truth, said]
    return found


def find_threshold(costs: Floats) -> float | None:
    """Returns the probability of the second of two classes from which on it is the cheaper one to say.

    It is None where one of the two is never dearer, so that it is said whatever the probability is, and where the
    classes are not two; Elkan, IJCAI 2001, equation 2.
    """
    if len(costs) != 2:
        return None

    of_false_alarm = costs[0, 1] - costs[0, 0]
    of_miss = costs[1, 0] - costs[1, 1]
    if of_false_alarm <= 0 or of_miss <= 0:
        return None

    return float(of_false_alarm / (of_false_alarm + of_miss))


def choose_threshold(second: Floats, truth: Labels, costs: Floats) -> float:
    """Returns the threshold of the second class's probability `(n_rows,)` that costs least on these rows.

    It lies halfway between two probabilities; of equals the one is taken that says the second class most rarely.
    """
    order = np.argsort(-second, kind="stable")
    ranked = second[order]
    changes = costs[truth, 1] - costs[truth, 0]
    totals = np.concatenate([[0.0], np.cumsum(changes[order])])

    # A threshold lies between two unlike probabilities, or beyond all of them.
    is_lower = ranked[1:] < ranked[:-1]
    is_place = np.concatenate([[True], is_lower, [True]])
    places = np.flatnonzero(is_place)
    cheapest = np.argmin(totals[places])
    place = int(places[cheapest])

    above = 1.0 if place == 0 else float(ranked[place - 1])
    below = 0.0 if place == len(ranked) else float(ranked[place])
    if place == 0 and below >= 1:
        return float(np.nextafter(1.0, 2.0))

    return (above + below) / 2


def cross_costs(
    second: Floats, truth: Labels, costs: Floats, groups: Groups | None = None
) -> Floats:
    """Returns what each row costs with the threshold that costs least on the other folds, `(n_rows,)`.

    A threshold that was chosen on the rows that it is judged on looks cheaper than it is. Groups are never parted.
    """
    folds = find_folds(len(truth), groups)
    found = np.empty(len(truth))

    for fold in range(N_FOLDS):
        inside = folds == fold
        if not inside.any():
            continue
        others = inside if inside.all() else ~inside
        threshold = choose_threshold(second[others], truth[others], costs)
        said = (second[inside] >= threshold).astype(np.int64)
        found[inside] = find_costs(said, truth[inside], costs)

    return found


def find_folds(n_rows: int, groups: Groups | None) -> Labels:
    """Returns the fold of each row, `(n_rows,)`, from 0 to 4, drawn at random; rows of one group are in one."""
    members = np.arange(n_rows) if groups is None else groups
    distinct, inverse = np.unique(members, return_inverse=True)
    order = np.random.default_rng(SEED).permutation(len(distinct))
    folds: Labels = order[inverse] % N_FOLDS

    return folds


def find_cheapest_class(truth: Labels, costs: Floats) -> tuple[int, float]:
    """Returns the class that it costs least to say always, and its mean cost."""
    means = costs[truth].mean(axis=0)
    cheapest = int(means.argmin())

    return cheapest, float(means[cheapest])
