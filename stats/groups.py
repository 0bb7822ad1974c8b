"""Rows that belong together are worth fewer independent rows; this module says how many.

Rows of one patient, one film or one shop, and rows that are equal, are alike in whether a model is right; taken for
independent ones they make every interval too narrow and every test too sure.

Axes: groups `(n_rows,)` are numbers of groups from 0; None means that each row is by itself. Residuals `(n_rows,)` are
what each row adds to the error of an estimate; they sum to about 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stats.binomial import Z
from stats.student import t_quantile

Floats = NDArray[np.float64]
Groups = NDArray[np.int64]

CONFIDENCE = 0.95


def number_groups(keys: NDArray[Any]) -> Groups:
    """Returns the numbers of groups, in the order in which they first occur."""
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))

    return rank[inverse]


def join_groups(first: Groups, second: Groups) -> Groups:
    """Returns groups in which rows are together that are together in either of both."""
    joined = first.copy()
    while True:
        before = joined
        for each in (first, second):
            n_groups = int(each.max()) + 1
            lowest = np.full(n_groups, len(each), dtype=np.int64)
            np.minimum.at(lowest, each, joined)
            joined = lowest[each]

        if np.array_equal(before, joined):
            return number_groups(joined)


def sum_by_group(values: NDArray[Any], groups: Groups | None) -> Floats:
    """Returns the sum of the values of each group, `(n_groups,)`."""
    if groups is None:
        return values.astype(np.float64)

    sums: Floats = np.bincount(groups, weights=values).astype(np.float64)
    return sums


def count_groups(groups: Groups | None, n_rows: int) -> int:
    """Returns how many groups there are."""
    return n_rows if groups is None else len(np.unique(groups))


def design_effect(residuals: Floats, groups: Groups | None) -> float:
    """Returns how many rows are worth one independent row, for an estimate with these residuals; it is at least 1.

    It is the variance between groups over that between rows (Kish), widened for few groups by Student's quantile with
    one degree less than groups; Korn and Graubard, Surv. Methodol. 24 (1998) 193; Dean and Pagano, J. Surv. Stat.
    Methodol. 3 (2015) 484. Without residuals, where all rows are alike, a group counts as one row.
    """
    if groups is None:
        return 1.0

    _, members = np.unique(groups, return_inverse=True)
    n_rows = np.bincount(members)
    n_groups = len(n_rows)
    if n_groups == len(groups):
        return 1.0
    if n_groups == 1:
        return float(len(groups))

    squares = float(residuals @ residuals)
    sums = np.bincount(members, weights=residuals)
    largest = float(n_rows @ n_rows) / len(groups)
    effect = float(sums @ sums) / squares if squares > 0 else largest
    widened = max(1.0, effect * n_groups / (n_groups - 1)) if squares > 0 else largest
    quantile = t_quantile(CONFIDENCE, n_groups - 1)

    return float(widened * (quantile / Z) ** 2)
