"""The one reader of tables types columns, says where each row is, and names what is no table."""

from __future__ import annotations

from pathlib import Path

import pytest

from tables.reader import (
    NoRowsError,
    RepeatedColumnError,
    Table,
    UnreadableTableError,
    read_table,
)


def read(folder: Path, content: bytes, name: str = "my.csv") -> Table:
    (folder / name).write_bytes(content)
    return read_table(folder / name)


def test_places_are_the_lines_of_the_file(tmp_path: Path) -> None:
    """A quoted line end and an empty line count as lines, so that an editor finds the row."""
    table = read(tmp_path, b'a,b\n"x\ny",1\n\nz,2\n')
    assert table.places == ["line 3", "line 5"]
    assert table.frame.to_dict(as_series=False) == {"a": ["x\ny", "z"], "b": [1, 2]}


def test_a_separator_within_quotes_does_not_count(tmp_path: Path) -> None:
    """A quoted name with semicolons leaves the comma as the separator."""
    table = read(tmp_path, b'"a;b","c;d;e",y\n1,2,3\n', "my.tsv")
    assert table.frame.columns == ["a;b", "c;d;e", "y"]


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (
            b"a,b\n1\n",
            UnreadableTableError,
            "my.csv, line 2: expected 2 values, one for each column of the first line, got 1",
        ),
        (
            b"a, a\n1,2\n",
            RepeatedColumnError,
            "my.csv: expected columns of different names, got 'a' more than once",
        ),
        (
            b"a,b\n",
            NoRowsError,
            "my.csv: expected a line of names and at least one row, got no row",
        ),
    ],
)
def test_what_is_no_table_is_named_with_its_line(
    tmp_path: Path, content: bytes, error: type[Exception], message: str
) -> None:
    """The error says what was expected, what came and where."""
    with pytest.raises(error) as refused:
        read(tmp_path, content)

    assert str(refused.value) == message
