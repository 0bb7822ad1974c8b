"""Columns that are odd are told so before anything is learnt from them."""

from __future__ import annotations

import datetime as dt
import random
import shlex
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from tests.support.described_columns import N_ROWS, describe, write
from training.data.column_descriptions import describe_columns
from training.data.table import TableError, read_dataset


@pytest.mark.parametrize(
    ("names", "note"),
    [
        (["Red", "red", "blue"], "'Red' and 'red' are two values"),
        (["dark red", "dark  red"], "'dark  red' and 'dark red' are two values"),
        (["Málaga", "Ma\u0301laga"], "are two values: write them one way if not"),
        (["Málaga", "Malaga"], "'Malaga' and 'Málaga' are two values"),
        (["CAT", "C\u0410T"], "'CAT' and 'C\u0410T' are two values"),
        (["semi-detached", "semi detached"], "are two values: write them one way"),
        (["'a'", "'b'"], "the quotes are part of each value, as of 'a'"),
        (["“a”", "“b”"], "the quotes are part of each value, as of “a”"),
        (["H1 2021", "H2 2021"], "though they look like dates in a notation that"),
        (["2020/2021", "2021/2022"], "though they look like dates in a notation"),
        (
            ["3º trimestre 2021"] * 2 + ["4º trimestre 2021"],
            "though they look like dates",
        ),
        (["1 million", "3 million"], "though they look like numbers with a unit"),
        (["<=50K", "<=50K."], "'<=50K' and '<=50K.' are two values"),
        (["no", "no\u200b"], "'no' and 'no\\u200b' are two values"),
        (["Approved", "Aproved"], "'Approved' and 'Aproved' are two values"),
        (["TRUE", "FALSE", "1", "0"], "'1' and 'true' are two values"),
        (["yes", "no", "n", "N"], "'n' and 'no' are two values"),
        (["x1", "1", "1.0"], "'1' and '1.0' are two values"),
        (["1/2", "3/4"], "though they look like fractions, as '"),
        (["2021-W01", "2021-W02"], "though they look like dates in a notation that"),
        (["Jan-21", "Feb-21"], "though they look like dates in a notation that"),
        (["5'2\"", "6'1\""], "though they look like feet and inches, as '"),
        (["5 ft 2 in", "6 ft 1 in"], "though they look like feet and inches, as '"),
        (["4.5N", "3.5S"], "with a minus ahead for south and west"),
        (["3 kg", "5 kg"], "though they look like numbers with a unit"),
        (['10"', '12"'], "though they look like numbers with a unit"),
        (["Total", "men", "women"], "'Total' in 76 rows: remove these if they sum"),
        (
            ["None", "mild", "bad"],
            "missing where it says 'None': write another word if that is an answer",
        ),
        (["NA", "mild", "bad"], "missing where it says 'NA')"),
        (["['en']", "['en', 'fr']"], "though they are lists or objects, as "),
        (['{"a": 1}', '{"a": 2}'], "though they are lists or objects, as "),
        (
            ["1.2k", "3.4M", "65", "43", "78", "101", "340"],
            "though they look like numbers with a unit or a mark, as '",
        ),
        (["KW 1/2021", "KW 2/2021"], "though they look like dates in a notation that"),
        (["42°48'N", "43°12'N"], "though they look like degrees and minutes, as "),
    ],
)
def test_categories_that_may_be_meant_otherwise_are_named(
    tmp_path: Path,
    chance: random.Random,
    classes: list[object],
    names: list[str],
    note: str,
) -> None:
    """Twins, numbers and dates that are not read, and words for a gap are said beside the category."""
    said = describe(tmp_path, [chance.choice(names) for _ in range(N_ROWS)], classes)
    assert said.startswith("a category of")
    assert note in said


@pytest.mark.parametrize(
    ("parts", "separator", "advice"),
    [
        (["War", "Noir", "Film"], ", ", "give each a column of its own"),
        (["a", "b", "c", "d", "e"], "|", "--as c=text learns each by itself"),
        (["a", "b", "c", "d", "e"], "\n", "--as c=text learns each by itself"),
    ],
)
def test_lists_in_cells_are_named(
    tmp_path: Path,
    chance: random.Random,
    classes: list[object],
    parts: list[str],
    separator: str,
    advice: str,
) -> None:
    """Cells with several of a few words are said to be lists, and places with a comma in them are none."""
    lists = [
        separator.join(chance.sample(parts, chance.randint(1, 3)))
        for _ in range(N_ROWS)
    ]
    said = describe(tmp_path, list(lists), classes)
    assert said.startswith("a category of")
    assert f", of {len(parts)} in all: {advice}" in said

    places = [f"{chance.choice(parts)}, Spain" for _ in range(N_ROWS)]
    assert "several values" not in describe(tmp_path, list(places), classes)


@pytest.mark.parametrize(
    "names",
    [
        ["120/80", "140/90"],
        ["0-0", "2-1", "4-0"],
        ["A+", "A-", "A"],
        ["СОР", "РОТ", "ТОН"],
    ],
)
def test_other_values_are_neither_dates_nor_twins(
    tmp_path: Path, chance: random.Random, classes: list[object], names: list[str]
) -> None:
    """Numbers of which one is no day or month, grades, and words of one script are categories without a word."""
    said = describe(tmp_path, [chance.choice(names) for _ in range(N_ROWS)], classes)
    assert said == f"a category of {len(names)} values"


def test_times_days_and_folds_among_numbers_are_named(
    tmp_path: Path, chance: random.Random, classes: list[object]
) -> None:
    """Whole numbers whose last two digits are minutes may be times; names tell days of Excel, and folds of others."""
    times = [100 * chance.randint(0, 23) + chance.randint(0, 59) for _ in classes]
    counts = [chance.randint(0, 2400) for _ in classes]
    last = max(times)
    assert (
        f"if {last} is the time {last // 100}:{last % 100:02d}, write a number of hours: from 859 to 900 is a minute"
        in describe(tmp_path, times, classes)
    )
    assert describe(tmp_path, counts, classes) == "a number"

    serials = [chance.randint(43_000, 44_500) for _ in classes]
    last = max(serials)
    said = describe_columns(
        write(tmp_path, {"Order Date": serials, "y": classes}), target="y"
    )[0]
    day = dt.date(1899, 12, 30) + dt.timedelta(last)
    assert f"(if {last} is {day}, a day as Excel counts them, write it so)" in said
    assert "Excel" not in describe(tmp_path, serials, classes)

    folds = {"CV_fold": [chance.randint(0, 4) for _ in classes], "y": classes}
    assert (
        "it says which rows another had learnt from"
        in (describe_columns(write(tmp_path, folds), target="y")[0])
    )


@pytest.mark.parametrize("unit", [1, 1000, 10**6, 10**9])
def test_times_of_computers_among_numbers_are_named(
    tmp_path: Path, chance: random.Random, classes: list[object], unit: int
) -> None:
    """Numbers of seconds since 1970, with decimals or again and again, may be days, and some others are not."""
    days = [1_600_000_000 + 86_400 * chance.randint(0, 20) for _ in classes]
    last = max(days)
    day = dt.datetime.fromtimestamp(last, dt.UTC).date()
    said = describe(tmp_path, [unit * each for each in days], classes)
    assert f"(if {last * unit} is a time of {day}, as computers count" in said

    said = describe(tmp_path, [each + 0.25 for each in days], classes)
    assert f"(if {last}.25 is a time of {day}, as computers count" in said
    assert describe(tmp_path, [each // 10 for each in days], classes) == "a number"


def test_days_of_excel_with_their_time_are_named(
    tmp_path: Path, chance: random.Random, classes: list[object]
) -> None:
    """A day as Excel counts it has its time behind the point."""
    serials = [chance.randint(43_000, 44_500) + 0.375 for _ in classes]
    path = write(tmp_path, {"fecha": serials, "y": classes})
    day = dt.date(1899, 12, 30) + dt.timedelta(int(max(serials)))
    said = describe_columns(path, target="y")[0]
    assert f"(if {max(serials)} is {day}, a day as Excel counts them" in said


@pytest.mark.parametrize(
    ("name", "is_code"),
    [
        ("zip_code", True),
        ("NAICS", True),
        ("countryCode", True),
        ("código", True),
        ("PLZ", True),
        ("zipper", False),
        ("barcodes_read", False),
        ("music", False),
    ],
)
def test_numbers_under_a_name_of_codes_are_named(
    tmp_path: Path,
    chance: random.Random,
    classes: list[object],
    name: str,
    *,
    is_code: bool,
) -> None:
    """A code's size means nothing, and the way to learn each by itself is said; it works."""
    codes = [chance.choice([1001, 6037, 17031, 36061]) for _ in classes]
    path = write(tmp_path, {name: codes, "y": classes})
    said = describe_columns(path, target="y")[0]
    assert (
        f"--as {shlex.quote(name)}=category takes each by itself" in said
    ) == is_code

    dataset = read_dataset(path, target="y", task="t", roles={name: "category"})
    assert dataset.values == (("1001", "17031", "36061", "6037"),)


@pytest.mark.parametrize("gap", ["0000-00-00", "00/00/0000", "-"])
def test_gaps_among_dates_are_counted_and_shown(
    tmp_path: Path, chance: random.Random, classes: list[object], gap: str
) -> None:
    """A person is told what was read as a missing date, and of how many rows."""
    form = "%d/%m/%Y" if "/" in gap else "%Y-%m-%d"
    days = [dt.date(2020, 1, 1) + dt.timedelta(chance.randint(0, 900)) for _ in classes]
    texts = [day.strftime(form) if at % 10 else gap for at, day in enumerate(days)]
    said = describe(tmp_path, texts, classes)
    assert said.startswith("a date, learnt as c_year, c_month, c_weekday, c_days, 20 m")
    assert said.endswith(f"missing where it says {gap!r})")


def test_an_empty_column_of_texts_is_described(
    tmp_path: Path, classes: list[object]
) -> None:
    """A column that is refused afterwards for its emptiness is described like any other."""
    said = describe(tmp_path, [""] * N_ROWS, classes)
    assert said == "a category of 0 values, 200 missing"


def test_lists_are_learnt_by_their_parts_where_that_is_asked_for(
    tmp_path: Path, chance: random.Random, classes: list[object]
) -> None:
    """The way out that is named works: each part becomes a feature that is 1 where a cell has it."""
    parts = [f"tag{number}" for number in range(8)]
    lists = [
        ";".join(sorted(chance.sample(parts, chance.randint(1, 4))))
        for _ in range(N_ROWS)
    ]
    path = tmp_path / "t.parquet"
    pl.DataFrame({"x": lists, "y": classes}).write_parquet(path)
    dataset = read_dataset(path, target="y", task="t", roles={"x": "text"})

    for part in parts:
        values = dataset.features[:, dataset.feature_names.index(f"x: {part}")]
        assert values.tolist() == [part in each for each in lists]


COLUMNS: dict[str, tuple[Sequence[object], str]] = {
    "truth values": ([True, False, None], "a category of 2 values, "),
    "lists": ([[1], [2], [3]], "a category of 3 values"),
    "objects": ([{"a": 1}, {"a": 2}], "a category of 2 values"),
    "bytes": ([b"a", b"b"], "a category of 2 values"),
    "times": ([dt.time(1), dt.time(2)], "a category of 2 values"),
    "durations": (
        [dt.timedelta(1), dt.timedelta(2)],
        "a category of 2 values",
    ),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_columns_of_any_type_are_described(
    tmp_path: Path, classes: list[object], kind: str
) -> None:
    """Columns of Parquet that are neither numbers nor texts are described before they are learnt or refused."""
    values, said = COLUMNS[kind]
    path = tmp_path / "t.parquet"
    column = [values[at % len(values)] for at in range(N_ROWS)]
    pl.DataFrame({"c": column, "y": classes}).write_parquet(path)
    assert describe_columns(path, target="y")[0].startswith(f"c: {said}")


def test_a_column_that_is_there_twice_is_named(
    tmp_path: Path, chance: random.Random, classes: list[object]
) -> None:
    """A copy of a column is said beside it, also with gaps, and one that differs in a row is none."""
    values = [None if n % 9 == 0 else chance.random() for n in range(N_ROWS)]
    path = tmp_path / "t.parquet"
    columns = {"a": values, "b": values, "c": [*values[:-1], 0.5], "y": classes}
    pl.DataFrame(columns).write_parquet(path)
    lines = describe_columns(path, target="y")
    assert [line.startswith("b: ") for line in lines if "the same as" in line] == [True]
    assert "(the same as 'a' in every row)" in lines[1]


def test_a_column_of_parts_of_the_data_is_named(
    tmp_path: Path, chance: random.Random, classes: list[object]
) -> None:
    """A word for the rows that somebody else held out says nothing of a new row."""
    values = [chance.choice(["train", "Test"]) for _ in range(N_ROWS)]
    said = describe(tmp_path, list(values), classes)
    assert "says which rows another had learnt from" in said


def test_plain_categories_are_said_alone(
    tmp_path: Path, chance: random.Random, classes: list[object]
) -> None:
    """A column with nothing odd about it has no note."""
    values = [
        chance.choice(["3-door", "x1", "A+", "inactive", "active"])
        for _ in range(N_ROWS)
    ]
    assert describe(tmp_path, values, classes) == "a category of 5 values"


def test_a_day_far_from_all_others_is_named(
    tmp_path: Path, chance: random.Random, classes: list[object]
) -> None:
    """The last day of all years may mark a missing one, and stays a date."""
    days = [dt.date(2021, 3, chance.randint(1, 28)) for _ in range(N_ROWS)]
    values = [
        dt.date(9999, 12, 31) if n % 9 == 0 else day for n, day in enumerate(days)
    ]
    said = describe(tmp_path, list(values), classes)
    assert "9999-12-31 in 23 rows is far from all others" in said
    assert "far" not in describe(tmp_path, list(days), classes)


@pytest.mark.parametrize(("year", "years"), [(1445, "1445"), (2567, "2567")])
def test_dates_of_another_calendar_are_named(
    tmp_path: Path,
    chance: random.Random,
    classes: list[object],
    year: int,
    years: str,
) -> None:
    """Years of the Islamic and of the Thai calendar are dates of ours to a reader, and a person can tell."""
    days = [dt.date(year, 3, chance.randint(1, 28)) for _ in range(N_ROWS)]
    said = describe(tmp_path, list(days), classes)
    assert f"its years are {years} to {years}: write the dates in the Gregorian" in said


@pytest.mark.parametrize("word", ["Total", "Media", None])
def test_a_last_row_of_sums_or_means_is_refused(
    tmp_path: Path, chance: random.Random, word: str | None
) -> None:
    """A last row that sums the others up is no row to learn from, with a word for it or with two sums."""
    area = [round(chance.uniform(20, 90), 1) for _ in range(N_ROWS)]
    price = [round(each * chance.uniform(900, 1100), 2) for each in area]
    share = 1 / N_ROWS if word == "Media" else 1
    ends: list[object] = [
        word,
        round(sum(area) * share, 2),
        round(sum(price) * share, 2),
    ]
    zone = [chance.choice(["north", "south"]) for _ in area]
    columns = {"zone": [*zone, ends[0]], "area": [*area, ends[1]]}
    path = write(tmp_path, {**columns, "price": [*price, ends[2]]})

    with pytest.raises(TableError) as refused:
        read_dataset(path, target="price", task="t")

    what = "means" if word == "Media" else "sums"
    assert str(refused.value) == (
        f"line {N_ROWS + 2} has the {what} of the rows above it: remove it"
    )


@pytest.mark.parametrize("word", ["Subtotal north", "Total", None])
def test_rows_of_sums_within_a_table_are_refused(
    tmp_path: Path, chance: random.Random, word: str | None
) -> None:
    """Rows that have the sums of those since the one before are named, with a word for them or with two sums."""
    rows: list[tuple[object, ...]] = []
    for zone in ("north", "south", "north", "south"):
        block = [(chance.randint(1, 99), chance.randint(1, 9)) for _ in range(20)]
        rows += [(zone, *each, chance.choice(["no", "yes"])) for each in block]
        rows.append((word, *map(sum, zip(*block, strict=True)), "yes"))
    columns = dict(
        zip(("zone", "sold", "days", "y"), zip(*rows, strict=True), strict=True)
    )
    path = write(tmp_path, columns)

    with pytest.raises(TableError) as refused:
        read_dataset(path, target="y", task="t")
    assert str(refused.value) == (
        "4 rows have the sums of the rows above them, line 22 the first: remove them"
    )


def test_gaps_and_words_without_sums_are_kept(
    tmp_path: Path, chance: random.Random, classes: list[object]
) -> None:
    """Rows with a gap, or a cover that is called total, are rows as others where they sum nothing up."""
    columns = {
        "cover": [chance.choice(["total", "basic", None]) for _ in classes],
        "price": [chance.randint(20, 90) for _ in classes],
        "age": [chance.randint(20, 90) for _ in classes],
        "y": classes,
    }
    data = read_dataset(write(tmp_path, columns), target="y", task="t")
    assert len(data.target) == N_ROWS


def test_cells_that_were_merged_are_suspected(
    tmp_path: Path, classes: list[object]
) -> None:
    """A value in the first of each ten rows, other than the one before, is what merged cells leave."""
    zones = ["north", "south", "east"]
    cells = [None if at % 10 else zones[at // 10 % 3] for at in range(N_ROWS)]
    assert "missing in 180 rows below others, as merged cells are: fill" in describe(
        tmp_path, cells, classes
    )
    mixed = [None if at % 2 else zones[at // 4 % 3] for at in range(N_ROWS)]
    assert "merged" not in describe(tmp_path, mixed, classes)


def test_an_ordinary_last_row_is_kept(tmp_path: Path, chance: random.Random) -> None:
    """A row that is called total and sums nothing up is one of the rows."""
    price = [round(chance.uniform(20, 90), 1) for _ in range(N_ROWS)]
    cover: list[object] = [chance.choice(["total", "basic"]) for _ in price]
    path = write(tmp_path, {"cover": [*cover[:-1], "total"], "price": [*price]})
    assert len(read_dataset(path, target="price", task="t").target) == N_ROWS


def test_a_column_of_dates_with_a_word_in_it_is_named(
    tmp_path: Path, classes: list[object]
) -> None:
    """A date column with a word among its days is refused: the line is named, and `--as` has dates without it."""
    days: list[object] = [f"2021-03-{n % 28 + 1:02d}" for n in range(N_ROWS)]
    days[7] = "pending"
    path = write(tmp_path, {"d": days, "y": classes})

    with pytest.raises(TableError) as refused:
        read_dataset(path, target="y", task="t")

    assert str(refused.value).startswith(
        "column 'd' is a date in 199 of 200 rows, but not in line 9 'pending': empty these cells, or --as d=date does "
        "without them, or --as d=category"
    )
    read = read_dataset(path, target="y", task="t", roles={"d": "date"})
    assert read.feature_names == ("d_weekday", "d_days")


@pytest.mark.parametrize(
    ("first", "hint"),
    [
        ("Report of sales,,\n", "(remove what stands above the line of names)"),
        ("", "(what parts the values should be a comma, semicolon, tab or |)"),
    ],
)
def test_a_first_line_that_is_no_names_is_suspected(
    tmp_path: Path, first: str, hint: str
) -> None:
    """A title above the names, and a separator of another kind, are told as the reason."""
    path = tmp_path / "my.csv"
    mark = "," if first else "~"
    path.write_text(
        first + "".join(f"{n}{mark}{n}{mark}x\n" for n in ("a", *range(40)))
    )
    with pytest.raises(TableError, match="there is no such column") as refused:
        read_dataset(path, target="target", task="t")
    assert hint in str(refused.value)


@pytest.mark.parametrize(
    ("names", "is_told"),
    [
        (["1/1", "1/2", "2/2"], False),
        (["3/4", "3/3", "2/3", "4/4"], False),
        (["2/1", "1/1", "2/2"], False),
        (["1/2", "1/3", "3/3"], True),
        (["8/10", "10/10", "5/5", "3/5"], True),
        (["1/1", "2/1", "1/2", "2/2"], True),
    ],
)
def test_genotypes_are_no_fractions(
    tmp_path: Path, classes: list[object], names: list[str], *, is_told: bool
) -> None:
    """Pairs of alleles, the smaller one first and most with themselves, are names; other such numbers are told."""
    texts = [names[at % len(names)] for at in range(len(classes))]
    said = describe(tmp_path, texts, classes)
    assert said.startswith(f"a category of {len(names)} values")
    assert ("though they look like" in said) == is_told
