"""Notes say what is odd about a target that can be learnt: twins, lists, gaps among its classes, a wide span."""

from __future__ import annotations

import math

import polars as pl

from tables.notations import MISSING_AMONG_NUMBERS
from tables.reader import as_whole, name_values
from training.data.column_notations import find_lists
from training.data.column_notes import note_quotes, note_twins

MIN_ORDERS = 4
MAX_CLASSES = 20
"""So many different whole numbers at most may be classes."""
TARGET_MARKS = (-9999, -999, -99, -9, 9, 99, 999, 9999)
"""A class of one of these numbers, far from the others, may be no answer."""


def note_target(target: pl.Series) -> list[str]:
    """Returns what is odd about a target's values: twins, lists, and classes that may be gaps."""
    if target.dtype.is_numeric():
        return [*note_span(target), *_note_mark(as_whole(target).drop_nulls())]
    if target.dtype not in (pl.String, pl.Categorical):
        return []

    known = target.cast(pl.String).drop_nulls()
    names = {name for name in name_values(known) if name is not None}
    notes = [*note_twins(names), *note_quotes(names)]
    if lists := find_lists(known):
        what = lists.partition(":")[0]
        notes = [
            *notes,
            f"each list is a class by itself, though they look like {what}",
        ]
    gaps = known.filter(known.str.contains(MISSING_AMONG_NUMBERS)).unique().sort()

    return [*notes, *_note_gap_classes([repr(each) for each in gaps])]


def _note_mark(known: pl.Series) -> list[str]:
    """Returns a note where one of a few whole numbers is far from all others, as 9 or -99 for no answer."""
    if not known.dtype.is_integer() or known.n_unique() > MAX_CLASSES:
        return []

    # A narrow type is not compared with numbers that it cannot hold.
    known = known.cast(pl.Int64, strict=False)
    marks = []
    for value in TARGET_MARKS:
        others = known.filter(known != value)
        if len(others) == len(known) or others.n_unique() < 2:
            continue
        low, high = int(others.min()), int(others.max())  # type: ignore[arg-type]
        if max(low - value, value - high) > high - low:
            marks.append(str(value))

    return _note_gap_classes(marks)


def _note_gap_classes(names: list[str]) -> list[str]:
    if not names:
        return []
    return [f"{names[0]} is learnt as an answer: empty these cells if it marks a gap"]


def note_span(target: pl.Series) -> list[str]:
    """Returns a note where a target of numbers above zero spans so many orders that the largest decide the error."""
    known = target.drop_nulls().cast(pl.Float64)
    if not len(known) or float(known.min()) <= 0:  # type: ignore[arg-type]  # of known numbers
        return []

    orders = math.log10(float(known.max()) / float(known.min()))  # type: ignore[arg-type]
    return (
        [
            f"it spans {orders:.0f} orders of magnitude, and the largest decide the error: its logarithm as the target "
            "has all count alike"
        ]
        if orders >= MIN_ORDERS
        else []
    )
