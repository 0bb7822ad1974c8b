"""Every table that training learns from is one that the evaluation judges on, as the same program wrote it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evaluation.__main__ import main as evaluate
from evaluation.classifiers import LocalClassifiers
from evaluation.labelled_data import read_labelled
from model_card import Card, Feature, FeatureInput
from scoring.__main__ import main as score
from service.errors import EvaluationError, InvalidRequest
from service.http.request_bodies.csv_rows import read_csv
from service.judging.labelled_csv import TableLimits, read_labelled_csv
from service.judging.row_hashes import NOTHING
from service.models.row_columns import list_learnt_ranges
from service.models.rows import RowEncoder
from tables.block_cutting import cut_table
from tables.csv_text import read_csv_text
from training.__main__ import main as train
from training.data.table import read_dataset

N_ROWS = 60


def join(header: str, line: Callable[[int], str]) -> str:
    return "\n".join([header, *(line(row) for row in range(N_ROWS))]) + "\n"


def say(row: int) -> str:
    return "sí" if row % 5 < 2 else "no"


def show_month(row: int) -> str:
    return f"{2020 + row % 4}{row % 12 + 1:02}"


TABLES = {
    "decimal_commas": join(
        "precio;día;label", lambda row: f"{row % 11},5;{row % 7};{say(row)}"
    ).encode(),
    "cp1252": join(
        "año,ciudad,label",
        lambda row: f"{row % 11},{('León', 'Ávila')[row % 2]},{say(row)}",
    ).encode("cp1252"),
    "utf_16": join(
        "día\tciudad\tlabel",
        lambda row: f"{row % 11}\t{('León', 'Ávila')[row % 2]}\t{say(row)}",
    ).encode("utf-16"),
    "byte_order_mark": join("size,label", lambda row: f"{row % 11},{say(row)}").encode(
        "utf-8-sig"
    ),
    "carriage_returns": join("size,label", lambda row: f"{row % 11},{say(row)}")
    .replace("\n", "\r")
    .encode(),
    "quotes": join(
        '"size, cm","plan;a;b",label',
        lambda row: f'"{row % 11}","{("a, b", "c d")[row % 2]}",{say(row)}',
    ).encode(),
    "booleans": join(
        "size,smoker,label",
        lambda row: (
            f"{row % 11},{('TRUE', 'FALSE')[row % 2]},{('False', 'True')[row % 5 < 2]}"
        ),
    ).encode(),
    "missing_markers": join(
        "size,plan,label",
        lambda row: (
            f"{('NA', '?', ' null ', '')[row] if row < 4 else row % 11},"
            f"{('N/A', 'a', 'b', 'c')[row % 4]},{say(row)}"
        ),
    ).encode(),
    "missing_labels": join(
        "size,label", lambda row: f"{row % 11},{'' if row % 10 == 9 else say(row)}"
    ).encode(),
    "float_labels": join(
        "size,label", lambda row: f"{row % 11},{('0.0', '1.0')[row % 5 < 2]}"
    ).encode(),
    "months_of_digits": join(
        "size,month,label", lambda row: f"{row % 11},{show_month(row)},{say(row)}"
    ).encode(),
    "days_of_two_digits": join(
        "size,day,label",
        lambda row: (
            f"{row % 11},{row % 28 + 1}.{row % 12 + 1}.{20 + row % 4},{say(row)}"
        ),
    ).encode(),
    "times_ahead_of_years": join(
        "size,day,label",
        lambda row: (
            f"{row % 11},Tue Jul {row % 28 + 1} 10:00:00 {2020 + row % 4},{say(row)}"
        ),
    ).encode(),
    "amounts_without_cents": join(
        "price;label", lambda row: f"{row % 11},-;{say(row)}"
    ).encode(),
    "empty_lines": join("size,label", lambda row: f"{row % 11},{say(row)}\n").encode(),
    "nameless_column": join(
        ",size,label", lambda row: f"{row % 3},{row % 11},{say(row)}"
    ).encode(),
}


def check_is_judged_as_trained(path: Path, folder: Path) -> None:
    """Trains a tree on the table, judges it on the same table, and compares the values that both have read."""
    words = ["--task", "mine", "--data", str(path)]
    training = [*words, "--target", "label", "--output", str(folder)]
    # Nothing in some of these tables says the label: such a tree is not exported otherwise.
    assert train(["decision_tree", *training, "--force"]) == 0

    report = folder / "report.html"
    options = ["--label", "label", "--models", str(folder), "--output", str(report)]
    assert evaluate([*words, *options, "--keep-learnt"]) == 0

    dataset = read_dataset(path, target="label", task="mine")
    evidence = json.loads(report.with_suffix(".json").read_bytes())
    assert evidence["truth"] == dataset.target.tolist()

    card = LocalClassifiers(folder, "mine").contenders[0].card
    rows = read_labelled(path, card, label="label").rows
    assert isinstance(card.input, FeatureInput)
    features = [[encode(row[f.name], f) for f in card.input.features] for row in rows]
    found = np.array(features, dtype=np.float32)
    assert np.array_equal(found, dataset.features, equal_nan=True)


def encode(value: float | str | None, feature: Feature) -> float:
    if value is None:
        return np.nan
    return feature.values.index(value) if feature.values else float(value)


def check_is_asked_as_trained(path: Path, folder: Path) -> None:
    """Compares what a request and a judgement read of the same file, which is all that training has read of it.

    Numbers in a notation that a judgement refuses are refused in a request too.
    """
    card = LocalClassifiers(folder, "mine").contenders[0].card
    assert isinstance(card.input, FeatureInput)
    encoder = RowEncoder(card.input)
    content = path.read_bytes()
    limits = TableLimits(max_rows=1000, max_bytes=10_000)

    try:
        judged = read_labelled_csv(
            content,
            card,
            source=path.name,
            limits=limits,
            label="label",
            learnt=NOTHING,
            keeps_learnt=True,
        )
    except EvaluationError:
        with pytest.raises(InvalidRequest, match="expects a number, got"):
            encoder.encode(read_csv(content))
        return

    dataset = read_dataset(path, target="label", task="mine")
    asked = encoder.encode(read_csv(content))
    places = read_csv_text(path.name, content).places
    labelled = [places.index(each) for each in judged.places]
    for found in (encoder.encode(judged.rows), asked[labelled]):
        assert np.array_equal(found, dataset.features, equal_nan=True)


@pytest.mark.parametrize("kind", sorted(TABLES))
def test_a_table_that_is_learnt_from_is_judged_on(tmp_path: Path, kind: str) -> None:
    """A model is judged on the very table that it has learnt from, and both read equal values."""
    path = tmp_path / f"{kind}.csv"
    path.write_bytes(TABLES[kind])
    check_is_judged_as_trained(path, tmp_path)
    check_is_asked_as_trained(path, tmp_path)


@pytest.mark.parametrize("role", ["number", "category"])
def test_months_of_digits_are_judged_as_what_they_were_said_to_be(
    tmp_path: Path, role: str
) -> None:
    """Months that are learnt as numbers or names are read so again, also from a few rows of few months."""
    path = tmp_path / "months.csv"
    path.write_bytes(TABLES["months_of_digits"])
    words = ["--task", "mine", "--data", str(path), "--target", "label"]
    options = ["--as", f"month={role}", "--output", str(tmp_path), "--force"]
    assert train(["decision_tree", *words, *options]) == 0

    few = tmp_path / "few.csv"
    few.write_text("".join(path.read_text().splitlines(keepends=True)[:4]))
    card = LocalClassifiers(tmp_path, "mine").contenders[0].card
    months = [show_month(row) for row in range(N_ROWS)]
    expected = [*map(float, months)] if role == "number" else months
    for given in (path, few):
        rows = read_labelled(given, card, label="label").rows
        assert [row["month"] for row in rows] == expected[: len(rows)]


def test_a_parquet_table_that_is_learnt_from_is_judged_on(tmp_path: Path) -> None:
    """Parquet's own booleans, texts and gaps are read alike by both."""
    path = tmp_path / "mine.parquet"
    pl.DataFrame(
        {
            "size": [None if row < 4 else row % 11 for row in range(N_ROWS)],
            "plan": [("a", "NA", " ", "b ")[row % 4] for row in range(N_ROWS)],
            "smoker": [row % 2 == 0 for row in range(N_ROWS)],
            "month": [int(show_month(row)) for row in range(N_ROWS)],
            "label": [row % 5 < 2 for row in range(N_ROWS)],
        }
    ).write_parquet(path)
    check_is_judged_as_trained(path, tmp_path)


@pytest.mark.parametrize(
    "cells",
    [
        ["1,5", "2,5", "high"],
        ["$5", "$6", "none of them"],
        ["1e3", "2e3", "more"],
        ["True", "False", "perhaps"],
        ["yes", "NO", "YES", "no"],
    ],
)
def test_a_part_of_a_table_has_the_categories_of_the_whole(
    tmp_path: Path, cells: list[str]
) -> None:
    """A file with some of a column's values, all of them numbers or in one spelling, is read by those that are known.

    So the command of a folder's models reads it, and so does the call that judges CSV.
    """
    path = tmp_path / "whole.csv"
    lines = [f'{row % 11},"{cells[row % len(cells)]}",{say(row)}' for row in range(60)]
    path.write_text("\n".join(["size,dose,label", *lines]) + "\n")
    words = ["--task", "mine", "--data", str(path), "--target", "label"]
    assert train(["decision_tree", *words, "--output", str(tmp_path), "--force"]) == 0
    card = LocalClassifiers(tmp_path, "mine").contenders[0].card
    whole = [row["dose"] for row in read_labelled(path, card, label="label").rows]

    part = tmp_path / "part.csv"
    chosen = range(1, 60, len(cells))
    part.write_text("\n".join(["size,dose,label", *(lines[row] for row in chosen), ""]))
    rows = read_labelled(part, card, label="label").rows
    assert [row["dose"] for row in rows] == [whole[row] for row in chosen]

    content = part.read_bytes()
    limits = TableLimits(max_rows=100, max_bytes=10_000)
    judged = read_labelled_csv(
        content, card, source="part.csv", limits=limits, label="label", learnt=NOTHING
    )
    assert [row["dose"] for row in judged.rows] == [whole[row] for row in chosen]


def learn_from_miles(folder: Path, cells: Callable[[int], str]) -> Card:
    """Trains a tree on amounts beside decimal commas, and returns its card."""
    path = folder / "whole.csv"
    lines = [f"{row % 11},5;{cells(row)};{say(row)}" for row in range(N_ROWS)]
    path.write_text("\n".join(["size;miles;label", *lines]) + "\n")
    words = ["--task", "mine", "--data", str(path), "--target", "label"]
    assert train(["decision_tree", *words, "--output", str(folder), "--force"]) == 0
    return LocalClassifiers(folder, "mine").contenders[0].card


def test_thousands_are_read_so_in_a_part_of_a_table_that_shows_none(
    tmp_path: Path,
) -> None:
    """Amounts as 2.345 that were learnt as 2345 are judged and scored as such, where nothing but the range tells."""
    card = learn_from_miles(tmp_path, lambda row: f"{row % 9 + 1}.{row % 7}45")
    part = tmp_path / "part.csv"
    part.write_text("size,miles,label\n7,2.345,no\n8,1.045,sí\n9,3.145,no\n")
    labelled = read_labelled(part, card, label="label")
    assert [row["miles"] for row in labelled.rows] == [2345, 1045, 3145]
    assert (
        "miles: '2.345' was read as 2345, since models learnt from 1145 to 9545"
        in labelled.notes
    )

    assert isinstance(card.input, FeatureInput)
    ranges = list_learnt_ranges(card.input.features)
    assert cut_table(part, block_bytes=1000, ranges=ranges).layout.marks["miles"] == ","


def test_what_scores_assume_of_a_table_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line of each file says how thousands and an encoding were read, and so does the manifest."""
    learn_from_miles(tmp_path, lambda row: f"{row % 9 + 1}.{row % 7}45")
    data = tmp_path / "data"
    data.mkdir()
    part = "size;miles;label\n7;2.345;sí\n8;1.045;no\n"
    (data / "part.csv").write_text(part.replace(";", ","), encoding="cp1252")
    (data / "proven.csv").write_text(f"{part}8,5;12.345,5;no\n", encoding="utf-8")
    frame = pl.DataFrame({"size": [7, 8], "miles": ["2.345", "1.045"]})
    frame.write_parquet(data / "texts.parquet")
    words = ["--task", "mine", "--data", data, "--models", tmp_path]
    assert score([str(each) for each in (*words, "--out", tmp_path / "out")]) == 0

    read = "miles: '2.345' was read as 2345, since models learnt from 1145 to 9545"
    encoding = (
        "what is no UTF-8 in it was read as Windows-1252, the encoding of Western Europe, as 'sí': save the file as "
        "UTF-8 if it does not say that"
    )
    said = capsys.readouterr().err
    for line in (
        f"part.csv: {read}",
        f"part.csv: {encoding}",
        f"texts.parquet: {read}",
    ):
        assert f"{line}\n" in said
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_bytes())
    assert manifest["notes"] == {"part.csv": [encoding, read], "texts.parquet": [read]}


def test_thousands_are_read_so_where_some_are_nothing(tmp_path: Path) -> None:
    """2.345 is within 0 to 9545 too, and yet none of the numbers that were learnt, which all were whole."""
    card = learn_from_miles(
        tmp_path, lambda row: "0" if row % 6 == 0 else f"{row % 9 + 1}.{row % 7}45"
    )
    assert isinstance(card.input, FeatureInput)
    assert card.input.features[1].range == (0, 9545)
    part = tmp_path / "part.csv"
    part.write_text("size,miles,label\n7,2.345,no\n8,0,sí\n")
    rows = read_labelled(part, card, label="label").rows
    assert [row["miles"] for row in rows] == [2345, 0]
    with pytest.raises(InvalidRequest, match=r"'2\.345' may be 2345"):
        RowEncoder(card.input).encode(read_csv(b"size,miles\n7,2.345\n"))


def test_decimals_are_read_so_beside_decimal_commas(tmp_path: Path) -> None:
    """Numbers as 2.345 that were learnt as such are no thousands where other columns have decimal commas."""
    path = tmp_path / "whole.csv"
    lines = [f"{row % 11}.5,{row % 9}.{row % 7}4,{say(row)}" for row in range(N_ROWS)]
    path.write_text("\n".join(["size,ratio,label", *lines]) + "\n")
    words = ["--task", "mine", "--data", str(path), "--target", "label"]
    assert train(["decision_tree", *words, "--output", str(tmp_path), "--force"]) == 0

    card = LocalClassifiers(tmp_path, "mine").contenders[0].card
    part = tmp_path / "part.csv"
    part.write_text("size;ratio;label\n7,5;2.345;no\n8,5;1.045;sí\n")
    rows = read_labelled(part, card, label="label").rows
    assert [row["ratio"] for row in rows] == [2.345, 1.045]

    content = part.read_bytes()
    limits = TableLimits(max_rows=100, max_bytes=10_000)
    judged = read_labelled_csv(
        content, card, source="part.csv", limits=limits, label="label", learnt=NOTHING
    )
    assert judged.rows == rows
    assert isinstance(card.input, FeatureInput)
    asked = RowEncoder(card.input).encode(read_csv(content))
    assert asked.tolist() == [[7.5, np.float32(2.345)], [8.5, np.float32(1.045)]]


def test_thousands_in_a_request_are_refused_rather_than_taken_for_decimals(
    tmp_path: Path,
) -> None:
    """A cell 2.345 of a CSV is refused by a model that learnt from 1145 to 9545, with what to write."""
    card = learn_from_miles(tmp_path, lambda row: f"{row % 9 + 1}.{row % 7}45")
    assert isinstance(card.input, FeatureInput)
    encoder = RowEncoder(card.input)
    with pytest.raises(
        InvalidRequest, match=r"'miles': '2.345' may be 2345.*write 2345, or 2.3450"
    ):
        encoder.encode(read_csv(b"size,miles\n7,2.345\n"))
    assert encoder.encode(read_csv(b"size,miles\n7,2345\n")).tolist() == [[7, 2345]]
    told = encoder.encode(read_csv(b"size,miles\n7,2.3450\n"))
    assert told.tolist() == [[7, np.float32(2.345)]]

    decimal = Feature(name="miles", type="number", range=(0.5, 9545.0))
    other = FeatureInput(features=(decimal,), example=(0.5,))
    told = RowEncoder(other).encode(read_csv(b"miles\n2.345\n"))
    assert told.tolist() == [[np.float32(2.345)]]

    content = "size,miles,label\n7,2.345,no\n8,803,sí\n".encode()
    limits = TableLimits(max_rows=100, max_bytes=10_000)
    with pytest.raises(EvaluationError, match=r"column 'miles': '2.345' may be 2345"):
        read_labelled_csv(
            content, card, source="part", limits=limits, label="label", learnt=NOTHING
        )
