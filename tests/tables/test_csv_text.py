"""The text of a CSV is read in time and memory that grow as it does, whatever a client sends."""

from __future__ import annotations

import gzip
import io
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from time import thread_time

import pytest

from tables.csv_text import (
    TooManyRowsError,
    UnreadableTableError,
    read_csv_text,
)

N_CHARS = 200_000
MAX_S = 3.0
"""Each takes a tenth of a second, and took from 10 s to minutes where time grew with the square of the length."""
MAX_MEMORY_FACTOR = 30


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b"a" + b"," * N_CHARS + b"\n1" + b"," * N_CHARS + b"\n", ["a"]),
        (b"a b\nc" + b" " * N_CHARS + b'd\\"e\n', ["a", "b"]),
        (b"a,b\nc," + b" " * N_CHARS + b'd\\"e\n', ["a", "b"]),
        (b"#\n" * (N_CHARS // 2) + b"a,b\n1,2\n", ["a", "b"]),
        (b"a,b\n" + b"\xe9" * N_CHARS + b",1\n", ["a", "b"]),
        (b"a,b\n" + b"\xc3(" * N_CHARS + b",1\n", ["a", "b"]),
    ],
    ids=[
        "columns without a name",
        "spaces that part values",
        "spaces behind a comma",
        "comments",
        "bytes of no UTF-8",
        "halves of characters",
    ],
)
def test_time_grows_as_the_text(content: bytes, names: list[str]) -> None:
    """A long run of what is looked at again and again elsewhere takes no long time."""
    started_s = thread_time()
    assert read_csv_text("a.csv", content).names == names
    assert thread_time() - started_s < MAX_S


def test_memory_grows_as_the_text() -> None:
    """Empty lines ahead of a table took two hundred times their length."""
    content = b"\n" * N_CHARS + b"a,b\n1,2\n"
    tracemalloc.start()
    try:
        text = read_csv_text("a.csv", content)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert text.places == [f"line {N_CHARS + 2}"]
    assert peak < MAX_MEMORY_FACTOR * len(content)


def test_blanks_ahead_of_a_name_are_kept_apart_from_empty_lines() -> None:
    """A tab that parts a column without a name from others is no empty line, though such lines stand ahead."""
    text = read_csv_text("a.csv", b" \n\t\n\ta\tb\n1\t2\t3\n")
    assert text.names == ["column_1", "a", "b"]
    assert text.places == ["line 4"]


def test_columns_without_name_and_value_are_left_out_at_the_end_alone() -> None:
    """Separators at line ends make such columns; one with a value or with others behind it stays."""
    text = read_csv_text("a.csv", b"a,,b,,,\n1,,2,,,\n3,,4,5,,\n")
    assert text.names == ["a", "column_2", "b", "column_4"]
    assert text.rows == [["1", "", "2", ""], ["3", "", "4", "5"]]


@pytest.mark.parametrize("told", ['sep="', "sep=\r", 'sep=""'])
def test_a_quote_or_a_line_end_parts_no_values(told: str) -> None:
    """The csv module refuses these from Python 3.13 on, so such a line is one of the table."""
    with pytest.raises(UnreadableTableError):
        read_csv_text("a.csv", f"{told}\na,b\n1,2\n".encode())


def test_rows_beyond_a_limit_are_not_read() -> None:
    """A table is given up at its first row too many; rows without any value, and names again, are none."""
    content = b"a,b\n1,2\n,\na,b\n\n3,4\n , \n"
    text = read_csv_text("a.csv", content, max_rows=2)
    assert text.rows == [["1", "2"], ["3", "4"]]
    assert text.places == ["line 2", "line 6"]
    assert len(read_csv_text("a.csv", content).rows) == 4

    with pytest.raises(TooManyRowsError, match="at most 2 rows, got more"):
        read_csv_text("a.csv", content + b"5,6\n7\n", max_rows=2)


def pack_zip(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.csv", content)
    return packed.getvalue()


def pack_tar(content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo("a.csv")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("pack", "kind"),
    [
        (gzip.compress, "a gzip file"),
        (pack_zip, "a zip archive or an Excel workbook"),
        (pack_tar, "a tar archive"),
    ],
)
def test_a_packed_table_is_refused_where_none_may_be(
    pack: Callable[[bytes], bytes], kind: str
) -> None:
    """The same bytes are a table where they may be packed."""
    content = pack(b"a,b\n1,2\n")
    assert read_csv_text("a.csv", content).names == ["a", "b"]
    with pytest.raises(UnreadableTableError, match=f"expected CSV, got {kind}: send"):
        read_csv_text("a.csv", content, may_be_packed=False)
