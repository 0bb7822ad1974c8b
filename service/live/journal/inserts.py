"""Many rows go into a table of the journal by few statements."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import chain
from typing import Any

MAX_ROWS_PER_INSERT = 128
"""A power of two: statements of a few sizes only are prepared."""


def insert_rows(
    connection: sqlite3.Connection, table: str, rows: Sequence[tuple[Any, ...]]
) -> None:
    """Inserts many rows with few statements: each hands Python's lock to the other threads and back."""
    start = 0
    while start < len(rows):
        largest_power = 1 << (len(rows) - start).bit_length() - 1
        size = min(MAX_ROWS_PER_INSERT, largest_power)
        row = f"({', '.join('?' * len(rows[0]))})"
        values = tuple(chain.from_iterable(rows[start : start + size]))
        connection.execute(
            f"INSERT INTO {table} VALUES {', '.join([row] * size)}", values
        )
        start += size
