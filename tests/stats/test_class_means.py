"""Intervals of balanced accuracy and macro F1 equal those of the published formulas, by statsmodels and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import dirichlet
from statsmodels.stats.proportion import proportion_confint

from stats import class_means


@pytest.mark.parametrize(
    "matrix",
    [[[14, 1], [0, 15]], [[60, 9], [2, 3]], [[25, 0], [0, 5]], [[1, 4], [0, 2]]],
)
def test_the_limits_of_two_recalls_are_joined(matrix: list[list[int]]) -> None:
    """The interval equals Zou and Donner's formula, written out here on statsmodels' Wilson limits, to 1e-9."""
    confusion = np.array(matrix)
    hits = np.diagonal(confusion)
    recalls = hits / confusion.sum(axis=1)
    low, high = proportion_confint(hits, confusion.sum(axis=1), method="wilson")
    value = recalls.mean()
    below = ((recalls - low) ** 2).sum() ** 0.5 / 2
    above = ((high - recalls) ** 2).sum() ** 0.5 / 2
    found = class_means.balanced_accuracy(confusion)
    assert found["value"] == pytest.approx(value)
    assert found["interval"] == pytest.approx((value - below, value + above), abs=1e-9)


@pytest.mark.parametrize("matrix", [[[14, 1], [0, 15]], [[60, 9], [2, 3]]])
def test_macro_f1_of_two_classes_has_jeffreys_posterior(
    matrix: list[list[int]],
) -> None:
    """The interval equals that of 100,000 of SciPy's Dirichlet draws with half a row in each cell, within its noise."""
    draws = dirichlet(np.ravel(matrix) + 0.5).rvs(100_000, random_state=1)
    a, b, c, d = draws.T
    f1 = a / (2 * a + b + c) + d / (2 * d + b + c)
    found = class_means.macro_f1(np.array(matrix))["interval"]
    assert found == pytest.approx(np.quantile(f1, [0.025, 0.975]), abs=0.015)


def test_the_prior_of_many_classes_stays_small() -> None:
    """The lower ends of ten classes that are all right are where a share of as many rows has its own."""
    confusion = np.eye(10, dtype=np.int64) * 12
    low = proportion_confint(120, 120, method="wilson")[0]
    for metric in (class_means.macro_f1, class_means.balanced_accuracy):
        found = metric(confusion)
        assert found["value"] == found["interval"][1] == 1.0
        assert found["interval"][0] == pytest.approx(low, abs=0.01)


def test_a_mean_over_classes_without_enough_rows_has_no_interval() -> None:
    """A class without a row, or of several classes one with fewer than five, takes the interval and not the value."""
    absent = class_means.balanced_accuracy(np.array([[9, 1], [0, 0]]))
    assert absent == {
        "value": 0.9,
        "interval": None,
        "reason": "no interval: 1 of 2 classes has no row in `labels`",
    }
    rare = class_means.macro_f1(np.diag([9, 9, 4]))
    assert rare == {
        "value": 1.0,
        "interval": None,
        "reason": "no interval: 1 of 3 classes has fewer than 5 rows in `labels`",
    }


def test_the_same_matrix_has_the_same_interval() -> None:
    """Draws are seeded: two calls have the same interval."""
    matrix = np.array([[20, 3, 1], [2, 15, 0], [0, 1, 9]])
    assert class_means.macro_f1(matrix) == class_means.macro_f1(matrix)
