"""A target is checked: enough rows, enough of each class or numbers throughout, and more than one value."""

from __future__ import annotations

import math
from collections import Counter

import polars as pl

from tables.reader import Table, name_values
from training.data.column_faults import (
    LARGEST,
    describe_odd_values,
    find_lost_digits,
    has_infinite,
)
from training.data.column_notations import find_notation, quote
from training.data.column_notes import NONE

MIN_ROWS = 30
MIN_ROWS_OF_CLASS = 10
MAX_CLASSES = 100
MIN_SPREAD, MAX_MAGNITUDE = 1e-6, 1e18
"""Trees take a variance of 2e-16 for none, and squares of larger numbers do not fit 32 bits."""


def check_target(target: pl.Series, table: Table, *, classifies: bool) -> list[str]:
    name = target.name
    if len(target) < MIN_ROWS:
        return [
            f"too few rows: {len(target)} have a value in the target {name!r}, at least {MIN_ROWS} are needed"
        ]

    if target.n_unique() == 1:
        return [
            f"the target {name!r} has one value throughout, {quote(target[0])}{_say_missing(target, table)}: there is "
            "nothing to tell apart"
        ]

    return (_check_classes if classifies else _check_numbers)(target, table)


def _check_classes(target: pl.Series, table: Table) -> list[str]:
    """Returns a fault where a classifier's target has too many values, or too few rows of one."""
    name = target.name
    counts = Counter(name_values(target))
    rare = [
        f"{each!r} ({count})"
        for each, count in sorted(counts.items())
        if count < MIN_ROWS_OF_CLASS
    ]
    if name in table.findings.odd and (rare or len(counts) > MAX_CLASSES):
        join = (
            f", or join classes of fewer than {MIN_ROWS_OF_CLASS} rows if it has such"
        )
        return [
            f"the target {name!r} {describe_odd_values(name, table)}: empty these cells"
            + ("" if len(counts) > MAX_CLASSES else join)
        ]
    if len(counts) > MAX_CLASSES:
        return [
            _describe_notation(target)
            or f"the target {name!r} has {len(counts)} different values, more than {MAX_CLASSES} classes"
        ]

    if fault := _find_word_for_none(target, table):
        return [fault]
    if rare and (fault := _describe_notation(target)):
        return [fault]
    if rare:
        listed = ", ".join(rare[:5]) + (", ..." if len(rare) > 5 else "")
        return [
            f"the target {name!r} has classes with fewer than {MIN_ROWS_OF_CLASS} rows: {listed}; join or remove them, "
            "or use --kind regressor if it is a number"
        ]

    return []


def _find_word_for_none(target: pl.Series, table: Table) -> str:
    """Returns a fault where None, which counts as missing, may be a class: in as many rows as another class has."""
    n_missing = table.frame.height - len(target)
    is_class = n_missing >= MIN_ROWS_OF_CLASS and target.dtype == pl.String
    if not is_class or table.findings.marks.get(target.name) != [NONE]:
        return ""

    return (
        f"the target {target.name!r} says {NONE!r} or nothing in {n_missing} of {table.frame.height} rows, which "
        "counts as missing: write another word there, as no, if it is an answer, and else empty these cells"
    )


def _describe_notation(target: pl.Series) -> str:
    """Returns what is wrong with a target of numbers or dates in a notation that is not read, else nothing."""
    looks = find_notation(target)
    return f"the target {target.name!r} looks like {looks}" if looks else ""


def _say_missing(target: pl.Series, table: Table) -> str:
    """Says how many rows have no target, whose text may have been meant as a class."""
    n_missing = table.frame.height - len(target)
    return (
        f" but for {n_missing} rows without one, as NA, None and null are"
        if n_missing
        else ""
    )


def _check_numbers(target: pl.Series, table: Table) -> list[str]:
    """Returns a fault where a regressor's target has values that are no numbers, or none of 32 bits."""
    name = target.name
    if target.dtype in (pl.Date, pl.Datetime):
        return [
            f"the target {name!r} has dates, which no family answers with: write a number, as days since one of them"
        ]
    if not target.dtype.is_numeric():
        odd = table.findings.odd.get(name)
        return [
            f"the target {name!r} {describe_odd_values(name, table)}: empty these cells"
            if odd
            else f"the target {name!r} is no column of numbers: it can be classified, not regressed"
        ]
    if has_infinite(target):
        return [
            f"the target {name!r} has values that are not finite or do not fit 32 bits, at most {LARGEST:.1e}"
        ]

    fault = find_lost_digits(target) or _find_scale_fault(target)
    return [f"the target {name!r} {fault}"] if fault else []


def _find_scale_fault(target: pl.Series) -> str:
    """Returns a fault where squares of a target's numbers are nothing, or beyond 32 bits, and errors with them."""
    known = target.cast(pl.Float64)
    spread, largest = float(known.std() or 0), float(known.abs().max() or 0)  # type: ignore[arg-type]  # of numbers
    if spread >= MIN_SPREAD and largest <= MAX_MAGNITUDE:
        return ""

    unit = 10.0 ** math.floor(math.log10(largest))
    return f"has numbers as {known[0]:.3g}, whose squares are lost: write it in another unit, divided by {unit:.0e} say"
