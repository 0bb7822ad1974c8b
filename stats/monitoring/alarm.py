"""An alarm on one classifier: its accuracy is shown to be lower than it was on held-out rows, less an error budget.

The floor is the lower end of the 95 % interval of the held-out accuracy, less the budget: the true accuracy was under
that end with a probability of 2.5 %. Labelled groups of rows are then bet on to lie under the floor, and such bets win
with a probability of at most 2.5 % while the average accuracy is over it, however often one looks. So a model that is
as good as it was has an alarm with a probability of at most 5 % (Podkopaev and Ramdas, ICLR 2022).

A model that breaks after years must be found soon, so one bets on the groups since several starts. The k-th start has
6 / (pi k)^2 of the level; those of all starts sum to 1.

Axes: means `(n_values,)`, the shares of right answers that groups have; counts `(n_starts, n_values)`, how many groups
have each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats import sequential

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

ALPHA = 0.05
"""Half of it is the floor's, half the groups'."""


class Alarm(NamedTuple):
    """The start that shows most: so many groups since the start `start` (from 0) have an accuracy of at most `upper`.

    `mean` is what these groups show, and `alpha` the start's level.
    """

    is_raised: bool
    start: int
    n_groups: int
    mean: float
    upper: float
    alpha: float


def find_floor(lower: float, error_budget: float) -> float:
    """Returns the accuracy under which an alarm is due, 0 at least."""
    return max(0.0, lower - error_budget)


def share_level(start: int) -> float:
    """Returns the level of the groups since this start, from 0 on: 6 / (pi k)^2 of the half of ALPHA."""
    return float(ALPHA / 2 * 6 / (np.pi * (start + 1)) ** 2)


def judge(
    blocks: Mapping[int, Mapping[int, int]], *, scale: int, floor: float
) -> Alarm | None:
    """Returns what groups show of a floor; None without a group.

    `blocks` have by number, from 0 on, how many of their groups have each mean, in parts of `scale`. One starts at each
    block; the first may have taken in others.
    """
    numbers = sorted(blocks)
    values = sorted({mean for block in blocks.values() for mean in block})
    table = np.array(
        [[blocks[number].get(value, 0) for value in values] for number in numbers],
        dtype=np.int64,
    ).reshape(len(numbers), len(values))
    since = table[::-1].cumsum(axis=0)[::-1]
    if not since.sum():
        return None

    means = np.array(values) / scale
    levels = np.array([share_level(number) for number in numbers])
    uppers = upper_limits(means, since, levels)
    best = int(uppers.argmin())
    n_groups = int(since[best].sum())

    return Alarm(
        is_raised=bool(uppers[best] < floor),
        start=numbers[best],
        n_groups=n_groups,
        mean=float(since[best] @ means) / n_groups if n_groups else 1.0,
        upper=float(uppers[best]),
        alpha=float(levels[best]),
    )


def upper_limits(means: Floats, counts: Counts, levels: Floats) -> Floats:
    """Returns for each start the upper limit `(n_starts,)` of the average accuracy, valid after each group."""
    return 1 - sequential.find_lower_limit(1 - means, counts, levels)
