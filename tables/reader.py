"""Reads a table from CSV, Parquet and their like as programs write them; it is the only door to table files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from tables.columns import NO_DAYS, Findings, convert_columns, strip_gaps
from tables.csv_text import (
    NoRowsError,
    RepeatedColumnError,
    UnreadableTableError,
    name_columns,
    read_csv_text,
)
from tables.date_texts import Days
from tables.dates import expand_date
from tables.file_formats import N_START_BYTES, NoTextError, is_json
from tables.json_rows import read_json_rows
from tables.plain_columns import NO_RANGES, Range

__all__ = [
    "NoRowsError",
    "RepeatedColumnError",
    "Table",
    "UnreadableTableError",
    "add_date_parts",
    "as_whole",
    "is_parquet",
    "name_values",
    "read_table",
]

PARQUET_SUFFIXES = (".parquet", ".pq")
PARQUET_START = b"PAR1"


@dataclass(frozen=True, kw_only=True)
class Table:
    """`frame` holds the typed columns; `places` says for each of its rows where the file has it, as `line 2`.

    `findings` say what was decided of columns beside their types, `notes` what was assumed of the file.
    """

    frame: pl.DataFrame
    places: list[str]
    findings: Findings = field(default_factory=Findings)
    notes: Sequence[str] = ()


def _know_none(_: str) -> Collection[str]:
    """Returns the names that a column may have where nobody knows any."""
    return ()


@dataclass(frozen=True, kw_only=True)
class _Known:
    """Models know the ranges of columns of dates and of numbers, and names of others."""

    days: Mapping[str, Days]
    ranges: Mapping[str, Range]
    find_names: Callable[[str], Collection[str]]


def read_table(
    path: Path,
    *,
    learnt: Mapping[str, Days] = NO_DAYS,
    ranges: Mapping[str, Range] = NO_RANGES,
    find_names: Callable[[str], Collection[str]] = _know_none,
) -> Table:
    """Reads Parquet by its suffix or first bytes, Arrow (Feather), Avro and rows of JSON by theirs, and CSV else.

    Of CSV encoding, separator and the marks in numbers are found out. It may be packed by gzip, bzip2 or xz, or be the
    one table in a zip or tar archive. A column without a name is called after its place, as `column_1`; an empty text
    is a missing value, and texts that are numbers throughout are numbers.
    `learnt` has the range of days that models know of columns of dates, `ranges` that of numbers, and `find_names`
    returns the names that they know of a column, which stays as it is written where more of its rows are some so. It
    raises UnreadableTableError, or OSError where the file cannot be opened.
    """
    if path.is_fifo():
        # It could be read once, and would be waited for where nobody writes into it.
        raise UnreadableTableError(
            path.name,
            "expected a file, got a pipe: write what comes out of it into a file",
        )

    known = _Known(days=learnt, ranges=ranges, find_names=find_names)
    table = _read_typed(path, known) or _read_csv(path, known)
    if not table.frame.height:
        raise NoRowsError(
            path.name, "expected a line of names and at least one row, got no row"
        )

    return table


def is_parquet(path: Path) -> bool:
    """Tells if a file is Parquet by its suffix, or by its first bytes, whatever it is called."""
    if path.suffix.lower() in PARQUET_SUFFIXES:
        return True
    with path.open("rb") as file:
        return file.read(len(PARQUET_START)) == PARQUET_START


def add_date_parts(table: Table, names: Sequence[str]) -> Table:
    """Returns the table with those parts of its dates, as `born_year`, that are named and not there yet."""
    parts = [
        values
        for column in table.frame
        if column.dtype in (pl.Date, pl.Datetime)
        for name, values in expand_date(column).items()
        if name in names and name not in table.frame.columns
    ]
    return replace(table, frame=table.frame.with_columns(parts))


def as_whole(column: pl.Series) -> pl.Series:
    """Returns floats that are all whole as integers, since pandas turns integers with gaps into floats."""
    if not column.dtype.is_float():
        return column

    whole = column.cast(pl.Int64, strict=False)
    is_whole = bool((whole == column).all())
    return whole if is_whole and whole.null_count() == column.null_count() else column


def name_values(column: pl.Series) -> list[str | None]:
    """Returns the values' names: booleans as JSON writes them, texts without spaces around them, None where missing."""
    if column.dtype == pl.Boolean:
        return [None if value is None else str(value).lower() for value in column]
    return [None if value is None else str(value).strip() for value in column]


def _keep_names(
    given: Sequence[pl.Series],
    converted: Sequence[pl.Series],
    find_names: Callable[[str], Collection[str]],
) -> list[pl.Series]:
    """Returns converted columns, but texts as they were given where more of their rows have a known name so."""
    kept = []
    for texts, column in zip(given, converted, strict=True):
        known = find_names(column.name) if texts.dtype == pl.String else ()
        if known and column.dtype != pl.String:
            written = strip_gaps(texts)
            n_written = written.is_in(list(known)).sum()
            n_converted = sum(name in known for name in name_values(as_whole(column)))
            kept.append(written if n_written > n_converted else column)
        else:
            kept.append(column)

    return kept


def _read_typed(path: Path, known: _Known) -> Table | None:
    """Returns the table of a file whose columns have types, None where it is of no such format."""
    kind, read = _find_format(path)
    if read is None:
        return None

    try:
        columns = read(path)
    except (PolarsError, NoTextError) as error:
        summary = " ".join(str(error).split())[:300]
        expected = "" if isinstance(error, NoTextError) else f"expected {kind}: "
        raise UnreadableTableError(path.name, f"{expected}{summary}") from error

    names = name_columns(path.name, [each.name for each in columns])
    texts = [
        _prepare(each.rename(name)) for each, name in zip(columns, names, strict=True)
    ]
    converted, findings = convert_columns(texts, learnt=known.days, ranges=known.ranges)
    frame = pl.DataFrame(_keep_names(texts, converted, known.find_names))

    return Table(
        frame=frame,
        places=[f"row {n + 1}" for n in range(frame.height)],
        findings=findings,
    )


def _find_format(
    path: Path,
) -> tuple[str, Callable[[Path], list[pl.Series]] | None]:
    """Returns the name of a file's format and its reader, which returns columns; there is none for texts of tables."""
    if is_parquet(path):
        # A name may have the signs of a pattern, which would be read as several files.
        return "Parquet", lambda each: pl.read_parquet(each, glob=False).get_columns()

    with path.open("rb") as file:
        start = file.read(N_START_BYTES)
    for signature, kind, read in _TYPED_FORMATS:
        if start.startswith(signature):
            return kind, read
    if is_json(start):
        return "JSON", lambda each: read_json_rows(each.read_bytes())

    return "", None


_TYPED_FORMATS: tuple[tuple[bytes, str, Callable[[Path], list[pl.Series]]], ...] = (
    (
        b"ARROW1",
        "Arrow",
        lambda path: pl.read_ipc(path).get_columns(),
    ),
    (
        b"\xff\xff\xff\xff",
        "a stream of Arrow",
        lambda path: pl.read_ipc_stream(path).get_columns(),
    ),
    (b"Obj\x01", "Avro", lambda path: pl.read_avro(path).get_columns()),
)


def _prepare(column: pl.Series) -> pl.Series:
    """Returns names of categories as texts, and gaps where floats are no numbers."""
    if column.dtype in (pl.Categorical, pl.Enum):
        return column.cast(pl.String)
    return _fill_nan(column)


def _fill_nan(column: pl.Series) -> pl.Series:
    return column.fill_nan(None) if column.dtype.is_float() else column


def _read_csv(path: Path, known: _Known) -> Table:
    text = read_csv_text(path.name, path.read_bytes())
    columns = [
        pl.Series(name, [row[at] for row in text.rows], dtype=pl.String)
        for at, name in enumerate(text.names)
    ]
    converted, findings = convert_columns(
        columns,
        separator=text.separator,
        learnt=known.days,
        ranges=known.ranges,
    )

    return Table(
        frame=pl.DataFrame(_keep_names(columns, converted, known.find_names)),
        places=text.places,
        findings=findings,
        notes=text.notes,
    )
