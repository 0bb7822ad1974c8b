"""A column of numbers with both decimal marks, several units or a number far from all others is told what is odd."""

from __future__ import annotations

import polars as pl

from tables.notations import CURRENCIES, CURRENCY

SENTINELS = (-9999, -99999, -999, -99, 9999, 99999, 999999, 999)
MIN_SENTINELS = 3
MIN_DIFFERENT = 10
MAX_MARKS = 4
MIN_ZERO_GAP, MIN_STEPS = 0.2, 5
"""Zero is far below other numbers by so great a share of their span, and by so many of the steps between them."""
MAX_COUNT = 10
"""The largest of numbers that is so small is rather a count, or the one of a switch, than a gap."""
MIN_DISTANCE = 1
"""Marks of a missing value are as far from all other numbers as these are from each other."""


def find_sentinel(numbers: pl.Series) -> str:
    """Returns a note on a number of several rows that is far from all others, as -9999 is for a missing value.

    Any number may be one where all others are many different ones, as 1e20 in the files of some sciences.
    """
    known = numbers.drop_nulls()
    if not len(known):
        return ""

    ends = (
        known.cast(pl.Float64).sort().gather([0, -1]).to_list()
        if known.n_unique() > MIN_DIFFERENT
        else []
    )
    marks = [each for each in ends if _may_mark_gap(each) and not 0 < each <= MAX_COUNT]
    for value in (*SENTINELS, *marks):
        is_it = known == value
        others = known.filter(~is_it)
        if int(is_it.sum()) < MIN_SENTINELS or not len(others):
            continue

        low, high = float(others.min()), float(others.max())  # type: ignore[arg-type]  # of known numbers
        distance = max(low - value, value - high)
        if distance > MIN_DISTANCE * (high - low):
            n_rows = int(is_it.sum())
            return f"{value:.15g} in {n_rows} rows is far from all others: empty these cells if it marks a gap"

    if known.n_unique() <= MIN_DIFFERENT:
        return ""
    return _find_several(known) or _find_lowest(known)


def _find_lowest(known: pl.Series) -> str:
    """Returns a note on -1, or on 0, in several rows of numbers that are above it, and of zero far above it.

    Zero is so in a column of measurements, as of pressure or weight, where nobody measured; counts begin near it.
    """
    values = known.cast(pl.Float64).unique().sort()
    lowest, others = float(values[0]), values[1:]
    n_rows = int((known == lowest).sum())
    span = float(others[-1]) - float(others[0])
    gap = float(others[0]) - lowest
    is_far = gap > MIN_ZERO_GAP * span and gap > MIN_STEPS * span / len(others)
    is_only = lowest == -1 and bool((known % 1 == 0).all())
    if n_rows < MIN_SENTINELS or not (is_only or (lowest == 0 and is_far)):
        return ""

    what = "the only number below zero" if is_only else "far from all others"
    return (
        f"{lowest:.15g} in {n_rows} rows is {what}: empty these cells if it marks a gap"
    )


def _find_several(known: pl.Series) -> str:
    """Returns a note on a few numbers above all others, of several rows each, as 7777 and 9999 in surveys."""
    counted = known.cast(pl.Float64).alias("value").value_counts().sort("value")
    values, counts = counted["value"].to_list(), counted["count"].to_list()
    for n_marks in range(2, MAX_MARKS + 1):
        others, marks = values[:-n_marks], values[-n_marks:]
        distance = marks[0] - others[-1]
        is_far = distance > MIN_DISTANCE * (others[-1] - others[0])
        are_marks = all(map(_may_mark_gap, marks))
        if is_far and are_marks and min(counts[-n_marks:]) >= MIN_SENTINELS:
            shown = ", ".join(f"{each:.15g}" for each in marks)
            n_rows = sum(counts[-n_marks:])
            return f"{shown} in {n_rows} rows are far from all others: empty these cells if they mark gaps"

    return ""


def _may_mark_gap(value: float) -> bool:
    """Tells whether people write a number for a gap: a whole one, or nines throughout, as 99.9."""
    return value % 1 == 0 or set(f"{value:.15g}") <= {"9", "."}


def describe_both_marks(bare: pl.Series) -> str:
    """Returns what is wrong with a column that has both marks before decimals."""
    both = [
        bare.filter(bare.str.contains(pattern))[0]
        for pattern in (
            r",\d{1,2}$|,\d{4,}$|,\d*[eE]|\..*,",
            r"\.\d{1,2}$|\.\d{4,}$|\.\d*[eE]|,.*\.",
        )
        if bare.str.contains(pattern).any()
    ]
    shown = " and ".join(map(repr, both))
    return f"has decimal points and decimal commas, as in {shown}: write them one way"


def describe_units(known: pl.Series) -> str:
    """Returns what is wrong with texts of numbers of which some are per cent and others not, or of several currencies.

    Zero is the same either way.
    """
    percent = known.str.contains(r"\d\s*[%％٪]$|^[%％٪]\s*[-+]?\d")
    others = known.filter(~percent & known.str.contains("[1-9]"))
    if percent.any() and len(others):
        shown = f"{known.filter(percent)[0]!r} and {others[0]!r}"
        return f"has numbers with and without a sign of per cent, as in {shown}: write them one way"

    signs = known.str.extract(f"({CURRENCY})")
    kinds: dict[str, str] = {}
    for sign in signs.drop_nulls().unique(maintain_order=True):
        kinds.setdefault(CURRENCIES.get(sign.lower(), sign.lower()), sign)
    if len(kinds) > 1:
        shown = " and ".join(
            repr(known.filter((signs == sign).fill_null(value=False))[0])
            for sign in list(kinds.values())[:2]
        )
        return f"has amounts in several currencies, as in {shown}: write them in one"

    return ""
