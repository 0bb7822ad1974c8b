"""Input drift is found by comparing the features of today's rows with the distributions of the training rows.

Pearson's chi-square of each feature's counts and the card's decides whether there is drift. It knows of no order, so
numbers of three bins or more are tested by location and scale of their ranks too, and by the share of missing values
where they are imputed; these three or four tests share the feature's level evenly. The population stability index
(Siddiqi, Credit Risk Scorecards, 2006) says how large a drift is, since over many rows any difference is shown, and
most do no harm. Cells with fewer than 5 expected rows are joined (Cochran, Biometrics 10, 1954), bins with their
neighbours, by the counts of window and training together: by those of training alone one would pick the cells that were
rare there by chance.

A live window is looked at as often as rows come. The journal parts the rows into counts of up to 500; the k-th part is
given the share k^-1.5 / 2.612 of the level: all shares sum to 1, so that looking for ever keeps to the level too.
Within a part one may look after each row: the critical value is what chi-square exceeds at any time of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from model_card import Feature
from service.contract.live_answers import Drift, DriftSize, FeatureDrift
from service.live.drift_cells import Counts, DriftCells, is_ordered
from stats.chi_square import compare_counts, path_quantile
from stats.monitoring.rank_tests import compare_ranks

Floats = NDArray[np.float64]

ALPHA = 0.05
"""Without drift any feature is ever called drifted no oftener; features and parts of the rows share this chance."""
SPENDING = 1.5
SUM_OF_SHARES = 2.612375348685488
"""This is zeta(1.5), the sum of k ** -1.5 over all parts."""
ROWS_A_PART = 500
"""The journal adds counts up to so many rows, which have one part of the level. Larger counts are looked at once."""
MAX_WINDOW_ROWS = 10_000
"""The live window has so many rows, or up to one stored count more."""
MIN_ROWS = 30
"""A live window is looked at from so many rows on: looks at fewer would cost the later ones power."""
GROWTH_STEPS = 4
"""Growth is rounded up to a quarter of a power of two, so that the next looks find their critical values ready."""
SMOOTHING = 0.5
"""Rows added to each cell of training, and as many in all, distributed as in training, to those of a window
(Krichevsky and Trofimov, 1981): no cell is empty, and a window of few rows leans towards no drift."""
MIN_EXPECTED = 5
MODERATE = 0.1
LARGE = 0.25
"""These indices are the usual thresholds (Siddiqi)."""


def describe(cells: DriftCells, counts: Counts, *, look: int | None = None) -> Drift:
    """Returns each feature's drift, the most drifted first: that of a statistic that is most times its critical value.

    `look` is the number of the latest part of a window that moves, from 1; None is one look at rows that nothing else
    is made of.
    """
    level = share_level(look)
    alpha = level / len(cells.features)
    windows = cells.split(counts)
    outside = counts[cells.n_cells :]
    ranks = _compare_ranks(cells, counts).tolist()
    features = []

    for feature, training, window, n_outside, z in zip(
        cells.features, cells.training, windows, outside, ranks, strict=True
    ):
        if window.sum() > 0:
            growth = find_growth(int(window.sum()), int(training.sum()), look)
            critical = None
            if look is None or window.sum() >= MIN_ROWS:
                share = alpha / _count_tests(feature)
                critical = partial(path_quantile, share, growth=growth)
            described = _describe_feature(
                feature, training, window, n_outside, critical
            )
            if is_ordered(feature):
                _add_ranks(described, z, critical)
            features.append(described)

    features.sort(key=_find_ratio, reverse=True)

    return {
        "rows": int(windows[0].sum()),
        "alpha": level,
        "drifted": [each["feature"] for each in features if each["drifted"]],
        "features": features,
    }


def _compare_ranks(cells: DriftCells, counts: Counts) -> Floats:
    """Returns z of location, of scale and of missing values `(n_features, 3)`, above 0 for higher, wider and more.

    NaN stands for features without an order, or without gaps, and for too few rows.
    """
    training = np.concatenate(cells.training)
    location, scale = compare_ranks(
        cells.pick_ordered(counts),
        cells.pick_ordered(training),
        min_expected=MIN_EXPECTED,
    )
    missing, _ = compare_ranks(
        cells.pick_missing(counts),
        cells.pick_missing(training),
        min_expected=MIN_EXPECTED,
    )
    z = np.full((len(cells.features), 3), np.nan)
    z[cells.is_ordered] = np.stack([location, scale, missing], axis=1)

    return z


def _count_tests(feature: Feature) -> int:
    """Returns how many tests share the level of a feature."""
    if not is_ordered(feature):
        return 1

    return 3 if feature.imputed is None else 4


def share_level(look: int | None) -> float:
    """Returns what the part of this number has of the level, all of it where there is one look."""
    return ALPHA if look is None else ALPHA * look**-SPENDING / SUM_OF_SHARES


def find_growth(n_rows: int, n_training: int, look: int | None) -> float:
    """Returns the logarithm of how many times as much rows say at the end of a part; 0 where there is one look.

    Rows say as much as n m / (n + m), beside the m of training. The first rows, from 30 on, spend their part of the
    level evenly over that logarithm, all others evenly over their rows. Both ends of a full window move.
    """
    if look is None or n_training == 0:
        return 0.0

    if n_rows <= ROWS_A_PART:
        growth = math.log(ROWS_A_PART / MIN_ROWS)
        return growth - math.log((n_training + ROWS_A_PART) / (n_training + MIN_ROWS))

    n_ends = 2 if n_rows >= MAX_WINDOW_ROWS else 1
    growth = n_ends * ROWS_A_PART / n_rows * n_training / (n_rows + n_training)

    return float(2 ** (math.ceil(GROWTH_STEPS * math.log2(growth)) / GROWTH_STEPS))


def stability_index(training: Counts, window: Counts) -> float:
    """Returns the population stability index of two smoothed counts by cell `(n_cells,)`; 0 for an empty window."""
    n_added = SMOOTHING * len(training)
    expected = (training + SMOOTHING) / (training.sum() + n_added)
    found = (window + n_added * expected) / (window.sum() + n_added)
    log_ratio = np.log(found / expected)

    return float(((found - expected) * log_ratio).sum())


def join_rare(
    training: Counts, window: Counts, *, are_ordered: bool = False
) -> tuple[Counts, Counts]:
    """Returns both counts with rare cells joined, until 5 rows are expected in each of both.

    The cells that are rarest in both together are joined first, or neighbours where cells are ordered: bins have
    equally many training rows, so that those rarest in both would be those that are rare in the window. Fewer than 10
    rows are one cell.
    """
    n_training = int(training.sum())
    n_rows = int(window.sum())
    pooled = training + window
    expected = pooled * (min(n_training, n_rows) / (n_training + n_rows))
    if expected.min() >= MIN_EXPECTED:
        return training, window

    group_of_cell = np.empty(len(training), dtype=np.int64)
    group = 0
    n_gathered = 0.0

    cells = np.arange(len(pooled)) if are_ordered else np.argsort(pooled, kind="stable")
    for cell in cells:
        group_of_cell[cell] = group
        n_gathered += expected[cell]
        if n_gathered >= MIN_EXPECTED:
            group += 1
            n_gathered = 0.0

    group_of_cell = np.minimum(group_of_cell, max(group - 1, 0))
    joined_training = np.bincount(group_of_cell, weights=training)
    joined_window = np.bincount(group_of_cell, weights=window)

    return joined_training.astype(np.int64), joined_window.astype(np.int64)


def _describe_feature(
    feature: Feature,
    training: Counts,
    window: Counts,
    n_outside: int,
    find_critical: Callable[[int], float] | None,
) -> FeatureDrift:
    n_rows = int(window.sum())
    n_training = int(training.sum())
    joined_training, joined_window = join_rare(
        training, window, are_ordered=is_ordered(feature)
    )
    index = stability_index(joined_training, joined_window)

    statistic = 0.0
    critical = None
    if len(joined_training) > 1:
        statistic = compare_counts(joined_training, joined_window)
        if find_critical is not None:
            critical = find_critical(len(joined_training) - 1)

    described: FeatureDrift = {
        "feature": feature.name,
        "chi_square": statistic,
        "chi_square_critical": critical,
        "psi": index,
        # Without drift the index is about so many times chi-square (Yurdakul and Naranjo, 2020).
        "critical_value": None
        if critical is None
        else critical * (1 / n_rows + 1 / n_training),
        "size": _name_size(index),
        "drifted": critical is not None and statistic > critical,
    }
    if feature.range is not None:
        described["out_of_range"] = int(n_outside) / n_rows

    if feature.imputed is not None:
        described["missing"] = int(window[-1]) / n_rows

    return described


def _add_ranks(
    described: FeatureDrift,
    ranks: list[float],
    find_critical: Callable[[int], float] | None,
) -> None:
    """Adds z of location, of scale and of missing values, None for too few rows, and what drifts with any."""
    location, scale, missing = (None if math.isnan(each) else each for each in ranks)
    described["location_z"] = location
    described["scale_z"] = scale
    if "missing" in described:
        described["missing_z"] = missing

    largest = _find_largest_z(described)
    critical = None
    if largest is not None and find_critical is not None:
        critical = math.sqrt(find_critical(1))
        described["drifted"] = described["drifted"] or largest > critical
    described["z_critical"] = critical


def _find_largest_z(described: FeatureDrift) -> float | None:
    """Returns the z that is farthest from 0, without its sign; None where there is none."""
    found = (described.get("location_z"), described.get("scale_z"))
    z = [abs(each) for each in (*found, described.get("missing_z")) if each is not None]
    return max(z, default=None)


def _find_ratio(described: FeatureDrift) -> float:
    """Returns how many times its critical value that statistic is which is most times its own; z is squared."""
    ratio = described["chi_square"] / (described["chi_square_critical"] or np.inf)
    largest = _find_largest_z(described)
    critical = described.get("z_critical")
    if largest is None or critical is None:
        return ratio

    return max(ratio, (largest / critical) ** 2)


def _name_size(index: float) -> DriftSize:
    if index < MODERATE:
        return "small"
    return "moderate" if index < LARGE else "large"
