"""A sample says something of the tail that it came from: percentiles with their limits, and claims about them.

Nothing is assumed of the values but that they are independent of each other: all follows from the binomial
distribution of how many lie below a bound. Latencies in a stall are not independent: limits over repeats of a run are
the wider and the safer ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from stats.binomial import binomial_cdf

Floats = NDArray[np.float64]

WINDOW_SD = 12
"""Beyond so many standard deviations from its mean a binomial variable has no probability that a float64 holds."""
MAX_MORE = 10**12


class Finding(StrEnum):
    """This is what rows say of a claim."""

    SHOWN = "shown"
    REFUTED = "refuted"
    UNDECIDED = "undecided"


@dataclass(frozen=True, kw_only=True)
class ShareFinding:
    """This is what `n_rows` say of the claim that a share is small; `n_more` rows without a hit would show it."""

    finding: Finding
    n_hits: int
    n_rows: int
    n_more: int | None


def percentile(values: Floats, share: float) -> float:
    """Returns the smallest value that so large a share of the values does not exceed, which is one of them."""
    return float(np.quantile(values, share, method="inverted_cdf"))


def percentile_interval(
    values: Floats, share: float, *, confidence: float = 0.95
) -> tuple[float | None, float | None]:
    """Returns limits of a percentile that are two of the values; None where there are too few for one.

    Hahn and Meeker, Statistical Intervals (1991), section 5.2.
    """
    n_values = len(values)
    alpha = (1 - confidence) / 2
    lower = binomial_quantile(alpha, n_values, share=share)
    upper = binomial_quantile(1 - alpha, n_values, share=share) + 1
    ordered = np.sort(values)

    return (
        float(ordered[lower - 1]) if lower >= 1 else None,
        float(ordered[upper - 1]) if upper <= n_values else None,
    )


def binomial_quantile(alpha: float, n_rows: int, *, share: float) -> int:
    """Returns the least number of hits that is not exceeded with probability `alpha`, as `scipy.stats.binom.ppf`."""
    if share <= 0 or n_rows == 0:
        return 0
    if share >= 1:
        return n_rows

    mean = n_rows * share
    reach = WINDOW_SD * (1 + np.sqrt(mean * (1 - share)))
    low = max(0, int(mean - reach))
    hits = np.arange(low, min(n_rows, int(mean + reach) + 1))
    log_odds = np.log(share) - np.log1p(-share)
    log_ratios = np.log(n_rows - hits) - np.log(hits + 1) + log_odds
    logs = np.concatenate([[0.0], np.cumsum(log_ratios)])
    probabilities = np.exp(logs - logs.max())
    cumulated = np.cumsum(probabilities / probabilities.sum())

    return low + int(np.searchsorted(cumulated, alpha))


def judge_share(
    n_hits: int, n_rows: int, *, share: float, confidence: float
) -> ShareFinding:
    """Judges the claim that a share of hits is below `share`, by exact one-sided tests of it and of its contrary.

    This is the early stopping of MLPerf's inference rules (appendix "Early Stopping Criterion") with a tolerance of 0.
    A run may end as soon as so few hits among so many rows have a probability of at most `1 - confidence`, were the
    share as large as allowed.
    """
    alpha = 1 - confidence
    if n_rows and binomial_cdf(n_hits, n_rows, share=share) <= alpha:
        return ShareFinding(
            finding=Finding.SHOWN, n_hits=n_hits, n_rows=n_rows, n_more=0
        )

    if n_hits and 1 - binomial_cdf(n_hits - 1, n_rows, share=share) <= alpha:
        return ShareFinding(
            finding=Finding.REFUTED, n_hits=n_hits, n_rows=n_rows, n_more=None
        )

    return ShareFinding(
        finding=Finding.UNDECIDED,
        n_hits=n_hits,
        n_rows=n_rows,
        n_more=rows_to_show(n_hits, share=share, confidence=confidence) - n_rows,
    )


def rows_to_show(n_hits: int, *, share: float, confidence: float) -> int:
    """Returns how many rows with so many hits in all show that the share is below `share`."""
    alpha = 1 - confidence
    low, high = n_hits, max(1, n_hits)
    while binomial_cdf(n_hits, high, share=share) > alpha and high < MAX_MORE:
        low, high = high, 2 * high

    while high - low > 1:
        middle = (low + high) // 2
        if binomial_cdf(n_hits, middle, share=share) > alpha:
            low = middle
        else:
            high = middle

    return high
