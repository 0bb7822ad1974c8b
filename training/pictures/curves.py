"""This module computes the numbers behind a report's curves."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import auc, r2_score, roc_curve

from training.data.datasets import Dataset, Split
from training.families.pca import Components
from training.learning.family import FittedModel, TrainingError
from training.pipeline import Callbacks, TrainingRun, fit

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

CURVE_SHARES = (0.1, 0.2, 0.4, 0.7)
"""A learning curve learns from these shares of the training rows; all of them are the model itself."""
CURVE_BUDGET_S = 20.0
MIN_CURVE_ROWS = 10
BINS = 10
SEVERAL = 2


def measure_learning_curve(
    training_run: TrainingRun, rows: Split
) -> list[tuple[int, float, float]]:
    """Returns numbers of training rows, and accuracy or R² on them and on the held-out rows.

    A share that nothing can be learnt from is left out, and what would take longer than the budget as well.
    """
    training_run, dataset = (
        replace(training_run, callbacks=Callbacks(stage=training_run.callbacks.stage)),
        training_run.dataset,
    )
    assert isinstance(dataset, Dataset)
    points: list[tuple[int, float, float]] = []
    spent = 0.0
    last = (0.0, 1)

    for share in CURVE_SHARES:
        train = choose_subset(
            dataset, rows.train, share=share, seed=training_run.options.seed
        )
        if train is None or spent + last[0] * len(train) / last[1] > CURVE_BUDGET_S:
            continue

        training_run.callbacks.stage(f"drawing: learning from {len(train)} rows")
        started = perf_counter()

        try:
            fitted, _, _ = fit(training_run, replace(rows, train=train), lambda _: None)
        except TrainingError:
            continue

        last = (perf_counter() - started, len(train))
        spent += last[0]
        on_train, on_held_out = (
            _score(fitted, dataset, part) for part in (train, rows.held_out)
        )
        points.append((len(train), on_train, on_held_out))

    return points


def choose_subset(
    dataset: Dataset, train: Rows, *, share: float, seed: int
) -> Rows | None:
    """Returns a share of each class's training rows, at least 2, drawn at random; a larger share holds a smaller
    one's.

    It returns None where a class has fewer, where there would be fewer than 10 in all, or where a feature would be
    unknown.
    """
    shuffled = np.random.default_rng(seed).permutation(train)
    strata = (
        dataset.target[shuffled]
        if dataset.classes
        else np.zeros(len(train), dtype=np.int64)
    )
    parts = [shuffled[strata == each] for each in range(max(1, len(dataset.classes)))]
    chosen = np.concatenate(
        [part[: max(2, round(share * len(part)))] for part in parts]
    )
    too_few = (
        len(chosen) < MIN_CURVE_ROWS
        or min(map(len, parts)) < SEVERAL
        or len(chosen) == len(train)
    )

    return (
        None
        if too_few or np.isnan(dataset.features[chosen]).all(axis=0).any()
        else chosen
    )


def _score(fitted: FittedModel, dataset: Dataset, rows: Rows) -> float:
    outputs = fitted.outputs(dataset.features[rows])
    if dataset.classes:
        return float((outputs["label"] == dataset.target[rows]).mean())
    return float(r2_score(dataset.target[rows], outputs["value"]))


def measure_roc(
    probabilities: NDArray[Any], target: Rows, classes: tuple[str, ...]
) -> dict[str, tuple[Floats, Floats, float]]:
    """Returns false and true positive rates and the area, of each class against the rest; two classes have one curve.

    It is that of the second. Without a row of the class, or without any other, it has no curve.
    """
    curves = {}
    for number in range(len(classes)) if len(classes) > 2 else (1,):
        is_class = target == number
        if is_class.any() and not is_class.all():
            false, true, _ = roc_curve(is_class, probabilities[:, number])
            curves[classes[number]] = (false, true, float(auc(false, true)))

    return curves


def measure_reliability(probabilities: NDArray[Any], target: Rows) -> dict[str, Floats]:
    """Returns mean confidence, accuracy with its 95 % interval, and rows, of those of ten equal bins that have rows.

    The interval is Wilson's, JASA 22 (1927).
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    hits = probabilities.argmax(axis=1) == target
    bins = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    filled = np.unique(bins)
    rows, sure, right = (
        np.bincount(bins, weights=each, minlength=BINS)[filled]
        for each in (np.ones(len(bins)), confidence, hits)
    )
    tests = [
        binomtest(int(k), int(n)).proportion_ci(method="wilson")
        for k, n in zip(right, rows, strict=True)
    ]
    low, high = np.array([(each.low, each.high) for each in tests]).T

    return {
        "confidence": sure / rows,
        "accuracy": right / rows,
        "rows": rows,
        "low": low,
        "high": high,
    }


def measure_explained_variance(
    module: Components, features: NDArray[np.float32]
) -> Floats:
    """Returns shares of the variance of `features` that the first components keep, `(n_components,)`."""
    standardised = module.standardise(torch.from_numpy(features).double()).numpy()
    deviations = np.linalg.svd(
        standardised - standardised.mean(axis=0), compute_uv=False
    )
    shares: Floats = np.cumsum(deviations**2) / np.sum(deviations**2)

    return shares
