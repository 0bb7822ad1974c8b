"""Held-out rows are given with their truth where a table beside the models has the rows that their files answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_card import Feature, FeatureInput
from row_records import HeldOut, fingerprint_held_out, hash_rows, write_held_out
from service.calls.examples import MAX_EXAMPLES, Examples
from service.errors import InvalidRequest
from service.models.registry import Registry
from tests.support.server import Server
from tests.support.tiny_models import tiny_card, write_tiny

TABLE = "size,colour,class\n0.25,red,yes\n-1,green,no\n0.5,blue,yes\n0.1,red,no\n"
ROWS = np.array([[0.25, 0], [-1, 1], [0.5, 2], [0.1, 0]], dtype=np.float32)
TRUTH = np.array([1, 0, 1, 0])


def keep(labels: list[int]) -> dict[str, str]:
    """Returns the record of a model that gave these labels to the rows of the table."""
    given = np.array(labels)
    record = HeldOut(
        rows=fingerprint_held_out(hash_rows(ROWS), TRUTH),
        truth=TRUTH,
        labels=given,
        probabilities=np.where(np.eye(2)[given] == 1, 0.9, 0.1),
    )
    return write_held_out(record)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three models, which disagree on the first and the last row, and the table of their rows."""
    for family, labels in (
        ("first", [1, 0, 1, 0]),
        ("second", [0, 0, 1, 0]),
        ("third", [1, 0, 1, 1]),
    ):
        write_tiny(tmp_path, tiny_card(family=family), records=keep(labels))
    (tmp_path / "colour.held_out.csv").write_text(TABLE)
    return tmp_path


def give(folder: Path, **options: str) -> Any:
    return Examples(folder).select(Registry.load(folder).task("colour"), **options)


def test_rows_come_with_their_truth_and_what_the_files_say(folder: Path) -> None:
    """Inputs and labels are as /compare takes them, in the order of the table."""
    assert give(folder, n="2") == {
        "task": "colour",
        "classes": ["no", "yes"],
        "held_out": 4,
        "hard": 2,
        "rows": [0, 1],
        "inputs": [[0.25, "red"], [-1.0, "green"]],
        "labels": ["yes", "no"],
        "predictions": {
            "colour-first": ["yes", "no"],
            "colour-second": ["no", "no"],
            "colour-third": ["yes", "no"],
        },
    }


def test_hard_rows_are_those_on_which_the_models_disagree(folder: Path) -> None:
    """The rows that all models give one class are left out."""
    assert give(folder, hard="1")["rows"] == [0, 3]
    assert give(folder, hard="0")["rows"] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"n": "0"}, f"n: expected a whole number from 1 to {MAX_EXAMPLES}, got '0'"),
        ({"n": "-1"}, f"n: expected a whole number from 1 to {MAX_EXAMPLES}, got '-1'"),
        ({"n": "²"}, f"n: expected a whole number from 1 to {MAX_EXAMPLES}, got '²'"),
        ({"hard": "yes"}, "hard: expected 0 or 1, got 'yes'"),
    ],
)
def test_other_words_are_refused(
    folder: Path, options: dict[str, str], error: str
) -> None:
    """The error says what is taken."""
    with pytest.raises(InvalidRequest) as caught:
        give(folder, **options)
    assert str(caught.value) == error


def test_a_task_without_a_table_has_no_examples_and_says_why(folder: Path) -> None:
    """The answer is no error, since most people's own tasks have none."""
    (folder / "colour.held_out.csv").unlink()
    examples, models = Examples(folder), Registry.load(folder).task("colour")
    found = examples.select(models)
    assert (found["held_out"], found["inputs"]) == (0, [])
    assert (
        found.get("reason")
        == "the folder of models has no colour.held_out.csv; a training with --examples writes it"
    )

    (folder / "colour.held_out.csv").write_text(TABLE)
    assert examples.select(models)["held_out"] == 4


def test_other_rows_are_not_taken_for_held_out_ones(folder: Path) -> None:
    """One changed value is enough, and so is another order."""
    lines = TABLE.splitlines()
    for other in (TABLE.replace("0.25", "0.26"), "\n".join([lines[0], *lines[:0:-1]])):
        (folder / "colour.held_out.csv").write_text(other)
        with pytest.raises(InvalidRequest, match="its rows are not the held-out rows"):
            give(folder)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "expected the columns size, colour, and the class last"),
        (TABLE.replace("size", "width"), "expected the columns size, colour"),
        (TABLE.replace(",no", ",maybe"), "line 3: expected 2 values and a class of"),
        (TABLE.replace("-1", "minus one"), "could not convert string to float"),
        (TABLE.replace("red", "r\0d"), "cannot be read|expects one of"),
        (TABLE.replace("-1", "nan"), "'size'"),
    ],
)
def test_a_broken_table_is_told_of(folder: Path, text: str, error: str) -> None:
    """The error names the file or the value, and no path."""
    (folder / "colour.held_out.csv").write_text(text)
    with pytest.raises(InvalidRequest, match=error) as caught:
        give(folder)
    assert str(folder) not in str(caught.value)


def test_a_missing_value_is_none(tmp_path: Path) -> None:
    """An empty cell is a value that was missing, where the card says what stands for it."""
    card = tiny_card(
        input=FeatureInput(
            features=(
                Feature(name="size", type="number", range=(-1.0, 1.0), imputed=0.0),
                Feature(
                    name="colour", type="category", values=("red", "green", "blue")
                ),
            ),
            example=(0.5, "green"),
        )
    )
    rows = np.array([[np.nan, 0]], dtype=np.float32)
    record = HeldOut(
        rows=fingerprint_held_out(hash_rows(rows), np.array([1])),
        truth=np.array([1]),
        labels=np.array([1]),
        probabilities=np.array([[0.1, 0.9]]),
    )
    write_tiny(tmp_path, card, records=write_held_out(record))
    (tmp_path / "colour.held_out.csv").write_text("size,colour,class\n,red,yes\n")

    assert give(tmp_path)["inputs"] == [[None, "red"]]


def test_examples_of_shipped_models_can_be_compared_as_they_come(
    server: Server,
) -> None:
    """The classifiers that run give the labels that their files keep, and the errors of the query are sentences."""
    examples = server.client.get("/tasks/digits/examples?n=20&hard=1").json()
    request = {key: examples[key] for key in ("task", "inputs", "labels")}
    compared = server.post("/compare", request).json()
    found = {each["model"]: each["predictions"] for each in compared["models"]}

    assert found == examples["predictions"]
    assert all(len(set(labels)) > 1 for labels in zip(*found.values(), strict=True))
    error = server.client.get("/tasks/digits/examples?seed=1")
    assert error.status_code == 400
    assert error.json() == {
        "error": "query: unknown field 'seed'; known fields: hard, n"
    }
    assert server.client.get("/tasks/nothing/examples").status_code == 404
