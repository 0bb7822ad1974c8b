"""Figures of repeated runs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from stats.repeats import compare_means, median_confidence, student_quantile


def test_the_range_of_five_runs_holds_the_median_as_often_as_it_says(
    generator: np.random.Generator,
) -> None:
    """Between the least and the greatest of five values lies the true median in 15 of 16 cases."""
    drawn = generator.normal(size=(4000, 5))
    holds = (drawn.min(axis=1) < 0) & (drawn.max(axis=1) > 0)
    assert median_confidence(5) == 15 / 16
    assert float(holds.mean()) == pytest.approx(15 / 16, abs=0.02)


def test_one_run_has_no_interval() -> None:
    """A single run says nothing of how runs differ."""
    assert median_confidence(1) == 0


def test_runs_that_are_twice_as_slow_are_shown_to_be(
    generator: np.random.Generator,
) -> None:
    """The ratio is about 2, and 1 is outside of its interval."""
    old = 10 * np.exp(0.05 * generator.normal(size=5))
    new = 20 * np.exp(0.05 * generator.normal(size=5))
    ratio = compare_means(old, new)
    assert ratio.value == pytest.approx(2, rel=0.1)
    assert 1 < ratio.low < ratio.value < ratio.high


@pytest.mark.parametrize("n_runs", [3, 5, 20])
def test_equal_runs_are_seldom_shown_to_differ(
    generator: np.random.Generator, n_runs: int
) -> None:
    """The interval of the ratio leaves 1 out in about one case of twenty, of few runs too."""
    outside = 0
    for _ in range(200):
        old, new = 10 * np.exp(0.05 * generator.normal(size=(2, n_runs)))
        ratio = compare_means(old, new)
        outside += not ratio.low < 1 < ratio.high

    assert outside / 200 <= 0.1


@pytest.mark.parametrize("degrees", [1, 2, 3, 5, 30])
@pytest.mark.parametrize("alpha", [0.9, 0.975, 0.995])
def test_quantiles_of_student_are_those_of_scipy(degrees: int, alpha: float) -> None:
    """They are close enough for an interval from few runs."""
    expected = float(scipy_stats.t.ppf(alpha, degrees))
    assert student_quantile(alpha, degrees) == pytest.approx(expected, rel=0.02)
