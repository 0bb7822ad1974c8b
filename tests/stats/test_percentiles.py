"""Percentiles with their limits, and claims about a share, agree with SciPy and known cases."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from stats.percentiles import (
    Finding,
    binomial_quantile,
    judge_share,
    percentile,
    percentile_interval,
    rows_to_show,
)


@pytest.mark.parametrize("n_rows", [1, 10, 1000, 1_000_000])
@pytest.mark.parametrize("share", [0.001, 0.5, 0.99])
@pytest.mark.parametrize("alpha", [0.025, 0.5, 0.975])
def test_quantiles_are_those_of_scipy(n_rows: int, share: float, alpha: float) -> None:
    """A quantile of few and of many rows is the one that SciPy finds."""
    expected = int(scipy_stats.binom.ppf(alpha, n_rows, share))
    assert binomial_quantile(alpha, n_rows, share=share) == expected


def test_a_percentile_is_one_of_the_values() -> None:
    """The 99th percentile of a hundred values is the 99th of them."""
    assert percentile(np.arange(1.0, 101.0), 0.99) == 99


def test_limits_of_a_percentile_hold_as_often_as_they_say(
    generator: np.random.Generator,
) -> None:
    """The true percentile lies between the limits in 95 of 100 samples at least."""
    truth = float(-np.log(0.1))  # of the standard exponential distribution
    samples = generator.exponential(size=(400, 300))
    limits = [percentile_interval(each, 0.9) for each in samples]
    n_within = sum(
        low is not None and high is not None and low <= truth <= high
        for low, high in limits
    )

    assert n_within / len(samples) >= 0.93


def test_too_few_values_have_no_upper_limit() -> None:
    """The 99.9th percentile of a hundred values has no upper limit."""
    low, high = percentile_interval(np.arange(100.0), 0.999)
    assert low is not None
    assert high is None


@pytest.mark.parametrize(("share", "expected"), [(0.1, 44), (0.01, 459), (0.001, 4603)])
def test_rows_without_a_hit_show_a_small_share(share: float, expected: int) -> None:
    """Rows without a hit show it with 99 % confidence: as many as the logarithm of 0.01 over that of a miss."""
    assert rows_to_show(0, share=share, confidence=0.99) == expected


def test_a_share_is_shown_at_exactly_that_number_of_rows() -> None:
    """One row fewer leaves it undecided, and says that one more is needed."""
    assert judge_share(0, 459, share=0.01, confidence=0.99).finding is Finding.SHOWN
    found = judge_share(0, 458, share=0.01, confidence=0.99)
    assert (found.finding, found.n_more) == (Finding.UNDECIDED, 1)


def test_a_share_that_is_too_large_is_refuted() -> None:
    """Thirty hits among a thousand rows refute a share below 1 %, and no further rows would show it."""
    found = judge_share(30, 1000, share=0.01, confidence=0.99)
    assert (found.finding, found.n_more) == (Finding.REFUTED, None)


def test_a_claim_on_its_bound_is_seldom_shown(generator: np.random.Generator) -> None:
    """A share that is as large as may be is shown to be smaller in at most one sample of a hundred."""
    hits = generator.binomial(2000, 0.01, size=1000)
    shown = [
        judge_share(int(each), 2000, share=0.01, confidence=0.99).finding
        is Finding.SHOWN
        for each in hits
    ]
    assert np.mean(shown) <= 0.02
