"""Warm-up and trend are found in series that are known to have one, or none; so are figures of repeated runs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from stats.repeated_runs import (
    compare_means,
    find_trend,
    find_warm_up,
    median_confidence,
)


def test_a_warm_up_ends_where_the_series_becomes_steady(
    generator: np.random.Generator,
) -> None:
    """Five slow slices of twenty are found."""
    values = 1 + 0.05 * generator.random(20)
    values[:5] += [5, 4, 3, 2, 1]
    assert find_warm_up(values) == 5


def test_a_steady_series_has_no_trend(generator: np.random.Generator) -> None:
    """Noise has a large p-value."""
    trend = find_trend(generator.random(20))
    assert trend is not None
    assert trend.p_value > 0.05


def test_a_stall_is_no_trend(generator: np.random.Generator) -> None:
    """Two slices that are a thousand times as slow make neither a trend nor a slope."""
    values = 1 + 0.01 * generator.random(20)
    values[[5, 15]] = 1000
    trend = find_trend(values)
    assert trend is not None
    assert trend.p_value > 0.05
    assert abs(trend.slope) < 0.01


def test_a_growing_queue_is_a_trend() -> None:
    """A series that rises by 2 each time has tau 1 and that slope."""
    trend = find_trend(np.arange(0.0, 40.0, 2.0))
    assert trend is not None
    assert (trend.tau, trend.slope) == (1, 2)
    assert trend.p_value < 1e-6


@pytest.mark.parametrize("decimals", [1, 6])
def test_tau_is_that_of_scipy(generator: np.random.Generator, decimals: int) -> None:
    """Tau without ties is SciPy's, and with ties its p-value is close to SciPy's."""
    values = np.round(generator.random(30), decimals)
    trend = find_trend(values)
    expected = scipy_stats.kendalltau(np.arange(30), values, method="asymptotic")
    assert trend is not None
    if decimals == 6:
        assert trend.tau == pytest.approx(expected.statistic)
    assert trend.p_value == pytest.approx(expected.pvalue, abs=0.05)


def test_few_values_have_no_trend() -> None:
    """Seven values say nothing."""
    assert find_trend(np.arange(7.0)) is None


def test_the_range_of_five_runs_holds_the_median_as_often_as_it_says(
    generator: np.random.Generator,
) -> None:
    """The true median lies between the least and the greatest of five values in 15 of 16 cases."""
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
