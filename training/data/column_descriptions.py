"""A person's table is described column by column: what each became, and what was assumed of it or is odd about it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import polars as pl

from tables.reader import Table, as_whole
from training.data.column_notes import (
    note_category,
    note_copy,
    note_days,
    note_marks,
    note_number,
)
from training.data.equal_rows import describe_equal_rows
from training.data.held_out_notes import note_group, note_one_of_several, note_time
from training.data.table import (
    check_names,
    is_class,
    is_learnt_as_text,
    read_file,
    take_feature,
)
from training.data.target_leaks import note_leak, note_parts
from training.data.target_notes import note_target


def describe_columns(
    path: Path,
    *,
    target: str,
    exclude: Sequence[str] = (),
    kind: str | None = None,
    roles: Mapping[str, str] | None = None,
    table: Table | None = None,
) -> list[str]:
    """Returns a line for each column that says what it became, and what was assumed of it.

    Notes on the file stand above them, and on rows that are equal below. `table` is what `read_file` returned of the
    path, where it is read already. It raises TableError where a name is of no column.
    """
    roles = roles or {}
    table = table or read_file(path)
    dropped = [*exclude, *(each for each in roles if roles[each] == "drop")]
    check_names(table.frame, target, dropped, roles)
    lines = [f"{path.name}: {note}" for note in table.notes]
    learnt: list[pl.Series] = []
    for column in table.frame:
        name = column.name
        what = _describe_column(column, table, target, dropped, roles.get(name))
        notes = [table.findings.notes.get(name), *note_marks(name, table)]
        notes += _note_column(column, what, table.frame, target)
        if name not in (target, *dropped):
            notes += note_copy(column, learnt)
            learnt.append(column)
        note = "; ".join(filter(None, notes))
        lines.append(f"{name}: {what}" + (f" ({note})" if note else ""))

    left_out = {target, *dropped}
    lines += note_one_of_several(table.frame, target, left_out)
    lines += note_parts(table.frame, target, left_out)

    return [*lines, *_describe_equal(table.frame, target, left_out, kind)]


def _describe_column(
    column: pl.Series,
    table: Table,
    target: str,
    dropped: Collection[str],
    role: str | None,
) -> str:
    """Returns what a column became."""
    if column.name in dropped:
        return "left out"
    if column.name != target:
        return _describe_feature(column, table, role)

    n_missing = column.null_count()
    return "the target" + (
        f" (rows left out for want of it: {n_missing})" if n_missing else ""
    )


def _describe_feature(column: pl.Series, table: Table, role: str | None) -> str:
    if is_learnt_as_text(column, table, role):
        return "a text, learnt as its most frequent words and pairs of words"

    parts = take_feature(column, table, role)
    taken = parts[0]
    gaps = f", {taken.null_count()} missing" if taken.null_count() else ""
    if len(parts) > 1:
        return f"a date, learnt as {', '.join(part.name for part in parts)}{gaps}"
    if taken.dtype.is_numeric():
        return f"a number{gaps}"

    return f"a category of {taken.drop_nulls().n_unique()} values{gaps}"


def _note_column(
    column: pl.Series, what: str, frame: pl.DataFrame, target: str
) -> list[str]:
    """Returns what is odd about the target, or about a column that is learnt."""
    if column.name == target:
        return note_target(column)
    if what == "left out":
        return []

    return [*_note_feature(what, column), *_note_held_out(column, frame[target])]


def _note_feature(what: str, column: pl.Series) -> list[str]:
    if what.startswith("a category"):
        return note_category(column)
    if column.dtype.is_numeric():
        return note_number(column)
    return note_days(column) if column.dtype in (pl.Date, pl.Datetime) else []


def _note_held_out(column: pl.Series, target: pl.Series) -> list[str]:
    """Returns what makes held-out rows no news in a column: one note of several that say the same."""
    return (
        note_leak(column, target)
        or note_group(column, target)
        or note_time(column, target)
    )


def _describe_equal(
    frame: pl.DataFrame, target: str, left_out: Collection[str], kind: str | None
) -> list[str]:
    """Returns sentences on rows that are equal in all that is learnt: of dates the day, and not the time."""
    learnt = [
        each.cast(pl.Date) if each.dtype == pl.Datetime else each
        for each in frame
        if each.name not in left_out
    ]
    answers = as_whole(frame[target])
    classifies = is_class(answers) if kind is None else kind == "classifier"

    return describe_equal_rows(pl.DataFrame(learnt), answers, classifies=classifies)
