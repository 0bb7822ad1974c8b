"""Rows come as CSV too: a header line with the names of the features, then a line for each row."""

from __future__ import annotations

import sys

from service.errors import InvalidRequest, TooLarge
from tables.csv_text import (
    TooManyRowsError,
    UnreadableTableError,
    read_csv_text,
)
from tables.file_formats import is_json
from tables.plain_columns import TextTable

CSV = "text/csv"
MAX_CELL_CHARS = 131_072
"""A longer cell is no value of a feature."""
_NAME = "rows.csv"


def read_csv(body: bytes, *, max_rows: int = sys.maxsize) -> TextTable:
    """Returns the table in a body as training and `/judge` read one, but packed, which is refused.

    It raises InvalidRequest for a body without a header line and a row, and for a line of another length. It raises
    TooLarge as soon as there are more rows than `max_rows`, and reads no further.
    """
    try:
        text = read_csv_text(_NAME, body, max_rows=max_rows, may_be_packed=False)
    except TooManyRowsError:
        raise TooLarge(
            f"inputs: more rows than the limit of {max_rows} rows a request (VEREDICTO_MAX_ROWS): "
            "send them in several requests"
        ) from None
    except UnreadableTableError as error:
        reason = error.reason.replace("CSV or Parquet", "CSV")
        if is_json(body):
            reason = "got JSON: send it with -H 'Content-Type: application/json'"
        raise InvalidRequest(f"malformed CSV: {reason}") from None

    if not text.rows:
        raise InvalidRequest(
            "malformed CSV: expected a header line with the names of the features and at least one row below it, "
            "got 1 line"
        )
    if len(body) > MAX_CELL_CHARS:
        _check_cells(text.rows)

    return TextTable(text.names, text.rows, text.separator)


def _check_cells(rows: list[list[str]]) -> None:
    """Raises InvalidRequest for a cell that is too long; the limit of the csv module is one for the whole process."""
    for number, row in enumerate(rows):
        if max(map(len, row)) > MAX_CELL_CHARS:
            raise InvalidRequest(
                f"inputs[{number}]: expected values of at most {MAX_CELL_CHARS} characters, got a longer one: is a "
                "quote not closed?"
            )
