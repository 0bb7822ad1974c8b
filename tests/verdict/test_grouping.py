"""Rows that belong together are found in tables and folders, and count as one in everything that follows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evaluation import evidence, verification
from evaluation.classifiers import LocalClassifiers
from evaluation.gate import Gate
from evaluation.labelled_data import read_labelled
from service.errors import EvaluationError
from tests.support.hue_images import write_images
from tests.support.made_predictions import make_predictions
from tests.support.tiny_models import tiny_card, write_image_model
from verdict.analysis import judge
from verdict.grouping import EACH_BY_ITSELF, find_groups
from verdict.predictions import Predictions

CARD = tiny_card()
TRIAL = make_predictions({"worse": 0.8, "better": 0.9}, n_rows=80)
CLAIM = Gate.parse(
    "better better than worse by 0", task="task", models=["task-worse", "task-better"]
)


def repeat(predictions: Predictions, times: int) -> Predictions:
    """Returns each row so many times over, in groups of equal rows."""
    places = np.repeat(np.arange(len(predictions.truth)), times)
    answers = [
        replace(
            answer,
            label=answer.label[places],
            probabilities=answer.probabilities[places],
        )
        for answer in predictions.answers
    ]
    return replace(
        predictions,
        truth=predictions.truth[places],
        answers=answers,
        places=[predictions.places[place] for place in places],
        grouping=find_groups(places.tolist()),
    )


def test_equal_rows_are_a_group() -> None:
    """Equal contents are in one group, and rows that are all different are each by itself."""
    found = find_groups(["x", "y", "x", "z", "y"])
    assert found.groups is not None
    assert found.groups.tolist() == [0, 1, 0, 2, 1]
    assert (found.column, found.n_equal) == (None, 2)
    assert find_groups(["x", "y"]) == EACH_BY_ITSELF
    assert find_groups(["x", "x"], joins_equal=False) == EACH_BY_ITSELF


def test_a_column_and_equal_rows_are_joined() -> None:
    """Rows of one value are in a group, rows without a value by themselves, and equal rows join groups."""
    found = find_groups(
        ["p", "q", "r", "s", "p", "t"],
        column="who",
        values=["ann", "ann", None, None, "bob", "bob"],
    )
    assert found.groups is not None
    assert found.groups.tolist() == [0, 0, 1, 2, 0, 0]
    assert found.n_equal == 1


def test_a_table_has_a_column_of_groups(tmp_path: Path) -> None:
    """The column of groups is no label, may be a feature, and is asked for by its name."""
    path = tmp_path / "rows.csv"
    path.write_text(
        "size,colour,who,answer\n0.5,green,ann,yes\n-1,red,bob,no\n1,red,ann,no\n"
    )
    found = read_labelled(path, CARD, label=None, group="who").grouping
    assert found.groups is not None
    assert (found.column, found.groups.tolist()) == ("who", [0, 1, 0])
    by_colour = read_labelled(path, CARD, label="answer", group="colour").grouping
    assert by_colour.groups is not None
    assert by_colour.groups.tolist() == [0, 1, 1]
    with pytest.raises(EvaluationError, match="--group: expected one of its columns"):
        read_labelled(path, CARD, label="answer", group="whom")


def test_equal_images_of_a_folder_are_a_group(tmp_path: Path) -> None:
    """A copy of an image under another name is in its group, and a folder has no column."""
    write_image_model(tmp_path)
    folder = write_images(tmp_path / "photos", per_class=2, noise=60)
    first = sorted((folder / "green").iterdir())[0]
    (folder / "green" / "copy.jpg").write_bytes(first.read_bytes())
    card = LocalClassifiers(tmp_path, "hue").contenders[0].card
    assert read_labelled(folder, card, label=None).grouping.n_equal == 1
    with pytest.raises(EvaluationError, match="got a folder of images"):
        read_labelled(folder, card, label=None, group="who")


def test_repeated_rows_say_no_more_than_the_rows() -> None:
    """Rows that are there ten times have the p-values of the rows, intervals no narrower, and the same gate."""
    once = judge(TRIAL, risk=0.05)
    repeated = judge(repeat(TRIAL, 10), risk=0.05)
    (pair,) = once["pairs"]
    (again,) = repeated["pairs"]
    assert again["p_value"] == pytest.approx(pair["p_value"], abs=1e-9)
    assert again["verdict"] == pair["verdict"]
    assert (repeated["rows"], repeated["n_groups"]) == (800, 80)

    for before, after in (
        (pair["difference"], again["difference"]),
        *(
            (a["metrics"][name], b["metrics"][name])
            for a, b in zip(once["models"], repeated["models"], strict=True)
            for name in ("accuracy", "macro_f1", "roc_auc")
        ),
    ):
        assert after["value"] == pytest.approx(before["value"])
        width = before["interval"][1] - before["interval"][0]
        assert after["interval"][1] - after["interval"][0] > 0.95 * width

    gate = CLAIM.check(TRIAL)
    blown_up = CLAIM.check(repeat(TRIAL, 10))
    assert blown_up["lower_limit"] <= gate["lower_limit"] + 0.002


def test_evidence_of_groups_is_verified() -> None:
    """Evidence keeps the groups, the verdict says so, and another group of one row is found by its numbers."""
    found = evidence.gather(repeat(TRIAL, 3), risk=0.05, gates=[CLAIM], software={})
    assert verification.verify(found) == []
    assert found["verdict"]["findings"][0] == (
        "160 rows repeat others: equal rows belong together, in 80 groups, and intervals and tests count those."
    )
    assert found["numbers"]["cochran_q"]["reason"] == "undefined: rows belong together"
    found["data"]["grouping"]["groups"] = list(range(240))
    assert verification.verify(found)
    found["data"]["grouping"]["groups"] = [0]
    with pytest.raises(EvaluationError, match="expected a group of each of 240 rows"):
        verification.verify(found)
