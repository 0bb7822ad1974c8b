"""Numbers of rows deliver the power that they promise, by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, multinomial

from stats import paired_differences, paired_tests, rows_needed
from stats.paired_differences import Pair

SEEN = Pair(800, 100, 50, 50)


def show(shares: list[float], n_rows: int, margin: float, seed: int) -> float:
    """Returns in which share of 4,000 samples the one-sided limit is over the margin."""
    draws = np.random.default_rng(seed).multinomial(n_rows, shares, size=4000)
    cells = draws.astype(np.float64).T
    lower, _ = paired_differences.newcombe(*cells, z=1.6448536269514722)
    return float(np.mean(lower > margin))


def test_so_many_rows_tell_the_difference_in_four_of_five_samples() -> None:
    """McNemar's statistic is over its 5 % limit in 80 % of samples of Connor's number of rows."""
    n_rows = rows_needed.plan_to_tell_apart(SEEN)["rows"]
    draws = np.random.default_rng(1).multinomial(
        n_rows, [0.8, 0.1, 0.05, 0.05], size=4000
    )
    statistics = (draws[:, 1] - draws[:, 2]) ** 2 / (draws[:, 1] + draws[:, 2])
    assert np.mean(statistics > 3.841459) == pytest.approx(0.8, abs=0.02)


def test_a_number_of_rows_has_its_range() -> None:
    """The range is what the ends of the difference's interval ask for, and has no upper end where it holds 0."""
    low, high = paired_differences.difference_interval(SEEN)
    assert rows_needed.plan_to_tell_apart(SEEN)["range"] == [
        rows_needed.count_rows(high, 0.15),
        rows_needed.count_rows(low, 0.15),
    ]
    unsure = rows_needed.plan_to_tell_apart(Pair(100, 1, 0, 13))
    assert unsure["rows"] == 893
    assert unsure["range"][0] < 200
    assert unsure["range"][1] is None


@pytest.mark.parametrize(
    ("shares", "margin"),
    [
        ([0.8, 0.1, 0.05, 0.05], 0.02),
        ([0.97, 0.01, 0.0, 0.02], -0.02),
        ([0.96, 0.01, 0.01, 0.02], -0.02),
        ([0.93, 0.03, 0.01, 0.03], 0.0),
    ],
)
def test_so_many_rows_show_the_margin_in_four_of_five_samples(
    shares: list[float], margin: float
) -> None:
    """The limit is over the margin in 80 % of samples of the number of rows, or little more."""
    seen = Pair(*(round(1000 * share) for share in shares))
    n_rows = rows_needed.rows_to_show(seen, margin=margin)
    assert n_rows is not None
    assert 0.77 <= show(shares, n_rows, margin, seed=2) <= 0.95


def test_the_power_is_that_of_all_tables() -> None:
    """The power equals the sum over tables of SciPy's multinomial probabilities, to 1e-9."""
    shares = np.array([0.9, 0.06, 0.04, 0.0])
    expected = 0.0
    for only_a in range(31):
        for only_b in range(31 - only_a):
            table = [30 - only_a - only_b, only_a, only_b, 0]
            if paired_differences.lower_limit(Pair(*table)) > -0.2:
                expected += multinomial.pmf(table, 30, shares)

    found = rows_needed.find_power(shares, 30, margin=-0.2)
    assert found == pytest.approx(expected, abs=1e-9)


def test_no_number_of_rows_tells_equals_apart() -> None:
    """The numbers of rows are None for equal models, and for a margin that the difference does not reach."""
    assert rows_needed.plan_to_tell_apart(Pair(90, 4, 4, 2))["rows"] is None
    assert rows_needed.rows_to_show(Pair(90, 4, 3, 3), margin=0.01) is None


def test_of_very_many_rows_the_normal_approximation_is_taken() -> None:
    """A tiny difference of models that differ on most rows has a number of rows without summing all tables."""
    pair = Pair(2000, 3100, 3000, 1900)
    found = rows_needed.rows_to_show(pair, margin=0.0)
    assert found == pytest.approx(
        (1.6449 + 0.8416) ** 2 * (0.61 - 1e-4) / 1e-4, rel=1e-3
    )


@pytest.mark.parametrize(
    ("models", "fewest"), [(2, 6), (3, 7), (5, 9), (7, 10), (8, 11), (10, 11)]
)
def test_the_first_difference_of_many_pairs_takes_more_rows(
    models: int, fewest: int
) -> None:
    """Holm's correction finds a difference first on so many rows on which one model alone is right."""
    n_pairs = models * (models - 1) // 2
    others = [1.0] * (n_pairs - 1)
    assert paired_tests.min_discordant(others, alpha=0.05) == fewest
    assert 2 * n_pairs * binom.cdf(0, fewest, 0.5) < 0.05
    assert 2 * n_pairs * binom.cdf(0, fewest - 1, 0.5) > 0.05


def test_differences_that_are_found_leave_less_to_correct() -> None:
    """A pair beside others that are clearly apart takes six rows again."""
    assert paired_tests.min_discordant([1e-9, 1e-9], alpha=0.05) == 6
