"""Labelled rows from CSV, Parquet and folders of images; what cannot be judged on has one line of words."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evaluation.image_folders import list_images
from evaluation.labelled_data import read_labelled
from model_card import Card, Feature, FeatureInput, ImageInput, SelfCheck
from service.errors import EvaluationError
from service.judging.labelled_csv import TableLimits, read_labelled_csv
from service.judging.labelled_rows import LabelledData
from service.judging.row_hashes import NOTHING
from tests.support.hue_images import write_images
from tests.support.tiny_models import COLOURS, tiny_card

CARD = tiny_card()
ROWS = [{"size": 0.5, "colour": "green"}, {"size": -1.0, "colour": "red"}]


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def read(path: Path, text: str, label: str | None = None) -> LabelledData:
    return read_labelled(write(path / "rows.csv", text), CARD, label=label)


def test_a_csv_becomes_rows_truth_and_places(tmp_path: Path) -> None:
    """The one column that is no feature is the label, the order of columns is free, and empty lines are passed over."""
    found = read(tmp_path, "colour,answer,size\ngreen,yes,0.5\n\nred,no,-1\n")
    assert found.rows == ROWS
    assert found.truth.tolist() == [1, 0]
    assert found.places == ["line 2", "line 4"]
    assert (
        found.fingerprint
        == f"sha256:{hashlib.sha256((tmp_path / 'rows.csv').read_bytes()).hexdigest()}"
    )


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators_are_found(tmp_path: Path, separator: str) -> None:
    """Semicolons, tabs and bars are found, also with a byte order mark, spaces and the line ends of Windows."""
    text = "\ufeffsize, colour,answer\r\n0.5 ,green,yes\r\n-1,red, no\r\n".replace(
        ",", separator
    )
    (tmp_path / "rows.csv").write_bytes(text.encode())
    assert read_labelled(tmp_path / "rows.csv", CARD, label=None).rows == ROWS


def test_parquet_is_read_as_csv_is(tmp_path: Path) -> None:
    """Parquet's numbers stay numbers, and its labels are the names of classes."""
    frame = pl.DataFrame(
        {"size": [0.5, -1.0], "colour": ["green", "red"], "answer": ["yes", "no"]}
    )
    frame.write_parquet(tmp_path / "rows.parquet")
    found = read_labelled(tmp_path / "rows.parquet", CARD, label="answer")
    assert (found.rows, found.truth.tolist(), found.places) == (
        ROWS,
        [1, 0],
        ["row 1", "row 2"],
    )


def test_a_table_without_polars_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Serving does not need polars, so that it may be missing where the evaluation is tried."""
    monkeypatch.delitem(sys.modules, "tables.reader", raising=False)
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(EvaluationError) as error:
        read(tmp_path, "size,colour,answer\n0.5,green,yes\n")

    assert (
        str(error.value)
        == "rows.csv: tables need polars: make install in a clone, or pip install 'veredicto[evaluate]'"
    )


def test_further_columns_are_passed_over_where_the_label_is_named(
    tmp_path: Path,
) -> None:
    """A note says which columns models pass over."""
    found = read(tmp_path, "id,size,colour,answer\n7,0.5,green,yes\n", label="answer")
    assert found.notes == [
        "columns that are no features are passed over by models, and part the rows: id"
    ]


def test_a_missing_value_that_is_imputed_is_none(tmp_path: Path) -> None:
    """A missing value is None, as a request has it."""
    features = (
        Feature(name="size", type="number", imputed=0.5),
        Feature(name="age", type="number"),
    )
    card = tiny_card(input=FeatureInput(features=features, example=(1.0, 1.0)))
    path = write(tmp_path / "rows.csv", "size,age,answer\nNA,1,yes\n")
    assert read_labelled(path, card, label=None).rows == [{"size": None, "age": 1.0}]


@pytest.mark.parametrize(
    ("text", "label", "expected"),
    [
        (
            "",
            None,
            "rows.csv: expected a line of names and at least one row, got no row",
        ),
        (
            "size,colour,answer\n",
            None,
            "rows.csv: expected a line of names and at least one row, got no row",
        ),
        (
            "size,size,answer\n1,2,yes\n",
            None,
            "rows.csv: expected columns of different names, got 'size' more than once",
        ),
        (
            "size,colour,answer\n1,green\n",
            None,
            "rows.csv, line 2: expected 3 values, one for each column of the first line, got 2",
        ),
        (
            "size,answer\n1,yes\n",
            None,
            "rows.csv: expected a column for each feature, missing: 'colour'",
        ),
        (
            "Size,COLOUR,answer\n1,green,yes\n",
            None,
            "rows.csv: expected a column for each feature, missing: 'size', 'colour'; capitals count, and it has "
            "'Size'",
        ),
        (
            "size~colour~answer\n1~green~yes\n",
            None,
            "rows.csv: expected a column for each feature, missing: 'size', 'colour'; its one column is "
            "'size~colour~answer': a comma, semicolon, tab or bar parts values",
        ),
        (
            "size,colour\n1,green\n",
            None,
            "rows.csv: expected --label COLUMN, none was named; columns that are no features: none",
        ),
        (
            "size,colour,answer,id\n1,green,yes,1\n",
            None,
            "rows.csv: expected --label COLUMN, none was named; columns that are no features: 'answer', 'id'",
        ),
        (
            "size,colour,answer\n1,green,yes\n",
            "anwser",
            "rows.csv: expected --label COLUMN, got 'anwser'; columns that are no features: 'answer'",
        ),
        (
            "size,colour,answer\n1,green,yes\n2,red,maybe\n",
            None,
            "rows.csv, line 3: column 'answer' expects a class of colour, got 'maybe'; classes: no, yes",
        ),
        (
            "size,colour,answer\n1,pink,yes\n",
            None,
            "rows.csv, line 2: feature 'colour' expects one of red, green, blue, got 'pink'",
        ),
        (
            "size,colour,answer\nbig,red,yes\n",
            None,
            "rows.csv, line 2: feature 'size' expects a number, got 'big'",
        ),
        (
            "size,colour,answer\ninf,red,yes\n",
            None,
            "rows.csv, line 2: feature 'size' expects a finite number, got 'inf'",
        ),
        (
            "size,colour,answer\n,red,yes\n",
            None,
            "rows.csv, line 2: feature 'size' is missing; these models were not taught to do without",
        ),
    ],
)
def test_what_cannot_be_judged_on_is_said(
    tmp_path: Path, text: str, label: str | None, expected: str
) -> None:
    """The error says what was expected, what came, where, and what would work."""
    with pytest.raises(EvaluationError) as error:
        read(tmp_path, text, label)
    assert str(error.value) == expected


def test_rows_that_cannot_be_asked_are_set_aside(tmp_path: Path) -> None:
    """A row with an unknown category or a missing value is left out, and counted with the first reason."""
    data = read(
        tmp_path, "size,colour,answer\n1,red,yes\n2,pink,no\n3,green,no\n,red,no\n"
    )
    assert data.places == ["line 2", "line 4"]
    assert data.truth.tolist() == [1, 0]
    assert data.notes == [
        "rows that the models cannot be asked are set aside: 2; the first is rows.csv, line 3: "
        "feature 'colour' expects one of red, green, blue, got 'pink'"
    ]


def test_bytes_that_are_no_text_are_said_so(tmp_path: Path) -> None:
    """The error names the place of the first such byte."""
    (tmp_path / "rows.csv").write_bytes(b"size,colour\n\x00\xfe")
    with pytest.raises(
        EvaluationError,
        match=r"^rows\.csv: expected CSV in UTF-8, got bytes that are not, at 12$",
    ):
        read_labelled(tmp_path / "rows.csv", CARD, label=None)


def test_a_folder_of_images_becomes_files_and_truth(tmp_path: Path) -> None:
    """The files are in the order of their names; hidden files and other endings are passed over."""
    folder = write_images(tmp_path / "photos", per_class=2)
    (folder / "red" / "notes.txt").write_text("no image")
    (folder / "red" / ".hidden.jpg").write_text("no image")
    found = read_labelled(folder, image_card(), label=None)
    expected = [
        "blue/00.jpg",
        "blue/01.jpg",
        "green/00.jpg",
        "green/01.jpg",
        "red/00.jpg",
        "red/01.jpg",
    ]
    assert found.places == expected
    assert [COLOURS[each] for each in found.truth] == [
        place.partition("/")[0] for place in found.places
    ]
    assert found.batch(4, 5)[0].content == (folder / "red" / "00.jpg").read_bytes()
    assert found.notes == [
        "1 files whose ending is none of .jpg, .jpeg, .jfif, .png, .webp, .bmp, .gif are passed over"
    ]


def test_folders_around_and_within_classes_do_not_count(tmp_path: Path) -> None:
    """Judging takes what training does: a folder around the classes, folders within one, and links to nothing."""
    plain = read_labelled(write_images(tmp_path / "plain"), image_card(), label=None)
    folder = write_images(tmp_path / "photos")
    (folder / "red" / "2023").mkdir()
    (folder / "red" / "00.jpg").rename(folder / "red" / "2023" / "00.jpg")
    (folder / "red" / "gone.jpg").symlink_to(tmp_path / "nothing.jpg")
    (tmp_path / "around" / "test").mkdir(parents=True)
    folder.rename(tmp_path / "around" / "test" / "hues")

    found = read_labelled(tmp_path / "around", image_card(), label=None)

    assert sorted(found.truth.tolist()) == sorted(plain.truth.tolist())
    assert "test/hues/red/2023/00.jpg" in found.places


def test_a_computers_own_folders_are_no_images(tmp_path: Path) -> None:
    """The small copies that Synology and macOS keep beside images are judged no more than they are learnt."""
    folder = write_images(tmp_path / "photos", per_class=1)
    for kept in ("@eaDir/00.jpg", "__MACOSX"):
        (folder / "red" / kept).mkdir(parents=True)
        copy = folder / "red" / kept / "SYNOPHOTO_THUMB_M.jpg"
        copy.write_bytes((folder / "red" / "00.jpg").read_bytes())

    found = read_labelled(folder, image_card(), label=None)
    assert found.places == ["blue/00.jpg", "green/00.jpg", "red/00.jpg"]


def test_a_class_is_known_however_its_accents_are_written(tmp_path: Path) -> None:
    """A folder as macOS names it is the class that was learnt under the name that other systems give it."""
    (tmp_path / "Ma\u0301laga").mkdir()
    (tmp_path / "Ma\u0301laga" / "1.png").write_bytes(b"image")
    assert list_images(tmp_path, ["M\u00e1laga", "Roma"]).classes == ["M\u00e1laga"]
    assert list_images(tmp_path, ["Ma\u0301laga"]).classes == ["Ma\u0301laga"]


def test_an_encoding_that_was_assumed_is_noted(tmp_path: Path) -> None:
    """A judged table is noted with what its bytes were taken for, from a file and by the server, as in training."""
    content = "size,colour,answer,town\n1,red,yes,León\n".encode("cp1252")
    (tmp_path / "rows.csv").write_bytes(content)
    here = read_labelled(tmp_path / "rows.csv", CARD, label="answer")
    limits = TableLimits(max_rows=10, max_bytes=1000)
    served = read_labelled_csv(
        content, CARD, source="rows.csv", limits=limits, label="answer", learnt=NOTHING
    )

    assert here.notes[0] == (
        "what is no UTF-8 in it was read as Windows-1252, the encoding of Western Europe, as 'León': save the file as "
        "UTF-8 if it does not say that"
    )
    assert served.notes[0] == here.notes[0]


def test_the_fingerprint_of_a_folder_is_of_names_and_contents(tmp_path: Path) -> None:
    """Another image gives another fingerprint; the folder's own name does not count."""
    first = read_labelled(
        write_images(tmp_path / "one"), image_card(), label=None
    ).fingerprint
    folder = write_images(tmp_path / "two")
    assert read_labelled(folder, image_card(), label=None).fingerprint == first
    (folder / "red" / "00.jpg").write_bytes((folder / "blue" / "00.jpg").read_bytes())
    assert read_labelled(folder, image_card(), label=None).fingerprint != first


def test_a_folder_of_no_class_and_a_folder_without_images_are_said_so(
    tmp_path: Path,
) -> None:
    """The error lists the classes that would work."""
    folder = write_images(tmp_path / "photos", per_class=1)
    (folder / "red").rename(folder / "rouge")
    with pytest.raises(EvaluationError) as error:
        read_labelled(folder, image_card(), label=None)

    assert str(error.value) == (
        "photos: the folder expects a class of hue, got 'rouge'; classes: red, green, blue"
    )
    (tmp_path / "nothing").mkdir()

    with pytest.raises(
        EvaluationError,
        match=r"^nothing: expected a folder of images for each class of hue, got no image$",
    ):
        read_labelled(tmp_path / "nothing", image_card(), label=None)


def test_rows_and_images_are_not_mistaken_for_one_another(tmp_path: Path) -> None:
    """A folder for a task of rows, a file for a task of images and a missing path are refused."""
    with pytest.raises(
        EvaluationError, match=r"colour takes a table, CSV or Parquet, got a folder$"
    ):
        read_labelled(tmp_path, CARD, label=None)

    with pytest.raises(
        EvaluationError,
        match=r"hue takes a folder with a folder of images for each class, got a file$",
    ):
        read_labelled(write(tmp_path / "rows.csv", ""), image_card(), label=None)

    with pytest.raises(EvaluationError, match=r"there is no such file or folder$"):
        read_labelled(tmp_path / "nowhere", CARD, label=None)


def image_card() -> Card:
    check = SelfCheck(
        input=((((255, 0, 0), (255, 0, 0)),),),
        output={"label": (0,), "probabilities": ((1.0, 0.0, 0.0),)},
    )
    return tiny_card(
        task="hue",
        input=ImageInput(height=16, width=16),
        classes=COLOURS,
        self_check=check,
    )


def test_truth_is_an_index_of_each_class(tmp_path: Path) -> None:
    """Truth has the type int64, as everywhere."""
    assert read(tmp_path, "size,colour,answer\n1,red,no\n").truth.dtype == np.int64
