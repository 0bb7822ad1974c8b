"""Parts of the rows are found in columns, and a leader that is worse in one of them is named, and seldom by chance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evaluation import evidence, verification
from evaluation.labelled_data import read_labelled
from service.errors import EvaluationError
from tests.support.made_predictions import make_predictions
from tests.support.tiny_models import tiny_card
from verdict.predictions import Predictions
from verdict.slice_tests import judge_slices
from verdict.slicing import Slicing, slice_columns


def part(n_rows: int, n_parts: int) -> Slicing:
    """Returns parts of equally many rows."""
    return Slicing(
        name="region",
        parts=[f"r{each}" for each in range(n_parts)],
        part_of=np.arange(n_rows) % n_parts,
    )


def spoil(predictions: Predictions, inside: np.ndarray) -> Predictions:
    """Returns predictions whose first model is always wrong inside, and always right elsewhere."""
    first = predictions.answers[0]
    label = np.where(inside, 1 - predictions.truth, predictions.truth)
    return replace(
        predictions, answers=[replace(first, label=label), *predictions.answers[1:]]
    )


def test_numbers_have_quarters_where_rows_are_enough() -> None:
    """Numbers of 120 rows and more have quarters, of 114 rows thirds, and of fewer halves."""
    for n_rows, n_parts in ((120, 4), (114, 3), (40, 2)):
        (found,) = slice_columns({"size": [float(each) for each in range(n_rows)]})
        assert np.bincount(found.part_of).min() >= n_rows // n_parts
        assert len(found.parts) == n_parts


def test_numbers_and_names_have_parts() -> None:
    """Equal numbers stay together, few distinct numbers are names, and what is missing is a part of its own."""
    found = slice_columns(
        {
            "size": [1.0, 2.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, None],
            "doors": [3.0, 5.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0],
            "name": [f"n{each}" for each in range(9)],
            "place": ["here", None, *["there"] * 7],
            "constant": ["x"] * 9,
            "top": [0.0, 1.0, 2.0, 3.0, 4.0, 9.0, 9.0, 9.0, 9.0],
        }
    )
    told = {each.name: (each.parts, each.part_of.tolist()) for each in found}
    assert set(told) == {"size", "doors", "name", "place", "top"}
    assert told["size"] == (
        ["up to 3", "over 3", "missing"],
        [0, 0, 0, 0, 1, 1, 1, 1, 2],
    )
    assert told["doors"][0] == ["3", "5"]
    assert told["place"] == (["here", "missing", "there"], [0, 1, *[2] * 7])
    assert told["top"][0][-1] == "over 4"
    assert slice_columns({"id": [f"n{each}" for each in range(21)]}) == []


def test_a_table_is_parted_by_features_and_further_columns(tmp_path: Path) -> None:
    """Features and columns that are none part the rows, and labels and groups do not."""
    path = tmp_path / "rows.csv"
    lines = [
        f"{row},{('red', 'green')[row % 2]},s{row % 3},g{row},yes" for row in range(12)
    ]
    path.write_text("\n".join(["size,colour,site,who,answer", *lines]))
    found = read_labelled(path, tiny_card(), label="answer", group="who").slicings
    assert [each.name for each in found] == ["size", "colour", "site"]


def test_where_the_leader_is_worse_is_found() -> None:
    """A leader that is always wrong in one of eight regions is named there, in numbers and in words."""
    predictions = make_predictions({"first": 0.9, "other": 0.8}, n_rows=800)
    slicing = part(800, 8)
    predictions = spoil(predictions, slicing.part_of == 3)
    predictions = replace(predictions, slicings=[slicing, part(800, 5)])
    found = judge_slices(predictions, "task-first")
    assert (found["parts"], found["tests"]) == (15, 15)
    assert found["n_worse"] == 1
    (worse,) = found["worse"]
    assert (worse["part"], worse["rows"], worse["accuracy"]) == ("r3", 100, 0.0)
    words = evidence.conclude(predictions, risk=0.01, gates=[])["verdict"]["findings"]
    assert any(
        each.startswith("first is worse than other where region is 'r3' (0.0 % against")
        for each in words
    )


def test_parts_with_few_rows_are_not_looked_at() -> None:
    """Parts of fewer than thirty rows, and a part that is all rows, are no parts to look at."""
    predictions = make_predictions({"one": 0.9, "other": 0.8}, n_rows=100)
    whole = Slicing(name="all", parts=["all"], part_of=np.zeros(100, np.int64))
    few = replace(
        predictions,
        truth=np.zeros(100, np.int64),
        slicings=[part(100, 4), whole],
    )
    assert judge_slices(few, "task-one")["parts"] == 0


@pytest.mark.parametrize(
    ("n_samples", "error"),
    [(60, 0.06), pytest.param(600, 0.02, marks=pytest.mark.long)],
)
def test_of_equal_models_seldom_one_is_called_worse(
    n_samples: int, error: float
) -> None:
    """The leader is worse in any part in at most a tenth of samples of equal models, and the error of so many."""
    alarms = 0
    for seed in range(n_samples):
        predictions = make_predictions(
            {"one": 0.85, "other": 0.85}, n_rows=400, seed=seed
        )
        accuracies = predictions.hits.mean(axis=0)
        leader = predictions.answers[int(accuracies.argmax())].model
        predictions = replace(
            predictions, slicings=[part(400, each) for each in (3, 4, 5, 7)]
        )
        alarms += judge_slices(predictions, leader)["n_worse"] > 0

    assert alarms / n_samples <= 0.1 + error


def test_evidence_of_parts_is_verified() -> None:
    """Evidence keeps the parts of rows; other parts are found by the numbers, and impossible ones refused."""
    predictions = make_predictions({"first": 0.9, "other": 0.8}, n_rows=400)
    slicing = part(400, 4)
    predictions = replace(spoil(predictions, slicing.part_of == 1), slicings=[slicing])
    found = evidence.gather(predictions, risk=0.05, gates=[], software={})
    assert verification.verify(found) == []
    stored = found["data"]["slicings"][0]["part_of"]
    stored[:100] = [0] * 100
    assert verification.verify(found)
    stored[0] = 4
    with pytest.raises(EvaluationError, match="expected a part for each of 400 rows"):
        verification.verify(found)
