"""Differences of paired accuracies: published examples, statsmodels, SciPy, and samples of a known truth."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from stats import paired_differences
from stats.paired_differences import Pair

BENTUR = Pair(1, 1, 7, 12)
"""Bentur et al., 2009: hyper-responsive airways before and after a transplantation; used by Fagerland et al., 2014."""


def test_a_pair_counts_rows() -> None:
    """A pair counts rows on which both are right, a alone, b alone, and neither."""
    first = np.repeat([True, True, False, False], [4, 3, 2, 1])
    second = np.repeat([True, False, True, False], [4, 3, 2, 1])
    pair = Pair.of(first, second)
    assert pair == Pair(4, 3, 2, 1)
    assert (pair.n_rows, pair.discordant, pair.difference) == (
        10,
        5,
        pytest.approx(0.1),
    )


def test_the_interval_of_the_difference_is_newcombes() -> None:
    """Two published examples have their intervals (Fagerland et al., 2014; Altman et al., 2000, page 52)."""
    assert paired_differences.difference_interval(BENTUR) == pytest.approx(
        (-0.5069, -0.0256), abs=5e-5
    )
    assert paired_differences.difference_interval(Pair(14, 5, 0, 22)) == pytest.approx(
        (0.011, 0.226), abs=5e-4
    )


@pytest.mark.parametrize(
    "counts", [(60, 9, 3, 42), (10, 30, 25, 8), (90, 4, 0, 20), (0, 5, 7, 0)]
)
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_the_interval_joins_the_wilson_limits_of_statsmodels(
    counts: tuple[int, int, int, int], confidence: float
) -> None:
    """The interval equals the paper's formula, written out here on statsmodels' Wilson limits."""
    e, f, g, h = counts
    n = sum(counts)
    a = (e + f) / n
    b = (e + g) / n
    low_a, high_a = proportion_confint(e + f, n, alpha=1 - confidence, method="wilson")
    low_b, high_b = proportion_confint(e + g, n, alpha=1 - confidence, method="wilson")
    top = e * h - f * g
    top = max(top - n / 2, 0) if top > 0 else top
    phi = top / np.sqrt((e + f) * (g + h) * (e + g) * (f + h))
    below = np.sqrt(
        (a - low_a) ** 2 - 2 * phi * (a - low_a) * (high_b - b) + (high_b - b) ** 2
    )
    above = np.sqrt(
        (high_a - a) ** 2 - 2 * phi * (high_a - a) * (b - low_b) + (b - low_b) ** 2
    )
    found = paired_differences.difference_interval(Pair(*counts), confidence=confidence)
    assert found == pytest.approx((a - b - below, a - b + above), abs=1e-9)


@pytest.mark.parametrize(
    "counts",
    [
        (5, 0, 0, 5),
        (5, 0, 0, 0),
        (0, 0, 0, 5),
        (1, 0, 0, 0),
        (0, 1, 0, 0),
        (0, 0, 7, 0),
    ],
)
def test_degenerate_pairs_have_an_interval(counts: tuple[int, int, int, int]) -> None:
    """Perfect agreement, one row, and one model always right have possible ends that hold the difference."""
    pair = Pair(*counts)
    low, high = paired_differences.difference_interval(pair)
    assert -1 <= low <= pair.difference <= high <= 1
    assert low < high


def test_the_interval_covers_the_truth() -> None:
    """The interval and the one-sided limit hold the truth in about 95 % of 2,000 samples of 100 rows."""
    generator = np.random.default_rng(5)
    shares = np.array([0.8, 0.1, 0.05, 0.05])
    samples = [
        Pair(*each) for each in generator.multinomial(100, shares, size=2000).tolist()
    ]
    intervals = np.array(
        [paired_differences.difference_interval(pair) for pair in samples]
    )
    limits = np.array([paired_differences.lower_limit(pair) for pair in samples])
    assert (
        0.94 <= np.mean((intervals[:, 0] <= 0.05) & (intervals[:, 1] >= 0.05)) <= 0.98
    )
    assert 0.94 <= np.mean(limits <= 0.05) <= 0.98


def test_the_odds_ratio_is_that_of_the_discordant_rows() -> None:
    """The interval of the ratio is that of the share among discordant rows, by statsmodels."""
    low, high = proportion_confint(9, 12, method="beta")
    found = paired_differences.odds_ratio(Pair(5, 9, 3, 5))
    assert found["value"] == 3
    assert found["interval"] == pytest.approx(
        (low / (1 - low), high / (1 - high)), abs=1e-6
    )


def test_an_odds_ratio_without_an_end_says_why() -> None:
    """A reason is given where b alone is never right, and where neither is alone right."""
    assert (
        paired_differences.odds_ratio(Pair(5, 3, 0, 5))["reason"]
        == "without an upper end: b alone is right on no row"
    )
    assert (
        paired_differences.odds_ratio(Pair(5, 0, 0, 5))["reason"]
        == "undefined: the models are right on the same rows"
    )
    assert paired_differences.odds_ratio(Pair(5, 0, 3, 5))["value"] == 0
