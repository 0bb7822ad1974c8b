"""The sequential test keeps its promise however often one looks, which a test repeated naively does not."""

from __future__ import annotations

import numpy as np
import pytest
from mapie.exchangeability_testing import OnlineMartingaleTest
from mapie.exchangeability_testing.bounds import (
    conjugate_mixture_empirical_bernstein_bound,
)
from scipy import optimize, stats

from stats import sequential

ALPHA = 0.05
ROWS = np.array([1.0, 0.0, -1.0])
SCALED = (ROWS + 1) / 2
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
    mean = (difference + 1) / 2
    refuted = -np.log(ALPHA / 2)
    return np.array(
        [
            (find_capital(each, mean) >= refuted)
            | (find_capital(each[:, ::-1], 1 - mean) >= refuted)
            for each in counts
        ]
    )


def find_capital(counts: np.ndarray, mean: float) -> np.ndarray:
    """Returns the logarithm of the capital of each of these counts of x = 1, 1/2 and 0 against one mean."""
    products = sequential.log_products(SCALED, counts)
    means = np.full(len(counts), mean)
    return sequential.log_capital(products, counts.sum(axis=1), means)


@pytest.mark.parametrize("shares", EQUAL)
def test_false_alarms_stay_under_alpha_when_one_looks_after_every_row(
    shares: tuple[float, float, float],
) -> None:
    """Two models that are equally good are ever told apart in at most 5 % of 600 streams of 2,000 rows."""
    alarms = find_refuted(make_counts(shares, n_streams=600, n_rows=2000)).any(axis=1)
    assert alarms.mean() <= ALPHA


@pytest.mark.parametrize("shares", EQUAL)
def test_a_z_test_repeated_after_every_row_breaks_alpha(
    shares: tuple[float, float, float],
) -> None:
    """A z test is fooled much oftener by these streams, although it waits for 10 discordant rows."""
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
    """The interval holds the difference after each of 1,000 rows in at least 95 % of 300 streams."""
    counts = make_counts(shares, n_streams=300, n_rows=1000)
    difference = shares[0] - shares[2]
    assert find_refuted(counts, difference=difference).any(axis=1).mean() <= ALPHA
    looks = counts[:20, 9::90].reshape(-1, 3)
    bounds = sequential.bound(ROWS, looks, alpha=ALPHA)
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
    bounds = sequential.bound(ROWS, counts, alpha=ALPHA)
    verdicts = [sequential.judge(lower, upper) for lower, upper in bounds.tolist()]
    assert verdicts == ["challenger better", "champion better", "not shown yet"]
    assert bounds[0] == pytest.approx(-bounds[1][::-1])


def test_the_capital_is_that_of_betting_row_by_row() -> None:
    """The capital equals the paper's product over groups in an order of their own, whose stakes the odds give."""
    mean = 0.4
    x = np.random.default_rng(6).permutation(
        np.repeat([1.0, 0.75, 0.5, 0.1], [7, 9, 30, 4])
    )
    capital = np.mean(
        [np.prod(1 + odds / (1 + odds * mean) * (x - mean)) for odds in sequential.ODDS]
    )
    values, counts = np.unique(x, return_counts=True)
    products = sequential.log_products(values, counts[None])
    found = sequential.log_capital(products, np.array([50]), np.array([mean]))
    assert found[0] == pytest.approx(np.log(capital), abs=1e-9)


def test_the_capital_is_that_of_mapies_jumper() -> None:
    """The odds of stakes -1, 0 and 1 make of a mean of 1/2 what MAPIE's martingale that never jumps makes of values."""
    values = np.array([0.0, 0.25, 0.5, 1.0])
    martingale = OnlineMartingaleTest()
    martingale.jump_size = 0.0
    stakes = np.array([-1.0, 0.0, 1.0])
    odds = stakes / (1 - stakes / 2)
    counts = np.zeros((1, 4), dtype=np.int64)

    for drawn in np.random.default_rng(8).choice(4, p=(0.1, 0.2, 0.3, 0.4), size=400):
        capital = martingale.update_simple_jumper_martingale(float(values[drawn]))
        counts[0, drawn] += 1
        products = sequential.log_products(values, counts, odds)
        found = sequential.log_capital(
            products, counts.sum(axis=1), np.array([0.5]), odds
        )
        assert found[0] == pytest.approx(np.log(capital), abs=1e-9)

    assert capital > 1e6


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((0.01, 0.98, 0.01), (0.01, 0.98, 0.01)),
        ((0.3, 0.5, 0.2), (0.3, 0.5, 0.2)),
        ((0.2, 0.75, 0.05), (0.05, 0.75, 0.2)),
    ],
)
@pytest.mark.parametrize("odds", [sequential.ODDS, sequential.LOSS_ODDS])
def test_the_interval_is_within_mapies(
    before: tuple[float, float, float],
    after: tuple[float, float, float],
    odds: np.ndarray,
) -> None:
    """The interval lies in the empirical Bernstein one and holds the average at all looks, even where that changes."""
    generator = np.random.default_rng(9)
    drawn = np.concatenate(
        [generator.choice(3, p=each, size=400) for each in (before, after)]
    )
    looks = np.arange(49, 800, 50)
    counts = np.stack([(drawn == each).cumsum() for each in range(3)], axis=1)[looks]
    found = (sequential.bound(ROWS, counts, alpha=ALPHA, odds=odds) + 1) / 2
    lower, upper = (
        conjugate_mixture_empirical_bernstein_bound(
            SCALED[drawn], 1, ALPHA, side, running_intersection=False
        )[looks]
        for side in ("lower", "upper")
    )
    of_row = np.repeat([SCALED @ before, SCALED @ after], 400)
    average = (of_row.cumsum() / np.arange(1, 801))[looks]

    assert np.all((lower <= found[:, 0]) & (found[:, 1] <= upper))
    assert np.all((found[:, 0] <= average) & (average <= found[:, 1]))


def test_a_bound_is_where_the_capital_reaches_its_limit() -> None:
    """The capital at a bound, found by SciPy too, is 2 / alpha times of what it began with, since two bet."""
    counts = np.array([[40, 500, 20]])
    lower, upper = (sequential.bound(ROWS, counts, alpha=ALPHA)[0] + 1) / 2
    limit = np.log(2 / ALPHA)
    for found, of_bet in ((lower, counts), (1 - upper, counts[:, ::-1])):
        root = optimize.brentq(
            lambda mean, of_bet=of_bet: find_capital(of_bet, mean)[0] - limit, 1e-6, 0.9
        )
        assert found == pytest.approx(root, abs=1e-9)


def test_without_rows_everything_is_possible() -> None:
    """The interval of no rows is from -1 to 1."""
    assert sequential.bound(ROWS, np.zeros((1, 3), dtype=np.int64), alpha=ALPHA)[
        0
    ] == pytest.approx([-1, 1], abs=1e-9)


def find_alarms(scaled: np.ndarray) -> np.ndarray:
    """Returns True for the streams `(n_streams, n_looks)` of x that ever refute a mean of 1/2."""
    n_groups = np.arange(1, scaled.shape[1] + 1)
    found = np.zeros(len(scaled), dtype=np.bool_)
    for x in (scaled, 1 - scaled):
        products = np.log1p(x[..., None] * sequential.ODDS).cumsum(axis=1)
        for stream, of_stream in enumerate(products):
            means = np.full(len(n_groups), 0.5)
            capital = sequential.log_capital(of_stream, n_groups, means)
            found[stream] |= (capital >= -np.log(ALPHA / 2)).any()

    return found


@pytest.mark.parametrize(
    ("n_streams", "n_groups"),
    [(150, 250), pytest.param(1000, 4000, marks=pytest.mark.long)],
)
@pytest.mark.parametrize("group_size", [1, 3, 10, 30])
@pytest.mark.parametrize("likeness", [1.0, 0.5])
def test_groups_of_alike_rows_make_no_false_alarms(
    group_size: int, likeness: float, n_streams: int, n_groups: int
) -> None:
    """Equal models are told apart in at most 5 % of streams, however many alike rows a group has and rows are labelled.

    Each label of a group revises its mean, and every revision is looked at; rows are equal or half of them are.
    """
    generator = np.random.default_rng(group_size)
    alarms = [
        revised_alarm(generator, n_groups, group_size, likeness)
        for _ in range(n_streams)
    ]
    assert np.mean(alarms) <= ALPHA + 3 * (ALPHA * 0.95 / n_streams) ** 0.5


def revised_alarm(
    generator: np.random.Generator, n_groups: int, group_size: int, likeness: float
) -> bool:
    """Returns whether a look after any label of any group refutes a mean of 1/2 in a stream of its own."""
    source = generator.choice(3, p=EQUAL[1], size=(n_groups, 1))
    own = generator.choice(3, p=EQUAL[1], size=(n_groups, group_size))
    is_alike = generator.random((n_groups, group_size)) < likeness
    rows = SCALED[np.where(is_alike, source, own)]
    means = rows.cumsum(axis=1) / np.arange(1, group_size + 1)
    n_looked = np.arange(1, n_groups + 1)

    for x in (means, 1 - means):
        terms = np.log1p(x[..., None] * sequential.ODDS)
        closed = terms[:, -1].cumsum(axis=0) - terms[:, -1]
        for label in range(group_size):
            capital = sequential.log_capital(
                closed + terms[:, label], n_looked, np.full(n_groups, 0.5)
            )
            if (capital >= -np.log(ALPHA / 2)).any():
                return True

    return False


@pytest.mark.parametrize("group_size", [3, 10])
def test_rows_in_groups_taken_one_by_one_break_alpha(group_size: int) -> None:
    """Groups of equal rows make many false alarms where each row is a bet."""
    generator = np.random.default_rng(group_size)
    groups = SCALED[generator.choice(3, p=EQUAL[1], size=(100, 300))]
    assert find_alarms(np.repeat(groups, group_size, axis=1)).mean() > 3 * ALPHA


def test_a_difference_that_changes_sign_is_no_verdict_for_ever() -> None:
    """The interval holds the average at all looks of two points more for 3,000 groups, then two less for 4,500.

    Between, the challenger is called better, and at the end in few streams; there is an interval all the way.
    """
    generator = np.random.default_rng(3)
    before = generator.choice(3, p=(0.06, 0.90, 0.04), size=(100, 3000))
    after = generator.choice(3, p=(0.04, 0.90, 0.06), size=(100, 4500))
    differences = np.concatenate([before, after], axis=1)
    is_out = np.zeros(100, dtype=np.bool_)
    called = {}

    for n_groups in range(300, 7501, 300):
        seen = differences[:, :n_groups]
        counts = np.stack([(seen == each).sum(axis=1) for each in range(3)], axis=1)
        n_better = min(n_groups, 3000)
        average = 0.02 * (2 * n_better - n_groups) / n_groups
        bounds = sequential.bound(ROWS, counts, alpha=ALPHA)
        assert (bounds[:, 0] < bounds[:, 1]).all()
        is_out |= (average < bounds[:, 0]) | (bounds[:, 1] < average)
        called[n_groups] = (bounds[:, 0] > 0).mean()

    assert is_out.mean() <= ALPHA
    assert called[3000] > 0.4
    assert called[6000] <= ALPHA


def test_all_line_ups_share_the_level() -> None:
    """The levels of a thousand line-ups sum to at most 5 %, of which the first has 61 %."""
    levels = [sequential.share_alpha(each, 2) for each in range(1, 1001)]
    assert 2 * sum(levels) == pytest.approx(ALPHA, rel=1e-3)
    assert 2 * sum(levels) < ALPHA
    assert levels[0] == pytest.approx(ALPHA * 0.6079 / 2, rel=1e-4)
