"""Notes name columns that tell the target by themselves or together, as those that were filled in afterwards."""

from __future__ import annotations

import math
import shlex
from collections.abc import Collection

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tables.reader import as_whole

MIN_ROWS = 30
MAX_VALUE_SHARE = 0.1
"""Values that are so small a share of the rows tell something of others."""
MIN_CORRELATION = 1 - 1e-9
MAX_LOOKED_AT = 20_000
MAX_CHANCE = 1e-6
"""One class in all rows without a value, or in all with one, is no chance where that is less likely than this."""
MAX_DECIMALS = 6
ROUNDING = 0.75
"""Rounded numbers are off by half a step, and a line through them by a little more."""
MIN_STEPS = 3
"""Numbers of so many steps of their rounding within a standard deviation are measurements."""
MIN_COPY_VALUES = 5
"""Any column of a narrow range lies near a line through a target of fewer different numbers."""
MAX_PARTS, ROWS_PER_PART = 50, 5
MIN_PART = 1e-3
"""A part moves the target by so great a share of its deviation."""
EXACT = 1e-6
NEAR_WHOLE = 0.05
"""Exponents of factors are so near to whole numbers."""
MIN_TARGET_STEPS = 10

Numbers = NDArray[np.float64]


def note_leak(column: pl.Series, target: pl.Series) -> list[str]:
    """Returns a note where a column, or that it has a value, tells the target, as one that was filled in afterwards."""
    if column.dtype.is_nested() or target.dtype.is_nested():
        return []

    every = pl.DataFrame({"column": column, "target": as_whole(target)})
    both = every.drop_nulls().head(MAX_LOOKED_AT)
    exclude = f"--exclude {shlex.quote(column.name)}"
    if tells := _gaps_tell(every.drop_nulls("target")):
        return [f"{tells}: {exclude} unless it is known beforehand"]
    if both.height < MIN_ROWS or both["target"].n_unique() < 2:
        return []

    is_few = both["column"].n_unique() <= MAX_VALUE_SHARE * both.height
    if _values_tell(both) if is_few else _order_tells(both):
        return [
            f"it tells the target by itself in every row: {exclude} unless it is known beforehand"
        ]
    if _is_rounded_copy(both):
        return [
            f"it is the target in another unit, but for its rounding: {exclude} unless it is known beforehand"
        ]

    return []


def _gaps_tell(known: pl.DataFrame) -> str:
    """Returns where a column of classes' rows has a value, if that says something of the class, else nothing."""
    n_classes = known["target"].n_unique()
    if n_classes < 2 or n_classes > MAX_VALUE_SHARE * known.height:
        return ""

    has_value = known["column"].is_not_null()
    for rows, what in ((has_value, "a value"), (~has_value, "no value")):
        answers = known["target"].filter(rows)
        if not len(answers) or len(answers) == known.height or answers.n_unique() > 1:
            continue
        share = float((known["target"] == answers[0]).mean())
        if len(answers) * math.log(share) < math.log(MAX_CHANCE):
            return f"it has {what} only where the target is {answers[0]!r}, in {len(answers):,} rows"

    return ""


def _values_tell(both: pl.DataFrame) -> bool:
    """Tells whether all rows of a value have one and the same target."""
    if both["target"].n_unique() > MAX_VALUE_SHARE * both.height:
        return False
    different = both.group_by("column").agg(pl.col("target").n_unique())
    return different["target"].max() == 1


def _order_tells(both: pl.DataFrame) -> bool:
    """Tells whether numbers part the classes, or are in proportion to a target of numbers."""
    column, target = both["column"], both["target"]
    if not column.dtype.is_numeric():
        return False

    n_classes = target.n_unique()
    if n_classes <= MAX_VALUE_SHARE * both.height:
        ordered = both.sort("column", "target")
        changes = (ordered["target"] != ordered["target"].shift(1)).sum()
        is_tied = both.group_by("column").agg(pl.col("target").n_unique())["target"]
        return bool(changes == n_classes - 1 and is_tied.max() == 1)

    if not target.dtype.is_numeric() or column.std() == 0:
        return False
    numbers = both.cast(pl.Float64)
    correlations = [
        numbers.select(pl.corr("column", "target", method=method)).item()
        for method in ("pearson", "spearman")
    ]

    return any(
        each is not None and abs(each) >= MIN_CORRELATION for each in correlations
    )


def _is_rounded_copy(both: pl.DataFrame) -> bool:
    """Tells whether a column of rounded numbers is in proportion to a target of numbers, but for the rounding."""
    if not both["column"].dtype.is_numeric() or not both["target"].dtype.is_numeric():
        return False
    if both["target"].n_unique() < MIN_COPY_VALUES:
        return False

    column, target = (
        both[name].cast(pl.Float64).to_numpy() for name in ("column", "target")
    )
    step, target_step = _find_step(column), _find_step(target)
    if not step or column.std() < MIN_STEPS * step or target.std() == 0:
        return False

    slope, start = np.polyfit(target, column, 1)
    off = np.abs(column - start - slope * target).max()
    return bool(off <= ROUNDING * (step + abs(slope) * target_step))


def _find_step(values: Numbers) -> float:
    """Returns the step to which all values are rounded, 0 where they have more decimals than people write."""
    if not np.isfinite(values).all():
        return 0.0
    places = range(MAX_DECIMALS + 1)
    return next(
        (10.0**-n for n in places if (np.round(values, n) == values).all()), 0.0
    )


def note_parts(
    frame: pl.DataFrame, target: str, left_out: Collection[str]
) -> list[str]:
    """Returns a note where a target of numbers is the sum, each part times a number, or the product of columns."""
    numeric = [
        each.name
        for each in frame
        if each.name not in left_out
        and each.dtype.is_numeric()
        and each.null_count() <= len(each) / 2
        and each.n_unique() > 1
    ][:MAX_PARTS]
    if len(numeric) < 2 or not frame[target].dtype.is_numeric():
        return []

    known = frame.select(*numeric, target).cast(pl.Float64).drop_nulls()
    known = known.head(MAX_LOOKED_AT)
    answers, parts = known[target].to_numpy(), known[numeric].to_numpy()
    if len(answers) < max(MIN_ROWS, ROWS_PER_PART * len(numeric)):
        return []
    if not np.isfinite(parts).all() or not np.isfinite(answers).all():
        return []

    tolerance = ROUNDING * _find_step(answers) + EXACT * float(np.ptp(answers))
    if answers.std() < MIN_TARGET_STEPS * tolerance:
        return []

    found = _find_sum(parts, answers, tolerance)
    found = found or _find_product(parts, answers, tolerance)
    names = [numeric[at] for at in found]
    if len(names) < 2:
        return []

    return [
        f"{', '.join(map(repr, names))} tell the target together in every row, as its parts do: --exclude "
        f"{shlex.join(names)} unless they are known beforehand"
    ]


def _find_sum(parts: Numbers, answers: Numbers, tolerance: float) -> list[int]:
    """Returns the columns whose sum, each times a number, is the target within a tolerance, else none."""
    spread = parts.std(axis=0)
    scaled = (parts - parts.mean(axis=0)) / np.where(spread > 0, spread, 1)
    weights, *_ = np.linalg.lstsq(scaled, answers - answers.mean(), rcond=None)
    if np.abs(scaled @ weights + answers.mean() - answers).max() > tolerance:
        return []

    return np.flatnonzero(np.abs(weights) > MIN_PART * answers.std()).tolist()


def _find_product(parts: Numbers, answers: Numbers, tolerance: float) -> list[int]:
    """Returns the columns of numbers above zero whose product, or ratio, is the target within a tolerance."""
    positive = np.flatnonzero((parts > 0).all(axis=0))
    if len(positive) < 2 or answers.min() <= 0:
        return []

    logs, target = np.log(parts[:, positive]), np.log(answers)
    weights, *_ = np.linalg.lstsq(
        logs - logs.mean(axis=0), target - target.mean(), rcond=None
    )
    exponents = np.round(weights)
    if np.abs(weights - exponents).max() > NEAR_WHOLE:
        return []

    bare = logs @ exponents
    product = np.exp(bare + np.median(target - bare))
    rounding = [_find_step(part) / 2 for part in parts[:, positive].T]
    shares = (np.abs(exponents) * rounding / parts[:, positive]).sum(axis=1)
    if (np.abs(product - answers) > tolerance + product * shares).any():
        return []

    return [int(at) for at in positive[exponents != 0]]
