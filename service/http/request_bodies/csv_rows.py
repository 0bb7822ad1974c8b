"""Rows come as CSV too: a header line with the names of the features, then a line for each row."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence

from service.contract.codec import UTF8_BOM
from service.contract.requests import NumberCell
from service.errors import InvalidRequest, TooLarge

CSV = "text/csv"
DELIMITERS = ",;\t"

Cell = float | str | None
_LINE_END = re.compile(r"[\r\n]")
MAX_CELL_CHARS = 131_072
"""A longer cell is no value of a feature."""


def read_csv(body: bytes, *, max_rows: int | None = None) -> list[dict[str, Cell]]:
    """Returns an object `{feature: value}` for each line; an empty cell is a missing value.

    It raises InvalidRequest for a body without a header line and a row, and for a line of another length. It raises
    TooLarge as soon as there are more rows than `max_rows`, and reads no further.
    """
    try:
        text = body.removeprefix(UTF8_BOM).decode()
    except UnicodeDecodeError:
        raise InvalidRequest("malformed CSV: expected UTF-8") from None

    try:
        return _name_cells(list(_read_lines(text, max_rows)))
    except csv.Error as error:
        raise InvalidRequest(f"malformed CSV: {error}") from None


def _read_lines(text: str, max_rows: int | None) -> Iterator[list[str]]:
    """Yields the lines that are not blank; raises csv.Error, InvalidRequest and TooLarge."""
    header_line = _LINE_END.split(text.lstrip(), 1)[0]
    delimiter = max(DELIMITERS, key=header_line.count)
    n_lines = 0

    # Lines may end in CR alone, as some spreadsheets write them.
    for line in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
        # The module's own limit is one for the whole process, and others raise it.
        if any(len(cell) > MAX_CELL_CHARS for cell in line):
            raise InvalidRequest(
                f"malformed CSV: field larger than field limit ({MAX_CELL_CHARS})"
            )
        if not any(map(str.strip, line)):
            continue

        n_lines += 1
        # The first line has the names.
        if max_rows is not None and n_lines > max_rows + 1:
            raise TooLarge(
                f"inputs: more rows than the limit of {max_rows} rows a request (VEREDICTO_MAX_ROWS): "
                "send them in several requests"
            )
        yield line


def _name_cells(lines: Sequence[Sequence[str]]) -> list[dict[str, Cell]]:
    if len(lines) < 2:
        raise InvalidRequest(
            "malformed CSV: expected a header line with the names of the features and at least one row below it, "
            f"got {len(lines)} {'line' if len(lines) == 1 else 'lines'}"
        )

    header, *rows = lines
    names = [each.strip() for each in header]
    if len(set(names)) < len(names):
        raise InvalidRequest("malformed CSV: a name stands twice in its header line")
    for number, row in enumerate(rows):
        if len(row) != len(names):
            raise InvalidRequest(
                f"inputs[{number}]: expected {len(names)} values, as many as the header line has, got {len(row)}"
            )

    return [dict(zip(names, map(_read_cell, row), strict=True)) for row in rows]


def _read_cell(text: str) -> Cell:
    """Returns a number where the text is one, None where it is empty, and else the text."""
    text = text.strip()
    if not text:
        return None
    # Python reads 1_000 as a number, as no table means it.
    if "_" in text:
        return text

    try:
        number = NumberCell(text)
    except ValueError:
        return text

    number.text = text
    return number
