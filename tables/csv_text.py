"""The text of a CSV file becomes names, rows of texts and their places; nothing here needs polars."""

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
from dataclasses import dataclass
from typing import NamedTuple

SEPARATORS = ",;\t|"
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


class CSVText(NamedTuple):
    """A CSVText has the names of columns, rows of as many texts, where the file has each row, and the separator."""

    names: list[str]
    rows: list[list[str]]
    places: list[str]
    separator: str


def read_csv_text(
    name: str, content: bytes, *, max_bytes: int = MAX_UNPACKED_BYTES
) -> CSVText:
    """Returns what stands in a CSV of this name, whose encoding and separator are found out; it may be packed.

    It raises UnreadableTableError, also where more than `max_bytes` are unpacked of it.
    """
    text = skip_comments(_decode(name, _unpack(name, content, max_bytes)))
    separator = find_separator(text.body)

    return CSVText(*_split(text, separator, name), separator)


@dataclass(frozen=True, kw_only=True)
class _Text:
    """A _Text is what follows the comments of a file, and how many lines these are."""

    body: str
    n_skipped: int = 0


def skip_comments(text: str) -> _Text:
    """Returns a table's text without the comments ahead of it."""
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


def _unpack(name: str, content: bytes, max_bytes: int) -> bytes:
    """Returns the file's bytes, unpacked; raises UnreadableTableError for what is plainly something else."""
    if content.startswith(b"\x1f\x8b"):
        return _unpack_gzip(name, content, max_bytes)
    if content.startswith(b"PK\x03\x04"):
        return _unpack_zip(name, content, max_bytes)
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise UnreadableTableError(name, EXCEL)
    if content.lstrip()[:2] in (b"[{", b"[[") or content.lstrip()[:1] == b"{":
        raise UnreadableTableError(name, "expected CSV or Parquet, got JSON")

    return content


def _unpack_gzip(name: str, content: bytes, max_bytes: int) -> bytes:
    try:
        with gzip.open(io.BytesIO(content)) as file:
            unpacked = file.read(max_bytes + 1)
    except (OSError, EOFError, zlib.error):
        raise UnreadableTableError(
            name, "expected CSV, got a gzip file that is broken"
        ) from None

    return _check_unpacked(name, unpacked, max_bytes)


def _check_unpacked(name: str, unpacked: bytes, max_bytes: int) -> bytes:
    if len(unpacked) > max_bytes:
        raise UnreadableTableError(
            name, f"expected at most {max_bytes:,} bytes of CSV, unpacked"
        )
    return unpacked


def _unpack_zip(name: str, content: bytes, max_bytes: int) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [
                each.filename for each in archive.infolist() if not each.is_dir()
            ]
            if any(each.startswith("xl/") for each in members):
                raise UnreadableTableError(name, EXCEL)
            if len(members) != 1:
                raise UnreadableTableError(
                    name,
                    f"expected one CSV in the zip archive, got {len(members)} files",
                )
            with archive.open(members[0]) as file:
                unpacked = file.read(max_bytes + 1)
    except (zipfile.BadZipFile, OSError, EOFError, zlib.error, RuntimeError):
        is_excel = name.lower().endswith((".xlsx", ".xlsm"))
        reason = "expected CSV, got a zip archive that is broken"
        raise UnreadableTableError(name, EXCEL if is_excel else reason) from None

    return _check_unpacked(name, unpacked, max_bytes)


def _decode(name: str, content: bytes) -> str:
    """Decodes UTF-8 and UTF-16 by their marks, and cp1252, which Excel writes, where it is no UTF-8."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")

    at = content.find(b"\0")
    if at >= 0:
        raise UnreadableTableError(
            name, f"expected CSV in UTF-8, got bytes that are not, at {at}"
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
    """Returns names of columns, of which one without a name is called by its place; raises RepeatedColumnError."""
    names = [
        name.strip() or f"column_{number}" for number, name in enumerate(given, start=1)
    ]
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise RepeatedColumnError(file_name, repeated[0])

    return names
