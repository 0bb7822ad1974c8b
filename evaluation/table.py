"""A table from a file, CSV or Parquet: names of columns, and for each row its values and its place. Door to polars."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from service.errors import Unusable

SEPARATORS = ",;\t|"
PARQUET = (".parquet", ".pq")
LONGEST_FIELD = 10_000_000

Value = float | str | None


@dataclass(frozen=True, kw_only=True)
class Table:
    """`rows` has a value for each column, texts where the file is CSV; `places` says where each row is."""

    columns: list[str]
    rows: list[list[Value]]
    places: list[str]


def read_table(path: Path) -> Table:
    """Raises Unusable, which says what is wrong and where."""
    table = _read_parquet(path) if path.suffix.lower() in PARQUET else _read_csv(path)
    repeated = sorted({name for name in table.columns if table.columns.count(name) > 1})
    if repeated:
        raise Unusable(
            f"{path.name}: expected columns of different names, got {repeated[0]!r} more than once"
        )

    if not table.rows:
        raise Unusable(
            f"{path.name}: expected a line of names and at least one row, got no row"
        )

    return table


def _read_csv(path: Path) -> Table:
    """UTF-8; the separator is the one of `,;|` and tab that the first line has most of. Empty lines are passed over."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unusable(
            f"{path.name}: expected CSV in UTF-8, got bytes that are not, at {error.start}"
        ) from None

    first = text.partition("\n")[0]
    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=max(SEPARATORS, key=first.count)
    )
    rows: list[list[Value]] = []
    places: list[str] = []
    columns: list[str] | None = None

    try:
        for row in reader:
            if columns is None:
                columns = [name.strip() for name in row]
            elif row:
                _check_width(row, columns, f"{path.name}, line {reader.line_num}")
                rows.append([value.strip() for value in row])
                places.append(f"line {reader.line_num}")
    except csv.Error as error:
        raise Unusable(
            f"{path.name}, line {reader.line_num}: expected CSV: {error}"
        ) from None

    return Table(columns=columns or [], rows=rows, places=places)


def _check_width(row: list[str], columns: list[str], where: str) -> None:
    if len(row) != len(columns):
        raise Unusable(
            f"{where}: expected {len(columns)} values, one for each column of the first line, got {len(row)}"
        )


def _read_parquet(path: Path) -> Table:
    """Numbers stay numbers; booleans become the texts that JSON has for them, everything else a text."""
    try:
        import polars
    except ImportError:
        raise Unusable(
            f"{path.name}: Parquet needs polars: pip install 'polars>=1.20', or give a CSV file"
        ) from None

    try:
        frame = polars.read_parquet(path)
    except (polars.exceptions.PolarsError, OSError) as error:
        raise Unusable(
            f"{path.name}: expected Parquet: {' '.join(str(error).split())[:200]}"
        ) from None

    rows = [[_plain(value) for value in row] for row in frame.iter_rows()]

    return Table(
        columns=frame.columns,
        rows=rows,
        places=[f"row {number + 1}" for number in range(len(rows))],
    )


def _plain(value: object) -> Value:
    if value is None or (
        isinstance(value, int | float) and not isinstance(value, bool)
    ):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value).strip()
