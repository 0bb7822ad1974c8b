"""Two classifiers on the same rows: how far their accuracies are apart, and how many rows it would take to tell.

All of it follows from four counts, `Pair`; only the rows on which one alone is right say anything of a difference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stats.binomial import clopper_pearson
from stats.scores import wilson

ALPHA = 0.05
POWER = 0.8
FEWEST_DISCORDANT = 6
"""Fewer rows on which one alone is right cannot give a two-sided p under 0.05, however they fall: 2 / 2**5 > 0.05."""

_quantile = NormalDist().inv_cdf


@dataclass(frozen=True)
class Pair:
    """Counts of rows: both right, a alone, b alone, neither."""

    both: int
    only_a: int
    only_b: int
    neither: int

    @classmethod
    def of(cls, first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Pair:
        """From hits `(n_rows,)` of a and of b."""
        cells = np.bincount(2 * ~first + ~second, minlength=4).tolist()
        return cls(*cells)

    @property
    def n_rows(self) -> int:
        return self.both + self.only_a + self.only_b + self.neither

    @property
    def discordant(self) -> int:
        return self.only_a + self.only_b

    @property
    def difference(self) -> float:
        """Accuracy of a less that of b."""
        return (self.only_a - self.only_b) / self.n_rows


def difference_interval(pair: Pair, *, confidence: float = 0.95) -> tuple[float, float]:
    """Of the difference of two paired shares; Newcombe, Stat. Med. 17 (1998) 2635, method 10.

    The Wilson limits of both accuracies are joined by the correlation of the hits, which is corrected for continuity.
    """
    z = _quantile((1 + confidence) / 2)
    n_rows = pair.n_rows
    hits_a = pair.both + pair.only_a
    hits_b = pair.both + pair.only_b
    (low_a, high_a) = wilson(hits_a, n_rows, z=z)
    (low_b, high_b) = wilson(hits_b, n_rows, z=z)
    share_a = hits_a / n_rows
    share_b = hits_b / n_rows
    phi = _correlation(pair)
    below = _join(share_a - low_a, high_b - share_b, phi)
    above = _join(high_a - share_a, share_b - low_b, phi)

    return max(-1.0, pair.difference - below), min(1.0, pair.difference + above)


def lower_limit(pair: Pair) -> float:
    """The one-sided 95 % limit under the difference: the lower end of the 90 % interval."""
    return difference_interval(pair, confidence=1 - 2 * ALPHA)[0]


def odds_ratio(pair: Pair) -> dict[str, Any]:
    """How much more often a alone is right than b alone, with the exact interval given the discordant rows.

    The interval is Clopper and Pearson's of the share of a among them; Breslow and Day, 1980, section 5.2.
    """
    if pair.discordant == 0:
        return {
            "value": None,
            "interval": None,
            "reason": "undefined: the models are right on the same rows",
        }

    low, high = clopper_pearson(pair.only_a, pair.discordant)
    value = pair.only_a / pair.only_b if pair.only_b else None
    answer = {
        "value": value,
        "interval": (low / (1 - low), high / (1 - high) if high < 1 else None),
    }

    return (
        answer
        if pair.only_b
        else answer | {"reason": "without an upper end: b alone is right on no row"}
    )


def rows_to_tell_apart(pair: Pair, *, tests: int = 1) -> int | None:
    """Rows after which McNemar's test finds this difference in four of five samples; Connor, Biometrics 43 (1987).

    It takes the shares of discordant rows for the true ones; of several tests this may be the one that Holm's
    correction is strictest with. None where the models are right equally often: no
    number of rows tells equals apart.
    """
    apart = pair.difference
    discordant = pair.discordant / pair.n_rows
    if apart == 0:
        return None

    under = _quantile(1 - ALPHA / (2 * tests))
    power = _quantile(POWER)
    needed = (
        under * math.sqrt(discordant) + power * math.sqrt(discordant - apart**2)
    ) ** 2 / apart**2

    return math.ceil(needed)


def rows_to_show(pair: Pair, *, margin: float) -> int | None:
    """Rows after which the one-sided limit is over `margin` in four of five samples, were the shares the true ones.

    The normal approximation for a paired difference and a margin; Liu et al., Stat. Med. 21 (2002) 231. None where
    the difference itself is not over the margin. Without a discordant row one is assumed, half of it on either side.
    """
    gap = pair.difference - margin
    if gap <= 0:
        return None
    variance = max(pair.discordant, 1) / pair.n_rows - pair.difference**2
    return math.ceil((_quantile(1 - ALPHA) + _quantile(POWER)) ** 2 * variance / gap**2)


def _correlation(pair: Pair) -> float:
    """Newcombe's phi, 0 where a model is right or wrong throughout."""
    hits_a = pair.both + pair.only_a
    hits_b = pair.both + pair.only_b
    n_rows = pair.n_rows
    spread = hits_a * (n_rows - hits_a) * hits_b * (n_rows - hits_b)
    if spread == 0:
        return 0.0

    together = pair.both * pair.neither - pair.only_a * pair.only_b

    return (max(together - n_rows / 2, 0) if together > 0 else together) / math.sqrt(
        spread
    )


def _join(first: float, second: float, phi: float) -> float:
    """Two half intervals of correlated shares as that of their difference."""
    return math.sqrt(max(0.0, first**2 - 2 * phi * first * second + second**2))
