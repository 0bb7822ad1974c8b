"""Tables are read as people mean them, or refused in a sentence that says what would work."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from training.data.column_descriptions import describe_columns
from training.data.datasets import Dataset
from training.data.table import TableError, read_dataset

N_ROWS = 200
NUMBERS = np.random.default_rng(0).normal(0, 90, N_ROWS).round(2).tolist()
CLASSES = [("no", "yes")[number > 0] for number in NUMBERS]

Write = Callable[[int, float], str]


def write(folder: Path, texts: list[str], *, target: list[str] | None = None) -> Path:
    """Writes a table of the column `c` and the target `y`."""
    rows = zip(texts, target or CLASSES, strict=True)
    path = folder / "table.csv"
    lines = [f'"{text}","{answer}"' for text, answer in rows]
    path.write_text("\n".join(["c,y", *lines, ""]), encoding="utf-8")

    return path


def read(path: Path, **options: str) -> Dataset:
    return read_dataset(path, target="y", task="mine", **options)  # type: ignore[arg-type]  # texts are its options


def refuse(path: Path, **options: str) -> str:
    with pytest.raises(TableError) as refused:
        read(path, **options)
    return str(refused.value)


MONEY: dict[str, Write] = {
    "a code behind": lambda _, number: f"{number:.2f} EUR",
    "a code ahead": lambda _, number: f"USD {number:,.2f}",
    "a sign ahead of the currency": lambda _, number: (
        f"-${-number:,.2f}" if number < 0 else f"${number:,.2f}"
    ),
    "a minus of typographers": lambda _, number: f"{number:.2f}".replace("-", "−"),
    "brackets of accountants": lambda _, number: (
        f"({-number:,.2f})" if number < 0 else f"{number:,.2f}"
    ),
}


@pytest.mark.parametrize("notation", MONEY)
def test_money_is_read_with_its_sign(tmp_path: Path, notation: str) -> None:
    """A number with a currency or in brackets is that number."""
    texts = [MONEY[notation](at, number) for at, number in enumerate(NUMBERS)]
    features = read(write(tmp_path, texts)).features[:, 0]

    assert features.tolist() == np.float32(NUMBERS).tolist()


def test_labels_in_brackets_are_no_negative_numbers(tmp_path: Path) -> None:
    """A number in brackets without two decimals may be a label, and stays one."""
    dataset = read(write(tmp_path, [f"({at % 3})" for at in range(N_ROWS)]))

    assert dataset.categories[0] == ("(0)", "(1)", "(2)")


OTHERS: dict[str, tuple[Write, str]] = {
    "a unit": (
        lambda at, number: f"{abs(number) + at:.1f} kg",
        "numbers with a unit or a mark, as '11.3 kg': write the number alone",
    ),
    "a time of day": (
        lambda at, _: f"{at * 7 % 24:02}:{at * 13 % 60:02}",
        "times or durations, as '00:00': write them as a number, of hours say",
    ),
    "a duration": (
        lambda at, _: f"PT{at % 5}H{at % 60}M",
        "times or durations, as 'PT0H0M': write them as a number, of hours say",
    ),
    "a week": (
        lambda at, _: f"2023-W{at % 52 + 1:02}",
        "dates in a notation that is not read, or in two, as '2023-W01': write them as 2024-12-31",
    ),
    "years of two digits and of four": (
        lambda at, _: (
            f"{at % 28 + 1:02}/{at % 12 + 1:02}/{'20' * (at % 2)}{at % 20 + 10}"
        ),
        "dates, but some years have two digits and others four: write them as 2024-12-31, or --as c=category",
    ),
    "a quarter": (
        lambda at, _: f"{1900 + at}-Q{at % 4 + 1}",
        "dates in a notation that is not read, or in two, as '1900-Q1': write them as 2024-12-31",
    ),
    "a day of the year": (
        lambda at, _: f"2023-{at + 1:03}",
        "dates in a notation that is not read, or in two, as '2023-001': write them as 2024-12-31",
    ),
    "hours and minutes": (
        lambda at, _: f"{at // 60}h {at % 60}m",
        "times or durations, as '0h 0m': write them as a number, of hours say",
    ),
    "stars of significance": (
        lambda at, _: f"0.{at + 100}{'*' * (at % 3 + 1)}",
        "numbers with a unit or a mark, as '0.100*': write the number alone",
    ),
    "a flag behind half of the numbers": (
        lambda at, _: f"{at + 0.5}{' b' * (at % 5 > 0)}",
        "numbers with a unit or a mark, as '1.5 b': write the number alone",
    ),
    "a blood pressure": (
        lambda at, _: f"{100 + at % 90}/{60 + at % 37}",
        "several values in a cell, as '100/60': give each a column of its own",
    ),
    "an error behind the number": (
        lambda at, _: f"{at}.5 ± 0.1",
        "several values in a cell, as '0.5 ± 0.1': give each a column of its own",
    ),
    "a list": (
        lambda at, _: f"[{at}, 2, 3]",
        "several values in a cell, as '[0, 2, 3]': give each a column of its own",
    ),
    "a point of a map": (
        lambda at, _: f"POINT ({at}.5 -3.25)",
        "several values in a cell, as 'POINT (0.5 -3.25)': give each a column of its own",
    ),
    "telephones": (
        lambda at, _: f"612 {at + 100} 678",
        "telephone numbers, as '612 100 678': leave them out",
    ),
    "telephones abroad": (
        lambda at, _: f"+34 612 {at + 100} 678",
        "telephone numbers, as '+34 612 100 678': leave them out",
    ),
    "addresses of a network": (
        lambda at, _: f"10.{at}.123.123",
        "addresses of a network, as '10.0.123.123': leave them out",
    ),
    "a unit in another language": (
        lambda at, _: f"{at} años",
        "numbers with a unit or a mark, as '0 años': write the number alone",
    ),
    "a duration of Python": (
        lambda at, _: f"{at} days 0{at % 9}:30:00",
        "times or durations, as '0 days 00:30:00': write them as a number, of hours say",
    ),
    "minutes and hundredths": (
        lambda at, _: f"{at % 59}:{at % 49 + 10}.07",
        "times or durations, as '0:10.07': write them as a number, of hours say",
    ),
    "years and months": (
        lambda at, _: f"{at} yrs {at % 12}mon",
        "times or durations, as '0 yrs 0mon': write them as a number, of hours say",
    ),
    "months": (
        lambda at, _: f"{at} meses",
        "numbers with a unit or a mark, as '0 meses': write the number alone",
    ),
    "debit and credit": (
        lambda at, number: f"{abs(number):.2f} {'CR' if at % 2 else 'DR'}",
        f"amounts of debit and credit, as '{abs(NUMBERS[0]):.2f} DR': write one of the two with a minus ahead, and "
        "both without a mark",
    ),
    "signs behind": (
        lambda at, number: f"{abs(number):.2f}{'+' if at % 2 else '-'}",
        f"amounts with a sign behind, as '{abs(NUMBERS[0]):.2f}-': write it ahead",
    ),
    "ranges": (
        lambda at, _: f"{at}-{at + 9}",
        "ranges, as '0-9': write the middle of each, or its ends in two columns",
    ),
    "a unit of several words": (
        lambda at, _: f"{at} out of ten people",
        "numbers with a unit or a mark, as '0 out of ten people': write the number alone",
    ),
    "inches": (
        lambda at, _: f"{at}″",
        "numbers with a unit or a mark, as '0″': write the number alone",
    ),
    "a power at a speed": (
        lambda at, _: f"{at} bhp@{at + 3000}rpm",
        "several values in a cell, as '0 bhp@3000rpm': give each a column of its own",
    ),
    "telephones with an area in brackets": (
        lambda at, _: f"({212 + at}) 555-{at:04d}",
        "telephone numbers or codes, as '(212) 555-0000': leave them out, or give each part a column of its own",
    ),
    "numbers of books": (
        lambda at, _: f"978-3-16-{at:06d}-{at % 10}",
        "telephone numbers or codes, as '978-3-16-000000-0': leave them out, or give each part a column of its own",
    ),
    "several units": (
        lambda at, _: f"{at}.5 kg" if at % 2 else f"{at} g",
        "numbers with several units, as '0 g' and '1.5 kg': write them in one, and the number alone",
    ),
    "exponents of Fortran": (
        lambda at, _: f"{at}.5D+02",
        "numbers with a unit or a mark, as '0.5D+02': write the number alone",
    ),
    "brackets below zero": (
        lambda at, _: f"({at})" if at % 2 else f"{at}",
        "numbers of which some are in brackets, as '(1)': write a minus ahead if these are below zero",
    ),
    "months of another language": (
        lambda at, _: (
            f"{1 + at % 28}. {('února', 'května', 'srpna')[at % 3]} {1900 + at}"
        ),
        "dates in a notation that is not read, or in two, as '1. února 1900': write them as 2024-12-31",
    ),
    "lists": (
        lambda at, _: ";".join(f"tag{bit}" for bit in range(9) if (at + 1) >> bit & 1),
        "several values in a cell, as 'tag0;tag1;tag2;tag3;tag4;tag5;tag7', of 8 in all: --as c=text learns each by "
        "itself",
    ),
    "signs behind whole numbers": (
        lambda at, _: f"{at + 1}-" if at % 2 else f"{at}",
        "amounts with a sign behind, as '2-': write it ahead",
    ),
    "degrees and minutes": (
        lambda at, _: f"{at % 90}°{at * 7 % 60:02}′{at % 60:02}.5″N",
        "degrees and minutes, as '0°00′00.5″N': write degrees as a decimal number, with a minus ahead for south and "
        "west",
    ),
    "degrees and minutes without a sign": (
        lambda at, _: f"{at % 90} {at * 7 % 60:02}.{at % 9} W",
        "degrees and minutes, as '0 00.0 W': write degrees as a decimal number, with a minus ahead for south and west",
    ),
    "a week of Germany": (
        lambda at, _: f"KW {at % 52 + 1}/{2000 + at % 9}",
        "dates in a notation that is not read, or in two, as 'KW 1/2000': write them as 2024-12-31",
    ),
    "months of Rome": (
        lambda at, _: f"{at % 28 + 1}-{('I', 'IV', 'IX')[at % 3]}-{2000 + at % 9}",
        "dates in a notation that is not read, or in two, as '1-I-2000': write them as 2024-12-31",
    ),
    "dates with words between": (
        lambda at, _: f"on May {at % 28 + 1} in the year {2000 + at % 9}",
        "dates in a notation that is not read, or in two, as 'on May 1 in the year 2000': write them as 2024-12-31",
    ),
    "times without a colon": (
        lambda at, _: f"{at % 24:02}{at * 7 % 60:02}",
        "times without a colon, as '0000': write them as a number, of hours say",
    ),
    "days of eight digits": (
        lambda at, _: f"{at % 28 + 1:02}{at % 12 + 1:02}{2000 + at % 9}",
        "dates without a mark, as '01012000': write them as 2024-12-31",
    ),
    "days of seven and eight digits": (
        lambda at, _: f"{at % 28 + 1}{at % 12 + 1:02}{2000 + at % 9}",
        "dates without a mark, as 1012000: write them as 2024-12-31, or --as c=number keeps them",
    ),
    "a limit among percentages": (
        lambda at, _: "< 10%" if at % 3 == 1 else f"{at}.5%",
        "numbers with a unit or a mark, as '< 10%': write the number alone",
    ),
    "flags and gaps among few numbers": (
        lambda at, _: (f"{at}.5", f"{at}.5 b", ":", ": u", f"{at}.5")[at % 5],
        "numbers with a unit or a mark, as '1.5 b': write the number alone",
    ),
    "thousands of a currency": (
        lambda at, _: f"${at}K",
        "numbers with a unit or a mark, as '$0K': write the number alone",
    ),
    "text": (
        lambda at, _: f"free words, number {at}",
        "free text or ids: 200 different values in 200 rows",
    ),
}


@pytest.mark.parametrize("notation", OTHERS)
def test_a_notation_that_is_not_read_is_called_by_its_name(
    tmp_path: Path, notation: str
) -> None:
    """A column that would be many categories is refused with another way out, where its values have a common form."""
    make, message = OTHERS[notation]
    texts = [make(at, number) for at, number in enumerate(NUMBERS)]

    assert (
        refuse(write(tmp_path, texts)).splitlines()[0]
        == f"column 'c' looks like {message}"
    )


def test_many_marks_among_numbers_are_shown(tmp_path: Path) -> None:
    """A column of which a quarter is `<5` is no free text: the first such value is shown with its line."""
    texts = ["<5" if at % 4 == 0 else str(at) for at in range(N_ROWS)]
    path = write(tmp_path, texts)

    assert refuse(path).splitlines()[0] == (
        "column 'c' is a number in 150 of 200 rows, but not in line 2 '<5': write numbers alone, or --as c=number "
        "does without the others"
    )
    column = read_dataset(path, target="y", task="mine", roles={"c": "number"})
    assert np.isnan(column.features[::4, 0]).all()
    assert column.features[1::4, 0].tolist() == list(range(1, N_ROWS, 4))


def test_dates_in_eight_digits_are_dates(tmp_path: Path) -> None:
    """20230117 as a number would lose its day in float32."""
    days = [f"2023{at % 12 + 1:02}{at % 28 + 1:02}" for at in range(N_ROWS)]
    dataset = read(write(tmp_path, days))

    assert dataset.feature_names == ("c_month", "c_weekday", "c_days")
    assert dataset.features[0].tolist() == [1, 7, 19358]


def test_months_in_six_digits_are_months_or_numbers(tmp_path: Path) -> None:
    """Months of six digits are a month apart at a year's end, and 89 only where a person says that they are numbers."""
    texts = [f"{2019 + at % 4}{at % 12 + 1:02}" for at in range(N_ROWS)]
    path = write(tmp_path, texts)
    note = "c: a date, learnt as c_year, c_month, c_weekday, c_days ('202002' was read as 2020-02)"
    assert read(path).feature_names == ("c_year", "c_month", "c_weekday", "c_days")
    assert note in describe_columns(path, target="y")

    numbers = read_dataset(path, target="y", task="mine", roles={"c": "number"})
    assert numbers.feature_names == ("c",)
    assert numbers.features[:, 0].tolist() == [float(each) for each in texts]
    names = read_dataset(path, target="y", task="mine", roles={"c": "category"})
    assert names.categories[0] == tuple(sorted(set(texts)))


def test_a_column_between_two_tables_is_told(tmp_path: Path) -> None:
    """An empty column without a name parts two tables that stand side by side."""
    path = tmp_path / "two.csv"
    rows = [f"{at},{answer},,{at % 7}" for at, answer in enumerate(CLASSES)]
    path.write_text("\n".join(["c,y,,d", *rows, ""]))
    assert (
        "column 'column_3' is empty and has no name: if two tables stand side by side, keep one of them in the file"
        in refuse(path)
    )


def test_a_day_that_is_not_in_the_calendar_is_shown(tmp_path: Path) -> None:
    """One wrong date does not make categories of all."""
    days = [f"2023-02-{at % 31 + 1:02}" for at in range(N_ROWS)]

    assert refuse(write(tmp_path, days)).splitlines()[0] == (
        "column 'c' looks like dates, but '2023-02-29' is no day of the calendar: correct or empty it, or "
        "--as c=category"
    )


def test_whole_numbers_over_53_bits_keep_their_digits(tmp_path: Path) -> None:
    """A target of such numbers is not rounded to two classes, but refused for its digits."""
    target = [str(2**60 + at) for at in range(N_ROWS)]
    texts = [str(number) for number in NUMBERS]

    assert refuse(write(tmp_path, texts, target=target)) == (
        "the target 'y' needs more digits than 32 bits hold: 200 different values become 1; subtract a constant, or "
        "write dates as 2024-12-31"
    )


def test_degrees_with_many_decimals_are_numbers(tmp_path: Path) -> None:
    """A longitude is moved by less than a hundredth of its deviation, though some values meet."""
    texts = [f"{-93.6193754 + number / 1e5:.10f}" for number in NUMBERS]
    features = read(write(tmp_path, texts)).features[:, 0]

    assert len(np.unique(features)) < 0.9 * len(set(texts))
    assert features == pytest.approx(np.array(texts, dtype=float), rel=1e-7)


TARGETS = {
    "infinite": (
        ["inf", *map(str, NUMBERS[1:])],
        {},
        "the target 'y' is a number in 199 of 200 rows, but not in line 2 'inf': empty these cells",
    ),
    "too large": (
        [f"{number}e300" for number in NUMBERS],
        {},
        "the target 'y' has values that are not finite or do not fit 32 bits, at most 3.4e+38",
    ),
    "nearly nothing": (
        [f"{number}e-12" for number in NUMBERS],
        {},
        f"the target 'y' has numbers as {NUMBERS[0] * 1e-12:.3g}, whose squares are lost: write it in another unit, "
        "divided by 1e-10 say",
    ),
    "very large": (
        [f"{number}e20" for number in NUMBERS],
        {},
        f"the target 'y' has numbers as {NUMBERS[0] * 1e20:.3g}, whose squares are lost: write it in another unit, "
        "divided by 1e+22 say",
    ),
    "dates": (
        [f"2023-{at % 12 + 1:02}-{at % 28 + 1:02}" for at in range(N_ROWS)],
        {},
        "the target 'y' has dates, which no family answers with: write a number, as days since one of them",
    ),
    "no number": (
        CLASSES,
        {"kind": "regressor"},
        "the target 'y' is no column of numbers: it can be classified, not regressed",
    ),
    "a word among few numbers": (
        [*(f"{at % 30}.5" for at in range(1, N_ROWS)), "9.5 or so"],
        {},
        f"the target 'y' is a number in 199 of 200 rows, but not in line {N_ROWS + 1} '9.5 or so': empty these cells, "
        "or join classes of fewer than 10 rows if it has such",
    ),
    "missing throughout": (
        [""] * N_ROWS,
        {},
        "too few rows: 0 have a value in the target 'y', at least 30 are needed",
    ),
}


@pytest.mark.parametrize("case", TARGETS)
def test_a_target_that_cannot_be_learnt_is_refused_in_one_sentence(
    tmp_path: Path, case: str
) -> None:
    """The sentence is about the target, and names the value where one is at fault."""
    target, options, message = TARGETS[case]
    texts = [str(number) for number in NUMBERS]

    assert refuse(write(tmp_path, texts, target=target), **options) == message


def test_rows_without_a_target_are_counted(tmp_path: Path) -> None:
    """The summary of columns says how many rows are left out."""
    target = [*CLASSES[:-3], "", "NA", "?"]
    path = write(tmp_path, [str(number) for number in NUMBERS], target=target)

    assert len(read(path).target) == N_ROWS - 3
    assert describe_columns(path, target="y") == [
        "c: a number (it tells the target by itself in every row: --exclude c unless it is known beforehand)",
        "y: the target (rows left out for want of it: 3) (missing where it says '?', 'NA')",
    ]


@pytest.mark.parametrize("words", [("oui", "non"), ("ja", "nein"), ("wahr", "falsch")])
def test_capitals_do_not_count_in_any_language(
    tmp_path: Path, words: tuple[str, str]
) -> None:
    """Yes and no in four spellings are two categories."""
    spellings = [*words, words[0].title(), words[1].upper()]
    dataset = read(write(tmp_path, [spellings[at % 4] for at in range(N_ROWS)]))

    assert dataset.categories[0] == tuple(sorted(words))


@pytest.mark.parametrize(
    ("name", "is_id"),
    [
        ("CustomerId", True),
        ("passenger_id", True),
        ("customerid", True),
        ("cust_no", True),
        ("InvoiceNumber", True),
        ("Nr.", True),
        ("phone", True),
        ("paid", False),
        ("bid", False),
        ("humid", False),
        ("idle_time", False),
        ("rowing", False),
    ],
)
def test_ids_are_told_by_their_names(tmp_path: Path, name: str, *, is_id: bool) -> None:
    """Whole numbers that are all different are ids under such a name, and measurements under one that ends alike."""
    values = np.random.default_rng(1).permutation(N_ROWS) * 37 + 5
    path = tmp_path / "table.csv"
    rows = zip(values, NUMBERS, CLASSES, strict=True)
    lines = [f"{value},{number},{answer}" for value, number, answer in rows]
    path.write_text("\n".join([f"{name},x,y", *lines]))

    if is_id:
        assert "looks like ids: whole numbers that are all different" in refuse(path)
    else:
        assert read(path).feature_names == (name, "x")


def test_a_target_whose_other_value_means_nothing_says_so(tmp_path: Path) -> None:
    """The refusal says that None is read as a missing value, which may have been meant as a class."""
    path = write(
        tmp_path,
        [f"{number}" for number in NUMBERS],
        target=["Mild" if number > 0 else "None" for number in NUMBERS],
    )
    n_missing = CLASSES.count("no")
    assert refuse(path) == (
        f"the target 'y' has one value throughout, 'Mild' but for {n_missing} rows without one, as NA, None and null "
        "are: there is nothing to tell apart"
    )


def test_a_class_that_counts_as_missing_is_not_left_out(tmp_path: Path) -> None:
    """None among other classes may be one of them, and is asked about; NA is no word for a class."""
    texts = [str(number) for number in NUMBERS]
    answers = [("None", "Some", "Marked")[at % 3] for at in range(N_ROWS)]
    assert refuse(write(tmp_path, texts, target=answers)) == (
        f"the target 'y' says 'None' or nothing in {answers.count('None')} of {N_ROWS} rows, which counts as missing: "
        "write another word there, as no, if it is an answer, and else empty these cells"
    )

    missing = [each.replace("None", "NA") for each in answers]
    dataset = read(write(tmp_path, texts, target=missing))
    assert dataset.classes == ("Marked", "Some")


def test_names_of_few_rows_each_are_categories_where_that_is_said(
    tmp_path: Path,
) -> None:
    """Counties of four rows each look like ids, and the refusal says how to keep them; names of a row each are none."""
    texts = [f"county{min(at % 52, 50)}" for at in range(N_ROWS)]
    path = write(tmp_path, texts)
    different = len(set(texts))
    assert different > 50
    dataset = read_dataset(path, target="y", task="mine", roles={"c": "category"})
    assert len(dataset.values[0] or ()) == different
    assert "; --as c=category takes each by itself" in refuse(path)

    path = write(tmp_path, [f"person{at // 2}" for at in range(N_ROWS)])
    assert "=category" not in refuse(path)


def test_lists_are_named_by_their_type(tmp_path: Path) -> None:
    """A column of lists that are all equal is refused for its type, in one line."""
    frame = pl.DataFrame({"c": [[1, 2]] * N_ROWS, "x": NUMBERS, "y": CLASSES})
    frame.write_parquet(tmp_path / "table.parquet")
    assert refuse(tmp_path / "table.parquet").splitlines()[0] == (
        "column 'c' is of the type List, which no family learns from: turn it into numbers or categories"
    )


@pytest.mark.parametrize("start", [612_345_678, 1_711_000_000, 4_000_123_412_341_234])
def test_whole_numbers_of_many_digits_are_ids(tmp_path: Path, start: int) -> None:
    """Telephones, time stamps and cards in any order, also with a few that repeat, are no measurements; fewer are."""
    step = 10 ** (len(str(start)) - 5)
    values = start + np.random.default_rng(1).permutation(N_ROWS) * step
    values[0] = values[1]
    path = write(tmp_path, list(map(str, values)))
    n_digits = len(str(start))

    assert refuse(path).splitlines()[0] == (
        "column 'c' looks like ids, telephones or times of computers: whole numbers of "
        f"{n_digits} digits throughout; --as c=number keeps them"
    )
    assert read(write(tmp_path, [*map(str, values[1:]), "12"])).feature_names == ("c",)


def test_codes_with_an_exponent_are_kept_and_said(tmp_path: Path) -> None:
    """12E3 in a column of whole numbers is a code unless a person says that it is a number."""
    path = write(tmp_path, [f"{at % 3 + 12}E{at % 2}" for at in range(N_ROWS)])
    said = describe_columns(path, target="y")[0]

    assert read(path).categories[0] is not None
    assert "'12E0' may be a code or 12, and is kept, so these are texts" in said
    numbers = read_dataset(path, target="y", task="mine", roles={"c": "number"})
    assert sorted(set(numbers.features[:, 0])) == [12, 13, 14, 120, 130, 140]


def test_addresses_of_a_network_prove_no_decimal_comma(tmp_path: Path) -> None:
    """Points between four numbers up to 255 part no thousands, so 1.234 beside them stays a decimal number."""
    path = tmp_path / "table.csv"
    lines = [
        f"10.101.{at % 7 + 101}.103,{at % 9}.{at % 90 + 100},{answer}"
        for at, answer in enumerate(CLASSES)
    ]
    path.write_text("\n".join(["address,c,y", *lines]))
    dataset = read(path)

    assert dataset.categories[0] is not None
    assert dataset.features[1, 1] == np.float32(1.101)


def test_measurements_are_no_categories_for_want_of_many_values(tmp_path: Path) -> None:
    """Half of the cells are 12 decimal numbers and half are words: neither is a category unless a person says so."""
    texts = [f"{at // 2 % 12}.5" if at % 2 else "overflow" for at in range(N_ROWS)]
    path = write(tmp_path, texts)

    assert refuse(path).splitlines()[0] == (
        "column 'c' is a number in 100 of 200 rows, but not in line 2 'overflow': write numbers alone, or --as "
        "c=number does without the others"
    )
    dataset = read_dataset(path, target="y", task="mine", roles={"c": "category"})
    assert len(dataset.categories[0] or ()) == 13


@pytest.mark.parametrize("name", ["Unnamed: 0", "", "level_0"])
def test_numbers_of_rows_are_ids_though_they_were_shuffled(
    tmp_path: Path, name: str
) -> None:
    """The numbers that pandas writes beside rows are no feature, with gaps and in any order either."""
    numbers = [at * 7919 % 12_007 for at in range(N_ROWS)]
    rows = zip(numbers, NUMBERS, CLASSES, strict=True)
    path = tmp_path / "table.csv"
    lines = [f"{number},{value},{answer}" for number, value, answer in rows]
    path.write_text("\n".join([f"{name},c,y", *lines]))

    called = name or "column_1"
    assert refuse(path).startswith(
        f"column {called!r} looks like ids: whole numbers that are all different under such a name"
    )


@pytest.mark.parametrize("low", [2**63, -(2**62), 2**54])
def test_whole_numbers_beyond_exact_ones_are_ids(tmp_path: Path, low: int) -> None:
    """Hashes and ids of 64 bits, of any number of digits and of either sign, are no measurements."""
    generator = np.random.default_rng(0)
    numbers = [low + int(each) for each in generator.integers(0, 2**62, N_ROWS)]
    path = write(tmp_path, [str(each) for each in numbers])
    assert "column 'c' looks like ids: whole numbers of" in refuse(path)
    assert len(read(path, roles={"c": "number"}).features) == N_ROWS


def test_a_column_s_name_that_is_composed_otherwise_is_meant(tmp_path: Path) -> None:
    """An accent beside its letter, as macOS writes it, is the same name in the file and in the options."""
    path = tmp_path / "table.csv"
    rows = [
        f"{number},{answer}" for number, answer in zip(NUMBERS, CLASSES, strict=True)
    ]
    path.write_text("\n".join(["c,an\u0303o", *rows, ""]), encoding="utf-8")
    assert read_dataset(path, target="a\u00f1o", task="mine").target_name == "a\u00f1o"
    with pytest.raises(TableError, match="did you mean 'a\u00f1o'"):
        read_dataset(path, target="an\u0303o", task="mine")


@pytest.mark.parametrize("role", ["number", "category", "date", "text"])
def test_an_empty_column_is_refused_whatever_it_is_said_to_be(
    tmp_path: Path, role: str
) -> None:
    """A role makes no values, and the refusal names the column."""
    path = write(tmp_path, [""] * N_ROWS)
    assert re.match(
        r"(column 'c' is empty|--as c=text: expected)", refuse(path, roles={"c": role})
    )


def test_numbers_that_may_be_thousands_are_learnt_as_they_are_said_to_be(
    tmp_path: Path,
) -> None:
    """A mean in the place of gaps, 10.251 among whole numbers, is a question, whose answer the refusal names."""
    texts = ["10.251" if at % 4 else str(at % 17) for at in range(N_ROWS)]
    path = write(tmp_path, texts)
    said = refuse(path)
    assert "'10.251' is 10251 or 10.251" in said
    assert "or --as c=number if a point is before decimals, or --as c=category" in said

    dataset = read_dataset(path, target="y", task="mine", roles={"c": "number"})
    assert dataset.features[1, 0] == np.float32(10.251)


@pytest.mark.parametrize("name", ["year", "Año", "fiscal_year", "taxYear", "Jahr"])
def test_a_table_with_a_row_a_year_has_years_and_no_ids(
    tmp_path: Path, name: str
) -> None:
    """They count up by one, as ids do, and are what the target follows in a table of economies or climates."""
    path = write(tmp_path, [str(1820 + at) for at in range(N_ROWS)])
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("c,y", f"{name},y", 1), encoding="utf-8")
    assert read(path).features[:, 0].tolist() == [1820.0 + at for at in range(N_ROWS)]


@pytest.mark.parametrize(
    ("name", "first"),
    [("year", 1), ("year", 20_200), ("yearly", 1820), ("annotator", 1820)],
)
def test_numbers_that_are_no_years_may_be_ids(
    tmp_path: Path, name: str, first: int
) -> None:
    """A name alone makes no year of a number, and a number none of another name."""
    path = write(tmp_path, [str(first + at) for at in range(N_ROWS)])
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("c,y", f"{name},y", 1), encoding="utf-8")
    assert "looks like ids" in refuse(path)


def test_numbers_of_rows_are_kept_where_they_are_said_to_be_numbers(
    tmp_path: Path,
) -> None:
    """Years in a row that are not called so look like ids, and the refusal says how they are learnt."""
    path = write(tmp_path, [str(1700 + at) for at in range(N_ROWS)])
    assert "that count the rows; --as c=number keeps them" in refuse(path)
    dataset = read_dataset(path, target="y", task="mine", roles={"c": "number"})
    assert dataset.features[:, 0].tolist() == [1700.0 + at for at in range(N_ROWS)]
