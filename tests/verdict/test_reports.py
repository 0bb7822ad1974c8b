"""Ten reports are read as a statistician would read them aloud: no sentence says more than is shown."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest
from statsmodels.stats.multitest import multipletests

from evaluation import evidence
from tests.support.made_predictions import make_predictions
from verdict.grouping import find_groups
from verdict.predictions import Predictions

SEVERAL = {"first": 0.95, "second": 0.93, "third": 0.8}


def give_one_class(trial: Predictions) -> Predictions:
    """Returns the same rows as if all were of the first class."""
    answers = [
        replace(each, label=(each.label != trial.truth).astype(np.int64))
        for each in trial.answers
    ]
    return replace(trial, truth=np.zeros_like(trial.truth), answers=answers)


def give_few_of_a_class(trial: Predictions) -> Predictions:
    """Returns rows of which 97 % are of one class, and models that are right on fewer."""
    truth = (np.arange(len(trial.truth)) % 33 == 0).astype(np.int64)
    answers = [
        replace(each, label=np.where(each.label == trial.truth, truth, 1 - truth))
        for each in trial.answers
    ]
    return replace(trial, truth=truth, answers=answers)


def repeat(trial: Predictions, n_times: int) -> Predictions:
    """Returns each row so often, in groups of equal rows."""
    places = np.tile(np.arange(len(trial.truth)), n_times)
    answers = [
        replace(
            each, label=each.label[places], probabilities=each.probabilities[places]
        )
        for each in trial.answers
    ]
    return replace(
        trial,
        truth=trial.truth[places],
        answers=answers,
        places=[f"line {row + 2}" for row in range(len(places))],
        grouping=find_groups([(int(each),) for each in places]),
    )


REPORTS = {
    "several": make_predictions(SEVERAL, n_rows=360),
    "three classes": make_predictions(SEVERAL, n_rows=360, classes=("a", "b", "c")),
    "equal": make_predictions(
        {f"m{each}": 0.9 for each in range(8)}, n_rows=114, seed=3
    ),
    "one class": give_one_class(make_predictions(SEVERAL, n_rows=60)),
    "one model": make_predictions({"alone": 0.9}, n_rows=114),
    "perfect": make_predictions({"perfect": 1.0, "other": 0.9}, n_rows=36),
    "repeated": repeat(make_predictions({"one": 0.95, "other": 0.85}, n_rows=10), 15),
    "learnt": replace(make_predictions(SEVERAL, n_rows=114), n_learnt=455),
    "many": make_predictions(SEVERAL, n_rows=10_000),
    "unbalanced": give_few_of_a_class(make_predictions(SEVERAL, n_rows=594)),
}


@cache
def read(name: str) -> dict[str, Any]:
    concluded = evidence.conclude(REPORTS[name], risk=0.02, gates=[])
    return concluded | {
        "text": " ".join(
            [concluded["verdict"]["headline"], *concluded["verdict"]["findings"]]
        )
    }


def find_shown(trial: Predictions) -> set[tuple[str, str]]:
    """Returns who is better than whom by the exact test of SciPy and Holm's correction of statsmodels."""
    names = [each.family for each in trial.answers]
    pairs, p_values = [], []
    for first in range(len(names)):
        for second in range(first):
            only_first = int((trial.hits[:, first] & ~trial.hits[:, second]).sum())
            only_second = int((~trial.hits[:, first] & trial.hits[:, second]).sum())
            better = (first, second) if only_first > only_second else (second, first)
            pairs.append((names[better[0]], names[better[1]]))
            n_apart = only_first + only_second
            p_values.append(binomtest(only_first, n_apart).pvalue if n_apart else 1.0)

    shown = multipletests(p_values, method="holm")[0] if pairs else []
    return {pair for pair, is_shown in zip(pairs, shown, strict=True) if is_shown}


@pytest.mark.parametrize("name", [each for each in REPORTS if each != "repeated"])
def test_who_is_called_better_is_shown_to_be(name: str) -> None:
    """Every sentence "A is better than B" has a test behind it, and each that is shown of the leader has a sentence."""
    found = read(name)
    said = set(
        re.findall(r"(?<=[.] )(\w+) is better than (\w+): right on", found["text"])
    )
    leader = found["numbers"]["leader"].removeprefix("task-")
    assert said == {each for each in find_shown(REPORTS[name]) if each[0] == leader}


@pytest.mark.parametrize("name", REPORTS)
def test_what_is_chosen_here_is_said_to_be(name: str) -> None:
    """Interval and promise of the leader are of the best of all models, if there are several."""
    found = read(name)
    n_models = len(found["numbers"]["models"])
    headline = found["verdict"]["headline"]
    assert (f"(95 %, as the best of {n_models} here: " in headline) == (n_models > 1)
    assert ("(95 %: " in headline) == (n_models == 1)
    if "It can be promised" in found["text"] and n_models > 1:
        assert f"95 % confidence for all {n_models} models together" in found["text"]


@pytest.mark.parametrize("name", REPORTS)
def test_the_condition_and_the_baseline_are_always_said(name: str) -> None:
    """Each report says what holds only of unlearnt rows, and what always saying the commonest class would give."""
    found = read(name)
    assert "only if no model has learnt from them" in found["text"]
    assert "always is right on" in found["text"]
    for words in (
        "probability that",
        "significant",
        "equally good",
        "proves",
        " alike",
    ):
        assert words not in found["text"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "one class",
            "All rows are 'no', so that errors on other classes are not seen.",
        ),
        ("one model", "It is the only classifier of task"),
        ("repeated", "equal rows belong together, in 10 groups"),
        ("unbalanced", "always is right on 97.0 %, more often than any model here."),
        ("equal", "Any of them may be the best."),
        ("perfect", "perfect"),
    ],
)
def test_the_odd_cases_have_their_sentence(name: str, words: str) -> None:
    """A report says what makes it odd."""
    assert words in read(name)["text"]


def test_learnt_rows_come_first() -> None:
    """The number of rows that were left out is the first thing that is said."""
    assert read("learnt")["verdict"]["headline"].startswith(
        "Models were learnt from 455 of 569 rows, which are left out; "
    )


def test_repeated_rows_are_as_few_as_they_are() -> None:
    """Fifteen copies of ten rows leave the interval at least as wide as ten rows have it."""
    low, high = read("repeated")["numbers"]["leader_accuracy"]["interval"]
    alone = evidence.conclude(
        make_predictions({"one": 0.95, "other": 0.85}, n_rows=10), risk=0.02, gates=[]
    )["numbers"]["leader_accuracy"]["interval"]
    assert high - low >= alone[1] - alone[0] - 0.02


def test_a_perfect_model_is_not_said_to_be_never_wrong() -> None:
    """All of 36 rows right leaves room for some wrong ones."""
    low, _ = read("perfect")["numbers"]["leader_accuracy"]["interval"]
    assert low < 0.904
