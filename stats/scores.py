"""How good one classifier's probabilities are, each figure with its 95 % interval. Pure numpy.

Axes: probabilities `(n_rows, n_classes)` float64, truth `(n_rows,)` indices of the true classes.
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

Z = NormalDist().inv_cdf(0.975)
ECE_BINS = 15
REPLICATES = 1000
SEED = 0
"""Of the bootstrap: the same rows, the same interval."""
SMALLEST_PROBABILITY = float(np.finfo(np.float64).eps)


class Margins(NamedTuple):
    """Of confusion matrices: rows predicted right, true and predicted rows of each class, `(..., n_classes)`."""

    hits: NDArray[Any]
    true: NDArray[Any]
    predicted: NDArray[Any]


def score(probabilities: Floats, predictions: Labels, truth: Labels) -> dict[str, Any]:
    """Every metric of `/compare`; `predictions` are the labels that the model answered."""
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


def confusion_matrix(
    predictions: Labels, truth: Labels, *, n_classes: int
) -> NDArray[np.int64]:
    """Counts `(n_classes, n_classes)`; rows are true classes, columns predicted ones."""
    cells = np.bincount(
        truth * n_classes + predictions, minlength=n_classes * n_classes
    )
    return cells.reshape(n_classes, n_classes)


def accuracy(confusion: NDArray[np.int64]) -> dict[str, Any]:
    """Share of rows predicted right, with Wilson's interval."""
    hits = int(np.trace(confusion))
    n_rows = int(confusion.sum())
    return _metric(hits / n_rows, wilson(hits, n_rows), highest=1.0)


def wilson(hits: int, n_rows: int, *, z: float = Z) -> tuple[float, float]:
    """The score interval of a share, from 0 to 1; Wilson, JASA 22 (1927). `n_rows` is at least 1."""
    share = hits / n_rows
    centre = share + z * z / (2 * n_rows)
    half = z * math.sqrt(share * (1 - share) / n_rows + z * z / (4 * n_rows * n_rows))
    scale = 1 + z * z / n_rows
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


def balanced_accuracy(margins: Margins) -> Floats:
    """Mean recall over the classes that are there, `(...)`."""
    return _mean_where(margins.true > 0, margins.hits / np.maximum(margins.true, 1))


def macro_f1(margins: Margins) -> Floats:
    """Mean F1 over the classes that are true or predicted somewhere, `(...)`."""
    either = margins.true + margins.predicted
    return _mean_where(either > 0, 2 * margins.hits / np.maximum(either, 1))


def log_losses(probabilities: Floats, truth: Labels) -> Floats:
    """-ln of each row's probability of its true class, `(n_rows,)`, in nats; 0 counts as 2.2e-16."""
    true_class = probabilities[np.arange(len(truth)), truth]
    return -np.log(np.maximum(true_class, SMALLEST_PROBABILITY))


def brier_scores(probabilities: Floats, truth: Labels) -> Floats:
    """Squared distance of each row to its true class, `(n_rows,)`; Brier, Mon. Weather Rev. 78 (1950).

    With two classes it is halved, so that it is the squared error of one probability, as is usual.
    """
    distances = ((probabilities - np.eye(probabilities.shape[1])[truth]) ** 2).sum(
        axis=1
    )
    halves: Floats = distances / 2 if probabilities.shape[1] == 2 else distances
    return halves


def expected_calibration_error(
    probabilities: Floats, predictions: Labels, truth: Labels
) -> dict[str, Any]:
    """Gap between confidence and accuracy over 15 bins of equal width; Guo et al., ICML 2017, eq. 3."""
    confidence = probabilities[np.arange(len(truth)), predictions]
    bins = np.clip(np.ceil(confidence * ECE_BINS).astype(np.int64) - 1, 0, ECE_BINS - 1)
    gaps = np.bincount(
        bins, weights=(predictions == truth) - confidence, minlength=ECE_BINS
    )
    value = float(np.abs(gaps).sum()) / len(truth)

    return _metric(
        value,
        None,
        reason="no interval: the binned estimate is biased upwards, and so is its bootstrap",
    )


def roc_auc(probabilities: Floats, truth: Labels) -> dict[str, Any]:
    """Area under the ROC curve: of the second class with two, else the mean over one-versus-rest curves.

    The variance is DeLong's (Biometrics 44, 1988); for the mean of several curves each row's
    contributions to them are averaged first, which accounts for their covariance.
    """
    n_classes = probabilities.shape[1]
    absent = np.setdiff1d(np.arange(n_classes), truth)
    if len(absent):
        return _metric(
            None,
            None,
            reason=f"undefined: {len(absent)} of {n_classes} classes have no row in `labels`",
        )

    positives = [1] if n_classes == 2 else range(n_classes)
    curves = [
        _auc_with_influence(probabilities[:, each], truth == each) for each in positives
    ]
    area = float(np.mean([auc for auc, _ in curves]))
    influence = np.mean([rows for _, rows in curves], axis=0)
    if not np.isfinite(influence).all():
        return _metric(area, None, reason="no interval: a class has a single row")

    half = Z * float(np.sqrt((influence**2).sum()))
    if half == 0:
        return _metric(
            area,
            None,
            reason="no interval: the scores separate the classes without a single overlap",
        )

    return _metric(area, (area - half, area + half), highest=1.0)


def _auc_with_influence(
    scores: Floats, positive: NDArray[np.bool_]
) -> tuple[float, Floats]:
    """The area, and each row's part in it `(n_rows,)`, whose squares sum to DeLong's variance."""
    n_positive = int(positive.sum())
    n_negative = int((~positive).sum())
    midranks = _midranks(scores)
    placements = np.empty(len(scores))
    placements[positive] = (
        midranks[positive] - _midranks(scores[positive])
    ) / n_negative
    placements[~positive] = (
        1 - (midranks[~positive] - _midranks(scores[~positive])) / n_positive
    )
    area = float(placements[positive].mean())

    with np.errstate(
        divide="ignore", invalid="ignore"
    ):  # a single row of a class has no variance
        spread = np.where(
            positive, n_positive * (n_positive - 1.0), n_negative * (n_negative - 1.0)
        )
        return area, (placements - area) / np.sqrt(spread)


def _midranks(values: Floats) -> Floats:
    """Ranks from 1, `(n,)`, equal values sharing the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    highest = np.cumsum(counts)
    ranks: Floats = (highest - (counts - 1) / 2)[inverse]
    return ranks


def _mean(losses: Floats) -> dict[str, Any]:
    """Mean of per-row losses with the normal interval of a mean."""
    value = float(losses.mean())
    if len(losses) == 1:
        return _metric(value, None, reason="no interval: a single row")
    half = Z * float(losses.std(ddof=1)) / len(losses) ** 0.5
    return _metric(value, (value - half, value + half))


def _resampled(
    statistic: Callable[[Margins], Floats], confusion: NDArray[np.int64]
) -> dict[str, Any]:
    """The statistic with its percentile bootstrap interval (Efron and Tibshirani, 1993, chapter 13).

    Drawing rows with replacement and counting them is drawing the cells of the confusion matrix from a multinomial
    distribution, which costs the same for any number of rows. Cells that are empty stay so and are left out: of many
    classes nearly all are.
    """
    n_rows = int(confusion.sum())
    classes = np.eye(len(confusion))
    true, predicted = np.nonzero(confusion)
    shares = confusion[true, predicted] / n_rows
    draws = (
        np.random.default_rng(SEED)
        .multinomial(n_rows, shares, size=REPLICATES)
        .astype(np.float64)
    )
    hits = draws * (true == predicted) @ classes[true]
    values = statistic(Margins(hits, draws @ classes[true], draws @ classes[predicted]))
    value = float(
        statistic(
            Margins(
                np.diagonal(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
            )
        )
    )
    low, high = np.quantile(values, [0.025, 0.975])
    if low == high:
        return _metric(
            value, None, reason="no interval: every draw of these rows is the same"
        )

    return _metric(value, (low, high), highest=1.0)


def _mean_where(there: NDArray[np.bool_], values: Floats) -> Floats:
    """Mean over the last axis of the values that are there; at least one is."""
    mean: Floats = np.where(there, values, 0).sum(axis=-1) / there.sum(axis=-1)
    return mean


def _metric(
    value: float | None,
    interval: tuple[float, float] | None,
    *,
    highest: float | None = None,
    reason: str | None = None,
) -> dict[str, Any]:
    """The contract's metric; all of ours are at least 0, and the interval is cut to what is possible."""
    if interval is not None:
        low = max(0.0, float(interval[0]))
        high = float(interval[1])
        interval = low, high if highest is None else min(highest, high)
    answer = {"value": value, "interval": interval}
    return answer | {"reason": reason} if reason else answer
