"""Tables are cut into blocks, each of which is read by itself, and no row is lost or read twice."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from tables import block_cutting, blocks
from tables.columns import read_numbers
from tables.reader import UnreadableTableError, read_table


def read_all(
    path: Path, *, block_bytes: int
) -> tuple[list[tuple[object, ...]], list[int], list[tuple[int, str]]]:
    """Returns the rows, their lines, and the faults of all blocks."""
    table = block_cutting.cut_table(path, block_bytes=block_bytes)
    rows: list[tuple[object, ...]] = []
    lines: list[int] = []
    faults: list[tuple[int, str]] = []
    for block in table.blocks:
        read = blocks.read_block(path, table.layout, block, table.layout.names)
        rows += read.frame.rows()
        lines += read.lines.tolist()
        faults += read.faults

    return rows, lines, faults


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("block_bytes", [1, 40, 300, 10_000])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "end"])
def test_all_rows_are_read_once(
    tmp_path: Path, block_bytes: int, end: str, last: str
) -> None:
    """Rows come in their order with the lines that the whole file's reader finds, in blocks of any size."""
    values = [(f"{n}", f"text {n % 7}" if n % 5 else "") for n in range(100)]
    body = end.join(",".join(row) for row in values)
    path = write(tmp_path / "rows.csv", f"a,b{end}{body}{end if last else ''}")

    rows, lines, faults = read_all(path, block_bytes=block_bytes)
    assert rows == [(a, b or None) for a, b in values]
    assert [f"line {each}" for each in lines] == read_table(path).places
    assert faults == []


@pytest.mark.parametrize("block_bytes", [20, 64, 1000])
def test_quoted_texts_may_have_separators_quotes_and_lines(
    tmp_path: Path, block_bytes: int
) -> None:
    """No block ends within quotes, and lines are those on which rows end."""
    values = [(str(n), f'say "{n}",\nplease' if n % 3 else f"{n},") for n in range(40)]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("a", "b"), *values])
    path = write(tmp_path / "rows.csv", text.getvalue())

    rows, lines, faults = read_all(path, block_bytes=block_bytes)
    assert rows == values
    assert [f"line {each}" for each in lines] == read_table(path).places
    assert faults == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1}\n{"a": 2}\n', "expected CSV or Parquet, got JSON"),
        ("BZh91AY", "got a bzip2 file: unpack it, as with bunzip2"),
        ("a,b\r1,2\r3,4\r", "got lines that end with a carriage return alone"),
    ],
)
def test_what_cannot_be_cut_is_called_by_name(
    tmp_path: Path, text: str, said: str
) -> None:
    """A file that is no CSV, or one without line feeds, is not searched for names of columns."""
    path = write(tmp_path / "rows.csv", text)
    with pytest.raises(UnreadableTableError, match=said):
        block_cutting.cut_table(path, block_bytes=100)


def test_lines_that_are_no_rows_are_set_aside(tmp_path: Path) -> None:
    """A line with too few or too many values is a fault with its line; an empty one is passed over."""
    path = write(
        tmp_path / "rows.csv", "a,b,c\n1,2,3\n4,5\n\n6,7,\n8,9,10,11\n12,13,14\n"
    )
    rows, lines, faults = read_all(path, block_bytes=10_000)

    assert rows == [("1", "2", "3"), ("6", "7", None), ("12", "13", "14")]
    assert lines == [2, 5, 7]
    assert faults == [
        (3, "expected 3 values, one for each column of the first line, got 2"),
        (6, "expected 3 values, one for each column of the first line, got 4"),
    ]


def test_short_lines_alone_are_found(tmp_path: Path) -> None:
    """A line that is too short is a fault also where no line is too long."""
    path = write(tmp_path / "rows.csv", "a,b,c\n1,2,3\n4,5\n6,,\n")
    rows, lines, faults = read_all(path, block_bytes=10_000)

    assert (rows, lines) == ([("1", "2", "3"), ("6", None, None)], [2, 4])
    assert [line for line, _ in faults] == [3]


@pytest.mark.parametrize("quoted", ['"w"', "w"])
def test_a_quote_that_nothing_closes_costs_one_line(
    tmp_path: Path, quoted: str
) -> None:
    """The lines after it are read again, so that one typing error does not swallow a block."""
    path = write(tmp_path / "rows.csv", f'a,b\n1,x\n2,"y\n3,z\n4,{quoted}\n5,v\n')
    rows, lines, faults = read_all(path, block_bytes=10_000)

    assert rows == [("1", "x"), ("3", "z"), ("4", "w"), ("5", "v")]
    assert lines == [2, 4, 5, 6]
    assert [line for line, _ in faults] == [3]
    assert faults[0][1].endswith("with a quote that nothing closes")


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        ("a;b\n1,5;é\n2,25;ü\n", "cp1252", (";", ",", "cp1252")),
        ("a\tb\n1.5\té\n", "utf-8-sig", ("\t", ".", "utf-8")),
        ("# made by hand\n# twice\na,b\n1.5,é\n", "utf-8", (",", ".", "utf-8")),
    ],
)
def test_a_file_tells_separator_mark_and_encoding(
    tmp_path: Path, text: str, encoding: str, expected: tuple[str, str, str]
) -> None:
    """Separator, mark and encoding are found once for the whole file, as the whole file's reader finds them."""
    path = write(tmp_path / "rows.csv", text, encoding)
    layout = block_cutting.cut_table(path, block_bytes=10).layout
    rows, lines, _ = read_all(path, block_bytes=10)

    assert (layout.separator, layout.marks["a"], layout.encoding) == expected
    assert layout.names == ["a", "b"]
    assert str(rows[0][1]) == "é"
    assert [f"line {each}" for each in lines] == read_table(path).places


@pytest.mark.parametrize(
    "prices",
    [
        ["54,5", "29,0"],
        ["1.234,5", "2.345"],
        ["1.234.567", "2.345"],
        ["1,234", "2,345"],
    ],
)
def test_each_column_has_its_own_mark_before_decimals(
    tmp_path: Path, prices: list[str]
) -> None:
    """A column's numbers are those that the reader of whole tables finds, whatever mark other columns have."""
    rows = [f'"{price}",0.{at}25,7' for at, price in enumerate(prices)]
    path = write(tmp_path / "rows.csv", "\n".join(["price,share,n", *rows, ""]))
    layout = block_cutting.cut_table(path, block_bytes=1000).layout
    columns, _, _ = read_all(path, block_bytes=1000)
    texts = pl.Series([str(row[0]) for row in columns])
    numbers, _ = read_numbers(texts, layout.marks["price"])

    assert numbers.to_list() == read_table(path).frame["price"].to_list()
    assert (layout.marks["share"], layout.marks["n"]) == (".", ".")

    packed = tmp_path / "rows.parquet"
    pl.DataFrame({"price": prices, "share": ["0.25", "1.5"]}).write_parquet(packed)
    assert block_cutting.cut_table(packed, block_bytes=1000).layout.marks == {
        "price": layout.marks["price"],
        "share": ".",
    }


@pytest.mark.parametrize(
    "content",
    [
        b"sep=;\r\na;b\r\n1,5;x\r\n2,5;y\r\n",
        b"\n\na,b\n1.5,x\n2.5,y\n",
        b"# by X, on 3 May, at noon\na,b\n1.5,x\n2.5,y\n",
        b"a,b\n1.5,x,\n2.5,y,\n",
        b"a\tb\nr1\t1.5\tx\nr2\t2.5\ty\n",
        b'a, b\n1.5, "x, 1"\n2.5, "y"\n',
        "a,b\n1.5,ñ\n".encode() + b"2.5,\xe9\n",
    ],
)
def test_what_other_programs_put_into_a_table_is_read_alike(
    tmp_path: Path, content: bytes
) -> None:
    """Blocks have the rows of the whole file's reader, at the same lines."""
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    whole = read_table(path)
    table = block_cutting.cut_table(path, block_bytes=1000)
    (block,) = table.blocks
    read = blocks.read_block(path, table.layout, block, ["a", "b"])
    names = [str(each).strip() for each in read.frame["b"]]

    assert not read.faults
    assert [f"line {each}" for each in read.lines] == whole.places
    assert names == whole.frame["b"].to_list()
    assert [str(each).strip().replace(",", ".") for each in read.frame["a"]] == [
        str(each) for each in whole.frame["a"]
    ]


def test_parquet_is_cut_by_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each row is in one block, and its place is its number from 1."""
    monkeypatch.setattr(block_cutting, "MIN_BLOCK_ROWS", 7)
    path = tmp_path / "rows.parquet"
    pl.DataFrame({"a": range(20), "b": [f"{n}" for n in range(20)]}).write_parquet(path)
    rows, lines, _ = read_all(path, block_bytes=1)

    assert rows == [(n, f"{n}") for n in range(20)]
    assert lines == list(range(1, 21))


def test_the_digest_is_that_of_the_file(tmp_path: Path) -> None:
    """The SHA-256 is that of all bytes, mark, comments and names included."""
    path = write(tmp_path / "rows.csv", "# by hand\na,b\n1,2\n3,4\n", "utf-8-sig")
    digest = block_cutting.cut_table(path, block_bytes=4).digest

    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x1f\x8b\x08", "got a gzip file: unpack it"),
        (b"PK\x03\x04", "got a zip archive or an Excel workbook"),
        ("a,b\n1,2\n".encode("utf-16"), "got CSV in UTF-16: save it as UTF-8"),
        (b"BZh9", "got a bzip2 file: unpack it"),
        (b"\xfd7zXZ\0", "got an xz file: unpack it"),
        (b'a,b\n"x \\"y\\" z",2\n', "a quote within quotes to be written twice"),
        (b"a\0b", "got bytes that are not, at 1"),
        (b"", "expected a line of names and at least one row"),
        (b"a,a\n1,2\n", "got 'a' more than once"),
    ],
)
def test_what_cannot_be_cut_is_refused(
    tmp_path: Path, content: bytes, said: str
) -> None:
    """The error says what came, and what would work."""
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    with pytest.raises(UnreadableTableError, match=said):
        block_cutting.cut_table(path, block_bytes=100)


@pytest.mark.parametrize("odd", ["", "NA", "1,5", "inf", "nan", "1e39", "€ 3"])
def test_numbers_are_read_at_once_where_no_text_is_lost(
    tmp_path: Path, odd: str
) -> None:
    """Columns asked for as numbers are texts throughout where one value may have to be shown or read as a text."""
    texts = ["1.5", "-3", "1e-42", "0.1234567890123456789"]
    path = write(tmp_path / "rows.csv", "a;b\n" + "".join(f"{t};x\n" for t in texts))
    assert read_column(path, numbers=["a"]) == [float(each) for each in texts]
    assert read_column(path) == texts

    write(path, f"a;b\n1.5;x\n{odd};x\n")
    expected = [1.5, None] if not odd else ["1.5", odd]
    assert read_column(path, numbers=["a"]) == expected


def read_column(path: Path, numbers: Sequence[str] = ()) -> list[object]:
    """Returns the first column of a file of one block."""
    table = block_cutting.cut_table(path, block_bytes=1000)
    (block,) = table.blocks
    read = blocks.read_block(path, table.layout, block, ["a"], numbers=numbers)
    found: list[object] = read.frame["a"].to_list()

    return found
