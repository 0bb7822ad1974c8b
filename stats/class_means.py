"""Balanced accuracy and macro F1 are means over the classes of a confusion matrix; both have their intervals here.

Axes: confusion `(n_classes, n_classes)` counts rows; its rows are true classes, its columns predicted ones.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats.binomial import wilson
from stats.metric import describe, without_interval

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

REPLICATES = 1000
SEED = 0
"""The draws are seeded: the same rows have the same interval."""
PRIOR = 0.5
"""So much is added to the hits of each class; of two classes the whole prior is that of Jeffreys."""
MIN_ROWS_OF_CLASS = 5
"""Of three classes or more each has so many rows where their mean has an interval: fewer say too little of a class."""


class Margins(NamedTuple):
    """Margins are those of confusion matrices: hits, true and predicted rows of each class, `(..., n_classes)` each."""

    hits: NDArray[Any]
    true: NDArray[Any]
    predicted: NDArray[Any]


def balanced_accuracy(
    confusion: Counts, effects: Floats | None = None
) -> dict[str, Any]:
    """Returns the mean recall over the classes that have rows, with an interval where all have enough.

    The Wilson limits of two recalls, which are independent, are joined (MOVER; Zou and Donner, Stat. Med. 27, 2008,
    1693). Of several classes they would not hold: recalls of 1 have no upper half, whose sum is missed. Their interval
    is that of `macro_f1`. `effects` has the design effect of each class, where rows belong together.
    """
    true = confusion.sum(axis=1)
    hits = np.diagonal(confusion)
    there = true > 0
    recalls = hits[there] / true[there]
    value = float(recalls.mean())
    if reason := find_scarcity(true):
        return without_interval(value, reason)

    counts = _discount(confusion, effects)
    if len(true) > 2:
        margins = _draw_margins(counts)
        drawn = (margins.hits / margins.true).mean(axis=1)
        return describe(value, _find_middle(drawn))

    n_hits = np.diagonal(counts)
    n_rows = counts.sum(axis=1)
    limits = [wilson(*each) for each in zip(n_hits, n_rows, strict=True)]
    low, high = np.array(limits).T
    below = np.sqrt(((recalls - low) ** 2).sum()) / len(recalls)
    above = np.sqrt(((high - recalls) ** 2).sum()) / len(recalls)

    return describe(value, (max(0.0, value - below), min(1.0, value + above)))


def macro_f1(confusion: Counts, effects: Floats | None = None) -> dict[str, Any]:
    """Returns the mean F1 over the classes that are true or predicted, with an interval where all have enough rows.

    The interval has the middle 95 % of the values of matrices drawn from their posterior, a Dirichlet distribution:
    Caelen, Ann. Math. Artif. Intell. 81 (2017); Toetsch and Hoffmann, PeerJ CS 7 (2021). A plain bootstrap could never
    fill a cell that happens to be empty.
    """
    value = float(_mean_f1(_sum_margins(confusion)))
    if reason := find_scarcity(confusion.sum(axis=1)):
        return without_interval(value, reason)

    drawn = _mean_f1(_draw_margins(_discount(confusion, effects)))

    return describe(value, _find_middle(drawn))


def find_scarcity(rows: Counts) -> str | None:
    """Returns why a mean over classes with so many rows each has no interval, None where it has one."""
    n_classes = len(rows)
    n_absent = int((rows == 0).sum())
    if n_absent:
        return f"no interval: {n_absent} of {n_classes} classes {has_or_have(n_absent)} no row in `labels`"

    n_rare = int((rows < MIN_ROWS_OF_CLASS).sum())
    if n_rare and n_classes > 2:
        few = f"{n_rare} of {n_classes} classes {has_or_have(n_rare)} fewer than {MIN_ROWS_OF_CLASS} rows"
        return f"no interval: {few} in `labels`"

    return None


def has_or_have(count: int) -> str:
    """Returns the verb of so many things."""
    return "has" if count == 1 else "have"


def _discount(confusion: Counts, effects: Floats | None) -> Floats:
    """Returns the counts of as many independent rows as these are worth."""
    if effects is None:
        return confusion.astype(np.float64)
    return confusion / effects[:, None]


def _find_middle(values: Floats) -> tuple[float, float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def _mean_f1(margins: Margins) -> Floats:
    """Returns the mean F1 over the classes that are true or predicted somewhere, `(...)`."""
    either = margins.true + margins.predicted
    f1 = 2 * margins.hits / np.where(either > 0, either, 1)
    mean: Floats = f1.sum(axis=-1) / (either > 0).sum(axis=-1)

    return mean


def _sum_margins(confusion: Counts) -> Margins:
    """Returns the margins of one matrix, `(n_classes,)` each."""
    return Margins(
        hits=np.diagonal(confusion),
        true=confusion.sum(axis=1),
        predicted=confusion.sum(axis=0),
    )


def _draw_margins(counts: Floats) -> Margins:
    """Returns the margins of matrices drawn from the posterior, `(REPLICATES, n_classes)` each, up to a factor.

    A Dirichlet draw is one of gamma variables up to their sum, on which neither mean depends. The prior adds half a row
    to the hits of each class and one row in all to the misses, however many classes there are: half a row in each of
    all cells would outweigh the rows. Cells with misses are drawn one by one; the prior's part of a class's empty cells
    is drawn at once and spread evenly, since of many classes nearly all cells are empty.
    """
    n_classes = len(counts)
    generator = np.random.default_rng(SEED)
    size = (REPLICATES, n_classes)
    n_hits = np.diagonal(counts)
    hits = generator.standard_gamma(n_hits + PRIOR, size=size)
    if n_classes == 1:
        return Margins(hits, hits, hits)

    true, predicted = np.nonzero(counts - np.diag(n_hits))
    share = 1 / (n_classes * (n_classes - 1))
    misses = generator.standard_gamma(
        counts[true, predicted] + share, size=(REPLICATES, len(true))
    )
    n_empty = n_classes - 1 - np.bincount(true, minlength=n_classes)
    rest = generator.standard_gamma(n_empty * share, size=size)

    classes = np.eye(n_classes)
    spread = (rest.sum(axis=1, keepdims=True) - rest) / (n_classes - 1)

    return Margins(
        hits=hits,
        true=hits + misses @ classes[true] + rest,
        predicted=hits + misses @ classes[predicted] + spread,
    )
