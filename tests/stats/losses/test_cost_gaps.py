"""Gaps in cost: their limits, prices, and dear mistakes that hardly a row shows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as oracle

from stats.losses.comparison import LossComparison
from stats.losses.cost_gaps import CostGaps
from tests.support.paired_worlds import PairedWorld, find_gaps, find_losses

GOOD = PairedWorld(0.5, (1.9, 1.7))


def test_a_gap_of_shares_is_as_many_deviations_away_as_its_limits_say() -> None:
    """The interval of a gap ends at 0 at the p-value's own confidence."""
    probabilities, truth = GOOD.draw(300, np.random.default_rng(3))
    gaps = find_gaps(probabilities, truth, "cost")
    (pair,) = LossComparison(gaps).compare_pairs()
    assert pair.p_value is not None
    z = float(oracle.norm.isf(pair.p_value / 2))
    low, high = gaps.bound(0, 1, z)

    assert min(abs(low), abs(high)) == pytest.approx(0, abs=1e-9)


def test_a_price_moves_a_gap_and_leaves_its_width() -> None:
    """A model that costs 0.2 more a row, whatever it answers, is 0.2 worse with an interval as wide as before."""
    probabilities, truth = GOOD.draw(300, np.random.default_rng(3))
    losses = find_losses(probabilities, truth, "cost")
    possible = np.array([-6.0, -5.0, -1.0, 0.0, 1.0, 5.0, 6.0])
    plain = CostGaps(losses, possible, None)
    priced = CostGaps(losses, possible, None, np.array([0.2, 0.0]))
    expected = [each - 0.2 for each in plain.bound(0, 1, 1.96)]

    assert priced.find_gap(0, 1) == pytest.approx(plain.find_gap(0, 1) - 0.2)
    assert priced.bound(0, 1, 1.96) == pytest.approx(expected)


@pytest.mark.parametrize("n_rows", [30, 114, 300, 2000])
@pytest.mark.parametrize("dear", [5.0, 100.0])
def test_a_dear_mistake_that_is_seen_once_may_be_rarer(
    n_rows: int, dear: float
) -> None:
    """However rare a dear mistake is, the interval of a cost holds the truth in 92 % of samples, summed exactly.

    Cheap mistakes are as many as is to be expected. With Wilson's own lower limit it held it in 85 to 91 %.
    """
    possible = np.array([1.0, dear])
    n_cheap = n_rows // 10
    for expected in (0.02, 0.05, 0.1, 0.17, 0.2, 0.3, 0.5, 1.0, 2.0, 4.0, 8.0):
        share = expected / n_rows
        true = n_cheap / n_rows + dear * share
        n_dear = np.arange(
            min(n_rows - n_cheap, int(expected + 10 * expected**0.5) + 5)
        )
        held = 0.0
        for count, chance in zip(
            n_dear, oracle.binom.pmf(n_dear, n_rows, share), strict=True
        ):
            losses = np.zeros((n_rows, 2))
            losses[:n_cheap, 1] = 1
            losses[n_cheap : n_cheap + count, 1] = dear
            low, high = CostGaps(losses, possible, None).bound(0, 1, 1.96)
            held += chance * (low <= true <= high)

        assert held >= 0.92, (expected, held)
