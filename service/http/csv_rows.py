"""Rows come as CSV too: a header line with the names of the features, then a line for each row."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

from service.contract.codec import UTF8_BOM
from service.contract.requests import NumberCell
from service.errors import InvalidRequest

CSV = "text/csv"
DELIMITERS = ",;\t"

Cell = float | str | None
_LINE_END = re.compile(r"[\r\n]")
MAX_CELL_CHARS = 131_072
"""A longer cell is no value of a feature."""


def read_csv(body: bytes) -> list[dict[str, Cell]]:
    """Returns an object `{feature: value}` for each line; an empty cell is a missing value.

    It raises InvalidRequest for a body without a header line and a row, and for a line of another length.
    """
    try:
        text = body.removeprefix(UTF8_BOM).decode()
    except UnicodeDecodeError:
        raise InvalidRequest("malformed CSV: expected UTF-8") from None

    header_line = _LINE_END.split(text.lstrip(), 1)[0]
    delimiter = max(DELIMITERS, key=header_line.count)
    try:
        # Lines may end in CR alone, as some spreadsheets write them.
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise InvalidRequest(f"malformed CSV: {error}") from None

    # The module's own limit is one for the whole process, and others raise it.
    if any(len(cell) > MAX_CELL_CHARS for line in lines for cell in line):
        raise InvalidRequest(
            f"malformed CSV: field larger than field limit ({MAX_CELL_CHARS})"
        )

    return _name_cells([line for line in lines if any(map(str.strip, line))])


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
