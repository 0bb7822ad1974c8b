"""These functions plan how many rows tell two classifiers apart, or show a claim about them.

All of it takes shares of rows for the true ones, as they were seen or as someone supposes them. What is seen of few
rows may be far from what is true, so a number comes with its range and its power.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stats.paired_differences import ALPHA, Pair, difference_interval, newcombe

Floats = NDArray[np.float64]

POWER = 0.8
LEAST_SHARE = 1e-12
LEAST_POSITIVE = 1e-300
"""Shares of 0 are taken for these where one divides by them, or takes their logarithms."""
MIN_GROUPS = 6
"""Fewer groups can show no difference, and hardly say how far groups differ."""
MAX_CELLS = 250_000
"""The power is summed over so many tables at most; of more discordant rows the normal approximation is good."""
DEVIATIONS = 5
"""Tables are summed within so many standard deviations."""
STEP = 1.1
"""Rows are raised by this factor until they are enough."""

_normal_quantile = NormalDist().inv_cdf


def plan_to_tell_apart(
    pair: Pair,
    interval: tuple[float, float] | None = None,
    *,
    tests: int = 1,
    effect: float = 1.0,
) -> dict[str, Any]:
    """Returns the rows that McNemar's test needs to find this difference with a power of 0.8, and their range.

    The range goes from the rows for the farthest difference in the pair's 95 % interval to those for the nearest; where
    the interval holds 0 it has no upper end. Of several tests this may be the one that Holm's correction is strictest
    with. So many rows as `effect` says are worth an independent one.
    """
    discordant = pair.discordant / pair.n_rows
    low, high = interval or difference_interval(pair, effect=effect)
    farthest = max(-low, high)
    nearest = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
    rows = [
        count_rows(difference, discordant, tests=tests, effect=effect)
        for difference in (pair.difference, farthest, nearest)
    ]

    return {"rows": rows[0], "range": rows[1:], "power": POWER}


def plan_nothing(n_groups: int) -> dict[str, Any]:
    """Returns that nothing can be planned from so few groups of rows."""
    unit = "group is" if n_groups == 1 else "groups are"
    reason = f"undefined: {n_groups} {unit} too few to say how many rows it takes"
    return {"rows": None, "range": [None, None], "power": POWER, "reason": reason}


def count_rows(
    difference: float, discordant: float, *, tests: int = 1, effect: float = 1.0
) -> int | None:
    """Returns the rows for a difference and a share of discordant rows; Connor, Biometrics 43 (1987) 207.

    It is None for equals: no number of rows tells them apart. Discordant rows are at least what the difference takes.
    """
    if difference == 0:
        return None

    discordant = max(discordant, abs(difference))
    z_alpha = _normal_quantile(1 - ALPHA / (2 * tests))
    z_power = _normal_quantile(POWER)
    under_equality = z_alpha * math.sqrt(discordant)
    under_difference = z_power * math.sqrt(discordant - difference**2)

    rows = (under_equality + under_difference) ** 2 / difference**2
    return math.ceil(effect * rows)


def rows_to_show(pair: Pair, *, margin: float, effect: float = 1.0) -> int | None:
    """Returns the rows after which the one-sided limit is over `margin` with a power of 0.8, were the shares true.

    It is None where the difference itself is not over the margin. Without a discordant row one is assumed, half of it
    on either side. Where discordant rows are few the normal approximation (Liu et al., Stat. Med. 21, 2002, 231) tells
    too few rows, so that the power is summed exactly.
    """
    gap = pair.difference - margin
    if gap <= 0:
        return None

    shares = _take_shares(pair)
    _, only_a, only_b, _ = shares
    variance = only_a + only_b - pair.difference**2
    z = _normal_quantile(1 - ALPHA) + _normal_quantile(POWER)
    approximate = math.ceil(z**2 * variance / gap**2)
    rows = _search(shares, max(1, approximate // 2), margin=margin) or approximate

    return math.ceil(effect * rows)


def find_power(shares: Floats, n_rows: int, *, margin: float) -> float | None:
    """Returns how often the one-sided limit is over `margin` on so many rows, None where tables are too many to sum.

    Shares `(4,)` are of rows on which both are right, a alone, b alone, and neither. The rows on which the models agree
    are taken as they are expected.
    """
    mean_a, mean_b = shares[1:3] * n_rows
    first = _span(mean_a, n_rows)
    second = _span(mean_b, n_rows)
    if len(first) * len(second) > MAX_CELLS:
        return None

    only_a = first[:, None]
    only_b = second[None, :]
    rest = n_rows - only_a - only_b
    both, _, _, neither = shares
    share_both = both / max(both + neither, LEAST_SHARE)
    z = _normal_quantile(1 - ALPHA)
    possible = np.maximum(rest, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        lower, _ = newcombe(
            share_both * possible, only_a, only_b, (1 - share_both) * possible, z=z
        )

    weights = _weigh_tables(only_a, only_b, rest, shares)
    return float(weights[(lower > margin) & (rest >= 0)].sum())


def _search(shares: Floats, start: int, *, margin: float) -> int | None:
    """Returns the fewest rows from `start` on with enough power, None where it cannot be summed.

    The power rises in teeth; within the last step the rows are found by halving.
    """
    low = high = start
    power = find_power(shares, high, margin=margin)
    while power is not None and power < POWER:
        low, high = high, math.ceil(high * STEP)
        power = find_power(shares, high, margin=margin)

    if power is None:
        return None

    while high - low > 1:
        middle = (low + high) // 2
        found = find_power(shares, middle, margin=margin)
        if found is not None and found >= POWER:
            high = middle
        else:
            low = middle

    return high


def _take_shares(pair: Pair) -> Floats:
    """Returns the shares of the four cells; without a discordant row, as if there were one."""
    counts = [pair.both, pair.only_a, pair.only_b, pair.neither]
    cells = np.array(counts, dtype=np.float64)
    if pair.discordant == 0:
        cells[1:3] = 0.5
        cells[[0, 3]] *= (pair.n_rows - 1) / pair.n_rows

    shares: Floats = cells / cells.sum()
    return shares


def _span(mean: float, n_rows: int) -> Floats:
    """Returns the counts that are worth summing over."""
    width = DEVIATIONS * math.sqrt(mean) + DEVIATIONS
    low = max(0, math.floor(mean - width))
    high = min(n_rows, math.ceil(mean + width))

    return np.arange(low, high + 1, dtype=np.float64)


def _weigh_tables(
    only_a: Floats, only_b: Floats, rest: Floats, shares: Floats
) -> Floats:
    """Returns the trinomial probabilities of tables."""
    n_rows = float((only_a + only_b + rest).flat[0])
    _, share_a, share_b, _ = shares
    share_rest = max(1 - share_a - share_b, LEAST_POSITIVE)
    logs = (
        math.lgamma(n_rows + 1)
        - _log_factorials(only_a)
        - _log_factorials(only_b)
        - _log_factorials(np.maximum(rest, 0))
        + only_a * math.log(max(share_a, LEAST_POSITIVE))
        + only_b * math.log(max(share_b, LEAST_POSITIVE))
        + rest * math.log(share_rest)
    )
    weights: Floats = np.exp(logs)

    return weights


def _log_factorials(counts: Floats) -> Floats:
    """Returns the natural logarithms of factorials; each distinct count is computed once."""
    distinct, places = np.unique(counts, return_inverse=True)
    logs = np.array([math.lgamma(each + 1) for each in distinct.tolist()])
    found: Floats = logs[places].reshape(counts.shape)

    return found
