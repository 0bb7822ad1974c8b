"""The sequential test keeps its promise however often one looks, which a test repeated naively does not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from stats import sequential

ALPHA = 0.05
EQUAL = [(0.01, 0.98, 0.01), (0.1, 0.8, 0.1), (0.5, 0.0, 0.5)]
"""Shares of rows with d = 1, 0, -1 for two models that are right equally often: alike and accurate, or not."""


def make_counts(
    shares: tuple[float, float, float], *, n_streams: int, n_rows: int
) -> np.ndarray:
    """Returns counts `(n_streams, n_rows, 3)` after each row of seeded streams."""
    differences = np.random.default_rng(5).choice(3, p=shares, size=(n_streams, n_rows))
    return np.stack([(differences == each).cumsum(axis=1) for each in range(3)], axis=2)


def find_refuted(counts: np.ndarray, *, difference: float = 0.0) -> np.ndarray:
    """Returns True where this mean is out of the interval after each row, `(n_streams, n_rows)`."""
    mean = np.full(counts.shape[1], (difference + 1) / 2)
    refuted = -np.log(ALPHA / 2)
    return np.array(
        [
            (sequential.log_capital(each, mean) >= refuted)
            | (sequential.log_capital(each[:, ::-1], 1 - mean) >= refuted)
            for each in counts
        ]
    )


@pytest.mark.parametrize("shares", EQUAL)
def test_false_alarms_stay_under_alpha_when_one_looks_after_every_row(
    shares: tuple[float, float, float],
) -> None:
    """In at most 5 % of 600 streams of 2,000 rows, two models that are equally good are ever told apart."""
    alarms = find_refuted(make_counts(shares, n_streams=600, n_rows=2000)).any(axis=1)
    assert alarms.mean() <= ALPHA


@pytest.mark.parametrize("shares", EQUAL)
def test_a_z_test_repeated_after_every_row_breaks_alpha(
    shares: tuple[float, float, float],
) -> None:
    """The same streams fool a z test much oftener, although it waits for 10 discordant rows."""
    counts = make_counts(shares, n_streams=600, n_rows=2000)
    differing = counts[:, :, 0] + counts[:, :, 2]
    z = (counts[:, :, 0] - counts[:, :, 2]) / np.sqrt(np.maximum(differing, 1))
    alarms = ((np.abs(z) > stats.norm.ppf(1 - ALPHA / 2)) & (differing >= 10)).any(
        axis=1
    )
    assert alarms.mean() > 2 * ALPHA


@pytest.mark.parametrize(
    "shares", [(0.3, 0.5, 0.2), (0.02, 0.98, 0.0), (0.05, 0.05, 0.9)]
)
def test_the_interval_holds_the_true_difference_at_all_times(
    shares: tuple[float, float, float],
) -> None:
    """In at least 95 % of 300 streams the interval holds the difference after each of 1,000 rows."""
    counts = make_counts(shares, n_streams=300, n_rows=1000)
    difference = shares[0] - shares[2]
    assert find_refuted(counts, difference=difference).any(axis=1).mean() <= ALPHA
    looks = counts[:20, 9::90].reshape(-1, 3)
    bounds = sequential.bound(looks, alpha=ALPHA)
    is_out = (difference < bounds[:, 0]) | (bounds[:, 1] < difference)
    assert (is_out == find_refuted(looks[:, None], difference=difference)[:, 0]).all()


def test_power_grows_with_rows_and_with_the_difference() -> None:
    """Accuracies of 0.97 and 0.95, and of 0.99 and 0.95, are told apart in more streams the longer one waits."""
    small = find_refuted(
        make_counts((0.03, 0.96, 0.01), n_streams=100, n_rows=4000)
    ).mean(axis=0)
    large = find_refuted(
        make_counts((0.05, 0.94, 0.01), n_streams=100, n_rows=4000)
    ).mean(axis=0)
    assert small[500] < small[1000] < small[2000] <= small[3999]
    assert small[1999] > 0.8
    assert small[3999] > 0.97
    assert large[499] > small[499] + 0.3


def test_verdicts_name_the_better_one() -> None:
    """The verdict names the model that the interval's sign favours."""
    counts = np.array([[60, 900, 10], [10, 900, 60], [30, 900, 30]])
    bounds = sequential.bound(counts, alpha=ALPHA)
    verdicts = [sequential.judge(lower, upper) for lower, upper in bounds.tolist()]
    assert verdicts == ["challenger better", "champion better", "not shown yet"]
    assert bounds[0] == pytest.approx(-bounds[1][::-1])


def test_the_capital_is_that_of_betting_row_by_row() -> None:
    """The capital equals the paper's product over rows in an order of their own."""
    mean = 0.4
    counts = np.array([[7, 30, 4]])
    rows = np.random.default_rng(6).permutation(np.repeat([1.0, 0.5, 0.0], counts[0]))
    capital = np.mean(
        [np.prod(1 + stake / mean * (rows - mean)) for stake in sequential.STAKES]
    )
    assert sequential.log_capital(counts, np.array([mean]))[0] == pytest.approx(
        np.log(capital), abs=1e-9
    )


def test_a_bound_is_where_the_capital_reaches_its_limit() -> None:
    """At a bound the capital is 2 / alpha times of what it began with, since two bet."""
    counts = np.array([[40, 500, 20]])
    lower, upper = (sequential.bound(counts, alpha=ALPHA)[0] + 1) / 2
    found = [
        sequential.log_capital(counts, np.array([lower]))[0],
        sequential.log_capital(counts[:, ::-1], np.array([1 - upper]))[0],
    ]
    assert found == pytest.approx([np.log(2 / ALPHA)] * 2, abs=1e-6)


def test_without_rows_everything_is_possible() -> None:
    """The interval of no rows is from -1 to 1."""
    assert sequential.bound(np.zeros((1, 3), dtype=np.int64), alpha=ALPHA)[
        0
    ] == pytest.approx([-1, 1], abs=1e-9)


def test_what_was_refuted_stays_so_and_a_change_is_no_verdict() -> None:
    """Nobody is called better where no one difference is left."""
    narrowed = sequential.narrow(
        np.array([[0.1, 0.3], [0.1, 0.3]]), np.array([[0.0, 0.2], [-0.2, 0.05]])
    )
    assert narrowed.tolist() == [[0.1, 0.2], [0.1, 0.05]]
    assert [sequential.judge(*each) for each in narrowed.tolist()] == [
        "challenger better",
        "not shown yet",
    ]
