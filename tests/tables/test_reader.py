"""The one reader of tables types columns, says where each row is, and names what is no table."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

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


def test_a_decimal_comma_makes_no_names_of_rows(tmp_path: Path) -> None:
    """A row may have one value too many because of a comma before decimals, which is no guess to be made."""
    with pytest.raises(UnreadableTableError, match="expected 2 values, one for each"):
        read(tmp_path, b"id,weight\n1,70,5\n2,81,2\n")


def test_a_line_above_the_names_is_shown(tmp_path: Path) -> None:
    """A title is named as what stands in the way, and not the table below it."""
    with pytest.raises(UnreadableTableError) as refused:
        read(tmp_path, b"Sales of May\na,b,c\n1,2,3\n")

    assert str(refused.value) == (
        "my.csv, line 2: expected the names of 3 columns in the first line, got 'Sales of May' alone: remove what "
        "stands above the names"
    )


def test_names_below_several_lines_are_pointed_at(tmp_path: Path) -> None:
    """A line is named where all rows from there on have its width and none ahead of it; else the row is at fault."""
    with pytest.raises(UnreadableTableError) as refused:
        read(tmp_path, b"Device:;X 1\nDay:;3 May\n\na;b;c\n1;2;3\n4;5;6\n")

    assert str(refused.value) == (
        "my.csv, line 4: expected 2 values, one for each column of the first line, got 3, as all rows from there on: "
        "remove what stands above line 4, if it has the names"
    )
    with pytest.raises(UnreadableTableError, match=r"got 3$"):
        read(tmp_path, b"a,b\n1,2\n1,2,3\n4,5\n")
    with pytest.raises(UnreadableTableError, match=r"notes below the table$"):
        read(tmp_path, b"a,b\n1,2\n3,4\n\nSource: us\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"'a','b'\n'1','2'\n", "expected names in double quotes or in none, got 'a'"),
        (
            "“a”,“b”\n“1”,“2”\n".encode(),
            "expected names in double quotes or in none, got “a”",
        ),
        (
            b'"a,b"\n"1,2"\n"3,4"\n',
            "expected values that ',' parts, got one in quotes, 'a,b'",
        ),
    ],
)
def test_quotes_that_part_no_values_are_named(
    tmp_path: Path, content: bytes, message: str
) -> None:
    """Single and curly quotes, and quotes around whole lines, would become part of names and values."""
    with pytest.raises(UnreadableTableError) as refused:
        read(tmp_path, content)

    assert message in str(refused.value)


def test_one_column_may_have_a_comma_in_its_name(tmp_path: Path) -> None:
    """A name in quotes with a comma is one where the rows have none."""
    assert read(tmp_path, b'"a, in cm"\n1\n2\n').frame.columns == ["a, in cm"]


def test_a_quote_that_nothing_closes_is_suspected(tmp_path: Path) -> None:
    """The row that swallowed all others says so."""
    with pytest.raises(UnreadableTableError, match="is its quote closed"):
        read(tmp_path, b'a,b\n1,2\n"3,4\n5,6\n')


def test_bytes_of_two_encodings_are_read_each_in_its_own(tmp_path: Path) -> None:
    """A line that another program appended makes nonsense of no other line, and no byte is lost."""
    content = "a,b\nroñó,1\n".encode() + b"caf\xe9,2\n\x8d,3\n\x81,4\n"
    assert read(tmp_path, content).frame["a"].to_list() == [
        "roñó",
        "café",
        "\x8d",
        "\x81",
    ]


def test_a_name_with_signs_of_a_pattern_is_one_file(tmp_path: Path) -> None:
    """Parquet called `x*` is not read with all others whose names begin with x."""
    frame = pl.DataFrame({"a": [1, 2]})
    for name in ("x*.parquet", "xy.parquet"):
        frame.write_parquet(tmp_path / name)
    assert read_table(tmp_path / "x*.parquet").frame.height == 2


def test_a_pipe_is_no_table(tmp_path: Path) -> None:
    """A named pipe would be waited for without end, and a shell's `<(command)` is empty when it is read again."""
    named = tmp_path / "pipe.csv"
    os.mkfifo(named)
    out, into = os.pipe()
    try:
        for path in (named, Path(f"/dev/fd/{out}")):
            with pytest.raises(UnreadableTableError, match="expected a file, got a pi"):
                read_table(path)
    finally:
        os.close(out)
        os.close(into)


def test_parquet_is_told_by_its_content(tmp_path: Path) -> None:
    """A file of Parquet is read whatever it is called."""
    frame = pl.DataFrame({"a": [1, 2]})
    frame.write_parquet(tmp_path / "part-0")
    assert read_table(tmp_path / "part-0").frame.equals(frame)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("a,b\nÑ,1\n".encode("utf-32"), id="UTF-32"),
        pytest.param("\ufeff\ufeffa,b\nÑ,1\n".encode(), id="two marks of UTF-8"),
        pytest.param("a,b\nÑ,1\n\x1a".encode(), id="DOS's end of a file"),
        pytest.param("a,b\nÑ,1\x1a".encode(), id="DOS's end behind a value"),
        pytest.param("a,b\na,b\nÑ,1\na,b\n".encode(), id="names again"),
    ],
)
def test_what_other_programs_put_around_rows_is_no_row(
    tmp_path: Path, content: bytes
) -> None:
    """Marks of an encoding, the end of a file and lines of names between rows leave the table as it is."""
    assert read(tmp_path, content).frame.to_dicts() == [{"a": "Ñ", "b": 1}]


def test_words_that_count_as_missing_are_kept(tmp_path: Path) -> None:
    """A person can be told which words were taken for a missing value."""
    table = read(tmp_path, b"a,b\nNone,1\nmild,NA\n,2\n")
    assert table.findings.marks == {"a": ["None"], "b": ["NA"]}


def test_quotes_with_a_backslash_ahead_are_read(tmp_path: Path) -> None:
    """MySQL writes a quote within quotes so, which may hide a separator; it is said, and a path's end is no quote."""
    rows = [r'"name","b"', r'"the \"big, red\" one","1"', r'"C:\\","2"', r'"plain","3"']
    table = read(tmp_path, "\n".join(rows).encode())

    assert table.frame["name"].to_list() == ['the "big, red" one', "C:\\", "plain"]
    assert table.notes == [
        r"a backslash ahead of a quote, \", was read as a part of the text"
    ]


@pytest.mark.parametrize(
    "rows",
    [
        [r'"C:\data\","1"', r'"D:\","2"'],
        [r'"{""a"": ""say \""hi\""""}","1"', r'"[""x\"",""\""]","2"'],
        [r"5\",1", r"6\",2"],
    ],
)
def test_a_backslash_elsewhere_is_a_backslash(tmp_path: Path, rows: list[str]) -> None:
    """Paths that end with one, JSON with quotes written twice and texts without quotes stay as they are."""
    table = read(tmp_path, "\n".join(["a,b", *rows]).encode())

    assert table.frame["a"].to_list() == [row[0] for row in csv.reader(rows)]
    assert not table.notes


def test_numbers_twice_in_the_first_line_are_suspected_to_be_a_row(
    tmp_path: Path,
) -> None:
    """A table without names, whose first row has one number twice, is told to have a line of names."""
    with pytest.raises(RepeatedColumnError, match=r"'1' more than once: write names"):
        read(tmp_path, b"30,64,1,1\n31,59,2,1\n")


def test_what_excel_keeps_as_text_is_that_text(tmp_path: Path) -> None:
    """A cell ="01234" is a code with its zero, one of a number that number, and errors of formulas are gaps."""
    table = read(
        tmp_path,
        'a,b,c\n="01234",="1.5",red\n"=""02345""",2,#REF!\n="",#¡DIV/0!,#WERT!\n'.encode(),
    )
    assert table.frame.to_dict(as_series=False) == {
        "a": ["01234", "02345", None],
        "b": [1.5, 2.0, None],
        "c": ["red", None, None],
    }
    assert table.findings.marks["c"] == ["#REF!", "#WERT!"]


@pytest.mark.parametrize(
    "name", ["\ufeffb", "b\u200b", "\u200e b\u00a0", "\u2060b\u00ad"]
)
def test_unseen_characters_around_names_do_not_count(tmp_path: Path, name: str) -> None:
    """Nobody could write a name that begins with a mark of an encoding, or ends with a space of no width."""
    table = read(tmp_path, f"a,{name},c\n1,2,3\n".encode())
    assert table.frame.columns == ["a", "b", "c"]


FORMATS: dict[str, Callable[[pl.DataFrame, Path], object]] = {
    "parquet": lambda frame, path: frame.write_parquet(path),
    "arrow": lambda frame, path: frame.write_ipc(path),
    "stream of arrow": lambda frame, path: frame.write_ipc_stream(path),
    "avro": lambda frame, path: frame.write_avro(path),
    "rows of JSON": lambda frame, path: path.write_text(frame.write_json()),
    "lines of JSON": lambda frame, path: path.write_text(frame.write_ndjson()),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_files_with_types_have_the_table_of_their_csv(
    tmp_path: Path, kind: str
) -> None:
    """A file of any of these programs, under any name, gives the same columns; texts in it are read as those of CSV."""
    frame = pl.DataFrame(
        {
            "x": [1.5, None, -2.0],
            "n": [1, 2, 3],
            "told": [True, None, False],
            "price": ["1,234.50", "2.00", "NA"],
            "day": ["2024-12-31", "2024-02-29", "2024-01-01"],
            "word": ["a", " b ", ""],
        }
    )
    csv, typed = tmp_path / "table.csv", tmp_path / "table.data"
    frame.write_csv(csv)
    FORMATS[kind](frame, typed)

    read = read_table(typed)
    assert_frame_equal(read.frame, read_table(csv).frame)
    assert read.places == ["row 1", "row 2", "row 3"]


@pytest.mark.parametrize("start", [b"PAR1", b"ARROW1\0\0", b"Obj\x01", b"[{"])
def test_a_broken_file_with_types_is_refused(tmp_path: Path, start: bytes) -> None:
    """The error names the format that the file begins with, and ends in one line."""
    path = tmp_path / "table"
    path.write_bytes(start + b"x" * 20)

    with pytest.raises(UnreadableTableError, match=r"^table: expected ") as refused:
        read_table(path)

    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-8"])
@pytest.mark.parametrize("end", ["\n", ",\n"])
def test_json_is_read_in_the_encodings_of_shells(
    tmp_path: Path, encoding: str, end: str
) -> None:
    """PowerShell writes UTF-16, whose objects were names of columns of CSV."""
    rows = end.join(['{"a": 1, "b": "é"}', '{"a": 2, "b": "ñ"}'])
    text = rows if end == "\n" else f"[{rows}]"
    table = read(tmp_path, text.encode(encoding), "my.json")
    assert table.frame.to_dict(as_series=False) == {"a": [1, 2], "b": ["é", "ñ"]}


def test_names_that_differ_by_the_notation_of_an_accent_are_one(tmp_path: Path) -> None:
    """Nobody could tell two such columns apart, and a client could not write their names."""
    table = read(tmp_path, "an\u0303o,b\n1,2\n".encode())
    assert table.frame.columns == ["a\u00f1o", "b"]
    with pytest.raises(RepeatedColumnError):
        read(tmp_path, "an\u0303o,a\u00f1o\n1,2\n".encode())
