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
        (";", ["R$ 1.234,50", "R$ 8,00"], ["x", "y"], [1234.5, 8]),
        (",", ["US$ 3.50", "-US$ 8"], ["x", "y"], [3.5, -8]),
        (",", ["₹12,34,567.5", "₹8"], ["x", "y"], [1234567.5, 8]),
        (",", ["12.50 kr", "8 kr"], ["x", "y"], [12.5, 8]),
        (",", ["12.50 euros", "8 EUR"], ["x", "y"], [12.5, 8]),
        (",", ["($88)", "$12"], ["x", "y"], [-88, 12]),
        (",", ["(8,792)", "1,200.5"], ["x", "y"], [-8792, 1200.5]),
        (",", ["87.92-", "12.50"], ["x", "y"], [-87.92, 12.5]),
        (",", ["–3.5", "2"], ["x", "y"], [-3.5, 2]),
        (",", ["1\u2009234.5", "8"], ["x", "y"], [1234.5, 8]),
        (",", ["1\u2007234.5", "8"], ["x", "y"], [1234.5, 8]),
        (",", ["12.5%", "0"], ["x", "y"], [12.5, 0]),
        (",", ["€12.5", "8 EUR", "3"], ["x", "y"], [12.5, 8, 3]),
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
        (
            ",",
            ["49.8%", "0.03"],
            "has numbers with and without a sign of per cent, as in '49.8%' and '0.03': write them one way",
        ),
        (
            ",",
            ["$5", "US$6", "€7.5"],
            "has amounts in several currencies, as in '$5' and '€7.5': write them in one",
        ),
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


def test_points_elsewhere_do_not_make_thousands_decimals() -> None:
    """A column of whole numbers under 1000 and of others with three digits behind a point stays a question."""
    texts = ["1.343", "803", "2.200", "1.111", "7.456", "5.555"]
    others = ["6.94", "3.2", "1.5", "2.5", "0.1", "0.2"]
    assert find_fault(",", a=texts, b=others).startswith(
        "may be thousands or decimals: '1.343' is 1343 or 1.343"
    )


@pytest.mark.parametrize(
    ("texts", "note"),
    [
        (
            ["1", "2.5", "7", *["-9999"] * 3],
            "-9999 in 3 rows is far from all others: empty these cells if it marks a gap",
        ),
        (["1", "2.5", "-5000", *["-9999"] * 3], ""),
        (
            [*map(str, range(12)), *["1e20"] * 3],
            "1e+20 in 3 rows is far from all others: empty these cells if it marks a gap",
        ),
        (
            [*map(str, range(12)), *["8888888"] * 3],
            "8888888 in 3 rows is far from all others: empty these cells if it marks a gap",
        ),
        (
            [*map(str, range(12)), *["7777", "9999"] * 3],
            "7777, 9999 in 6 rows are far from all others: empty these cells if they mark gaps",
        ),
        ([*map(str, range(12)), *["7777"] * 3, "9999"], ""),
        ([*map(str, range(12)), *["37.41", "46.28"] * 3], ""),
        ([*(f"0.{each}" for each in range(10, 22)), *["1"] * 3], ""),
        ([*map(str, range(12)), *["-23.0258"] * 3], ""),
        (
            [*map(str, range(12)), *["88", "99.9"] * 3],
            "88, 99.9 in 6 rows are far from all others: empty these cells if they mark gaps",
        ),
        (["0", "1", "1", *["7"] * 3], ""),
        ([*map(str, range(12)), *["20"] * 3], ""),
        (
            [*map(str, range(70, 200, 3)), *["0"] * 3],
            "0 in 3 rows is far from all others: empty these cells if it marks a gap",
        ),
        ([*map(str, range(3, 43)), *["0"] * 3], ""),
        ([*map(str, range(70, 200, 3)), *["0"] * 2], ""),
        (
            [*map(str, range(20)), *["-1"] * 3],
            "-1 in 3 rows is the only number below zero: empty these cells if it marks a gap",
        ),
        ([*map(str, range(20)), "-2", *["-1"] * 3], ""),
    ],
)
def test_a_number_far_from_all_others_is_noted(texts: list[str], note: str) -> None:
    """A number that is often typed for a missing value stays one, and is named."""
    (column,), findings = convert_columns([pl.Series("a", texts)])
    assert column.to_list() == [float(each) for each in texts]
    assert findings.notes.get("a", "") == note


@pytest.mark.parametrize(
    "mark",
    [
        "#N/A",
        "<NA>",
        "None",
        "NaT",
        "",
        "-",
        "####",
        "N/D",
        "NAN",
        "Null",
        "N/a",
        r"\N",
        "(null)",
        "nil",
        "…",
        "??",
        "unbekannt",
        "sin datos",
        "No data",
        ":",
        ": u",
        "TBD",
        "[NULL]",
        "<NULL>",
    ],
)
def test_a_marker_of_a_gap_leaves_a_column_of_numbers(mark: str) -> None:
    """The markers that pandas, spreadsheets and people write are gaps among numbers."""
    assert convert(a=["1.5", mark, "2"])["a"] == [1.5, None, 2]


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["٥٦٫٥", "-٣", None], [56.5, -3, None]),
        (["१,२३,४५६", "७", "८"], [123456, 7, 8]),
        (["１，２３４．５", "６", "７"], [1234.5, 6, 7]),
        (["－5.5", "−6.5", "7.5"], [-5.5, -6.5, 7.5]),
        (["%50", "%-7,5", "%8,5"], [50, -7.5, 8.5]),
        (["12,-", "7.—", "CHF 1’250.–"], [12, 7, 1250]),
        (["\u200b1.5", "2.5\ufeff", "\u200e-3.5"], [1.5, 2.5, -3.5]),
        (["1.5", "2.5", "-3.5\x1a"], [1.5, 2.5, -3.5]),
    ],
)
def test_digits_and_marks_of_other_scripts_are_read(
    texts: list[str | None], numbers: list[float | None]
) -> None:
    """Numbers of Arabic, Hindi or Japanese tables are numbers, and those of Turkey have their sign ahead."""
    assert convert(a=texts)["a"] == numbers


def test_digits_of_other_scripts_are_said() -> None:
    """A person who knows the script can tell whether they were read well; texts with such digits stay as they are."""
    columns = [pl.Series("a", ["٥٦", "٧"]), pl.Series("b", ["غرفة ١", "غرفة ٢"])]
    (_, rooms), findings = convert_columns(columns)
    assert findings.notes == {"a": "'٥٦' was read as 56"}
    assert rooms.to_list() == ["غرفة ١", "غرفة ٢"]


def test_both_decimal_marks_are_shown() -> None:
    """The message quotes a number of each kind, also where all have marks of both kinds."""
    _, findings = convert_columns([pl.Series("a", ["56.910,00", "66,430.00", "1,5"])])
    assert "as in '56.910,00' and '66,430.00'" in findings.faults["a"]


@pytest.mark.parametrize(
    ("values", "first"),
    [
        ([202203, 202112, 202001, 201910, None, 202207], dt.date(2022, 3, 1)),
        ([20220328, 20211231, 20200101], dt.date(2022, 3, 28)),
        ([202203.0, 202112.0, 202001.0, 201910.0, 202207.0], dt.date(2022, 3, 1)),
        ([202203, 202112, 202001, 201913, 202207], None),
        ([202203, 202112], None),
        ([190001.5, 202112.0, 202001.0, 201910.0, 202207.0], None),
    ],
)
def test_whole_numbers_that_are_all_days_or_months_are_dates(
    values: list[float | None], first: dt.date | None
) -> None:
    """Numbers of Parquet and JSON are read as the texts of CSV are, and stay at hand as numbers."""
    (column,), findings = convert_columns([pl.Series("a", values)])
    assert column[0] == (values[0] if first is None else first)
    if first is not None:
        assert findings.numbers["a"].to_list() == values


def test_words_for_a_gap_among_numbers_are_kept_for_a_note() -> None:
    """A person is told which words became missing values."""
    _, findings = convert_columns([pl.Series("a", ["1", "k.A.", "2", "NA", "unknown"])])
    assert findings.marks == {"a": ["NA", "k.A.", "unknown"]}


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


def test_a_few_cells_that_are_no_dates_are_named() -> None:
    """A column that is nearly dates stays text, with its odd values, their rows, and the dates without them."""
    days = [f"{day:02d}/05/2024" for day in range(1, 20)]
    (column,), findings = convert_columns([pl.Series("a", [*days, "soon"])])
    assert column.dtype == pl.String
    assert findings.odd == {"a": {"soon": [19]}}
    assert findings.dates["a"].to_list() == [
        *(dt.date(2024, 5, day) for day in range(1, 20)),
        None,
    ]


def test_leading_zeros_are_kept() -> None:
    """Codes with leading zeros are texts, and a zero alone is a number."""
    assert convert(a=["08001", "28013"], b=["0", "5"]) == {
        "a": ["08001", "28013"],
        "b": [0, 5],
    }
    assert convert(a=["08001", "-", "28013"])["a"] == ["08001", None, "28013"]


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
        ["01/03/2024 08:26", "31/12/2024 23:00"],
        ["3/1/2024 01:45:00 PM", "12/31/2024 1:45:00 AM"],
        ["2024-03-01 3:05", "2024-12-31 13:05"],
        ["2024-03-01 10:00:00 UTC", "2024-12-31 10:00:00+02"],
        ["2024.03.01", "2024.12.31"],
        ["01-Mar-2024", "31-Dec-2024"],
        ["01MAR2024", "31DEC2024"],
        ["March 1, 2024", "December 31st, 2024"],
        ["1 de marzo de 2024", "31 de diciembre de 2024"],
        ["1. März 2024", "31. Dezember 2024"],
        ["1 mars 2024", "31 décembre 2024"],
        ["Fri, 01 Mar 2024 10:00:00 GMT", "Tue, 31 Dec 2024 10:00:00 GMT"],
        ["2024年3月1日", "2024年12月31日"],
        ["2024. 3. 1.", "2024. 12. 31."],
    ],
)
def test_dates_are_read_by_the_whole_column(texts: list[str]) -> None:
    """The place of the day is that in which every row is a date."""
    assert convert(a=texts)["a"] == [dt.date(2024, 3, 1), dt.date(2024, 12, 31)]


@pytest.mark.parametrize(
    "texts", [["2024-03", "2024-12"], ["3/2024", "12/2024"], ["Mar 2024", "Dec-2024"]]
)
def test_a_month_is_its_first_day(texts: list[str]) -> None:
    """A year and a month are a date too, so that next month is no unknown category."""
    assert convert(a=texts)["a"] == [dt.date(2024, 3, 1), dt.date(2024, 12, 1)]


@pytest.mark.parametrize("mark", ["", "NA", "-", "n/a", "0000-00-00"])
def test_a_marker_of_a_gap_leaves_a_column_of_dates(mark: str) -> None:
    """A missing date makes neither texts nor categories of the others."""
    dates = convert(a=["2024-03-01", mark, "2024-12-31"])["a"]
    assert dates == [dt.date(2024, 3, 1), None, dt.date(2024, 12, 31)]


@pytest.mark.parametrize(
    "texts",
    [
        ["1 rojo 2024", "2 azul 2024"],
        ["12 mayores 20244", "3 menores 10000"],
        ["2024-13", "2024-14"],
        ["-", "n/a", "-"],
        ["31 feb 2024", "1 mar 2024"],
    ],
)
def test_what_is_no_date_stays_a_text(texts: list[str]) -> None:
    """Words that begin no month and days of no calendar make no date."""
    assert all(each is None or isinstance(each, str) for each in convert(a=texts)["a"])


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
        (b"# by X, on 3 May\na,b,c\n1,2,3\n", ["a", "b", "c"]),
        (b"# by X\n#id,b\n1,2\n", ["#id", "b"]),
        (b"\r\n  \n\na,b\n1,2\n", ["a", "b"]),
        (b"sep=;\r\na;b\r\n1,5;2\r\n", ["a", "b"]),
        (b'\xef\xbb\xbf"sep=,"\na,b\n1,2\n', ["a", "b"]),
        (b"a,b\n1,2,\n3,4,\n", ["a", "b"]),
        (b"a,b,\n1,2\n3,4\n", ["a", "b"]),
        (b'"a","b"\n"1",5,x\n"2",6,y\n', ["column_1", "a", "b"]),
        (b"a\tb\nr1\t5\tx\nr2\t6\ty\n", ["column_1", "a", "b"]),
        (b'"a" "b"\n"1" 5 7\n"2" 6 8\n', ["column_1", "a", "b"]),
        (b'a, "b, c"\n1, "2, 3"\n', ["a", "b, c"]),
    ],
)
def test_tables_of_other_programs_are_read(
    tmp_path: Path, content: bytes, names: list[str]
) -> None:
    """Names of rows, separators at line ends, comments and empty lines above the names are no obstacle."""
    (tmp_path / "my.csv").write_bytes(content)
    assert read_table(tmp_path / "my.csv").frame.columns == names


def test_excel_is_named(tmp_path: Path) -> None:
    """A workbook is told apart from a broken table, also by its content alone."""
    (tmp_path / "my.xls").write_bytes(b"\xd0\xcf\x11\xe0" + bytes(100))
    with pytest.raises(UnreadableTableError, match="an Excel workbook: save its sheet"):
        read_table(tmp_path / "my.xls")
