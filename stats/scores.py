"""This module measures one classifier's labels and probabilities, each metric with its 95 % interval.

Axes: probabilities `(n_rows, n_classes)` float64, predictions `(n_rows,)` and truth `(n_rows,)` int64 indices of the
predicted and the true classes. There is at least one row. A metric is a dict of a value, an interval `(low, high)`, and
a reason where one of the two is None.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stats.auc import roc_auc
from stats.binomial import Z, wilson
from stats.class_means import balanced_accuracy, macro_f1
from stats.groups import Groups, design_effect, sum_by_group
from stats.metric import describe, without_interval

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Counts = NDArray[np.int64]

ECE_BINS = 15
MIN_PROBABILITY = float(np.finfo(np.float64).eps)
SPACING = 8 * MIN_PROBABILITY
"""Ends that are no further apart than this, of a value of 1, are so by rounding."""
MIN_WRONG = 10
"""A mean loss has an interval from so many wrong rows on: they carry it, and fewer hardly say how rare they are."""
A_VOTE = "every answer has a probability of 1, which is a vote and says nothing of how sure it is"
NO_PROBABILITIES = f"no interval: {A_VOTE}"


def score(
    probabilities: Floats,
    predictions: Labels,
    truth: Labels,
    groups: Groups | None = None,
) -> dict[str, Any]:
    """Returns every metric of `/compare`, and the confusion matrix `(n_classes, n_classes)`.

    Where rows belong together, `groups` has the number of each row's group, and intervals are as wide as that asks for.
    Of a model that votes the metrics of probabilities are those of what it wrote, without an interval, and the reason
    says so: where it is never wrong they are perfect, which is no merit.
    """
    confusion = confusion_matrix(predictions, truth, n_classes=probabilities.shape[1])
    is_wrong = predictions != truth
    effect, effects = _find_effects(is_wrong, truth, groups, len(confusion))
    of_probabilities = {
        "log_loss": mean_loss(log_losses(probabilities, truth), is_wrong, groups),
        "brier": mean_loss(brier_scores(probabilities, truth), is_wrong, groups),
        "ece": expected_calibration_error(probabilities, predictions, truth),
        "roc_auc": roc_auc(probabilities, truth, groups),
    }
    if is_vote(probabilities):
        of_probabilities = {
            name: mark_vote(each) for name, each in of_probabilities.items()
        }

    return {
        "accuracy": accuracy(confusion, effect),
        "balanced_accuracy": balanced_accuracy(confusion, effects),
        "macro_f1": macro_f1(confusion, effects),
        **of_probabilities,
        "confusion": confusion,
    }


def is_vote(probabilities: Floats) -> bool:
    """Returns whether every answer is certain: such a model votes, and has no probabilities to be judged by."""
    return bool((probabilities.max(axis=1) >= 1).all())


def mark_vote(metric: dict[str, Any]) -> dict[str, Any]:
    """Returns a metric of a vote's probabilities without an interval; one that is undefined keeps its reason."""
    value = metric["value"]
    return metric if value is None else without_interval(value, NO_PROBABILITIES)


def confusion_matrix(predictions: Labels, truth: Labels, *, n_classes: int) -> Counts:
    """Returns counts `(n_classes, n_classes)` as scikit-learn does: rows are true classes, columns predicted ones."""
    cells = truth * n_classes + predictions
    counts = np.bincount(cells, minlength=n_classes * n_classes)

    return counts.reshape(n_classes, n_classes)


def accuracy(confusion: Counts, effect: float = 1.0) -> dict[str, Any]:
    """Returns the share of rows predicted right, with Wilson's interval; `effect` rows are worth an independent one."""
    n_hits = int(np.trace(confusion))
    n_rows = int(confusion.sum())

    return describe(n_hits / n_rows, wilson(n_hits / effect, n_rows / effect))


def log_losses(probabilities: Floats, truth: Labels) -> Floats:
    """Returns -ln of each row's probability of its true class, `(n_rows,)`, in nats; 0 counts as 2.2e-16."""
    of_true_class = probabilities[np.arange(len(truth)), truth]
    return -np.log(np.maximum(of_true_class, MIN_PROBABILITY))


def brier_scores(probabilities: Floats, truth: Labels) -> Floats:
    """Returns the squared distance of each row to its true class, `(n_rows,)`; Brier, Mon. Weather Rev. 78 (1950) 1.

    With two classes it is halved, so that it is the squared error of one probability, as is usual.
    """
    n_classes = probabilities.shape[1]
    one_hot = np.eye(n_classes)[truth]
    distances: Floats = ((probabilities - one_hot) ** 2).sum(axis=1)

    return distances / 2 if n_classes == 2 else distances


def mean_loss(
    losses: Floats, is_wrong: NDArray[np.bool_], groups: Groups | None = None
) -> dict[str, Any]:
    """Returns the mean of losses `(n_rows,)` with the normal interval of a mean, from ten rows or groups of each kind.

    The loss of a good model is mostly that of its rare mistakes, whose number a few of them do not tell. With fewer the
    interval would hold the truth in far less than 95 % of samples, and so it would where it reached down to 0. Of a
    model that is hardly ever right the right ones are those that a sample may lack.
    """
    value = float(losses.mean())
    n_wrong, n_right = (
        int((sum_by_group(each, groups) > 0).sum()) for each in (is_wrong, ~is_wrong)
    )
    deviation = 0.0
    if n_wrong >= MIN_WRONG:
        effect = design_effect(losses - value, groups)
        deviation = float(losses.std(ddof=1)) * effect**0.5

    unit = "row" if groups is None else "group"
    counts = {"n_rows": len(losses), "n_wrong": n_wrong, "n_right": n_right}
    return bound_mean_loss(value, deviation, **counts, unit=unit)


def bound_mean_loss(
    value: float,
    deviation: float,
    *,
    n_rows: int,
    n_wrong: int,
    n_right: int,
    unit: str = "row",
) -> dict[str, Any]:
    """Returns the same for a mean and a standard deviation of losses, and so many rows or groups of either kind."""
    if n_wrong == 0:
        reason = (
            f"no interval: no {unit} is wrong, and most of a loss is that of wrong ones"
        )
        return without_interval(value, reason)
    if n_wrong < MIN_WRONG:
        are, theirs = (" is", "its own") if n_wrong == 1 else ("s are", "theirs")
        reason = (
            f"no interval: {n_wrong} {unit}{are} wrong, and the loss is mostly {theirs}"
        )
        return without_interval(value, reason)

    half_width = Z * deviation / n_rows**0.5
    if half_width >= value:
        return without_interval(value, "no interval: a few rows have most of the loss")

    low, high = value - half_width, value + half_width
    if high - low <= SPACING * value:
        return without_interval(value, "no interval: the losses differ by too little")
    if n_right < MIN_WRONG:
        count = f"{n_right or 'no'} {unit}{' is' if n_right < 2 else 's are'}"
        reason = f"no interval: {count} right, and the loss of such ones is another"
        return without_interval(value, reason)

    return describe(value, (low, high))


def expected_calibration_error(
    probabilities: Floats, predictions: Labels, truth: Labels
) -> dict[str, Any]:
    """Returns the mean gap of confidence and accuracy over 15 bins of equal width; Guo et al., ICML 2017, eq. 3."""
    confidence = probabilities[np.arange(len(truth)), predictions]
    is_hit = predictions == truth
    upper_edges = np.ceil(confidence * ECE_BINS).astype(np.int64)
    bins = np.clip(upper_edges - 1, 0, ECE_BINS - 1)
    gaps = np.bincount(bins, weights=is_hit - confidence, minlength=ECE_BINS)
    value = float(np.abs(gaps).sum()) / len(truth)

    reason = (
        "no interval: the binned estimate is biased upwards, and so is its bootstrap"
    )
    return without_interval(value, reason)


def _find_effects(
    is_wrong: NDArray[np.bool_], truth: Labels, groups: Groups | None, n_classes: int
) -> tuple[float, Floats | None]:
    """Returns the design effects of the accuracy, and of each class's recall, `(n_classes,)`.

    That of a class is at least that of all rows, since groups may have rows of several classes.
    """
    if groups is None:
        return 1.0, None

    residuals = is_wrong - is_wrong.mean()
    of_all = design_effect(residuals, groups)
    effects = np.full(n_classes, of_all)
    for each in np.unique(truth):
        inside = truth == each
        residuals = is_wrong[inside] - is_wrong[inside].mean()
        effects[each] = max(of_all, design_effect(residuals, groups[inside]))

    return of_all, effects
