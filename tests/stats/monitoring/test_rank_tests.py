"""Rank tests of counted samples are those of SciPy on the rows themselves, and keep to their level."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import mannwhitneyu, norm, rankdata

from stats.monitoring.rank_tests import compare_ranks


def draw(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns two samples of 40 to 400 rows each in 2 to 12 bins of any shares, `(n_features, n_bins)` counts."""
    generator = np.random.default_rng(seed)
    n_bins = int(generator.integers(2, 13))
    sizes = generator.integers(40, 400, 2)
    shares = generator.dirichlet(np.full(n_bins, 0.5), 6)
    return generator.multinomial(sizes[0], shares), generator.multinomial(
        sizes[1], generator.permutation(shares)
    )


def spread(counts: np.ndarray) -> np.ndarray:
    """Returns the rows that these counts are of, as numbers of their bins."""
    return np.repeat(np.arange(len(counts)), counts)


@pytest.mark.parametrize("seed", range(8))
def test_location_is_mann_and_whitneys_test(seed: int) -> None:
    """Location has the p-value of SciPy's test of the rows with ties, and its sign says which sample is higher."""
    first, second = draw(seed)
    location, _ = compare_ranks(first, second, min_expected=0)
    for z, *counts in zip(location, first, second, strict=True):
        x, y = map(spread, counts)
        tested = mannwhitneyu(x, y, use_continuity=False, method="asymptotic")
        assert 2 * norm.sf(abs(z)) == pytest.approx(tested.pvalue, rel=1e-9)
        assert np.sign(z) == np.sign(tested.statistic - len(x) * len(y) / 2)


@pytest.mark.parametrize("seed", range(8))
def test_scale_is_what_squared_ranks_show_beyond_location(seed: int) -> None:
    """Scale is the permutation z of the residuals of a regression, on the rows, of squared ranks by ranks."""
    first, second = draw(seed)
    _, scale = compare_ranks(first, second, min_expected=0)
    for z, *counts in zip(scale, first, second, strict=True):
        x, y = map(spread, counts)
        ranks = rankdata(np.concatenate([x, y]))
        ranks -= ranks.mean()
        if len(np.unique(ranks)) < 3:
            continue
        design = np.column_stack([np.ones(len(ranks)), ranks])
        fitted = design @ np.linalg.lstsq(design, ranks**2, rcond=None)[0]
        scores = ranks**2 - fitted
        variance = len(x) * len(y) / len(ranks) * scores.var(ddof=1)
        expected = scores[: len(x)].sum() / math.sqrt(variance)
        assert z == pytest.approx(expected, abs=1e-7)


def test_a_wider_sample_has_a_scale_above_zero() -> None:
    """A sample that lies at both ends is wider, not higher, than one in the middle."""
    location, scale = compare_ranks(
        np.array([[40, 20, 40]]), np.array([[20, 60, 20]]), min_expected=5
    )
    assert location[0] == pytest.approx(0, abs=1e-12)
    assert scale[0] > 4


def test_neighbours_with_few_rows_are_joined() -> None:
    """Bins are joined in their order until five rows are expected in each of both; the rest joins the last ones."""
    found = compare_ranks(
        np.array([[1, 3, 50, 2, 8, 0, 1]]),
        np.array([[5, 6, 80, 3, 9, 0, 2]]),
        min_expected=5,
    )
    joined = compare_ranks(
        np.array([[4, 50, 11]]), np.array([[11, 80, 14]]), min_expected=0
    )
    assert np.concatenate(found) == pytest.approx(np.concatenate(joined))


def test_too_few_bins_have_no_test() -> None:
    """One bin has neither test and two have none of scale, nor have samples without rows."""
    first = np.array([[9, 0, 0], [50, 50, 0], [0, 0, 0]])
    location, scale = compare_ranks(first, first + 9, min_expected=5)
    assert np.isnan(location).tolist() == [True, False, True]
    assert np.isnan(scale).all()


def test_empty_bins_say_nothing() -> None:
    """Features of few bins are filled with empty ones, wherever these are."""
    first, second = np.array([[30, 40, 50]]), np.array([[60, 20, 30]])
    filled = [
        np.array([[*each[0][:1], 0, *each[0][1:], 0]]) for each in (first, second)
    ]
    found = compare_ranks(*filled, min_expected=5)
    expected = compare_ranks(first, second, min_expected=5)
    assert np.concatenate(found) == pytest.approx(np.concatenate(expected))


@pytest.mark.parametrize("n_rows", [30, 100, 1000])
@pytest.mark.parametrize("shares", [np.full(10, 0.1), np.array([0.9, 0.06, 0.04])])
def test_the_level_is_kept(
    generator: np.random.Generator, n_rows: int, shares: np.ndarray
) -> None:
    """Each z is beyond its quantile of .01 in at most 1 % of 4,000 pairs of samples of equal shares, but for chance."""
    first = generator.multinomial(n_rows, shares, size=4000)
    second = generator.multinomial(455, shares, size=4000)
    for z in compare_ranks(first, second, min_expected=5):
        beyond = np.abs(np.nan_to_num(z)) > norm.isf(0.005)
        assert beyond.mean() <= 0.01 + 3 * math.sqrt(0.01 * 0.99 / 4000)
