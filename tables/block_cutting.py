"""Tables that are larger than the memory are cut into blocks, which begin and end with whole rows."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from tables.blocks import Block, CutTable, Layout, scan_parquet
from tables.columns import find_decimal_marks
from tables.csv_text import (
    MAX_FIELD_CHARS,
    UnreadableTableError,
    find_separator,
    fit_names,
    has_escaped_quotes,
    name_columns,
    skip_preamble,
)
from tables.encodings import decode_bytes, describe_encoding, refuse_escapes
from tables.file_formats import NoTextError, refuse_others
from tables.plain_columns import NO_RANGES, Range
from tables.reader import is_parquet

HEAD_BYTES = 1024 * 1024
"""Names, separator and the marks before decimals are found out from so much of a file."""
HEAD_ROWS = 1000
MIN_BLOCK_ROWS = 1024
MAX_BLOCK_ROWS = 262_144


def cut_table(
    path: Path, *, block_bytes: int, ranges: Mapping[str, Range] = NO_RANGES
) -> CutTable:
    """Reads a file once, to find where blocks begin; raises UnreadableTableError, or OSError.

    The same file is cut in the same places each time. `ranges` are those that models know of numbers, by which
    2.345 is told from 2345.
    """
    if is_parquet(path):
        return _cut_parquet(path, block_bytes, ranges)
    return _cut_csv(path, block_bytes, ranges)


def digest_file(path: Path) -> str:
    """Returns the SHA-256 of a file of any size."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cut_parquet(path: Path, block_bytes: int, ranges: Mapping[str, Range]) -> CutTable:
    try:
        table = scan_parquet(path)
        given = table.collect_schema().names()
        names = name_columns(path.name, given)
        name_of = dict(zip(given, names, strict=True))
        n_rows = int(table.select(pl.len()).collect().item())
        head = table.select(pl.col(pl.String)).head(HEAD_ROWS).collect()
    except PolarsError as error:
        summary = " ".join(str(error).split())[:200]
        raise UnreadableTableError(path.name, f"expected Parquet: {summary}") from error

    texts = [each.rename(name_of[each.name]) for each in head]
    marks, notes = find_decimal_marks(texts, separator=",", ranges=ranges)
    size = block_bytes // (8 * max(1, len(names)))
    size = max(MIN_BLOCK_ROWS, min(MAX_BLOCK_ROWS, size))
    blocks = [
        Block(start=start, stop=min(start + size, n_rows), first=start + 1)
        for start in range(0, n_rows, size)
    ]

    return CutTable(
        layout=Layout(names=names, is_parquet=True, marks=marks, notes=notes),
        digest=digest_file(path),
        blocks=blocks,
    )


def _cut_csv(path: Path, block_bytes: int, ranges: Mapping[str, Range]) -> CutTable:
    digest = hashlib.sha256()
    is_utf8 = _Utf8()
    # So much memory is asked for at once, however large a block may be.
    block_bytes = max(1, min(block_bytes, path.stat().st_size))
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        layout, start, line = _read_head(path, head, ranges)
        file.seek(0)
        skipped = file.read(start)
        digest.update(skipped)
        is_utf8.look(skipped)
        blocks = []

        for content in _read_blocks(file, block_bytes):
            digest.update(content)
            is_utf8.look(content)
            stop = start + len(content)
            blocks.append(Block(start=start, stop=stop, first=line))
            start, line = stop, line + content.count(b"\n")

    return CutTable(
        layout=Layout(
            names=layout.names,
            encoding="utf-8" if is_utf8.so_far else "cp1252",
            separator=layout.separator,
            marks=layout.marks,
            notes=(*is_utf8.notes, *layout.notes),
        ),
        digest=digest.hexdigest(),
        blocks=blocks,
    )


class _Utf8:
    """Tells whether all that it looked at, which ends with whole lines, is UTF-8; `notes` quote what is not."""

    def __init__(self) -> None:
        self.so_far = True
        self.notes: list[str] = []

    def look(self, content: bytes) -> None:
        if self.so_far and not content.isascii():
            try:
                content.decode("utf-8-sig")
            except UnicodeDecodeError:
                self.so_far = False
                self.notes = describe_encoding(content, "")


def _read_blocks(file: io.BufferedReader, block_bytes: int) -> Iterator[bytes]:
    """Yields the rest of the file in parts that end with a row."""
    left = b""
    while True:
        n_missing = block_bytes - len(left)
        read = file.read(n_missing if n_missing > 0 else block_bytes)
        content = left + read
        if not read:
            if content:
                yield content
            return

        end = _find_row_end(content)
        if not end and len(content) > block_bytes + MAX_FIELD_CHARS:
            # A quote that nothing closes is a text's own: else the rest of the file would be one row.
            end = content.rfind(b"\n") + 1
        if end:
            yield content[:end]
        left = content[end:]


def _find_row_end(content: bytes) -> int:
    """Returns where the last whole row ends, 0 where there is none: a line that ends within quotes ends no row."""
    end = content.rfind(b"\n") + 1
    n_quotes = content.count(b'"', 0, end)
    while end and n_quotes % 2:
        before = content.rfind(b"\n", 0, end - 1) + 1
        n_quotes -= content.count(b'"', before, end)
        end = before

    return end


def _read_head(
    path: Path, head: bytes, ranges: Mapping[str, Range]
) -> tuple[Layout, int, int]:
    """Returns the layout of CSV, the byte at which its rows begin, and their first line."""
    _refuse_uncuttable(path, head)
    text, mark_bytes = _decode_head(head)
    table = skip_preamble(text)
    separator = table.separator or find_separator(table.body)
    _check_notation(path, table.body, separator)
    csv.field_size_limit(MAX_FIELD_CHARS)
    reader = csv.reader(
        io.StringIO(table.body, newline=""),
        delimiter=separator,
        skipinitialspace=True,
    )
    first = next(reader, [])
    if not first:
        raise UnreadableTableError(
            path.name, "expected a line of names and at least one row, got no row"
        )

    n_lines = table.n_skipped + reader.line_num
    every = [row for row in islice(reader, HEAD_ROWS) if row]
    names = name_columns(path.name, fit_names(first, every, table.body, separator))
    rows = [row for row in every if len(row) == len(names)]
    lines = head[mark_bytes:].split(b"\n", n_lines)[:n_lines]
    start = mark_bytes + sum(len(each) + 1 for each in lines)

    marks, notes = _find_marks(names, rows, separator, ranges)

    return (
        Layout(names=names, separator=separator, marks=marks, notes=notes),
        min(start, path.stat().st_size),
        n_lines + 1,
    )


def _check_notation(path: Path, text: str, separator: str) -> None:
    """Raises UnreadableTableError for what the reader of whole tables makes sense of, and that of blocks does not."""
    if separator == " ":
        raise UnreadableTableError(
            path.name,
            "expected a comma, semicolon, tab or bar between values, got spaces",
        )
    if has_escaped_quotes(text, separator):
        raise UnreadableTableError(
            path.name,
            r"expected a quote within quotes to be written twice, got \": export the table so",
        )


def _find_marks(
    names: list[str],
    rows: list[list[str]],
    separator: str,
    ranges: Mapping[str, Range],
) -> tuple[dict[str, str], tuple[str, ...]]:
    columns = [
        pl.Series(name, [row[at] for row in rows], dtype=pl.String)
        for at, name in enumerate(names)
    ]
    return find_decimal_marks(columns, separator=separator, ranges=ranges)


def _decode_head(head: bytes) -> tuple[str, int]:
    """Returns the text of whole lines, and how many bytes a mark before it has."""
    whole = head[: head.rfind(b"\n") + 1] or head
    try:
        text = whole.decode("utf-8-sig")
    except UnicodeDecodeError:
        n_mark = len(codecs.BOM_UTF8) if whole.startswith(codecs.BOM_UTF8) else 0
        return decode_bytes(whole), n_mark

    return text, len(whole) - len(text.encode())


def _refuse_uncuttable(path: Path, head: bytes) -> None:
    """Raises UnreadableTableError for what cannot be cut into blocks."""
    kinds = {
        b"\x1f\x8b": "a gzip file: unpack it, as with gunzip",
        b"BZh": "a bzip2 file: unpack it, as with bunzip2",
        b"\xfd7zXZ\0": "an xz file: unpack it, as with unxz",
        b"PK\x03\x04": "a zip archive or an Excel workbook: unpack it, or save its sheet as CSV UTF-8",
        b"\xd0\xcf\x11\xe0": "an Excel workbook: save its sheet as CSV UTF-8",
        b"\xff\xfe": "CSV in UTF-16: save it as UTF-8",
        b"\xfe\xff": "CSV in UTF-16: save it as UTF-8",
    }
    for start, kind in kinds.items():
        if head.startswith(start):
            raise UnreadableTableError(
                path.name, f"expected CSV that can be read in parts, got {kind}"
            )

    try:
        refuse_others(head)
        refuse_escapes(head)
    except NoTextError as error:
        raise UnreadableTableError(path.name, str(error)) from None

    if b"\r" in head and b"\n" not in head:
        raise UnreadableTableError(
            path.name,
            "expected CSV that can be read in parts, got lines that end with a carriage return alone: "
            "save it with line feeds",
        )

    at = head.find(b"\0")
    if at >= 0:
        raise UnreadableTableError(
            path.name, f"expected CSV in UTF-8, got bytes that are not, at {at}"
        )
