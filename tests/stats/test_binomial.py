"""Exact binomial tails and limits equal those of SciPy and statsmodels."""

from __future__ import annotations

import pytest
from scipy.stats import binom
from statsmodels.stats.proportion import proportion_confint

from stats import binomial

CASES = [(0, 1), (1, 1), (0, 0), (0, 12), (3, 12), (12, 12), (57, 114), (4000, 10_000)]


@pytest.mark.parametrize(("hits", "n_rows"), CASES)
def test_the_tail_equals_scipys(hits: int, n_rows: int) -> None:
    """The distribution function equals scipy's at shares from 0 to 1, both ends included."""
    for share in (0.0, 1e-6, 0.1, 0.4, 0.5, 0.99, 1.0):
        expected = binom.cdf(hits, n_rows, share)
        assert binomial.binomial_cdf(hits, n_rows, share=share) == pytest.approx(
            expected, rel=1e-9, abs=1e-300
        )


@pytest.mark.parametrize(("hits", "n_rows"), [case for case in CASES if case[1]])
def test_the_interval_is_clopper_and_pearsons(hits: int, n_rows: int) -> None:
    """The interval equals the one that statsmodels computes from the beta distribution."""
    expected = proportion_confint(hits, n_rows, alpha=0.1, method="beta")
    assert binomial.clopper_pearson(hits, n_rows, confidence=0.9) == pytest.approx(
        expected, abs=1e-9
    )


def test_without_a_row_any_share_is_possible() -> None:
    """The interval of no rows is from 0 to 1."""
    assert binomial.clopper_pearson(0, 0) == (0.0, 1.0)
