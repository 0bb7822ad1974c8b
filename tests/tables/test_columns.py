"""The kind of a column is decided by all of its texts and the table's, and a guess would be a fault."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from tables.columns import convert_columns
from tables.dates import expand_date
from tables.reader import UnreadableTableError, add_date_parts, read_table


def convert(separator: str = ",", /, **columns: list[str]) -> dict[str, list[object]]:
    """Returns the values of the columns, of which none is at fault."""
    series = [pl.Series(name, values) for name, values in columns.items()]
    converted, findings = convert_columns(series, separator=separator)
    assert not findings.faults

    return {each.name: each.to_list() for each in converted}


def find_fault(separator: str, **columns: list[str]) -> str:
    series = [pl.Series(name, values) for name, values in columns.items()]
    return convert_columns(series, separator=separator)[1].faults["a"]


@pytest.mark.parametrize(
    ("separator", "texts", "other", "numbers"),
    [
        (";", ["1.343", "803"], ["6,94", "3,24"], [1343, 803]),
        (";", ["1.343", "803"], ["6", "3"], [1343, 803]),
        (";", ["1.234,56", "7,5"], ["1", "2"], [1234.56, 7.5]),
        (",", ["1,234", "803"], ["6.94", "3.2"], [1234, 803]),
        (",", ["1,234,567", "8"], ["x", "y"], [1234567, 8]),
        ("\t", ["1.234.567", "8"], ["x", "y"], [1234567, 8]),
        (",", ["1.343", "803"], ["6.9", "3.2"], [1.343, 803]),
        (",", ["0.343", "0.803"], ["x", "y"], [0.343, 0.803]),
        (",", ["1 234", "12 345.5"], ["x", "y"], [1234, 12345.5]),
        (";", ["1,50 €", "12 €"], ["x", "y"], [1.5, 12]),
        (",", ["$1,234.50", "$8"], ["x", "y"], [1234.5, 8]),
        (",", ["12.5%", "8%"], ["x", "y"], [12.5, 8]),
        (",", ["1e3", "-2E-1"], ["x", "y"], [1000, -0.2]),
    ],
)
def test_marks_are_those_of_the_column_or_else_of_the_table(
    separator: str, texts: list[str], other: list[str], numbers: list[float]
) -> None:
    """A mark that a column proves counts, else that of the table's other columns, else the separator's habit."""
    assert convert(separator, a=texts, b=other)["a"] == numbers


@pytest.mark.parametrize(
    ("separator", "texts", "fault"),
    [
        (",", ["1.5", "1,5"], "has decimal points and decimal commas, as in '1,5' and"),
        ("\t", ["1,234", "5,678"], "may be thousands or decimals: '1,234' is 1234 or"),
        (
            ",",
            ["1.343", "803", "2.200", "1.111", "7.456", "5.555"],
            "may be thousands or decimals: '1.343' is 1343 or 1.343",
        ),
    ],
)
def test_marks_that_could_be_either_are_a_fault(
    separator: str, texts: list[str], fault: str
) -> None:
    """Marks that nothing decides leave the column text, with the two readings named."""
    assert find_fault(separator, a=texts).startswith(fault)


@pytest.mark.parametrize(
    "mark", ["#N/A", "<NA>", "None", "NaT", "", "-", "####", "N/D"]
)
def test_a_marker_of_a_gap_leaves_a_column_of_numbers(mark: str) -> None:
    """The markers that pandas, spreadsheets and people write are gaps among numbers."""
    assert convert(a=["1.5", mark, "2"])["a"] == [1.5, None, 2]


def test_a_dash_among_texts_is_a_text() -> None:
    """A dash is a category where the others are words."""
    assert convert(a=["x", "-", "y"])["a"] == ["x", "-", "y"]


def test_a_few_cells_that_are_no_numbers_are_named() -> None:
    """A column that is nearly a number stays text, with its odd values, their rows, and the numbers without them."""
    texts = [*map(str, range(20)), "error", "error"]
    (column,), findings = convert_columns([pl.Series("a", texts)])
    assert column.dtype == pl.String
    assert findings.odd == {"a": {"error": [20, 21]}}
    assert findings.numbers["a"].to_list() == [*range(20), None, None]


def test_leading_zeros_are_kept() -> None:
    """Codes with leading zeros are texts, and a zero alone is a number."""
    assert convert(a=["08001", "28013"], b=["0", "5"]) == {
        "a": ["08001", "28013"],
        "b": [0, 5],
    }


def test_booleans_are_read_in_every_spelling() -> None:
    """True and false are booleans in any capitals, and yes and no in several spellings are two words."""
    columns = convert(a=["True", "FALSE", "true"], b=["Yes", "NO", "yes"])
    assert columns == {"a": [True, False, True], "b": ["yes", "no", "yes"]}


@pytest.mark.parametrize(
    "texts",
    [
        ["2024-03-01", "2024-12-31"],
        ["01/03/2024", "31/12/2024"],
        ["3/1/2024", "12/31/2024"],
        ["1.3.2024", "31.12.2024"],
        ["2024-03-01T10:00:00Z", "2024-12-31T23:59:59Z"],
    ],
)
def test_dates_are_read_by_the_whole_column(texts: list[str]) -> None:
    """The place of the day is that in which every row is a date."""
    assert convert(a=texts)["a"] == [dt.date(2024, 3, 1), dt.date(2024, 12, 31)]


def test_a_date_has_four_parts() -> None:
    """A date is its year, month, weekday from Monday as 1, and days since 1970."""
    parts = expand_date(pl.Series("born", [dt.date(1970, 1, 5), None]))
    assert {name: values.to_list() for name, values in parts.items()} == {
        "born_year": [1970, None],
        "born_month": [1, None],
        "born_weekday": [1, None],
        "born_days": [4, None],
    }


def test_parts_of_dates_are_added_where_they_are_asked_for(tmp_path: Path) -> None:
    """A table to be judged gets the parts that a model has learnt, and no others."""
    path = tmp_path / "my.csv"
    path.write_text("day,x\n2024-05-06,1\n2024-05-07,2\n")
    table = add_date_parts(read_table(path), ["day_weekday", "x"])
    assert table.frame.columns == ["day", "x", "day_weekday"]
    assert table.frame["day_weekday"].to_list() == [1, 2]


def test_numbers_that_overflow_are_odd(tmp_path: Path) -> None:
    """A number beyond float64 is named with the odd cells, and none is taken for infinity."""
    path = tmp_path / "my.csv"
    path.write_text("a,b\n1e400,x\n" + "".join(f"{row},y\n" for row in range(20)))
    table = read_table(path)
    assert table.findings.odd == {"a": {"1e400": [0]}}


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b"a,b,\n1,2,\n3,4,\n", ["a", "b"]),
        (b"# made by X\n# today\na,b\n1,2\n", ["a", "b"]),
        (b"a   b\n1   2\n 3 4\n", ["a", "b"]),
        (b"#,b\n1,2\n", ["#", "b"]),
    ],
)
def test_tables_of_other_programs_are_read(
    tmp_path: Path, content: bytes, names: list[str]
) -> None:
    """Separators at line ends, comments above the names and spaces between columns are no obstacle."""
    (tmp_path / "my.csv").write_bytes(content)
    assert read_table(tmp_path / "my.csv").frame.columns == names


def test_excel_is_named(tmp_path: Path) -> None:
    """A workbook is told apart from a broken table, also by its content alone."""
    (tmp_path / "my.xls").write_bytes(b"\xd0\xcf\x11\xe0" + bytes(100))
    with pytest.raises(UnreadableTableError, match="an Excel workbook: save its sheet"):
        read_table(tmp_path / "my.xls")
