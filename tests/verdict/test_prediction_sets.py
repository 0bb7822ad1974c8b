"""Prediction sets hold the truth as often as is wanted on rows that no threshold saw, and are compared by size."""

from __future__ import annotations

import numpy as np
import pytest

from stats.losses.costs import find_folds
from stats.losses.set_sizes import cross_sets
from tests.support.made_predictions import make_predictions
from tests.support.mapie_sets import find_members
from verdict.prediction_sets import judge_sets, tell_sets


def draw(n_rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Returns calibrated probabilities of five classes, and the truth."""
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.full(5, 0.3), size=n_rows)
    truth = np.array([generator.choice(5, p=each) for each in probabilities])
    return probabilities, truth


def test_sets_hold_the_truth_as_often_as_is_wanted() -> None:
    """Sets of 90 % hold the truth on 90 to 92 % of rows, on the mean of 40 samples of 200 rows."""
    held = []
    for seed in range(40):
        sets = cross_sets(*draw(200, seed), coverage=0.9, groups=None)
        assert sets is not None
        held.append(sets.covered.mean())

    assert 0.89 <= np.mean(held) <= 0.925


def test_a_set_has_the_classes_from_the_threshold_of_the_other_folds_on() -> None:
    """Sizes follow from the order statistic of the other folds that split conformal prediction takes, by hand."""
    probabilities, truth = draw(100)
    sets = cross_sets(probabilities, truth, coverage=0.9, groups=None)
    assert sets is not None
    folds = find_folds(100, None)
    inside = folds == 3
    others = np.sort(probabilities[~inside, truth[~inside]])
    rank = int(np.floor(0.1 * (len(others) + 1)))
    sizes = (probabilities[inside] >= others[rank - 1]).sum(axis=1)

    assert sets.sizes[inside].tolist() == np.maximum(sizes, 1).tolist()


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_each_folds_sets_are_mapies(coverage: float) -> None:
    """Sizes and hits of each fold are those of MAPIE's split conformal classifier, calibrated on the other folds."""
    probabilities, truth = draw(150)
    sets = cross_sets(probabilities, truth, coverage=coverage, groups=None)
    assert sets is not None
    folds = find_folds(150, None)

    for fold in range(5):
        inside = folds == fold
        asked = probabilities[inside]
        members = find_members(
            probabilities[~inside], truth[~inside], asked, coverage=coverage
        )
        members[np.arange(len(asked)), asked.argmax(axis=1)] = True
        covered = members[np.arange(len(asked)), truth[inside]]
        assert sets.sizes[inside].tolist() == members.sum(axis=1).tolist()
        assert sets.covered[inside].tolist() == covered.tolist()


def test_too_few_rows_have_no_sets_and_words() -> None:
    """Ten rows have no threshold that can promise 95 %, and the words say that there are too few."""
    numbers = judge_sets(make_predictions({"one": 0.9, "two": 0.8}, n_rows=10))
    assert (numbers["models"], numbers["smallest"]) == ([], None)
    assert tell_sets(numbers, "task") == (
        "These rows are too few to compare prediction sets that hold the truth with 95 %."
    )


def test_the_model_that_knows_more_has_the_smaller_sets() -> None:
    """The better of two models has the smaller sets, which is shown, and both hold the truth about as often."""
    trial = make_predictions(
        {"one": 0.97, "two": 0.6}, n_rows=400, classes=("a", "b", "c")
    )
    numbers = judge_sets(trial)

    assert numbers["smallest"] == "task-one"
    assert numbers["pairs"][0]["verdict"] == "a"
    assert numbers["may_be_smallest"] == ["task-one"]
    for each in numbers["models"]:
        assert each["covered"]["value"] == pytest.approx(0.95, abs=0.04)
    said = tell_sets(numbers, "task")
    assert said.startswith(
        "Of prediction sets made to hold the truth with 95 %, those of one"
    )
    assert said.endswith("Shown to be larger are those of two.")


def test_sets_that_nobodys_are_shown_to_exceed_are_not_called_smallest() -> None:
    """The words of equal sets, and of one model's alone, say their size and no more."""
    trial = make_predictions({"one": 1.0, "two": 1.0}, n_rows=100)
    said = tell_sets(judge_sets(trial), "task")
    assert said.endswith("Nobody's are shown to be larger.")
    assert "smallest" not in said

    alone = tell_sets(judge_sets(make_predictions({"one": 1.0}, n_rows=100)), "task")
    assert alone.startswith("one's prediction sets, made to hold the truth with 95 %")
    assert "larger" not in alone
