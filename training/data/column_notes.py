"""Notes say what is odd about a column that can be learnt from: twins among its names, days far off, a told target."""

from __future__ import annotations

import datetime as dt
import math
import shlex
import unicodedata
from collections.abc import Iterable

import polars as pl

from tables.reader import Table, as_whole, name_values
from training.data.column_faults import MIN_ALIKE, NOTATIONS, quote

MIN_ROWS = 30
MAX_VALUE_SHARE = 0.1
"""Values that are so small a share of the rows tell something of others."""
MIN_CORRELATION = 1 - 1e-9
MAX_LOOKED_AT = 20_000
SENTINEL_DAYS = (
    dt.date(9999, 12, 31),
    dt.date(2999, 12, 31),
    dt.date(1900, 1, 1),
    dt.date(1899, 12, 30),
    dt.date(1970, 1, 1),
    dt.date(1, 1, 1),
)
MIN_SENTINELS = 3
MIN_ORDERS = 4


def note_category(column: pl.Series) -> list[str]:
    """Returns what is odd about a category's values: twins, and numbers or dates in a notation that is not read."""
    names = {name for name in name_values(as_whole(column)) if name is not None}
    notes = note_twins(names)
    known = column.drop_nulls()
    if column.dtype != pl.String or not len(known):
        return notes

    for pattern, advice in NOTATIONS:
        if float(known.str.contains(pattern).mean() or 0) >= MIN_ALIKE:  # type: ignore[arg-type]  # of truth values
            looks = advice.format(quote(known[0]))
            return [*notes, f"each value by itself, though they look like {looks}"]

    return notes


def note_twins(names: Iterable[str]) -> list[str]:
    """Returns a note where names differ by capitals, spaces or the way that accents are written alone."""
    twins: dict[str, list[str]] = {}
    for name in sorted(set(names)):
        plain = unicodedata.normalize("NFKC", name).casefold()
        twins.setdefault(" ".join(plain.split()), []).append(name)
    found = next((each for each in twins.values() if len(each) > 1), None)

    return (
        [f"{found[0]!r} and {found[1]!r} are two values: write them one way if not"]
        if found
        else []
    )


def note_days(column: pl.Series) -> list[str]:
    """Returns a note on a day of several rows that is often written for a missing one, and is far from all others."""
    known = column.cast(pl.Date).drop_nulls()
    for day in SENTINEL_DAYS:
        others = known.filter(known != day)
        n_rows = len(known) - len(others)
        if n_rows < MIN_SENTINELS or not len(others):
            continue

        first, last = others.min(), others.max()
        assert isinstance(first, dt.date)
        assert isinstance(last, dt.date)
        if (first - day if day < first else day - last) > last - first:
            return [
                f"{day} in {n_rows} rows is far from all others: empty these cells if it marks a gap"
            ]

    return []


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


def note_marks(name: str, table: Table) -> list[str]:
    """Returns a note on the words of a column that count as missing."""
    marks = table.findings.marks.get(name, [])
    shown = ", ".join(map(repr, marks[:3]))
    return [f"missing where it says {shown}"] if marks else []


def note_leak(column: pl.Series, target: pl.Series) -> list[str]:
    """Returns a note where a column by itself tells the target in every row, as one that was filled in afterwards."""
    if column.dtype.is_nested() or target.dtype.is_nested():
        return []

    both = pl.DataFrame({"column": column, "target": as_whole(target)}).drop_nulls()
    both = both.head(MAX_LOOKED_AT)
    if both.height < MIN_ROWS or both["target"].n_unique() < 2:
        return []

    is_few = both["column"].n_unique() <= MAX_VALUE_SHARE * both.height
    tells = _values_tell(both) if is_few else _order_tells(both)
    exclude = f"--exclude {shlex.quote(column.name)}"

    return (
        [
            f"it tells the target by itself in every row: {exclude} unless it is known beforehand"
        ]
        if tells
        else []
    )


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
    correlation = both.select(
        pl.corr(pl.col("column").cast(pl.Float64), pl.col("target").cast(pl.Float64))
    ).item()

    return correlation is not None and abs(correlation) >= MIN_CORRELATION
