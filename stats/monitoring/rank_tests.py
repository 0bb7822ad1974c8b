"""Rank tests of two samples that are counted by bins of one order, of many features at once: location and scale.

They are the first two components of Neyman's smooth test (Skandinavisk Aktuarietidskrift 20, 1937), over the pooled
ranks (Rayner and Best, Smooth Tests of Goodness of Fit, 1989): uncorrelated, and normal where both samples have many
rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]


def compare_ranks(
    first: Counts, second: Counts, *, min_expected: float
) -> tuple[Floats, Floats]:
    """Returns z of location and z of scale `(n_features,)` of counts by bin `(n_features, n_bins)`.

    That of location is Mann and Whitney's (Ann. Math. Stat. 18, 1947) with bins as ties, above 0 where the first sample
    is higher. That of scale has the squares of the ranks' distances from the middle, as Mood (Ann. Math. Stat. 25,
    1954), less what location explains of them, and is above 0 where the first is wider. Neighbours are joined until
    `min_expected` rows are expected in each of both; NaN stands for fewer than two bins for location, three for scale.
    """
    groups = _join_neighbours(first, second, min_expected)
    joined_first = _add(first, groups)
    joined_second = _add(second, groups)
    pooled = joined_first + joined_second
    n_pooled = pooled.sum(axis=1)
    n_bins = groups.max(axis=1) + 1

    with np.errstate(divide="ignore", invalid="ignore"):
        shares = pooled / n_pooled[:, None]
        by_rank = shares.cumsum(axis=1) - shares / 2 - 0.5
        by_width = _score_widths(shares, by_rank)

        location = _standardise(joined_first, shares, by_rank, n_pooled)
        scale = _standardise(joined_first, shares, by_width, n_pooled)

    known_location = np.where(n_bins >= 2, location, np.nan)
    known_scale = np.where(n_bins >= 3, scale, np.nan)

    return known_location, known_scale


def _score_widths(shares: Floats, by_rank: Floats) -> Floats:
    """Returns the squares of scores by rank `(n_features, n_bins)`, less their mean and what the rank explains."""
    squares = by_rank**2
    mean_square = (shares * squares).sum(axis=1)
    mean_cube = (shares * by_rank**3).sum(axis=1)
    slope = mean_cube / mean_square

    by_width: Floats = squares - mean_square[:, None]
    by_width -= slope[:, None] * by_rank

    return by_width


def _standardise(
    first: Counts, shares: Floats, scores: Floats, n_pooled: Counts
) -> Floats:
    """Returns the sum of the first sample's scores in standard deviations `(n_features,)`, as of a draw of the pooled.

    The draw is without replacement; scores and their shares of the pooled rows are `(n_features, n_bins)`.
    """
    n_first = first.sum(axis=1)
    factor = n_first * (n_pooled - n_first) / (n_pooled - 1)
    total = (first * scores).sum(axis=1)
    mean_square = (shares * scores**2).sum(axis=1)
    standardised: Floats = total / np.sqrt(factor * mean_square)

    return standardised


def _join_neighbours(first: Counts, second: Counts, min_expected: float) -> Counts:
    """Returns the number of each bin's group `(n_features, n_bins)`; what is left in the end joins the last group."""
    pooled = first + second
    n_first = first.sum(axis=1)
    n_second = second.sum(axis=1)
    n_smaller = np.minimum(n_first, n_second)
    share_of_smaller = n_smaller / np.maximum(n_first + n_second, 1)
    expected = pooled * share_of_smaller[:, None]

    groups = np.zeros(pooled.shape, dtype=np.int64)
    group = np.zeros(len(pooled), dtype=np.int64)
    gathered = np.zeros(len(pooled))

    for column in range(pooled.shape[1]):
        groups[:, column] = group
        gathered += expected[:, column]
        is_full = gathered >= min_expected
        group += is_full
        gathered[is_full] = 0

    last = np.maximum(group - 1, 0)
    joined: Counts = np.minimum(groups, last[:, None])

    return joined


def _add(counts: Counts, groups: Counts) -> Counts:
    """Returns the counts of groups of bins, 0 where a feature has fewer."""
    n_features, n_bins = counts.shape
    starts = n_bins * np.arange(n_features)
    places = groups + starts[:, None]
    sums = np.bincount(places.ravel(), counts.ravel(), minlength=counts.size)

    return sums.reshape(counts.shape).astype(np.int64)
