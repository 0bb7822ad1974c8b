"""Notes say where held-out rows are no news, so that their figures promise more than new rows keep."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection

import polars as pl

from tables.reader import as_whole
from training.data.column_faults import ID_NAME

MIN_ROWS = 30
MIN_VALUES = 5
MIN_ROWS_OF_VALUE = 2
"""So many rows on average make a column's values groups."""
MIN_REPEATED = 20
MAX_CHANCE = 1e-6
"""Equal targets of all rows of a group are no chance where that is less likely than this."""
GROUP_NAME = re.compile(
    r"(patient|subject|participant|respondent|person|people|customer|client|user|student|pupil|household|animal|"
    r"paciente|sujeto|persona|cliente|usuario|alumno|estudiante|hogar)s?",
    re.IGNORECASE,
)
MIN_DAYS = 30
MIN_LIKENESS = 0.5
"""Neighbours in time are alike where their targets correlate, or agree beyond chance, so much."""


def note_group(column: pl.Series, target: pl.Series) -> list[str]:
    """Returns a note where the values of texts or whole numbers are groups of rows, as all visits of a patient.

    They are told by their name, or by one target for all rows of each.
    """
    values = as_whole(column)
    if values.dtype != pl.String and not values.dtype.is_integer():
        return []

    both = pl.DataFrame({"value": values, "target": as_whole(target)}).drop_nulls()
    n_values = both["value"].n_unique()
    if both.height < MIN_ROWS or n_values < MIN_VALUES:
        return []

    has_groups = n_values * MIN_ROWS_OF_VALUE <= both.height
    name = column.name
    is_named = re.search(ID_NAME, name) or GROUP_NAME.fullmatch(name)
    if not (has_groups and is_named) and not (
        values.dtype == pl.String and _tells_target(both, n_values)
    ):
        return []

    return [
        "rows of one value are learnt and held out alike, so that held-out figures say little of new ones: "
        f"--exclude {shlex.quote(name)}, and keep all rows of some values for `veredicto evaluate`"
    ]


def _tells_target(both: pl.DataFrame, n_values: int) -> bool:
    """Tells whether all rows of each value have one target, which is no chance."""
    distinct = both.unique()
    n_repeated = both.height - n_values
    if distinct.height != n_values or n_repeated < MIN_REPEATED:
        return False

    shares = both["target"].value_counts()["count"] / both.height
    by_chance = float((shares**2).sum())
    return by_chance**n_repeated < MAX_CHANCE


def note_time(column: pl.Series, target: pl.Series) -> list[str]:
    """Returns a note where the targets of neighbouring days are alike, which new days do not have beside them."""
    if column.dtype not in (pl.Date, pl.Datetime):
        return []

    both = pl.DataFrame({"day": column.cast(pl.Date), "target": as_whole(target)})
    both = both.drop_nulls().sort("day", maintain_order=True)
    if both["day"].n_unique() < MIN_DAYS or both["target"].dtype.is_nested():
        return []

    likeness = _measure_likeness(both["target"])
    if not likeness >= MIN_LIKENESS:
        return []

    return [
        f"neighbours in time have alike targets ({likeness:.2f} of 1), and held-out rows are drawn among them: for "
        "days to come learn from the earlier ones and judge the later ones by `veredicto evaluate`"
    ]


def _measure_likeness(target: pl.Series) -> float:
    """Returns the correlation of each number with the one before it, or the agreement of classes beyond chance."""
    before, after = target[:-1].alias("before"), target[1:].alias("after")
    if target.dtype.is_numeric() and target.n_unique() > 2:
        pair = pl.DataFrame({"before": before, "after": after}).cast(pl.Float64)
        found = pair.select(pl.corr("before", "after")).item()
        return 0.0 if found is None else float(found)

    shares = target.value_counts()["count"] / len(target)
    by_chance = float((shares**2).sum())
    agreement = float((before == after).mean() or 0)  # type: ignore[arg-type]  # of truth values
    return (agreement - by_chance) / (1 - by_chance) if by_chance < 1 else 0.0


def note_one_of_several(
    frame: pl.DataFrame, target: str, left_out: Collection[str]
) -> list[str]:
    """Returns a note where the target is one of several columns of which one is 1 in each row, as codes of classes."""
    if frame.height < MIN_ROWS or not _is_switch(frame[target]):
        return []

    truth = _read_switch(frame[target])
    total = truth.cast(pl.Int32)
    others = []
    for each in frame:
        if each.name == target or each.name in left_out or not _is_switch(each):
            continue

        switch = _read_switch(each)
        if switch.any() and not (switch & truth).any():
            others.append(each.name)
            total = total + switch.cast(pl.Int32)

    if len(others) < 2 or not (total == 1).all():
        return []

    names = ", ".join(map(repr, others))
    return [
        f"of {names} and the target one is set in each row, so that the others tell it: --exclude {shlex.join(others)}"
    ]


def _is_switch(column: pl.Series) -> bool:
    """Tells whether a column has 0 and 1, or false and true, and no gap."""
    if column.null_count():
        return False
    if column.dtype == pl.Boolean:
        return True
    if not column.dtype.is_numeric() or (column.min(), column.max()) != (0, 1):
        return False
    return column.n_unique() == 2


def _read_switch(column: pl.Series) -> pl.Series:
    return column if column.dtype == pl.Boolean else column == 1
