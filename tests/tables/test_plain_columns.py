"""Columns of texts become without polars what the table reader makes of them, or are refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tables.csv_text import UnreadableTableError, read_csv_text
from tables.plain_columns import (
    UnclearNumber,
    find_decimal_mark,
    name_texts,
    read_cells,
    read_numbers,
    strip_texts,
)
from tables.reader import as_whole, name_values, read_table

COLUMNS = {
    "whole": ["1", "-2", "+3", "0"],
    "floats": ["1.5", ".5", "2.", "-1e-3"],
    "whole floats": ["1.0", "2.0", "3", "4.00"],
    "gaps": ["1", "", "NA", "-"],
    "one odd": ["1", "2", "red", "4"],
    "names": ["red", " green ", "n/a", "RED"],
    "booleans": ["True", "FALSE", "true", ""],
    "yes": ["Yes", "no", "NO", "yes"],
    "leading zeros": ["01", "02", "10", "11"],
    "leading zeros and a gap": ["01", "-", "10", "n.d."],
    "codes with an exponent": ["12E3", "75E1", "1234", "40"],
    "numbers with an exponent": ["1e3", "1.2E3", "40", "2"],
    "telephones": [f"+3461234567{digit}" for digit in range(6)],
    "few telephones": ["+34612345678", "+34612345679"],
    "infinite": ["1", "inf", "2", "3"],
    "empty": ["", "NA", "", ""],
    "codes kept by Excel": ['="01234"', '="00"', "01", '=""'],
    "numbers kept by Excel": ['="1.5"', "2", '="-3"', "4"],
    "errors of formulas": ["1", "#REF!", "#¡DIV/0!", "4"],
    "errors among names": ["red", "#NAME?", "#WERT!", "blue"],
    "digits of other scripts": ["٥٦", "-۹۸", "२.५", "１２"],
    "marks of other scripts": ["٥٦٫٢٥", "１２．５", "1", "2"],
    "codes of other scripts": ["٠٥", "١٢", "٠٠", "10"],
    "groups of few": ["1.234", "2.5", "3.125", "4"],
}
UNCLEAR = {
    "comma": ["1,5", "2,5", "3", "4"],
    "thousands": ["1,234", "2,345", "3,456", "1"],
    "both": ["1,234.5", "2.5", "3", "4"],
    "currency": ["$1", "$2", "$3", "$4"],
    "per cent": ["1%", "2%", "3%", "4%"],
}


def write(path: Path, texts: list[str], separator: str = ",") -> Path:
    """Writes a table of this column, quoted, and of a number."""
    quoted = [text.replace('"', '""') for text in texts]
    lines = [f'"{text}"{separator}{number}' for number, text in enumerate(quoted)]
    path.write_text("\n".join([f"column{separator}number", *lines]))
    return path


@pytest.mark.parametrize("name", COLUMNS)
def test_numbers_and_names_are_those_of_the_reader(tmp_path: Path, name: str) -> None:
    """The plain reading of texts finds the same numbers and the same names as the reader of tables."""
    column = read_table(write(tmp_path / "a.csv", COLUMNS[name])).frame["column"]
    texts = strip_texts(COLUMNS[name])
    read = column.to_list() if column.dtype.is_numeric() else name_values(column)
    numbers = read_numbers(texts, ".")

    if not any(isinstance(each, str) for each in [*read, *numbers]):
        assert numbers == read
    assert name_texts(texts, ".") == name_values(as_whole(column))


@pytest.mark.parametrize("name", UNCLEAR)
def test_another_notation_is_refused(name: str) -> None:
    """A number with other marks is no name and no guess, and the error shows it."""
    texts = strip_texts(UNCLEAR[name])
    with pytest.raises(UnclearNumber, match="with a point before decimals"):
        read_numbers(texts, ".")


@pytest.mark.parametrize(
    ("texts", "separator", "mark"),
    [
        (["1,5", "2"], ";", ","),
        (["1.5", "2"], ";", "."),
        (["1.234", "2"], ";", ","),
        (["1,5", "2.5"], ";", ","),
        (["1,5", "2"], ",", "."),
        (["1,5", "2"], "\t", ","),
        (["1,5", "2"], "|", ","),
        (["1.234", "2"], "\t", "."),
        (["1,5", "2.5"], "\t", "."),
    ],
)
def test_a_comma_is_decimal_where_it_parts_no_values(
    *, texts: list[str], separator: str, mark: str
) -> None:
    """A table with semicolons in which nothing proves a point has decimal commas, as spreadsheets write them.

    Beside tabs and bars they are where all that proves a mark proves them.
    """
    assert find_decimal_mark(texts, separator) == mark


@pytest.mark.parametrize("kind", ["numbers", "gap", "odd"])
def test_decimal_commas_are_read_alike_one_by_one_and_together(kind: str) -> None:
    """A column of plain numbers is read at once and any other text by text, to the same numbers."""
    texts = ["1,5", "-2", "+3,", ",5", "3e-05", "1,5E3"]
    numbers = [1.5, -2.0, 3.0, 0.5, 3e-05, 1500.0]
    more = {"numbers": ([], []), "gap": (["-"], [None]), "odd": (["1.5"], ["1.5"])}
    given, read = more[kind]
    assert read_cells([*texts, None, *given], ",") == [*numbers, None, *read]


@pytest.mark.parametrize("text", ["1_000", "inf", "--1", "1e", "1,5", "1.2.3"])
def test_what_only_python_takes_for_a_number_is_none(text: str) -> None:
    """A text that is no number as a table has it stays a text."""
    assert read_cells([text, "1"], ".") == [text, 1.0]


def test_what_unpacks_to_more_than_the_limit_is_refused() -> None:
    """A small packed file that would be a large text is no way around the limit of bytes."""
    packed = gzip.compress(b"a,b\n" + b"1,2\n" * 10_000)
    assert len(read_csv_text("a.csv.gz", packed, max_bytes=100_000).rows) == 10_000
    with pytest.raises(UnreadableTableError, match="at most 1,000 bytes of CSV"):
        read_csv_text("a.csv.gz", packed, max_bytes=1_000)
