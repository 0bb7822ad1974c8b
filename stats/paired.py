"""Two classifiers on the same rows: how far their accuracies are apart, and how many rows it takes to tell.

All of it follows from the four counts of `Pair`; only the discordant rows, on which one alone is right, say anything
of a difference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stats.binomial import clopper_pearson, wilson

ALPHA = 0.05
POWER = 0.8
MIN_DISCORDANT = 6
"""Fewer discordant rows cannot give a two-sided p-value under 0.05, however they fall: 2 / 2**5 > 0.05."""

_normal_quantile = NormalDist().inv_cdf


@dataclass(frozen=True)
class Pair:
    """Counts of rows on which both are right, a alone, b alone, and neither; together they are at least one."""

    both: int
    only_a: int
    only_b: int
    neither: int

    @classmethod
    def of(cls, first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Pair:
        """Counts hits `(n_rows,)` of a and of b, True where one is right."""
        cells = 2 * ~first + ~second
        counts = np.bincount(cells, minlength=4).tolist()
        return cls(*counts)

    @property
    def n_rows(self) -> int:
        return self.both + self.only_a + self.only_b + self.neither

    @property
    def hits_a(self) -> int:
        return self.both + self.only_a

    @property
    def hits_b(self) -> int:
        return self.both + self.only_b

    @property
    def discordant(self) -> int:
        return self.only_a + self.only_b

    @property
    def difference(self) -> float:
        """The accuracy of a less that of b, from -1 to 1."""
        return (self.only_a - self.only_b) / self.n_rows


def difference_interval(pair: Pair, *, confidence: float = 0.95) -> tuple[float, float]:
    """Returns the interval of the difference, within -1 and 1; Newcombe, Stat. Med. 17 (1998) 2635, method 10.

    The Wilson limits of both accuracies are joined by the correlation of the hits, which is corrected for continuity.
    """
    z = _normal_quantile((1 + confidence) / 2)
    n_rows = pair.n_rows
    low_a, high_a = wilson(pair.hits_a, n_rows, z=z)
    low_b, high_b = wilson(pair.hits_b, n_rows, z=z)
    share_a = pair.hits_a / n_rows
    share_b = pair.hits_b / n_rows

    phi = _correlate_hits(pair)
    below = _join_half_widths(share_a - low_a, high_b - share_b, phi)
    above = _join_half_widths(high_a - share_a, share_b - low_b, phi)

    lower = max(-1.0, pair.difference - below)
    upper = min(1.0, pair.difference + above)

    return lower, upper


def lower_limit(pair: Pair) -> float:
    """Returns the one-sided 95 % limit under the difference: the lower end of its 90 % interval."""
    lower, _ = difference_interval(pair, confidence=1 - 2 * ALPHA)
    return lower


def odds_ratio(pair: Pair) -> dict[str, Any]:
    """Returns how much more often a alone is right than b alone, with the exact interval given the discordant rows.

    The interval is Clopper and Pearson's of the share of a among them; Breslow and Day, 1980, section 5.2. The value
    is None where b alone is right on no row, and the interval's upper end where there is none.
    """
    if pair.discordant == 0:
        return {
            "value": None,
            "interval": None,
            "reason": "undefined: the models are right on the same rows",
        }

    low, high = clopper_pearson(pair.only_a, pair.discordant)
    lower = low / (1 - low)
    upper = high / (1 - high) if high < 1 else None
    if pair.only_b == 0:
        return {
            "value": None,
            "interval": (lower, upper),
            "reason": "without an upper end: b alone is right on no row",
        }

    value = pair.only_a / pair.only_b
    if (
        upper is not None
    ):  # rounding may leave out the value of so many rows that both ends meet it
        upper = max(upper, value)

    return {"value": value, "interval": (min(lower, value), upper)}


def rows_to_tell_apart(pair: Pair, *, tests: int = 1) -> int | None:
    """Returns the rows that McNemar's test needs to find this difference with a power of 0.8.

    The formula is that of Connor, Biometrics 43 (1987) 207. It takes the shares of discordant rows for the true ones;
    of several tests this may be the one that Holm's correction is strictest with. It is None where the models are right
    equally often: no number of rows tells equals apart.
    """
    difference = pair.difference
    discordant = pair.discordant / pair.n_rows
    if difference == 0:
        return None

    z_alpha = _normal_quantile(1 - ALPHA / (2 * tests))
    z_power = _normal_quantile(POWER)
    under_equality = z_alpha * math.sqrt(discordant)
    under_difference = z_power * math.sqrt(discordant - difference**2)

    return math.ceil((under_equality + under_difference) ** 2 / difference**2)


def rows_to_show(pair: Pair, *, margin: float) -> int | None:
    """Returns the rows after which the one-sided limit is over `margin` with a power of 0.8, were the shares true.

    It is the normal approximation for a paired difference and a margin; Liu et al., Stat. Med. 21 (2002) 231. It is
    None where the difference itself is not over the margin. Without a discordant row one is assumed, half of it on
    either side.
    """
    gap = pair.difference - margin
    if gap <= 0:
        return None

    variance = max(pair.discordant, 1) / pair.n_rows - pair.difference**2
    z = _normal_quantile(1 - ALPHA) + _normal_quantile(POWER)

    return math.ceil(z**2 * variance / gap**2)


def _correlate_hits(pair: Pair) -> float:
    """Returns Newcombe's phi, from -1 to 1; 0 where a model is right or wrong throughout."""
    n_rows = pair.n_rows
    misses_a = n_rows - pair.hits_a
    misses_b = n_rows - pair.hits_b
    product = pair.hits_a * misses_a * pair.hits_b * misses_b
    if product == 0:
        return 0.0

    covariance: float = pair.both * pair.neither - pair.only_a * pair.only_b
    if covariance > 0:  # corrected for continuity
        covariance = max(covariance - n_rows / 2, 0)

    return covariance / math.sqrt(product)


def _join_half_widths(first: float, second: float, phi: float) -> float:
    """Returns the half width of a difference from those of two shares whose hits are correlated by `phi`."""
    squared = first**2 - 2 * phi * first * second + second**2
    return math.sqrt(max(0.0, squared))
