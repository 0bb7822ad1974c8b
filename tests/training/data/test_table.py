"""A person's own table becomes a data set, or is told what is wrong with it before anything is learnt."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from training.data.column_descriptions import describe_columns
from training.data.table import TableError, read_dataset, read_frame


def write(folder: Path, frame: pl.DataFrame, name: str = "my.csv") -> Path:
    path = folder / name
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    else:
        frame.write_csv(path)

    return path


def pack_zip(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("my.csv", content)

    return buffer.getvalue()


@pytest.fixture
def frame(generator: np.random.Generator) -> pl.DataFrame:
    """Returns 80 customers: a number with gaps, a category with gaps, a boolean, and whether they left."""
    months = generator.integers(1, 60, size=80)
    return pl.DataFrame(
        {
            "months": months,
            "bill": [
                None if each < 0.2 else round(50 * each, 2)
                for each in generator.random(80).tolist()
            ],
            "plan": [
                None if each == 3 else ("basic", "plus", "pro")[each]
                for each in generator.integers(0, 4, 80)
            ],
            "paperless": generator.random(80) < 0.5,
            "churn": ["yes" if each < 20 else "no" for each in months],
        }
    )


@pytest.mark.parametrize("name", ["my.csv", "my.parquet"])
def test_columns_become_features(
    tmp_path: Path, frame: pl.DataFrame, name: str
) -> None:
    """Numbers stay, texts and booleans become codes of their names, gaps NaN, in CSV and Parquet alike."""
    dataset = read_dataset(write(tmp_path, frame, name), target="churn", task="churn")
    assert dataset.feature_names == ("months", "bill", "plan", "paperless")
    assert dataset.values == (None, None, ("basic", "plus", "pro"), ("false", "true"))
    assert dataset.classes == ("no", "yes")
    assert np.array_equal(dataset.features[:, 0], frame["months"].to_numpy())
    assert np.array_equal(
        np.isnan(dataset.features[:, 1]), frame["bill"].is_null().to_numpy()
    )
    named = [
        None if np.isnan(code) else dataset.values[2][int(code)]
        for code in dataset.features[:, 2]
    ]
    assert named == frame["plan"].to_list()
    assert np.array_equal(dataset.features[:, 3], frame["paperless"].to_numpy())
    assert [dataset.classes[label] for label in dataset.target] == frame[
        "churn"
    ].to_list()


def test_a_target_of_numbers_is_regressed(tmp_path: Path, frame: pl.DataFrame) -> None:
    """A target of numbers is regressed unless they are whole and few; `kind` decides where that is wrong."""
    path = write(
        tmp_path, frame.with_columns(stars=pl.Series([1, 2, 3, 4] * 20)).drop("bill")
    )
    assert read_dataset(path, target="stars", task="stars").classes == (
        "1",
        "2",
        "3",
        "4",
    )
    assert (
        read_dataset(path, target="stars", task="stars", kind="regressor").classes == ()
    )
    numbers = read_dataset(path, target="months", task="months")
    assert numbers.classes == ()
    assert numbers.target.dtype == np.float32


def test_rows_without_a_target_are_left_out(
    tmp_path: Path, frame: pl.DataFrame
) -> None:
    """Rows without a target are left out, because they teach nothing."""
    gaps = frame.with_columns(
        churn=pl.when(pl.int_range(80) < 5).then(None).otherwise(pl.col("churn"))
    )
    assert (
        len(read_dataset(write(tmp_path, gaps), target="churn", task="churn").target)
        == 75
    )


def test_semicolons_and_decimal_commas_are_found_out(tmp_path: Path) -> None:
    """Semicolons and decimal commas are read as spreadsheets of half the world write them."""
    path = tmp_path / "precios.csv"
    lines = [
        f"{row},{row % 10};{'sí' if row % 3 else 'no'};{row % 7}" for row in range(40)
    ]
    path.write_bytes("\n".join(["precio;vendido;día", *lines]).encode("cp1252"))
    dataset = read_dataset(path, target="vendido", task="precios")

    assert dataset.feature_names == ("precio", "día")
    assert dataset.features[12].tolist() == [pytest.approx(12.2), 5]
    assert dataset.classes == ("no", "sí")


@pytest.mark.parametrize("mark", ["", "NA", "NaN", "?", "null"])
def test_the_usual_marks_of_a_gap_are_gaps(tmp_path: Path, mark: str) -> None:
    """The usual marks of a gap are no categories, and do not make a column one of texts."""
    path = tmp_path / "my.csv"
    path.write_text(
        "a,b\n"
        + f"{mark},x\n"
        + "".join(f"{row}.5,{'xy'[row % 2]}\n" for row in range(40))
    )
    dataset = read_dataset(path, target="b", task="my")
    assert dataset.values == ()
    assert np.isnan(dataset.features[0, 0])


def column(values: list[object]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "good": [row % 7 for row in range(40)],
            "bad": values,
            "class": ["a", "b"] * 20,
        }
    )


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        (
            [f"name {row}" for row in range(40)],
            "looks like free text or ids: 40 different values in 40 rows",
        ),
        (
            list(range(100, 140)),
            "looks like ids: whole numbers that count the rows; --as bad=number keeps them",
        ),
        ([5] * 40, "is constant: 5 throughout"),
        (["same"] * 40, "is constant: 'same' throughout"),
        ([None] * 40, "is empty"),
        ([1e39, *([1.0] * 39)], "has values that are not finite or do not fit 32 bits"),
    ],
)
def test_a_column_that_teaches_nothing_is_named(
    tmp_path: Path, values: list[object], fault: str
) -> None:
    """The error names the column that teaches nothing and the option that leaves it out."""
    path = write(tmp_path, column(values))
    with pytest.raises(TableError) as refused:
        read_dataset(path, target="class", task="my")

    assert (
        str(refused.value)
        == f"column 'bad' {fault}\nleave out what cannot be used: --exclude bad"
    )
    assert read_dataset(
        path, target="class", task="my", exclude=["bad"]
    ).feature_names == ("good",)


def test_dates_are_learnt_by_their_parts(tmp_path: Path) -> None:
    """A column of dates becomes those of its parts that differ, in Parquet and in CSV."""
    frame = column(list(range(40))).with_columns(
        bad=pl.date_range(pl.date(2020, 1, 1), pl.date(2020, 2, 9), eager=True)
    )
    for name in ("my.csv", "my.parquet"):
        dataset = read_dataset(write(tmp_path, frame, name), target="class", task="my")
        assert dataset.feature_names == ("good", "bad_month", "bad_weekday", "bad_days")
        assert dataset.features[0].tolist() == [0, 1, 3, 18262]


HOURS = "times are left out: to learn from hours, give them a column of their own"
YEARS = "'02/01/20' was read as 2020-01-02, years of two digits as 1969 to 2068"


@pytest.mark.parametrize("name", ["my.csv", "my.parquet"])
@pytest.mark.parametrize(
    ("form", "note"),
    [
        ("%Y-%m-%d %H:%M", f" ({HOURS})"),
        ("%Y-%m-%dT00:00:00Z", ""),
        ("%d/%m/%y", f" ({YEARS})"),
        ("%d/%m/%y %I:%M %p", f" ({YEARS}; {HOURS})"),
        (None, f" ({HOURS})"),
    ],
)
def test_what_is_assumed_of_dates_is_told(
    tmp_path: Path, name: str, form: str | None, note: str
) -> None:
    """The summary of a training says that times are left out, and how years of two digits were read."""
    times = pl.datetime_range(
        pl.datetime(2020, 1, 1), pl.datetime(2020, 2, 9), "24h", eager=True
    ).dt.offset_by("1h")
    times = times.scatter(0, times[0].replace(hour=7))
    bad = times if form is None else times.dt.strftime(form)
    path = write(tmp_path, column(list(range(40))).with_columns(bad=bad), name)
    lines = describe_columns(path, target="class")
    assert f"bad: a date, learnt as bad_month, bad_weekday, bad_days{note}" in lines


def test_a_column_is_taken_for_what_it_is_said_to_be(tmp_path: Path) -> None:
    """Roles make categories of numbers, numbers of texts with a few odd cells, keep ids, and drop columns."""
    frame = column([f"{row}.5" for row in range(39)] + ["error"]).with_columns(
        id=pl.int_range(40), other=pl.int_range(40)
    )
    roles = {"bad": "number", "good": "category", "id": "number", "other": "drop"}
    dataset = read_dataset(
        write(tmp_path, frame), target="class", task="my", roles=roles
    )

    assert dataset.feature_names == ("good", "bad", "id")
    assert dataset.values == (tuple("0123456"), None, None)
    assert dataset.features[0].tolist() == [0, 0.5, 0]
    assert np.isnan(dataset.features[39, 1])


def test_a_number_column_with_odd_cells_is_named(tmp_path: Path) -> None:
    """A column that is a number but for a few cells is refused with these, their lines, and what would work."""
    path = write(tmp_path, column([f"{row}.5" for row in range(39)] + ["error"]))
    with pytest.raises(TableError) as refused:
        read_dataset(path, target="class", task="my")

    assert "is a number in 39 of 40 rows, but not in line 41 'error'" in str(
        refused.value
    )
    assert "--as bad=number" in str(refused.value)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("bad", [row for row in range(50) if row % 5]),
        ("bad", [1000 + 37 * row for row in range(40)]),
        ("CustomerId", [15634602 + (row * 7919) % 10007 for row in range(40)]),
        ("bad", [None, *(float(row) for row in range(1, 40))]),
    ],
)
def test_ids_are_named_also_with_gaps(
    tmp_path: Path, name: str, values: list[object]
) -> None:
    """Whole numbers, all different, that are dense, sorted or called an id are refused, and `--as` keeps them."""
    path = write(tmp_path, column(values).rename({"bad": name}))
    with pytest.raises(TableError, match=f"column '{name}' looks like ids"):
        read_dataset(path, target="class", task="my")

    kept = read_dataset(path, target="class", task="my", roles={name: "number"})
    assert name in kept.feature_names


def test_many_categories_of_many_rows_are_kept(tmp_path: Path) -> None:
    """A column of more than 50 texts is a category where there are 20 rows for each."""
    frame = pl.DataFrame(
        {
            "port": [f"p{row % 60}" for row in range(1200)],
            "class": ["a", "b", "c"] * 400,
        }
    )
    assert (
        len(read_dataset(write(tmp_path, frame), target="class", task="my").values[0])
        == 60
    )
    with pytest.raises(TableError, match="looks like free text or ids: 60 different"):
        read_dataset(write(tmp_path, frame[:1100]), target="class", task="my")


def test_numbers_of_too_many_digits_are_refused(tmp_path: Path) -> None:
    """Timestamps of 14 digits, which float32 would make one number, are refused."""
    path = write(
        tmp_path, column([20240101000000 + 7 * (row // 2) for row in range(40)])
    )
    with pytest.raises(TableError, match="needs more digits than 32 bits hold"):
        read_dataset(path, target="class", task="my")


@pytest.mark.parametrize("behind", [".25", ".250000e+01", "e-03"])
def test_a_first_line_of_numbers_is_no_line_of_names(
    tmp_path: Path, behind: str
) -> None:
    """A table without names, as programs write numbers, is refused instead of losing its first row."""
    path = tmp_path / "my.csv"
    path.write_text("".join(f"{row}{behind},{'ab'[row % 2]}\n" for row in range(40)))
    with pytest.raises(TableError, match="expected a first line of names"):
        read_frame(path)


def test_what_columns_became_is_described(tmp_path: Path) -> None:
    """Each column has a line of what it became, with what was assumed of it."""
    path = tmp_path / "my.csv"
    lines = [f"{row}.343;{row},5;0{row % 7}1;x" for row in range(10, 50)]
    path.write_text("\n".join(["a;b;code;y", *lines]))
    assert describe_columns(path, target="y", exclude=["b"]) == [
        "a: a number ('10.343' was read as 10343)",
        "b: left out",
        "code: a category of 7 values (leading zeros are kept, so these are texts)",
        "y: the target",
    ]


@pytest.mark.parametrize("pack", [gzip.compress, pack_zip])
def test_packed_tables_are_read(
    tmp_path: Path, frame: pl.DataFrame, pack: Callable[[bytes], bytes]
) -> None:
    """A table packed by gzip, or alone in a zip archive, is read as it is."""
    plain = write(tmp_path, frame)
    packed = tmp_path / "packed"
    packed.write_bytes(pack(plain.read_bytes()))
    assert read_frame(packed).equals(read_frame(plain))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"target": "chrun"},
            "--target chrun: there is no such column (did you mean 'churn'?); columns: months, ",
        ),
        (
            {"target": "churn", "exclude": ["x"]},
            "--exclude x: there is no such column; columns: months, bill, plan, ",
        ),
        (
            {"target": "churn", "exclude": ["BILL"]},
            "--exclude BILL: there is no such column (did you mean 'bill'?); columns: ",
        ),
        (
            {"target": "churn", "exclude": ["churn"]},
            "--exclude churn: it is the target",
        ),
        (
            {"target": "churn", "exclude": ["months", "bill", "plan", "paperless"]},
            "no column is left to learn from",
        ),
        (
            {"target": "plan", "kind": "regressor"},
            "the target 'plan' is no column of numbers: it can be classified",
        ),
        (
            {"target": "bill", "kind": "classifier"},
            "the target 'bill' has classes with fewer than 10 rows: '",
        ),
    ],
)
def test_a_wrong_choice_of_columns_is_told_what_there_is(
    tmp_path: Path, frame: pl.DataFrame, arguments: dict[str, object], message: str
) -> None:
    """A wrong choice of columns is told what there is, before anything is learnt."""
    with pytest.raises(TableError) as refused:
        read_dataset(write(tmp_path, frame), task="my", **arguments)  # type: ignore[arg-type]  # of several types
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            ["a"] * 40,
            "the target 'class' has one value throughout, 'a': there is nothing to tell apart",
        ),
        (
            ["a"] * 38 + ["b"] * 2,
            "the target 'class' has classes with fewer than 10 rows: 'b' (2); join or remove",
        ),
        (
            [f"c{row // 10}" for row in range(1020)],
            "the target 'class' has 102 different values, more than 100 classes",
        ),
        (
            ["a", "b"] * 10,
            "too few rows: 20 have a value in the target 'class', at least 30 are needed",
        ),
    ],
)
def test_a_target_that_cannot_be_learnt_is_refused(
    tmp_path: Path, labels: list[str], message: str
) -> None:
    """A target that cannot be learnt is refused with its reason."""
    frame = pl.DataFrame(
        {"good": [row % 7 for row in range(len(labels))], "class": labels}
    )
    with pytest.raises(TableError) as refused:
        read_dataset(write(tmp_path, frame), target="class", task="my")

    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("no.csv", None, "no.csv: No such file or directory"),
        ("empty.csv", b"", "empty.csv: it is no table that can be read: "),
        ("header.csv", b"a,b\n", "header.csv: it has no rows"),
        (
            "twice.csv",
            b"a,b,a\n1,2,3\n",
            "the column 'a' is there twice: give each its own name",
        ),
        (
            "ragged.csv",
            b"a,b\n1,2\n1,2,3,4\n",
            "ragged.csv: it is no table that can be read: ",
        ),
        (
            "broken.parquet",
            b"PAR1 or not",
            "broken.parquet: it is no table that can be read: ",
        ),
        ("", None, ": Is a directory"),
    ],
)
def test_a_file_that_is_no_table_is_refused(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    """A file that is no table is refused without a traceback."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(TableError) as refused:
        read_frame(path)

    assert message in str(refused.value)


def test_a_column_without_a_name_is_called_after_its_place(
    tmp_path: Path, frame: pl.DataFrame
) -> None:
    """An index as pandas writes it is named by its place, and refused by that name where it counts rows."""
    path = tmp_path / "pandas.csv"
    path.write_text(
        "\n".join([",a,b", *(f"{row},{row % 7},{'xy'[row % 2]}" for row in range(40))])
    )

    with pytest.raises(
        TableError, match="leave out what cannot be used: --exclude column_1"
    ):
        read_dataset(path, target="b", task="my")

    assert read_dataset(
        path, target="b", task="my", exclude=["column_1"]
    ).feature_names == ("a",)


def test_nothing_is_no_category(tmp_path: Path) -> None:
    """Texts of nothing or of spaces in a Parquet file are missing values."""
    frame = column([("", " ", "a", "b ")[row % 4] for row in range(40)])
    dataset = read_dataset(
        write(tmp_path, frame, "my.parquet"), target="class", task="my"
    )
    assert dataset.values[1] == ("a", "b")
    assert np.isnan(dataset.features[:, 1]).sum() == 20


def test_texts_of_numbers_are_numbers(tmp_path: Path) -> None:
    """Texts of numbers are numbers, with spaces around them, or with decimal commas by another separator."""
    spaced = tmp_path / "spaced.csv"
    spaced.write_text(
        "a,b\n" + "".join(f" {row}.5 ,{'xy'[row % 2]}\n" for row in range(40))
    )
    tabs = tmp_path / "tabs.csv"
    tabs.write_text(
        "a\tb\n" + "".join(f"{row},5\t{'xy'[row % 2]}\n" for row in range(40))
    )
    for path in (spaced, tabs):
        dataset = read_dataset(path, target="b", task="my")
        assert dataset.features[:, 0].tolist() == [row + 0.5 for row in range(40)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_encodings_of_spreadsheets_are_read(tmp_path: Path, encoding: str) -> None:
    """The encodings of spreadsheets are found out by their marks."""
    path = tmp_path / "my.csv"
    path.write_text(
        "día,clase\n" + "".join(f"{row % 7},{'ñy'[row % 2]}\n" for row in range(40)),
        encoding=encoding,
    )
    dataset = read_dataset(path, target="clase", task="my")
    assert dataset.feature_names == ("día",)
    assert dataset.classes == ("y", "ñ")


def test_whole_numbers_stay_so_where_gaps_made_them_floats(tmp_path: Path) -> None:
    """A target of 0.0 and 1.0 is one of classes, named 0 and 1."""
    labels = [None, *([0.0, 1.0] * 20)]
    frame = pl.DataFrame({"good": [row % 7 for row in range(41)], "class": labels})
    assert read_dataset(write(tmp_path, frame), target="class", task="my").classes == (
        "0",
        "1",
    )


def test_an_enumeration_is_a_category(tmp_path: Path) -> None:
    """An enumeration, as Parquet files of data frames hold it, is a category."""
    frame = column(["a", "b"] * 20).with_columns(
        pl.col("bad").cast(pl.Enum(["b", "a"]))
    )
    dataset = read_dataset(
        write(tmp_path, frame, "my.parquet"), target="class", task="my"
    )
    assert dataset.values[1] == ("a", "b")


def test_a_column_with_hardly_a_value_is_refused(tmp_path: Path) -> None:
    """A column with hardly a value is refused, because none may be among the training rows."""
    path = write(tmp_path, column([1.0, 2.0, *([None] * 38)]))
    with pytest.raises(TableError, match="column 'bad' has a value in 2 rows only"):
        read_dataset(path, target="class", task="my")


def test_terms_are_those_of_rows_with_a_target(tmp_path: Path) -> None:
    """A word that only rows without a target have is no feature, which would be constant and have the text refused."""
    rows = [
        f'"{word} is the house number {row} of {"red" if row % 3 else "blue"} stone",{label}'
        for row in range(200)
        for word, label in [
            ("Here", "yes" if row % 2 else "no") if row < 100 else ("There", "")
        ]
    ]
    path = tmp_path / "houses.csv"
    path.write_text("\n".join(["note,sold", *rows]) + "\n")
    dataset = read_dataset(path, target="sold", task="houses")

    assert dataset.features.shape[0] == 100
    assert "note: red" in dataset.feature_names
    assert "note: there" not in dataset.feature_names
