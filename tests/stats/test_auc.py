"""Limits of areas under ROC curves follow from the published formulas, solved by SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import expit, logit

from stats import auc
from stats.binomial import Z


def two_columns(second: np.ndarray) -> np.ndarray:
    return np.stack([1 - second, second], axis=1)


@pytest.mark.parametrize("area", [0.01, 0.3, 0.5, 0.82, 0.97, 0.9996])
@pytest.mark.parametrize(("m", "n"), [(1, 29), (15, 15), (6, 108), (250, 250)])
def test_newcombes_limits_solve_his_equation(area: float, m: int, n: int) -> None:
    """The limits equal the roots that Brent's method finds of the equation of method 5, to 1e-9."""

    def miss(t: float) -> float:
        others = (m + n) / 2 - 1
        shared = 1 + others * (1 - t) / (2 - t) + others * t / (1 + t)
        return (area - t) ** 2 - Z**2 * t * (1 - t) * shared / (m * n)

    expected = brentq(miss, 0, area, xtol=1e-14), brentq(miss, area, 1, xtol=1e-14)
    assert auc.newcombe(area, m, n) == pytest.approx(expected, abs=1e-9)


def test_where_many_scores_overlap_the_limits_are_delongs_on_the_logit_scale() -> None:
    """The limits follow from DeLong's variance, computed here from all pairs of rows as the paper defines it."""
    generator = np.random.default_rng(3)
    truth = np.repeat([0, 1], [60, 90])
    second = np.round(generator.random(150) * 0.6 + 0.3 * truth, 2)  # with ties
    positive = second[truth == 1]
    negative = second[truth == 0]
    wins = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    area = wins.mean()
    variance = wins.mean(axis=1).var(ddof=1) / 90 + wins.mean(axis=0).var(ddof=1) / 60
    half_width = Z * variance**0.5 / (area * (1 - area))

    found = auc.roc_auc(two_columns(second), truth)
    assert found["value"] == pytest.approx(area, abs=1e-12)
    expected = expit(logit(area) - half_width), expit(logit(area) + half_width)
    assert found["interval"] == pytest.approx(expected, abs=1e-9)


def test_scores_that_separate_the_classes_have_an_interval() -> None:
    """The interval is Newcombe's where no score overlaps, which reaches up to 1 and far down of few rows."""
    truth = np.repeat([0, 1], [15, 15])
    low, high = auc.roc_auc(two_columns(np.linspace(0, 1, 30)), truth)["interval"]
    assert high == 1.0
    assert low == auc.newcombe(1.0, 15, 15)[0]
    assert 0.7 < low < 0.95


def test_equal_rows_of_a_group_count_as_one() -> None:
    """Rows that are there five times, in groups, have about the interval of the rows, and without groups half of it."""
    generator = np.random.default_rng(4)
    truth = np.tile([0, 1], 60)
    second = np.clip(generator.normal(0.4 + 0.2 * truth, 0.25), 0, 1)
    repeated = np.repeat(two_columns(second), 5, axis=0)
    groups = np.repeat(np.arange(120), 5)
    once, grouped, blind = (
        np.diff(found["interval"])[0]
        for found in (
            auc.roc_auc(two_columns(second), truth),
            auc.roc_auc(repeated, np.repeat(truth, 5), groups),
            auc.roc_auc(repeated, np.repeat(truth, 5)),
        )
    )
    assert grouped == pytest.approx(once, rel=0.03)
    assert blind < once / 2


def test_the_mean_of_several_curves_joins_their_limits() -> None:
    """The half widths of three curves are joined by the correlations of their parts."""
    generator = np.random.default_rng(5)
    truth = generator.integers(0, 3, 120)
    probabilities = generator.dirichlet(np.ones(3), 120)
    curves = [auc.measure_curve(probabilities[:, k], truth == k) for k in range(3)]
    below = np.array([curve.area - curve.low for curve in curves])
    parts = np.corrcoef([curve.influence for curve in curves])
    found = auc.roc_auc(probabilities, truth)
    assert found["value"] == pytest.approx(np.mean([each.area for each in curves]))
    expected = (below @ parts @ below) ** 0.5 / 3
    assert found["value"] - found["interval"][0] == pytest.approx(expected, rel=1e-3)
