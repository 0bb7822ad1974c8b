"""Reads a table from CSV, TSV or Parquet as people's programs write them; it is the only door to table files."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

MISSING = ("", "NA", "N/A", "na", "n/a", "NaN", "nan", "null", "NULL", "?")
SEPARATORS = ",;\t|"
PARQUET_SUFFIXES = (".parquet", ".pq")
MAX_FIELD_CHARS = 10_000_000


class UnreadableTableError(Exception):
    """The file is no table; `reason` says what was expected and what came, `line` (from 1) where it is known."""

    def __init__(self, file_name: str, reason: str, *, line: int | None = None) -> None:
        self.reason = reason if line is None else f"line {line}: {reason}"
        where = file_name if line is None else f"{file_name}, line {line}"
        super().__init__(f"{where}: {reason}")


class NoRowsError(UnreadableTableError):
    """The table has names of columns, but no row."""


class RepeatedColumnError(UnreadableTableError):
    """Two columns have the same name, which is `column`."""

    def __init__(self, file_name: str, column: str) -> None:
        super().__init__(
            file_name,
            f"expected columns of different names, got {column!r} more than once",
        )
        self.column = column


@dataclass(frozen=True, kw_only=True)
class Table:
    """`frame` holds the typed columns; `places` says for each of its rows where the file has it, as `line 2`."""

    frame: pl.DataFrame
    places: list[str]


def read_table(path: Path) -> Table:
    """Reads Parquet by its suffix, else CSV, whose encoding, separator and decimal comma are found out.

    A column without a name is called after its place, as `column_1`; an empty text is a missing value, and texts
    that are numbers throughout are numbers. Raises UnreadableTableError, or OSError where the file cannot be opened.
    """
    is_parquet = path.suffix.lower() in PARQUET_SUFFIXES
    table = _read_parquet(path) if is_parquet else _read_csv(path)
    if not table.frame.height:
        raise NoRowsError(
            path.name, "expected a line of names and at least one row, got no row"
        )

    tidy = table.frame.with_columns(_tidy(column) for column in table.frame)

    return Table(frame=tidy, places=table.places)


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


def _read_parquet(path: Path) -> Table:
    try:
        frame = pl.read_parquet(path)
    except PolarsError as error:
        summary = " ".join(str(error).split())[:200]
        raise UnreadableTableError(path.name, f"expected Parquet: {summary}") from error

    frame.columns = _name_columns(path.name, frame.columns)

    return Table(frame=frame, places=[f"row {n + 1}" for n in range(frame.height)])


def _read_csv(path: Path) -> Table:
    text = _decode(path)
    separator = _find_separator(text)
    names, rows, places = _split(text, separator, path.name)
    frame = _infer_types(names, rows, path.name)
    if separator != ",":
        frame = frame.with_columns(_replace_decimal_comma(column) for column in frame)

    return Table(frame=frame, places=places)


def _decode(path: Path) -> str:
    """Decodes UTF-8 and UTF-16 by their marks, and cp1252, which Excel writes, where it is no UTF-8."""
    content = path.read_bytes()
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")

    at = content.find(b"\0")
    if at >= 0:
        raise UnreadableTableError(
            path.name, f"expected CSV in UTF-8, got bytes that are not, at {at}"
        )

    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _find_separator(text: str) -> str:
    """Returns the separator that the first line has most of outside of quotes."""
    header = re.split(r"[\r\n]", text, maxsplit=1)[0]
    header = re.sub(r'"[^"]*"', "", header)
    return max(SEPARATORS, key=header.count)


def _split(
    text: str, separator: str, file_name: str
) -> tuple[list[str], list[list[str]], list[str]]:
    """Returns names, rows and their places; lines without anything on them are passed over."""
    csv.field_size_limit(MAX_FIELD_CHARS)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    rows: list[list[str]] = []
    places: list[str] = []

    try:
        names = _name_columns(file_name, next(reader, []))
        for row in reader:
            if not row:
                continue
            _check_width(row, len(names), file_name, reader.line_num)
            rows.append([value.strip() for value in row])
            places.append(f"line {reader.line_num}")
    except csv.Error as error:
        raise UnreadableTableError(
            file_name, f"expected CSV: {error}", line=reader.line_num
        ) from None

    if not names:
        raise UnreadableTableError(
            file_name, "expected a line of names and at least one row, got no row"
        )

    return names, rows, places


def _check_width(row: list[str], n_columns: int, file_name: str, line: int) -> None:
    if len(row) != n_columns:
        raise UnreadableTableError(
            file_name,
            f"expected {n_columns} values, one for each column of the first line, got {len(row)}",
            line=line,
        )


def _name_columns(file_name: str, given: Sequence[str]) -> list[str]:
    names = [
        name.strip() or f"column_{number}" for number, name in enumerate(given, start=1)
    ]
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise RepeatedColumnError(file_name, repeated[0])

    return names


def _infer_types(
    names: list[str], rows: list[list[str]], file_name: str
) -> pl.DataFrame:
    """Has polars find the columns' types in all rows, which are written anew in its dialect."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)

    try:
        return pl.read_csv(
            io.BytesIO(buffer.getvalue().encode()),
            null_values=list(MISSING),
            infer_schema_length=None,
        )
    except PolarsError as error:
        raise UnreadableTableError(file_name, str(error).splitlines()[0]) from error


def _replace_decimal_comma(column: pl.Series) -> pl.Series:
    if column.dtype != pl.String:
        return column

    known = column.drop_nulls()
    is_number = known.str.contains(r"^\s*[+-]?\d+([,.]\d+)?\s*$")
    has_comma = known.str.contains(",", literal=True)
    if not (bool(is_number.all()) and bool(has_comma.any())):
        return column

    return column.str.replace(",", ".", literal=True)


def _tidy(column: pl.Series) -> pl.Series:
    """Returns texts without the spaces around them, empty texts and NaN as missing, texts of numbers as numbers."""
    if column.dtype.is_float():
        return column.fill_nan(None)
    if column.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return column

    texts = column.cast(pl.String).str.strip_chars()
    texts = texts.set(texts == "", None)
    numbers = texts.cast(pl.Float64, strict=False)
    is_number = numbers.null_count() == texts.null_count() < len(texts)

    return (
        numbers if is_number and bool(numbers.drop_nulls().is_finite().all()) else texts
    )
