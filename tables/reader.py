"""Reads a table from CSV, TSV or Parquet as people's programs write them; it is the only door to table files."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from tables.columns import Findings, convert_columns, expand_date

SEPARATORS = ",;\t|"
PARQUET_SUFFIXES = (".parquet", ".pq")
MAX_FIELD_CHARS = 10_000_000
MAX_UNPACKED_BYTES = 4_000_000_000
EXCEL = "expected CSV or Parquet, got an Excel workbook: save its sheet as CSV UTF-8"


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
    """`frame` holds the typed columns; `places` says for each of its rows where the file has it, as `line 2`.

    `findings` say what was decided of columns beside their types.
    """

    frame: pl.DataFrame
    places: list[str]
    findings: Findings = field(default_factory=Findings)


def read_table(path: Path) -> Table:
    """Reads Parquet by its suffix, else CSV, whose encoding, separator, decimal and thousands' marks are found out.

    CSV may be packed by gzip, or alone in a zip archive. A column without a name is called after its place, as
    `column_1`; an empty text is a missing value, and texts that are numbers throughout are numbers. Raises
    UnreadableTableError, or OSError where the file cannot be opened.
    """
    is_parquet = path.suffix.lower() in PARQUET_SUFFIXES
    table = _read_parquet(path) if is_parquet else _read_csv(path)
    if not table.frame.height:
        raise NoRowsError(
            path.name, "expected a line of names and at least one row, got no row"
        )

    return table


def add_date_parts(table: Table, names: Sequence[str]) -> Table:
    """Returns the table with those parts of its dates, as `born_year`, that are named and not there yet."""
    parts = [
        values
        for column in table.frame
        if column.dtype in (pl.Date, pl.Datetime)
        for name, values in expand_date(column).items()
        if name in names and name not in table.frame.columns
    ]
    return Table(
        frame=table.frame.with_columns(parts),
        places=table.places,
        findings=table.findings,
    )


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

    frame.columns = name_columns(path.name, frame.columns)
    texts = [
        column.cast(pl.String) if column.dtype in (pl.Categorical, pl.Enum) else column
        for column in frame
    ]
    converted, findings = convert_columns([_fill_nan(each) for each in texts])

    return Table(
        frame=pl.DataFrame(converted),
        places=[f"row {n + 1}" for n in range(frame.height)],
        findings=findings,
    )


def _fill_nan(column: pl.Series) -> pl.Series:
    return column.fill_nan(None) if column.dtype.is_float() else column


def _read_csv(path: Path) -> Table:
    text = skip_comments(_decode(path, _unpack(path)))
    separator = find_separator(text.body)
    names, rows, places = _split(text, separator, path.name)
    columns = [
        pl.Series(name, [row[at] for row in rows], dtype=pl.String)
        for at, name in enumerate(names)
    ]
    converted, findings = convert_columns(columns, separator=separator)

    return Table(frame=pl.DataFrame(converted), places=places, findings=findings)


@dataclass(frozen=True, kw_only=True)
class _Text:
    """A _Text is what follows the comments of a file, and how many lines these are."""

    body: str
    n_skipped: int = 0


def skip_comments(text: str) -> _Text:
    comments = re.match(r"(?:#[^\r\n]*(?:\r\n|\r|\n))+", text)
    if comments is None or len(_count_separators(text)) > 0:
        return _Text(body=text)
    return _Text(
        body=text[comments.end() :], n_skipped=len(comments.group().splitlines())
    )


def _count_separators(text: str) -> list[str]:
    """Returns the separators of the first line, so that a name which begins with # does not make it a comment."""
    return [
        each for each in re.split(r"[\r\n]", text, maxsplit=1)[0] if each in SEPARATORS
    ]


def _unpack(path: Path) -> bytes:
    """Returns the file's bytes, unpacked; raises UnreadableTableError for what is plainly something else."""
    content = path.read_bytes()
    if content.startswith(b"\x1f\x8b"):
        return _unpack_gzip(path, content)
    if content.startswith(b"PK\x03\x04"):
        return _unpack_zip(path, content)
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise UnreadableTableError(path.name, EXCEL)
    if content.lstrip()[:2] in (b"[{", b"[[") or content.lstrip()[:1] == b"{":
        raise UnreadableTableError(path.name, "expected CSV or Parquet, got JSON")

    return content


def _unpack_gzip(path: Path, content: bytes) -> bytes:
    try:
        with gzip.open(io.BytesIO(content)) as file:
            unpacked = file.read(MAX_UNPACKED_BYTES + 1)
    except (OSError, EOFError, zlib.error):
        raise UnreadableTableError(
            path.name, "expected CSV, got a gzip file that is broken"
        ) from None

    if len(unpacked) > MAX_UNPACKED_BYTES:
        raise UnreadableTableError(path.name, "expected at most 4 GB of CSV, unpacked")

    return unpacked


def _unpack_zip(path: Path, content: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [each.filename for each in archive.infolist() if not each.is_dir()]
            if any(name.startswith("xl/") for name in names):
                raise UnreadableTableError(path.name, EXCEL)
            if len(names) != 1:
                raise UnreadableTableError(
                    path.name,
                    f"expected one CSV in the zip archive, got {len(names)} files",
                )
            with archive.open(names[0]) as file:
                return file.read(MAX_UNPACKED_BYTES)
    except (zipfile.BadZipFile, OSError, EOFError, zlib.error, RuntimeError):
        is_excel = path.suffix.lower() in (".xlsx", ".xlsm")
        reason = "expected CSV, got a zip archive that is broken"
        raise UnreadableTableError(path.name, EXCEL if is_excel else reason) from None


def _decode(path: Path, content: bytes) -> str:
    """Decodes UTF-8 and UTF-16 by their marks, and cp1252, which Excel writes, where it is no UTF-8."""
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


def find_separator(text: str) -> str:
    """Returns the separator that the first line has most of outside of quotes."""
    header = re.split(r"[\r\n]", text, maxsplit=1)[0]
    header = re.sub(r'"[^"]*"', "", header)
    best = max(SEPARATORS, key=header.count)
    return best if best in header or len(header.split()) < 2 else _find_spaces(text)


def _find_spaces(text: str) -> str:
    """Returns a space where the first lines have equally many words, so that spaces part them, else a comma."""
    lines = [line for line in text.splitlines()[:20] if line.strip()]
    widths = {len(line.split()) for line in lines}
    return " " if len(widths) == 1 and len(lines) > 1 else ","


def _split(
    text: _Text, separator: str, file_name: str
) -> tuple[list[str], list[list[str]], list[str]]:
    """Returns names, rows and their places; lines without anything on them are passed over."""
    csv.field_size_limit(MAX_FIELD_CHARS)
    spaced = separator == " "
    reader = csv.reader(
        io.StringIO(text.body, newline=""), delimiter=separator, skipinitialspace=spaced
    )
    rows: list[list[str]] = []
    places: list[str] = []

    try:
        names = name_columns(file_name, next(reader, []))
        for row in reader:
            if not row:
                continue
            line = text.n_skipped + reader.line_num
            _check_width(row, len(names), file_name, line)
            rows.append(row)
            places.append(f"line {line}")
    except csv.Error as error:
        raise UnreadableTableError(
            file_name,
            f"expected CSV: {error}",
            line=text.n_skipped + reader.line_num,
        ) from None

    if not names:
        raise UnreadableTableError(
            file_name, "expected a line of names and at least one row, got no row"
        )

    return _drop_nameless(names, rows, places)


def _drop_nameless(
    names: list[str], rows: list[list[str]], places: list[str]
) -> tuple[list[str], list[list[str]], list[str]]:
    """Returns the table without a last column that has neither name nor value, which a separator at line ends makes."""
    while (
        len(names) > 1
        and names[-1] == f"column_{len(names)}"
        and not any(row[-1].strip() for row in rows)
    ):
        names, rows = names[:-1], [row[:-1] for row in rows]

    return names, rows, places


def _check_width(row: list[str], n_columns: int, file_name: str, line: int) -> None:
    if len(row) != n_columns:
        raise UnreadableTableError(
            file_name,
            f"expected {n_columns} values, one for each column of the first line, got {len(row)}",
            line=line,
        )


def name_columns(file_name: str, given: Sequence[str]) -> list[str]:
    names = [
        name.strip() or f"column_{number}" for number, name in enumerate(given, start=1)
    ]
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise RepeatedColumnError(file_name, repeated[0])

    return names
