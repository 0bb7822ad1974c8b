"""Gaps in mean losses: closed figures by oracles, their limits, groups, and reasons for none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize
from scipy import stats as oracle

from stats.losses.comparison import LossComparison
from stats.losses.mean_gaps import MeanGaps
from tests.support.paired_worlds import PairedWorld, find_losses


def make_mean_gaps(n_rows: int = 200, seed: int = 0) -> tuple[MeanGaps, np.ndarray]:
    world = PairedWorld(0.5, (0.5, 0.4))
    probabilities, truth = world.draw(n_rows, np.random.default_rng(seed))
    losses = find_losses(probabilities, truth, "brier")
    hits = np.stack([each.argmax(axis=1) == truth for each in probabilities], axis=1)

    return MeanGaps(losses, hits, None), losses


def test_a_mean_loss_is_compared_as_the_paired_t_test_does_or_more_carefully() -> None:
    """Each limit is that of SciPy's paired t test or of Hall's transformation, inverted by SciPy: the farther one."""
    gaps, losses = make_mean_gaps(60)
    (pair,) = LossComparison(gaps).compare_pairs()
    apart = losses[:, 1] - losses[:, 0]
    tested = oracle.ttest_rel(losses[:, 1], losses[:, 0])
    expected = tested.confidence_interval(0.95)
    step = oracle.skew(apart) / 60**0.5
    quantile = oracle.t.ppf(0.975, 59)

    def transform(t: float) -> float:
        return t + step * t**2 / 3 + step**2 * t**3 / 27 + step / 6

    error = oracle.sem(apart)
    far, near = (
        optimize.brentq(lambda t, z=z: transform(t) - z, -9, 9)
        for z in (quantile, -quantile)
    )
    assert max(far, -near) < 1.25 * quantile
    low = min(expected.low, apart.mean() - far * error)
    high = max(expected.high, apart.mean() - near * error)
    assert pair.interval == pytest.approx((low, high), abs=1e-9)
    assert (low, high) != pytest.approx((expected.low, expected.high), abs=1e-6)
    assert pair.p_value is not None
    assert pair.p_value >= tested.pvalue - 1e-9
    assert pair.p_value_together == pair.p_value


def test_without_skewness_the_test_is_the_paired_t_test() -> None:
    """Interval and p-value of differences that lie evenly about their mean are those of SciPy's paired t test."""
    half = np.random.default_rng(1).random(30) / 4
    apart = 0.02 + np.concatenate([half, -half])
    losses = np.stack([np.full(60, 0.5), 0.5 + apart], axis=1)
    (pair,) = LossComparison(
        MeanGaps(losses, np.zeros((60, 2), bool), None)
    ).compare_pairs()
    tested = oracle.ttest_rel(losses[:, 1], losses[:, 0])
    expected = tested.confidence_interval(0.95)

    assert pair.interval == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert pair.p_value == pytest.approx(tested.pvalue, abs=1e-9)


def test_no_limit_is_much_farther_than_students() -> None:
    """One row with most of the difference does not make a limit that says nothing, and limits grow with z."""
    losses = np.zeros((40, 2))
    losses[:, 1] = np.random.default_rng(3).random(40) / 100
    losses[0, 1] = 1.0
    gaps = MeanGaps(losses, np.zeros((40, 2), bool), None)
    gap, error = gaps.find_gap(0, 1), gaps.find_error(0, 1)
    before = (gap, gap)
    for z in (0.5, 1.0, 2.0, 4.0, 40.0):
        low, high = gaps.bound(0, 1, z)
        assert gap - 1.2501 * z * error <= low <= min(before[0], gap - z * error)
        assert max(before[1], gap + z * error) <= high <= gap + 1.2501 * z * error
        before = (low, high)


def test_groups_are_compared_by_the_ratio_of_their_sums() -> None:
    """Interval and error of rows that are three times over in groups are those of the rows once."""
    once, losses = make_mean_gaps(80)
    hits = np.zeros(losses.shape, bool)
    groups = np.repeat(np.arange(80), 3)
    thrice = MeanGaps(np.repeat(losses, 3, axis=0), np.repeat(hits, 3, axis=0), groups)

    assert thrice.degrees == once.degrees == 79
    assert thrice.bound(0, 1, 2.0) == pytest.approx(once.bound(0, 1, 2.0), abs=1e-12)


def test_few_wrong_rows_have_no_gap_in_probabilities_and_a_reason() -> None:
    """A gap of losses with fewer than ten wrong rows has no interval, no p-value and no verdict."""
    _, losses = make_mean_gaps(50)
    hits = np.ones(losses.shape, bool)
    hits[:9, 0] = False
    (pair,) = LossComparison(MeanGaps(losses, hits, None)).compare_pairs()

    assert (pair.interval, pair.p_value) == (None, None)
    assert pair.reason == (
        "no interval: 9 rows are wrong for either, and they have most of the difference"
    )
