"""A person's own table, CSV or Parquet, as a data set; what cannot be learnt from is said before anything is learnt."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tables.columns import expand_date
from tables.reader import (
    NoRowsError,
    RepeatedColumnError,
    Table,
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
FEW_CATEGORIES, MOST_CATEGORIES, ROWS_PER_CATEGORY = 50, 300, 20
"""A column may have 50 different texts, and more, up to 300, where there are 20 rows for each."""
ROLES = ("number", "category", "date", "drop")
MIN_KEPT_SHARE = 0.9
"""So great a share of a column's different numbers must still differ as float32."""
MAX_ID_SPAN = 2
"""Whole numbers, all different, are dense where their span is under so many times their number."""
ID_NAME = r"(?i)(^|[\W_])(id|key|index|uuid|row|rownames|rownumber|folio)$|[a-z](Id|ID)$|^(row|id)[A-Z_]"
MAX_SHOWN = 5
LARGEST = float(np.finfo(np.float32).max)


class TableError(Exception):
    """The table cannot be learnt from; the text says why and what to do, one line for each reason."""


NO_ROLES: Mapping[str, str] = {}


def read_dataset(
    path: Path,
    *,
    target: str,
    task: str,
    exclude: Sequence[str] = (),
    kind: str | None = None,
    roles: Mapping[str, str] = NO_ROLES,
) -> Dataset:
    """The table with one column as the target and all others, but the excluded ones, as features.

    Texts and booleans become categories, dates their parts, missing values NaN; rows without a target are left out.
    `roles` say what columns are taken for, where that is not to be found out. Raises TableError, which names every
    column that stands in the way.
    """
    dropped = [*exclude, *(name for name, role in roles.items() if role == "drop")]
    table = _read(path)
    _check_names(table.frame, target, dropped, roles)
    known = table.frame[target].is_not_null()
    labelled = as_whole(table.frame[target].filter(known))
    classifies = _is_class(labelled) if kind is None else kind == "classifier"
    frame = _take_features(table, target, dropped, roles).filter(known)
    _raise_any(
        _check_target(labelled, classifies=classifies),
        _check_columns(frame, table, roles),
    )
    features, values = _encode_all(frame)
    labels, classes = _encode_target(labelled, classifies=classifies)

    return Dataset(
        task=task,
        summary=f"{target} from {len(values)} columns of {path.name}",
        source=path.name,
        features=features,
        target=labels,
        feature_names=tuple(frame.columns),
        classes=classes,
        target_name=target,
        values=values if any(values) else (),
    )


def _encode_all(
    frame: pl.DataFrame,
) -> tuple[NDArray[np.float32], tuple[tuple[str, ...] | None, ...]]:
    """Returns the features `(n_rows, n_features)`, and the values of each one that is a category."""
    columns = [_encode(frame[name]) for name in frame.columns]
    features = np.stack([values for values, _ in columns], axis=1)
    return features, tuple(names for _, names in columns)


def _raise_any(*reasons: Iterable[str]) -> None:
    """Raises TableError where there is any reason."""
    all_reasons = [reason for each in reasons for reason in each]
    if all_reasons:
        raise TableError("\n".join(all_reasons))


def describe_columns(
    path: Path,
    *,
    target: str,
    exclude: Sequence[str] = (),
    roles: Mapping[str, str] | None = None,
) -> list[str]:
    """Returns a line for each column that says what it became, and what was assumed of it."""
    roles = roles or {}
    table = _read(path)
    lines = []
    for column in table.frame:
        name = column.name
        if name == target:
            what = "the target"
        elif name in exclude or roles.get(name) == "drop":
            what = "left out"
        else:
            what = _describe_feature(column, table, roles.get(name))

        note = table.findings.notes.get(name)
        lines.append(f"{name}: {what}" + (f" ({note})" if note else ""))

    return lines


def parse_roles(words: Sequence[str]) -> dict[str, str]:
    """Returns what `column=role` words say; raises TableError for another role."""
    roles = {}
    for word in words:
        name, equals, role = word.rpartition("=")
        if not equals or role not in ROLES:
            raise TableError(
                f"--as {word}: expected COLUMN=ROLE, where ROLE is one of {', '.join(ROLES)}"
            )
        roles[name] = role

    return roles


def _describe_feature(column: pl.Series, table: Table, role: str | None) -> str:
    parts = _take_feature(column, table, role)
    if len(parts) > 1:
        return f"a date, learnt as {', '.join(part.name for part in parts)}"

    taken = parts[0]
    gaps = f", {taken.null_count()} missing" if taken.null_count() else ""
    if taken.dtype.is_numeric():
        return f"a number{gaps}"

    return f"a category of {taken.drop_nulls().n_unique()} values{gaps}"


def _take_features(
    table: Table, target: str, dropped: Sequence[str], roles: Mapping[str, str]
) -> pl.DataFrame:
    """Returns the columns to learn from; raises TableError where their names meet those of a date's parts."""
    taken = [
        part
        for column in table.frame
        if column.name != target and column.name not in dropped
        for part in _take_feature(column, table, roles.get(column.name))
    ]
    repeated = [
        name for name, n in Counter(each.name for each in taken).items() if n > 1
    ]
    if repeated:
        raise TableError(
            f"the column {repeated[0]!r} is there, and a part of a date has that name too: call it otherwise"
        )

    return pl.DataFrame(taken)


def _take_feature(column: pl.Series, table: Table, role: str | None) -> list[pl.Series]:
    """Returns what is learnt of a column: itself, its parts where it is a date, or what its role makes of it."""
    name = column.name
    if role == "number" and not column.dtype.is_numeric():
        numbers = table.findings.numbers.get(name)
        return [column.cast(pl.Float64, strict=False) if numbers is None else numbers]
    if role == "category":
        return [pl.Series(name, name_values(as_whole(column)), dtype=pl.String)]

    if column.dtype in (pl.Date, pl.Datetime):
        parts = list(expand_date(column).values())
        varied = [part for part in parts if part.drop_nulls().n_unique() > 1]
        return varied or parts[-1:]

    if role == "date":
        raise TableError(
            f"--as {name}=date: expected dates as 2024-12-31 or 31/12/2024 throughout, "
            f"got {_quote(column.drop_nulls()[0])}"
        )

    return [column]


def read_frame(path: Path) -> pl.DataFrame:
    """Returns the file's typed columns, as `tables.reader` finds them; raises TableError with training's words."""
    return _read(path).frame


def _read(path: Path) -> Table:
    try:
        table = read_table(path)
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

    numbers = [
        name for name in table.frame.columns if re.fullmatch(r"-?\d+\.\d+", name)
    ]
    if numbers:
        raise TableError(
            f"{path.name}: expected a first line of names, got the number {numbers[0]}: write one above the rows"
        )

    return table


def _check_names(
    frame: pl.DataFrame, target: str, exclude: Sequence[str], roles: Mapping[str, str]
) -> None:
    for what, name in (
        ("--target", target),
        *(("--as" if name in roles else "--exclude", name) for name in exclude),
        *(("--as", name) for name in roles),
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


def _check_columns(
    frame: pl.DataFrame, table: Table, roles: Mapping[str, str]
) -> list[str]:
    faults = {
        column.name: fault
        for column in frame
        if (fault := _find_fault(column, table, roles.get(column.name)))
    }
    if not faults:
        return []

    lines = [f"column {name!r} {fault}" for name, fault in faults.items()]
    original = [
        name if name in table.frame.columns else name.rpartition("_")[0]
        for name in faults
    ]
    return [
        *lines,
        f"leave out what cannot be used: --exclude {shlex.join(dict.fromkeys(original))}",
    ]


def _find_fault(column: pl.Series, table: Table, role: str | None) -> str | None:
    """Returns the reason why nothing can be learnt from a column, or None."""
    known = column.drop_nulls()
    different = known.n_unique()
    if not different:
        return "is empty"
    if len(known) < FEWEST_KNOWN:
        return f"has a value in {len(known)} rows only"
    if different == 1:
        return f"is constant: {_quote(known[0])} throughout"
    if role is None and column.name in table.findings.faults:
        return f"{table.findings.faults[column.name]}, or --as {shlex.quote(column.name)}=category"
    if role is None and column.name in table.findings.odd:
        return _describe_odd(column.name, table)

    if column.dtype == pl.String:
        return _find_text_fault(len(known), different)
    if column.dtype == pl.Boolean:
        return None
    if not column.dtype.is_numeric():
        kind = column.dtype.base_type()
        return f"is of the type {kind}, which no family learns from: turn it into numbers or categories"

    return _find_number_fault(column, table, role)


def _find_text_fault(n_known: int, different: int) -> str | None:
    """Returns a fault where values are too many for one column each, or too few rows have the same one."""
    most = min(MOST_CATEGORIES, max(FEW_CATEGORIES, n_known // ROWS_PER_CATEGORY))
    if different <= most and different <= n_known / 2:
        return None
    return (
        f"looks like free text or ids: {different} different values in {n_known} rows"
    )


def _find_number_fault(column: pl.Series, table: Table, role: str | None) -> str | None:
    known = column.drop_nulls()
    if _has_infinite(column):
        return "has values that are not finite or do not fit 32 bits"

    kept = known.cast(pl.Float64).cast(pl.Float32).n_unique()
    if kept < MIN_KEPT_SHARE * known.n_unique():
        return (
            f"needs more digits than 32 bits hold: {known.n_unique()} different values become {kept}; "
            "subtract a constant, or write dates as 2024-12-31"
        )
    if role is None and column.name in table.frame.columns:
        return _find_ids(as_whole(known))

    return None


def _find_ids(known: pl.Series) -> str | None:
    """Returns a fault for whole numbers, all different, that are dense, sorted throughout or called an id."""
    if not known.dtype.is_integer() or known.n_unique() < len(known):
        return None
    keep = f"--as {shlex.quote(known.name)}=number keeps them"
    if _counts_up(known):
        return "looks like ids: whole numbers that count the rows"
    if re.search(ID_NAME, known.name):
        return f"looks like ids: whole numbers that are all different under such a name; {keep}"

    span = int(known.max()) - int(known.min())  # type: ignore[arg-type]  # of a column of whole numbers
    if span < MAX_ID_SPAN * len(known):
        return f"looks like ids: whole numbers that count the rows, with gaps; {keep}"
    if known.is_sorted() or known.is_sorted(descending=True):
        return f"looks like ids: whole numbers that grow with the rows; {keep}"

    return None


def _describe_odd(name: str, table: Table) -> str:
    """Says in how many rows a column is a number, and where it is not."""
    odd = table.findings.odd[name]
    n_odd = sum(len(rows) for rows in odd.values())
    n_known = len(table.frame[name].drop_nulls())
    shown = [
        f"{table.places[rows[0]]} {value!r}"
        + (f" and {len(rows) - 1} more" if len(rows) > 1 else "")
        for value, rows in list(odd.items())[:MAX_SHOWN]
    ]
    more = ", ..." if len(odd) > MAX_SHOWN else ""
    return (
        f"is a number in {n_known - n_odd:,} of {n_known:,} rows, but not in {', '.join(shown)}{more}: empty these "
        f"cells, or --as {shlex.quote(name)}=number does without them, or --as {shlex.quote(name)}=category"
    )


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
