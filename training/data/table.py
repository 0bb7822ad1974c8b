"""A person's own table, CSV or Parquet, as a data set; what cannot be learnt from is said before anything is learnt."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tables.reader import (
    NoRowsError,
    RepeatedColumnError,
    UnreadableTableError,
    as_whole,
    name_values,
    read_table,
)
from training.data.datasets import Dataset

FEWEST_ROWS = 30
FEWEST_OF_CLASS = 10
MOST_CLASSES = 100
MOST_WHOLE_CLASSES = 20
"""A target of whole numbers with at most so many different ones is taken for classes."""
FEWEST_KNOWN = 10
"""Rows in which a column must have a value, so that some of them are training rows."""
MOST_CATEGORIES = 50
"""A column of texts with more different ones, or with mostly different ones, is taken for free text or ids."""
LARGEST = float(np.finfo(np.float32).max)


class TableError(Exception):
    """The table cannot be learnt from; the text says why and what to do, one line for each reason."""


def read_dataset(
    path: Path,
    *,
    target: str,
    task: str,
    exclude: Sequence[str] = (),
    kind: str | None = None,
) -> Dataset:
    """The table with one column as the target and all others, but the excluded ones, as features.

    Texts and booleans become categories, missing values NaN; rows without a target are left out. Raises
    TableError, which names every column that stands in the way.
    """
    frame = read_frame(path)
    _check_names(frame, target, exclude)
    known = frame.filter(pl.col(target).is_not_null())
    frame, labelled = known.drop(*exclude, target), as_whole(known[target])
    classifies = _is_class(labelled) if kind is None else kind == "classifier"
    reasons = [*_check_target(labelled, classifies=classifies), *_check_columns(frame)]
    if reasons:
        raise TableError("\n".join(reasons))

    columns = [_encode(frame[name]) for name in frame.columns]
    labels, classes = _encode_target(labelled, classifies=classifies)

    return Dataset(
        task=task,
        summary=f"{target} from {len(columns)} columns of {path.name}",
        source=path.name,
        features=np.stack([values for values, _ in columns], axis=1),
        target=labels,
        feature_names=tuple(frame.columns),
        classes=classes,
        target_name=target,
        values=tuple(names for _, names in columns)
        if any(names for _, names in columns)
        else (),
    )


def read_frame(path: Path) -> pl.DataFrame:
    """Returns the file's typed columns, as `tables.reader` finds them; raises TableError with training's words."""
    try:
        return read_table(path).frame
    except OSError as error:
        raise TableError(f"{path.name}: {error.strerror or error}") from error
    except NoRowsError as error:
        raise TableError(f"{path.name}: it has no rows") from error
    except RepeatedColumnError as error:
        raise TableError(
            f"the column {error.column!r} is there twice: give each its own name"
        ) from error
    except UnreadableTableError as error:
        raise TableError(
            f"{path.name}: it is no table that can be read: {error.reason}"
        ) from error


def _check_names(frame: pl.DataFrame, target: str, exclude: Sequence[str]) -> None:
    for what, name in (
        ("--target", target),
        *(("--exclude", name) for name in exclude),
    ):
        if name not in frame.columns:
            close = get_close_matches(name, frame.columns, n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            raise TableError(
                f"{what} {name}: there is no such column{hint}; columns: {', '.join(frame.columns)}"
            )

    if target in exclude:
        raise TableError(f"--exclude {target}: it is the target")
    if not set(frame.columns) - {target, *exclude}:
        raise TableError("no column is left to learn from")


def _is_class(target: pl.Series) -> bool:
    if target.dtype in (pl.String, pl.Boolean, pl.Categorical):
        return True
    return target.dtype.is_integer() and target.n_unique() <= MOST_WHOLE_CLASSES


def _check_target(target: pl.Series, *, classifies: bool) -> list[str]:
    name = target.name
    if len(target) < FEWEST_ROWS:
        return [
            f"too few rows: {len(target)} have a value in the target {name!r}, at least {FEWEST_ROWS} are needed"
        ]

    if target.n_unique() == 1:
        return [
            f"the target {name!r} has one value throughout, {_quote(target[0])}: there is nothing to tell apart"
        ]

    if not classifies:
        if not target.dtype.is_numeric():
            return [
                f"the target {name!r} is no column of numbers: it can be classified, not regressed"
            ]
        return (
            [f"the target {name!r} has values that are not finite"]
            if _has_infinite(target)
            else []
        )

    counts = Counter(name_values(target))
    if len(counts) > MOST_CLASSES:
        return [
            f"the target {name!r} has {len(counts)} different values, more than {MOST_CLASSES} classes"
        ]

    rare = [
        f"{each!r} ({count})"
        for each, count in sorted(counts.items())
        if count < FEWEST_OF_CLASS
    ]
    if rare:
        listed = ", ".join(rare[:5]) + (", ..." if len(rare) > 5 else "")
        return [
            f"the target {name!r} has classes with fewer than {FEWEST_OF_CLASS} rows: {listed}; join or remove them, "
            "or use --kind regressor if it is a number"
        ]

    return []


def _check_columns(frame: pl.DataFrame) -> list[str]:
    faults = {column.name: fault for column in frame if (fault := _find_fault(column))}
    if not faults:
        return []
    lines = [f"column {name!r} {fault}" for name, fault in faults.items()]
    return [*lines, f"leave out what cannot be used: --exclude {shlex.join(faults)}"]


def _find_fault(column: pl.Series) -> str | None:
    """Why nothing can be learnt from a column, or None."""
    known = column.drop_nulls()
    different = known.n_unique()
    if not different:
        return "is empty"
    if len(known) < FEWEST_KNOWN:
        return f"has a value in {len(known)} rows only"
    if different == 1:
        return f"is constant: {_quote(known[0])} throughout"

    if column.dtype in (pl.String, pl.Categorical):
        if different > MOST_CATEGORIES or different > len(known) / 2:
            return f"looks like free text or ids: {different} different values in {len(known)} rows"
        return None

    if column.dtype == pl.Boolean:
        return None
    if not column.dtype.is_numeric():
        kind = column.dtype.base_type()
        return f"is of the type {kind}, which no family learns from: turn it into numbers or categories"
    if _has_infinite(column):
        return "has values that are not finite or do not fit 32 bits"
    if column.dtype.is_integer() and different == len(known) and _counts_up(known):
        return "looks like ids: whole numbers that count the rows"

    return None


def _counts_up(known: pl.Series) -> bool:
    return bool((known.sort().diff().drop_nulls() == 1).all())


def _has_infinite(column: pl.Series) -> bool:
    values = column.drop_nulls().cast(pl.Float64).to_numpy()
    return bool((~(np.abs(values[~np.isnan(values)]) <= LARGEST)).any())


def _encode(column: pl.Series) -> tuple[NDArray[np.float32], tuple[str, ...] | None]:
    """A column's numbers, or the indices of its categories and their names; NaN where it has no value."""
    if column.dtype.is_numeric():
        return column.cast(pl.Float64).fill_null(np.nan).to_numpy().astype(
            np.float32
        ), None

    names = name_values(column)
    values = tuple(sorted({name for name in names if name is not None}))
    code = {name: index for index, name in enumerate(values)}

    return np.array(
        [np.nan if name is None else code[name] for name in names], dtype=np.float32
    ), values


def _encode_target(
    target: pl.Series, *, classifies: bool
) -> tuple[NDArray[np.int64] | NDArray[np.float32], tuple[str, ...]]:
    if not classifies:
        return target.cast(pl.Float64).to_numpy().astype(np.float32), ()

    names = [str(name) for name in name_values(target)]  # none is missing
    order = (
        [str(value) for value in target.unique().sort()]
        if target.dtype.is_numeric()
        else sorted(set(names))
    )
    code = {name: index for index, name in enumerate(order)}

    return np.array([code[name] for name in names], dtype=np.int64), tuple(order)


def _quote(value: object) -> str:
    return repr(value) if isinstance(value, str) else str(value)
