"""A person's own table, CSV or Parquet, becomes a data set; what cannot be learnt from is said beforehand."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from unicodedata import normalize

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tables.columns import take_digits
from tables.csv_text import NUMERAL
from tables.dates import expand_date
from tables.reader import (
    NoRowsError,
    RepeatedColumnError,
    Table,
    UnreadableTableError,
    as_whole,
    name_values,
    read_table,
)
from tables.terms import (
    MAX_TERMS,
    MIN_TERMS,
    TextColumn,
    choose_terms,
    name_feature,
)
from training.data.column_faults import check_columns, is_text
from training.data.column_notations import quote
from training.data.datasets import Dataset
from training.data.target_faults import MIN_ROWS, check_target
from training.data.total_row import find_totals

MAX_WHOLE_CLASSES = 20
"""A target of whole numbers with at most so many different ones is taken for classes."""
ROLES = ("number", "category", "date", "text", "drop")


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
    table: Table | None = None,
) -> Dataset:
    """The table with one column as the target and all others, but the excluded ones, as features.

    Where `roles` do not say otherwise, short texts and booleans become categories, longer ones terms, dates parts, gaps
    NaN; rows without a target are left out. A `table` is the file's. It raises TableError, which names all bad columns.
    """
    dropped = [*exclude, *(name for name, role in roles.items() if role == "drop")]
    table = table or read_file(path)
    check_names(table.frame, target, dropped, roles)
    known = table.frame[target].is_not_null()
    labelled = as_whole(table.frame[target].filter(known))
    classifies = is_class(labelled) if kind is None else kind == "classifier"
    frame = _take_features(table, target, dropped, roles, known).filter(known)
    faults = check_target(labelled, table, classifies=classifies)
    if len(labelled) >= MIN_ROWS:
        faults += [*find_totals(table, target), *check_columns(frame, table, roles)]
    _raise_any(faults)
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


def _raise_any(reasons: Sequence[str]) -> None:
    """Raises TableError where there is any reason."""
    if reasons:
        raise TableError("\n".join(reasons))


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


def _take_features(
    table: Table,
    target: str,
    dropped: Sequence[str],
    roles: Mapping[str, str],
    known: pl.Series,
) -> pl.DataFrame:
    """Returns the columns to learn from; raises TableError where their names meet those of a date's parts.

    Terms of texts are those of the rows whose target is known.
    """
    columns = [
        each for each in table.frame if each.name != target and each.name not in dropped
    ]
    texts = [
        each for each in columns if is_learnt_as_text(each, table, roles.get(each.name))
    ]
    names = {each.name for each in texts}
    taken = [
        part
        for column in columns
        for part in (
            _take_terms(column, roles.get(column.name), known, MAX_TERMS // len(texts))
            if column.name in names
            else take_feature(column, table, roles.get(column.name))
        )
    ]
    repeated = [
        name for name, n in Counter(each.name for each in taken).items() if n > 1
    ]
    if repeated:
        raise TableError(
            f"the column {repeated[0]!r} is there, and a part of a date or text has that name too: call it otherwise"
        )

    return pl.DataFrame(taken)


def is_learnt_as_text(column: pl.Series, table: Table, role: str | None) -> bool:
    """Returns whether a column is learnt as its terms, by its role or, without one, by what it has."""
    if role is None:
        return is_text(column, table)
    return role == "text"


def _take_terms(
    column: pl.Series, role: str | None, known: pl.Series, max_terms: int
) -> list[pl.Series]:
    """Returns the features of a text column, or the column where too few rows share a word."""
    texts = name_values(as_whole(column))
    labelled = name_values(as_whole(column.filter(known)))
    terms = choose_terms(labelled, max_terms=max_terms)
    if len(terms) < MIN_TERMS:
        if role is None:
            return [column]
        raise TableError(
            f"--as {column.name}=text: expected at least {MIN_TERMS} words that several rows have, got {len(terms)}"
        )

    positions = {term: position for position, term in enumerate(terms)}
    matrix = TextColumn(column.name, positions).encode(texts)
    return [
        pl.Series(name_feature(column.name, term), matrix[:, position])
        for position, term in enumerate(terms)
    ]


def take_feature(column: pl.Series, table: Table, role: str | None) -> list[pl.Series]:
    """Returns what is learnt of a column: itself, its parts where it is a date, or what its role makes of it."""
    name = column.name
    if role == "date":
        column = table.findings.dates.get(name, column)
    if role == "number" and not column.dtype.is_numeric():
        numbers = table.findings.numbers.get(name)
        return [column.cast(pl.Float64, strict=False) if numbers is None else numbers]
    if role == "category":
        column = take_digits(column, table.findings)
        return [pl.Series(name, name_values(as_whole(column)), dtype=pl.String)]

    if column.dtype in (pl.Date, pl.Datetime):
        parts = list(expand_date(column).values())
        varied = [part for part in parts if part.drop_nulls().n_unique() > 1]
        return varied or parts[-1:]

    if role == "date" and column.null_count() < len(column):
        raise TableError(
            f"--as {name}=date: expected dates as 2024-12-31 or 31/12/2024 throughout, "
            f"got {quote(column.drop_nulls()[0])}"
        )

    return [column]


def read_frame(path: Path) -> pl.DataFrame:
    """Returns the file's typed columns, as `tables.reader` finds them; raises TableError."""
    return read_file(path).frame


def read_file(path: Path) -> Table:
    """Returns the table of a file with what was found of it; raises TableError with training's words."""
    try:
        table = read_table(path)
    except OSError as error:
        raise TableError(f"{path.name}: {error.strerror or error}") from error
    except NoRowsError as error:
        raise TableError(f"{path.name}: it has no rows") from error
    except RepeatedColumnError as error:
        what = (
            "write a line of names above the rows, if the first line is one of them"
            if NUMERAL.fullmatch(error.column)
            else "give each its own name"
        )
        raise TableError(
            f"the column {error.column!r} is there twice: {what}"
        ) from error
    except UnreadableTableError as error:
        raise TableError(
            f"{path.name}: it is no table that can be read: {error.reason}"
        ) from error

    numbers = [
        name
        for name in table.frame.columns
        if re.fullmatch(r"-?\d+(\.\d+([eE][+-]?\d+)?|[eE][+-]\d+)", name)
    ]
    if numbers:
        raise TableError(
            f"{path.name}: expected a first line of names, got the number {numbers[0]}: write one above the rows"
        )

    return table


def check_names(
    frame: pl.DataFrame, target: str, exclude: Sequence[str], roles: Mapping[str, str]
) -> None:
    """Raises TableError where a name is of no column, or no column would be left to learn from."""
    for what, name in (
        ("--target", target),
        *(("--as" if name in roles else "--exclude", name) for name in exclude),
        *(("--as", name) for name in roles),
    ):
        if name not in frame.columns:
            close = _find_close(name, frame.columns)
            hint = (
                f" (did you mean {close[0]!r}?)" if close else _suspect(frame.columns)
            )
            raise TableError(
                f"{what} {name}: there is no such column{hint}; columns: {', '.join(frame.columns)}"
            )

    if target in exclude:
        raise TableError(f"--exclude {target}: it is the target")
    if not set(frame.columns) - {target, *exclude}:
        raise TableError(f"no column is left to learn from{_suspect(frame.columns)}")


def _find_close(name: str, columns: Sequence[str]) -> list[str]:
    """Returns the column whose name differs by capitals alone, else one that is nearly the same."""
    wanted = normalize("NFC", name).casefold()
    alike = [each for each in columns if each.casefold() == wanted]
    return alike or get_close_matches(name, columns, n=1)


def _suspect(columns: Sequence[str]) -> str:
    """Returns what may be wrong with a first line that names hardly a column."""
    n_nameless = sum(
        name == f"column_{number}" for number, name in enumerate(columns, start=1)
    )
    if n_nameless and n_nameless >= len(columns) - 2:
        return " (remove what stands above the line of names)"
    if len(columns) == 1:
        return " (what parts the values should be a comma, semicolon, tab or |)"
    return ""


def is_class(target: pl.Series) -> bool:
    """Returns whether a target's values are taken for classes where nobody says what they are."""
    if target.dtype in (pl.String, pl.Boolean, pl.Categorical):
        return True
    return target.dtype.is_integer() and target.n_unique() <= MAX_WHOLE_CLASSES


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
