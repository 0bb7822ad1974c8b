"""The alarm has the level that it says however often one looks, and finds a model that breaks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from mapie.exchangeability_testing import RiskMonitoring

from stats import sequential
from stats.binomial import wilson
from stats.monitoring import alarm

N_STREAMS = 400
N_GROUPS = 1_000
BLOCK = 200
FLOOR = 0.9


def raises_alarm(hits: np.ndarray, *, floor: np.ndarray | float) -> np.ndarray:
    """Returns for each stream `(n_streams, n_groups)` of shares whether it has an alarm after any of its groups.

    The capitals are products over the groups themselves: nothing of the module but its levels is used.
    """
    logs = np.log1p((1 - hits)[..., None] * sequential.ODDS)
    floors = np.broadcast_to(floor, len(hits))[:, None, None]
    logs -= np.log1p((1 - floors) * sequential.ODDS)
    is_raised = np.zeros(len(hits), dtype=bool)

    for start in range(0, hits.shape[1], BLOCK):
        capitals = np.exp(logs[:, start:].cumsum(axis=1)).mean(axis=2)
        is_raised |= (capitals >= 1 / alarm.share_level(start // BLOCK)).any(axis=1)

    return is_raised


def draw_groups(
    generator: np.random.Generator, *, size: int, n_groups: int, accuracy: float
) -> np.ndarray:
    """Returns shares of right rows `(n_streams, n_groups)`; half of the groups have rows that are right together."""
    apart = generator.binomial(size, accuracy, (N_STREAMS, n_groups)) / size
    together = generator.random((N_STREAMS, n_groups)) < accuracy
    return np.where(generator.random((N_STREAMS, n_groups)) < 0.5, together, apart)


@pytest.mark.parametrize("size", [1, 3, 10, 30])
def test_false_alarms_keep_to_their_level(size: int) -> None:
    """A model at the floor ever has an alarm in at most 2.5 % of streams and three standard errors, in groups too."""
    generator = np.random.default_rng(size)
    hits = draw_groups(generator, size=size, n_groups=N_GROUPS, accuracy=FLOOR)
    share = raises_alarm(hits, floor=FLOOR).mean()
    level = alarm.ALPHA / 2
    assert share <= level + 3 * math.sqrt(level * (1 - level) / N_STREAMS)


@pytest.mark.long
@pytest.mark.parametrize("size", [1, 3, 10, 30])
@pytest.mark.parametrize("n_held_out", [36, 114, 500])
def test_an_unchanged_model_keeps_to_the_whole_level(
    n_held_out: int, size: int
) -> None:
    """An alarm is ever raised for at most 5 % of models that stay as they are, with a floor of held-out rows."""
    generator = np.random.default_rng(n_held_out + size)
    n_alarms = 0
    for _ in range(5):
        n_right = generator.binomial(n_held_out, 0.95, N_STREAMS)
        lower = np.array([wilson(int(each), n_held_out)[0] for each in n_right])
        hits = draw_groups(generator, size=size, n_groups=4_000, accuracy=0.95)
        n_alarms += int(raises_alarm(hits, floor=lower).sum())

    n_streams = 5 * N_STREAMS
    assert n_alarms / n_streams <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / n_streams)


def test_the_alarm_is_that_of_the_products() -> None:
    """Counts by blocks raise an alarm exactly where the products over the groups do, at each of many looks."""
    generator = np.random.default_rng(7)
    hits = generator.random(N_GROUPS) < np.where(np.arange(N_GROUPS) < 500, 0.96, 0.8)

    for n_groups in range(20, N_GROUPS + 1, 35):
        found = alarm.judge(count_blocks(hits[:n_groups]), scale=1, floor=FLOOR)
        again = raises_alarm_now(hits[:n_groups])
        assert found is not None
        assert found.is_raised == again, n_groups


def count_blocks(hits: np.ndarray) -> dict[int, dict[int, int]]:
    return {
        start // BLOCK: {
            0: int((~hits[start : start + BLOCK]).sum()),
            1: int(hits[start : start + BLOCK].sum()),
        }
        for start in range(0, len(hits), BLOCK)
    }


def raises_alarm_now(hits: np.ndarray) -> bool:
    """Returns whether the groups since any block refute the floor, by plain products of the bets."""
    for start in range(0, len(hits), BLOCK):
        capital = 0.0
        for odds in sequential.ODDS:
            ratios = [
                (1 + odds * (1 - hit)) / (1 + odds * (1 - FLOOR))
                for hit in hits[start:].astype(float)
            ]
            capital += math.prod(ratios) / len(sequential.ODDS)
        if capital > 1 / alarm.share_level(start // BLOCK):
            return True

    return False


@pytest.mark.parametrize(("accuracy", "n_needed"), [(0.5, 60), (0.8, 500)])
def test_a_model_that_breaks_late_is_found_soon(accuracy: float, n_needed: int) -> None:
    """An alarm is raised by `n_needed` bad groups after 10,000 good ones; the average since the start would hide it."""
    generator = np.random.default_rng(3)
    good = generator.random(10_000) < 0.97
    broken = np.concatenate([good, generator.random(n_needed) < accuracy])
    before = alarm.judge(count_blocks(good), scale=1, floor=FLOOR)
    after = alarm.judge(count_blocks(broken), scale=1, floor=FLOOR)

    assert before is not None
    assert after is not None
    assert (before.is_raised, after.is_raised) == (False, True)
    assert after.start > 0
    assert broken.mean() > FLOOR


@pytest.mark.parametrize("accuracy", [0.99, 0.92, 0.8, 0.6, 0.3])
def test_no_alarm_is_later_than_mapies(accuracy: float) -> None:
    """The alarm of a worse model comes by the group that MAPIE's risk monitoring takes, and that of a good one never.

    Both are told the same floor, and both hold whenever one looks; MAPIE's bound is the empirical Bernstein one.
    """
    generator = np.random.default_rng(11)
    hits = (generator.random(600) < accuracy).astype(int)
    monitor = RiskMonitoring("accuracy", threshold=1 - FLOOR, warn=False)
    monitor.update(np.ones(600, dtype=int), hits)
    looks = np.arange(5, 601, 5)
    theirs = monitor.online_risk_lower_bound_sequence_history[looks - 1] > 1 - FLOOR
    found = [
        alarm.judge(count_blocks(hits[:n_groups] == 1), scale=1, floor=FLOOR)
        for n_groups in looks
    ]
    ours = np.array([each is not None and each.is_raised for each in found])

    assert ours.any() == theirs.any() == (accuracy < FLOOR)
    if theirs.any():
        assert ours.argmax() <= theirs.argmax()


@pytest.mark.parametrize("n_held_out", [36, 114, 500])
@pytest.mark.parametrize("n_wrong", [0, 3, 12])
def test_the_floor_is_not_under_mapies(n_held_out: int, n_wrong: int) -> None:
    """The floor of the same held-out rows and the same budget is over that of MAPIE, whose limit is Hoeffding's."""
    hits = (np.arange(n_held_out) >= n_wrong).astype(int)
    monitor = RiskMonitoring("accuracy", tolerance=0.02, warn=False)
    monitor.compute_threshold(np.ones(n_held_out, dtype=int), hits)
    lower, _ = wilson(n_held_out - n_wrong, n_held_out)
    assert monitor.reference_risk_upper_bound is not None
    assert 1 - monitor.reference_risk_upper_bound < lower < 1 - n_wrong / n_held_out
    assert 1 - monitor.threshold < alarm.find_floor(lower, 0.02)


def test_levels_sum_to_half_of_five_percent() -> None:
    """All starts together have 2.5 %, whatever their number."""
    total = sum(alarm.share_level(start) for start in range(100_000))
    assert total == pytest.approx(0.025, rel=1e-4)
    assert total < 0.025


def test_nothing_is_judged_without_groups() -> None:
    """Blocks whose groups have all been revised away say nothing."""
    assert alarm.judge({}, scale=1, floor=FLOOR) is None
    assert alarm.judge({0: {1: 0}}, scale=1, floor=FLOOR) is None
