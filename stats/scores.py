"""Metrics of one classifier's labels and probabilities, each with its 95 % interval.

Axes: probabilities `(n_rows, n_classes)` float64, predictions `(n_rows,)` and truth `(n_rows,)` int64 indices of the
predicted and the true classes. There is at least one row. A metric is a dict of a value, an interval `(low, high)`, and
a reason where one of the two is None.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Counts = NDArray[np.int64]

Z = NormalDist().inv_cdf(0.975)
ECE_BINS = 15
REPLICATES = 1000
SEED = 0
"""The bootstrap is seeded: the same rows have the same interval."""
MIN_PROBABILITY = float(np.finfo(np.float64).eps)


class Margins(NamedTuple):
    """The margins of confusion matrices: hits, true and predicted rows of each class, `(..., n_classes)` each."""

    hits: NDArray[Any]
    true: NDArray[Any]
    predicted: NDArray[Any]


def score(probabilities: Floats, predictions: Labels, truth: Labels) -> dict[str, Any]:
    """Returns every metric of `/compare`, and the confusion matrix `(n_classes, n_classes)`."""
    confusion = confusion_matrix(predictions, truth, n_classes=probabilities.shape[1])
    return {
        "accuracy": accuracy(confusion),
        "balanced_accuracy": _resampled(balanced_accuracy, confusion),
        "macro_f1": _resampled(macro_f1, confusion),
        "log_loss": _mean(log_losses(probabilities, truth)),
        "brier": _mean(brier_scores(probabilities, truth)),
        "ece": expected_calibration_error(probabilities, predictions, truth),
        "roc_auc": roc_auc(probabilities, truth),
        "confusion": confusion,
    }


def confusion_matrix(predictions: Labels, truth: Labels, *, n_classes: int) -> Counts:
    """Returns counts `(n_classes, n_classes)` as scikit-learn does: rows are true classes, columns predicted ones."""
    cells = truth * n_classes + predictions
    counts = np.bincount(cells, minlength=n_classes * n_classes)

    return counts.reshape(n_classes, n_classes)


def accuracy(confusion: Counts) -> dict[str, Any]:
    """Returns the share of rows predicted right, with Wilson's interval."""
    n_hits = int(np.trace(confusion))
    n_rows = int(confusion.sum())

    return _metric(n_hits / n_rows, wilson(n_hits, n_rows), highest=1.0)


def wilson(hits: int, n_rows: int, *, z: float = Z) -> tuple[float, float]:
    """Returns the score interval of a share, within 0 and 1; Wilson, JASA 22 (1927) 209. `n_rows` is at least 1."""
    share = hits / n_rows
    centre = share + z * z / (2 * n_rows)
    variance = share * (1 - share) / n_rows
    correction = z * z / (4 * n_rows * n_rows)
    half_width = z * math.sqrt(variance + correction)
    scale = 1 + z * z / n_rows

    # Rounding would leave out a share of 0 or 1, whose limit it is.
    low = 0.0 if hits == 0 else max(0.0, (centre - half_width) / scale)
    high = 1.0 if hits == n_rows else min(1.0, (centre + half_width) / scale)

    return min(low, share), max(high, share)


def balanced_accuracy(margins: Margins) -> Floats:
    """Returns the mean recall over the classes that have rows, `(...)`."""
    recalls = margins.hits / np.maximum(margins.true, 1)
    return _mean_where(margins.true > 0, recalls)


def macro_f1(margins: Margins) -> Floats:
    """Returns the mean F1 over the classes that are true or predicted somewhere, `(...)`."""
    either = margins.true + margins.predicted
    f1 = 2 * margins.hits / np.maximum(either, 1)

    return _mean_where(either > 0, f1)


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

    return _metric(
        value,
        None,
        reason="no interval: the binned estimate is biased upwards, and so is its bootstrap",
    )


def roc_auc(probabilities: Floats, truth: Labels) -> dict[str, Any]:
    """Returns the area under the ROC curve: of the second class with two, else the mean over one-versus-rest curves.

    It is None, with a reason, where a class has no row. The variance is DeLong's (Biometrics 44, 1988, 837); for
    the mean of several curves each row's contributions to them are averaged first, which accounts for their covariance.
    """
    n_classes = probabilities.shape[1]
    n_absent = len(np.setdiff1d(np.arange(n_classes), truth))
    if n_absent:
        reason = f"undefined: {n_absent} of {n_classes} classes have no row in `labels`"
        return _metric(None, None, reason=reason)

    areas = []
    influences = []
    for each in [1] if n_classes == 2 else range(n_classes):
        area_of_class, influence_of_class = _auc_with_influence(
            probabilities[:, each], truth == each
        )
        areas.append(area_of_class)
        influences.append(influence_of_class)

    area = float(np.mean(areas))
    influence = np.mean(influences, axis=0)
    if not np.isfinite(influence).all():
        return _metric(area, None, reason="no interval: a class has a single row")

    half_width = Z * float(np.sqrt((influence**2).sum()))
    if half_width == 0:
        reason = "no interval: the scores separate the classes without a single overlap"
        return _metric(area, None, reason=reason)

    return _metric(area, (area - half_width, area + half_width), highest=1.0)


def _auc_with_influence(
    scores: Floats, positive: NDArray[np.bool_]
) -> tuple[float, Floats]:
    """Returns the area, and each row's part in it `(n_rows,)`, whose squares sum to DeLong's variance.

    The parts of a class with a single row, which has no variance, are not finite.
    """
    negative = ~positive
    n_positive = int(positive.sum())
    n_negative = int(negative.sum())
    ranks = _midranks(scores)
    n_below = ranks[positive] - _midranks(scores[positive])
    n_above = ranks[negative] - _midranks(scores[negative])

    placements = np.empty(len(scores))
    placements[positive] = n_below / n_negative
    placements[negative] = 1 - n_above / n_positive
    area = float(placements[positive].mean())

    of_positive = n_positive * (n_positive - 1.0)
    of_negative = n_negative * (n_negative - 1.0)
    divisors = np.where(positive, of_positive, of_negative)
    with np.errstate(divide="ignore", invalid="ignore"):
        influence = (placements - area) / np.sqrt(divisors)

    return area, influence


def _midranks(values: Floats) -> Floats:
    """Returns ranks from 1, `(n,)`; equal values share the mean of theirs, as in `scipy.stats.rankdata`."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    highest = np.cumsum(counts)
    means = highest - (counts - 1) / 2
    ranks: Floats = means[inverse]

    return ranks


def _mean(losses: Floats) -> dict[str, Any]:
    """Returns the mean of losses `(n_rows,)` with the normal interval of a mean; a single row has none."""
    value = float(losses.mean())
    if len(losses) == 1:
        return _metric(value, None, reason="no interval: a single row")

    if losses.min() == losses.max():
        reason = "no interval: every row has the same loss"
        return _metric(value, None, reason=reason)

    deviation = float(losses.std(ddof=1))
    half_width = Z * deviation / len(losses) ** 0.5
    low, high = value - half_width, value + half_width
    if low == high:
        reason = "no interval: the losses differ by too little"
        return _metric(value, None, reason=reason)

    return _metric(value, (low, high))


def _resampled(
    statistic: Callable[[Margins], Floats], confusion: Counts
) -> dict[str, Any]:
    """Returns the statistic with its percentile bootstrap interval (Efron and Tibshirani, 1993, chapter 13).

    Drawing rows with replacement and counting them is drawing the cells of the confusion matrix from a multinomial
    distribution, which costs the same for any number of rows. Cells that are empty stay so and are left out: of many
    classes nearly all are.
    """
    value = float(statistic(_sum_margins(confusion)))
    values = statistic(_draw_margins(confusion))
    low, high = np.quantile(values, [0.025, 0.975])
    if low == high:
        reason = "no interval: every draw of these rows is the same"
        return _metric(value, None, reason=reason)

    return _metric(value, (low, high), highest=1.0)


def _sum_margins(confusion: Counts) -> Margins:
    """Returns the margins of one matrix, `(n_classes,)` each."""
    return Margins(
        hits=np.diagonal(confusion),
        true=confusion.sum(axis=1),
        predicted=confusion.sum(axis=0),
    )


def _draw_margins(confusion: Counts) -> Margins:
    """Returns the margins of matrices drawn with replacement from the rows of one, `(REPLICATES, n_classes)` each."""
    n_rows = int(confusion.sum())
    true, predicted = np.nonzero(confusion)
    shares = confusion[true, predicted] / n_rows
    generator = np.random.default_rng(SEED)
    counts = generator.multinomial(n_rows, shares, size=REPLICATES)
    draws = counts.astype(np.float64)

    classes = np.eye(len(confusion))
    is_hit = true == predicted

    return Margins(
        hits=draws * is_hit @ classes[true],
        true=draws @ classes[true],
        predicted=draws @ classes[predicted],
    )


def _mean_where(there: NDArray[np.bool_], values: Floats) -> Floats:
    """Returns the mean over the last axis of the values that are there, which at least one must be."""
    total = np.where(there, values, 0).sum(axis=-1)
    mean: Floats = total / there.sum(axis=-1)

    return mean


def _metric(
    value: float | None,
    interval: tuple[float, float] | None,
    *,
    highest: float | None = None,
    reason: str | None = None,
) -> dict[str, Any]:
    """Returns a metric as the contract has it; its interval is cut to what is possible, from 0 to `highest`.

    The interval holds the value: that of a percentile bootstrap may miss it, where draws leave out a rare class.
    """
    if interval is not None and value is not None:
        low = max(0.0, float(interval[0]))
        high = float(interval[1])
        if highest is not None:
            high = min(highest, high)
        interval = min(low, value), max(high, value)

    metric: dict[str, Any] = {"value": value, "interval": interval}
    if reason is not None:
        metric["reason"] = reason

    return metric
