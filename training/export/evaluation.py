"""This module measures an exported file on its own outputs over held-out rows, never on the source model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn import metrics as sklearn_metrics
from sklearn.linear_model import LogisticRegression

from model_card import Metric
from training.data.datasets import Dataset, Split
from training.data.images import ImageDataset
from training.export.calibration import expected_calibration_error
from training.graph import Outputs

HEADLINES = (
    "accuracy",
    "r2",
    "rmse",
    "adjusted_rand",
    "silhouette",
    "explained_variance",
    "confidence",
)
"""The first of these metrics that a model has stands for all of them in a table."""

DRAWS = 1000
LEVEL = 95
DIGITS = 8

Floats = NDArray[np.float64]


def evaluate(
    kind: str,
    outputs: Outputs,
    dataset: Dataset | ImageDataset,
    rows: NDArray[np.int64],
) -> dict[str, Metric]:
    """Returns the metrics of the outputs for these rows of the data set."""
    target = dataset.target[rows]
    if kind == "classifier":
        return evaluate_classifier(outputs, target.astype(np.int64))

    assert isinstance(dataset, Dataset)
    if kind == "regressor":
        return evaluate_regressor(outputs["value"], target.astype(np.float64))
    if kind == "clusterer":
        return evaluate_clusterer(outputs, target if dataset.classes else None)

    return evaluate_transformer(outputs["reconstruction"], dataset.features[rows])


def evaluate_classifier(
    outputs: Outputs, target: NDArray[np.int64]
) -> dict[str, Metric]:
    """Returns the metrics of label `(n_rows,)` and probabilities `(n_rows, n_classes)` against target `(n_rows,)`.

    Accuracy has the 95 % score interval of Wilson, JASA 22 (1927). A class without a row leaves the area under the
    ROC curve out.
    """
    label, probabilities = outputs["label"], outputs["probabilities"].astype(np.float64)
    probabilities /= probabilities.sum(
        axis=1, keepdims=True
    )  # float32 rows sum to 1 within 1e-7, float64 is asked for
    n_classes = probabilities.shape[1]
    hits = int((label == target).sum())
    interval = binomtest(hits, len(target)).proportion_ci(0.95, method="wilson")
    scores = probabilities[:, 1] if n_classes == 2 else probabilities
    classes = np.arange(n_classes)
    figures = {
        "balanced_accuracy": sklearn_metrics.recall_score(
            target, label, labels=np.unique(target), average="macro", zero_division=0
        ),
        "macro_f1": sklearn_metrics.f1_score(target, label, average="macro"),
        "log_loss": sklearn_metrics.log_loss(target, probabilities, labels=classes),
        "brier": sklearn_metrics.brier_score_loss(target, scores, labels=classes),
        "ece": expected_calibration_error(probabilities, target),
    }
    if len(np.unique(target)) == n_classes:
        figures["roc_auc"] = sklearn_metrics.roc_auc_score(
            target, scores, multi_class="ovr", labels=classes
        )

    accuracy = Metric(
        value=hits / len(target), interval=(_round(interval.low), _round(interval.high))
    )

    return {"accuracy": accuracy} | {
        name: _metric(figure) for name, figure in figures.items()
    }


def evaluate_regressor(value: NDArray[np.float32], target: Floats) -> dict[str, Metric]:
    """Returns R², root mean squared error and mean absolute error, the errors in the target's unit.

    Rows whose target is one and the same have no R².
    """

    def r2(rows: NDArray[np.int64]) -> float:
        spread = np.var(target[rows])
        return (
            float(1 - np.mean((target[rows] - value[rows]) ** 2) / spread)
            if spread
            else np.nan
        )

    def rmse(rows: NDArray[np.int64]) -> float:
        return float(np.sqrt(np.mean((target[rows] - value[rows]) ** 2)))

    def mae(rows: NDArray[np.int64]) -> float:
        return float(np.mean(np.abs(target[rows] - value[rows])))

    statistics = (r2, rmse, mae) if np.var(target) else (rmse, mae)

    return {each.__name__: _bootstrap(each, len(target)) for each in statistics}


def evaluate_clusterer(
    outputs: Outputs, target: NDArray[Any] | None
) -> dict[str, Metric]:
    """Returns the mean squared distance to the nearest centre and, with classes, how far the clusters are these.

    The adjusted Rand index is Hubert and Arabie's, J. Classification 2 (1985): 1 for the same partition, 0 for one by
    chance. It has no interval: rows drawn twice are pairs that always agree, so a bootstrap is biased. The simplified
    silhouette compares the distances to the nearest and to the second centre.
    """
    cluster, distances = outputs["cluster"], outputs["distances"].astype(np.float64)
    nearest = np.sort(distances, axis=1)
    figures = {"mean_squared_distance": _metric(np.mean(nearest[:, 0] ** 2))}
    if distances.shape[1] > 1:
        silhouette = 1 - nearest[:, 0] / np.maximum(nearest[:, 1], np.finfo(float).tiny)
        figures["silhouette"] = _bootstrap(
            lambda rows: float(silhouette[rows].mean()), len(cluster)
        )

    if target is None:
        return figures

    return {
        "adjusted_rand": _metric(sklearn_metrics.adjusted_rand_score(target, cluster))
    } | figures


def evaluate_transformer(
    reconstruction: NDArray[np.float32], features: NDArray[np.float32]
) -> dict[str, Metric]:
    """Returns the mean squared error of the reconstruction, over rows and features, and the share of variance kept."""
    known = np.where(np.isnan(features), reconstruction, features).astype(np.float64)
    errors = ((known - reconstruction) ** 2).mean(axis=1)
    variances = ((known - known.mean(axis=0)) ** 2).mean(axis=1)

    def explained_variance(rows: NDArray[np.int64]) -> float:
        return float(1 - errors[rows].mean() / variances[rows].mean())

    def mean_squared_error(rows: NDArray[np.int64]) -> float:
        return float(errors[rows].mean())

    return {
        each.__name__: _bootstrap(each, len(known))
        for each in (explained_variance, mean_squared_error)
    }


def evaluate_generator(
    samples: NDArray[np.float32], dataset: Dataset, rows: Split
) -> dict[str, Metric]:
    """Returns how a classifier of the real rows sees generated ones `(n_samples, n_features)`.

    The judge is a logistic regression on the training rows. `confidence` is the mean probability of the class that it
    sees, `diversity` the entropy of the classes that it sees, as a share of that of all classes equally often.
    """
    scale = float(np.abs(dataset.features[rows.train]).max())
    judge = LogisticRegression(max_iter=2000)
    judge.fit(dataset.features[rows.train] / scale, dataset.target[rows.train])
    probabilities = judge.predict_proba(samples / scale)
    confidence = probabilities.max(axis=1)
    seen = np.bincount(probabilities.argmax(axis=1), minlength=len(dataset.classes))
    shares = seen[seen > 0] / seen.sum()

    return {
        "confidence": _bootstrap(
            lambda drawn: float(confidence[drawn].mean()), len(samples)
        ),
        "diversity": _metric(
            -(shares * np.log(shares)).sum() / np.log(len(dataset.classes))
        ),
        "rarest_class": _metric(seen.min() / seen.sum()),
    }


def _bootstrap(statistic: Callable[[NDArray[np.int64]], float], n_rows: int) -> Metric:
    """Returns the statistic of all rows, and its bootstrap percentile interval; Efron, Ann. Statist. 7 (1979)."""
    generator = np.random.default_rng(0)
    values = [statistic(generator.integers(n_rows, size=n_rows)) for _ in range(DRAWS)]
    low, high = np.nanpercentile(values, [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
    return _metric(statistic(np.arange(n_rows)), (low, high))


def _metric(
    value: float | np.floating[Any], interval: tuple[float, float] | None = None
) -> Metric:
    ends = None if interval is None else (_round(interval[0]), _round(interval[1]))
    return Metric(value=_round(value), interval=ends)


def _round(value: float | np.floating[Any]) -> float:
    """Returns the number with eight significant digits, since an error may be of any unit."""
    return float(f"{float(value):.{DIGITS}g}")
