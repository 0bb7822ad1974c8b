"""The labels of few rows give the differences that all labels give, and words that say how few they are."""

from __future__ import annotations

import numpy as np
import pytest

from stats.paired_differences import Pair
from stats.paired_tests import holm, mcnemar
from tests.support.made_predictions import make_predictions
from verdict.few_label_sentences import write_few, write_plan
from verdict.few_labels import UNLABELLED, judge_few
from verdict.words import round_up

TRIAL = make_predictions(
    {"one": 0.95, "two": 0.8, "three": 0.94}, n_rows=500, classes=("a", "b", "c")
)
NAMES = ["task-one", "task-two", "task-three"]


def hide_agreed(n_left: int = 0) -> np.ndarray:
    """Returns the truth of the rows on which models disagree, and of so many others."""
    labels = TRIAL.labels
    truth = TRIAL.truth.copy()
    agreed = np.flatnonzero((labels == labels[:, :1]).all(axis=1))
    truth[agreed[n_left:]] = UNLABELLED
    return truth


def test_labels_of_disagreements_alone_give_the_tests_that_all_labels_give() -> None:
    """Counts, McNemar's p-values, Holm's and differences are those of all 500 labels."""
    numbers = judge_few(TRIAL.labels, hide_agreed(), NAMES, wanted=0.02)
    hits = TRIAL.hits.T
    places = [(0, 1), (0, 2), (1, 2)]
    full = [Pair.of(hits[a], hits[b]) for a, b in places]
    p_values = [mcnemar(hits[a], hits[b])["p_value"] for a, b in places]

    for found, pair, p_value, adjusted in zip(
        numbers["pairs"], full, p_values, holm(p_values), strict=True
    ):
        assert (found["only_a"], found["only_b"]) == (pair.only_a, pair.only_b)
        assert found["p_value"] == pytest.approx(p_value)
        assert found["p_value_holm"] == pytest.approx(adjusted)
        assert found["difference"]["value"] == pytest.approx(pair.difference)

    assert [each["verdict"] for each in numbers["pairs"]] == ["a", "not shown", "b"]


def test_accuracy_is_not_known_without_a_label_of_the_others() -> None:
    """Accuracy needs a labelled row on which all agree, and with some it is about that of all rows."""
    without = judge_few(TRIAL.labels, hide_agreed(), NAMES, wanted=0.02)
    assert without["models"][0]["accuracy"] == {
        "value": None,
        "interval": None,
        "reason": "undefined: no row on which all models agree is labelled",
    }
    found = judge_few(TRIAL.labels, hide_agreed(40), NAMES, wanted=0.02)
    assert found["agree"]["inclusion"] == pytest.approx(40 / found["agree"]["rows"])
    for model, hits in zip(found["models"], TRIAL.hits.T, strict=True):
        low, high = model["accuracy"]["interval"]
        assert low < hits.mean() < high


def test_a_random_part_of_the_labels_gives_a_wider_interval() -> None:
    """The value with half of the disagreements labelled is on the scale of all rows, and its interval is wider."""
    whole = judge_few(TRIAL.labels, hide_agreed(), NAMES, wanted=0.02)
    truth = hide_agreed()
    known = np.flatnonzero(truth != UNLABELLED)
    truth[known[::2]] = UNLABELLED
    half = judge_few(TRIAL.labels, truth, NAMES, wanted=0.02)
    pair, part = whole["pairs"][0], half["pairs"][0]
    only = (part["only_a"] - part["only_b"]) / part["labelled"]

    assert part["disagree"] == pair["disagree"]
    assert part["difference"]["value"] == pytest.approx(only * part["disagree"] / 500)
    assert np.ptp(part["difference"]["interval"]) > np.ptp(
        pair["difference"]["interval"]
    )


def test_rows_of_one_group_count_once() -> None:
    """P-values of rows that are five times over in groups are those of the rows once, and intervals no narrower."""
    truth = hide_agreed()
    once = judge_few(TRIAL.labels, truth, NAMES, wanted=0.02)
    groups = np.repeat(np.arange(500), 5)
    many = judge_few(
        np.repeat(TRIAL.labels, 5, axis=0),
        np.repeat(truth, 5),
        NAMES,
        wanted=0.02,
        groups=groups,
    )

    for first, second in zip(once["pairs"], many["pairs"], strict=True):
        assert second["p_value"] == pytest.approx(first["p_value"])
        narrow, wide = (
            np.ptp(each["difference"]["alone"])
            if "alone" in each["difference"]
            else np.ptp(each["difference"]["interval"])
            for each in (first, second)
        )
        assert wide > 0.95 * narrow


def test_a_plan_says_labels_and_days_before_any_label() -> None:
    """The words of a plan name the share of disagreement, rows, days and labels, for the most divided pair first."""
    nothing = np.full(500, UNLABELLED)
    numbers = judge_few(TRIAL.labels, nothing, NAMES, wanted=0.03, rows_a_day=200)
    said = write_plan(numbers, "task")

    assert said[0].startswith("The 3 classifiers of task do not all say the same on ")
    assert (
        "were one right on 3.0 % more of the rows, 80 % of samples of about " in said[1]
    )
    assert (
        "days of today's traffic would show it, corrected for 3 pairs, with" in said[1]
    )
    assert said[1].endswith(" labels, in place of a label of each of those rows.")
    assert numbers["pairs"][0]["difference"]["value"] is None
    assert numbers["leader"] is None


def test_a_wanted_difference_over_the_disagreement_is_said_to_be_none() -> None:
    """Models that disagree on fewer rows than the wanted difference are said not to be that far apart."""
    nothing = np.full(500, UNLABELLED)
    said = write_plan(judge_few(TRIAL.labels, nothing, NAMES, wanted=0.5), "task")
    assert said[1].endswith(
        "their accuracies are not 50.0 % apart here, whatever the truth is."
    )


def test_the_verdict_says_from_how_many_labels_it_is() -> None:
    """The headline has the leader, who is beaten and who is not, and how many rows of each kind are labelled."""
    numbers = judge_few(TRIAL.labels, hide_agreed(30), NAMES, wanted=0.02)
    said = write_few(numbers, "task")
    divided = numbers["disagree"]["rows"]

    assert said["headline"] == (
        "one leads: it is shown to be better than two, but not shown to be better than three. "
        f"{divided} of {divided} rows on which models disagree are labelled, and 30 of {500 - divided} on which they "
        "agree."
    )
    assert said["findings"][0].startswith("one is better than two: right on ")
    assert said["findings"][1].startswith(
        "one and three cannot be told apart in accuracy"
    )
    assert said["findings"][2].startswith("Accuracies on all rows, each label weighted")


def test_a_verdict_that_is_not_there_yet_says_how_many_more_labels_it_takes() -> None:
    """The labels that are there are taken off the planned ones, and with all of them no more are asked for."""
    numbers = judge_few(TRIAL.labels, hide_agreed(30), NAMES, wanted=0.02)
    open_pair = numbers["pairs"][1]
    assert open_pair["models"] == ["task-one", "task-three"]
    n_labels = open_pair["plan"]["labels"]
    missing = n_labels - open_pair["labelled"]
    assert missing > 0

    said = write_few(numbers, "task")["findings"][1]
    assert said.endswith(
        f" About {round_up(n_labels)} labels of such rows, {round_up(missing)} more than there are, show a difference "
        "of 2.0 % in 80 % of samples."
    )
    open_pair["plan"]["labels"] = open_pair["labelled"]
    assert "more labels" not in write_few(numbers, "task")["findings"][1]


def test_equals_of_few_labels_are_level_in_front() -> None:
    """Two models that are right on as many labelled rows are level, and neither leads."""
    labels = np.array([[0, 1], [1, 0], [0, 0], [0, 1], [1, 0]])
    truth = np.array([0, 0, UNLABELLED, 0, 0])
    numbers = judge_few(labels, truth, NAMES[:2], wanted=0.02)
    said = write_few(numbers, "task")["headline"]
    assert said.startswith(
        "one and two are level in front: one is not shown to be better than two. "
    )


def test_models_that_say_the_same_throughout_are_said_to() -> None:
    """Models that disagree on no row cannot be told apart by any label, before labels and with some."""
    labels = np.zeros((100, 2), dtype=np.int64)
    nothing = np.full(100, UNLABELLED)
    one = nothing.copy()
    one[0] = 1
    same = (
        "All 2 classifiers of task say the same on each of 100 rows, so that no label of these tells one from "
        "another"
    )

    plan = judge_few(labels, nothing, NAMES[:2], wanted=0.02)
    assert write_plan(plan, "task") == [f"{same}."]
    few = judge_few(labels, one, NAMES[:2], wanted=0.02)
    assert write_few(few, "task")["headline"].startswith(f"{same}: 0 of 0 rows")


def test_disagreements_without_a_label_are_not_called_wrong() -> None:
    """Labels of rows on which all agree alone do not tell who is right on the others."""
    labels = np.array([[0, 1], [0, 0]])
    numbers = judge_few(labels, np.array([UNLABELLED, 0]), NAMES[:2], wanted=0.02)
    assert write_few(numbers, "task")["headline"].startswith(
        "No row on which models disagree is labelled, so that none is told to be better: 0 of 1 row "
    )
