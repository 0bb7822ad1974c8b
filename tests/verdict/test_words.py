"""Numbers are written as people read them: as many digits as say something, and no interval without width."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evaluation import evidence
from service.errors import EvaluationError
from tests.support.made_predictions import make_predictions
from verdict.criterion import Criterion
from verdict.grouping import Grouping
from verdict.predictions import Predictions
from verdict.words import percent, show_change, show_interval, show_number, signed

NUMBER = r"[−+]?[\d,]*\.?\d+(?: %)?"
ENDS = ("interval", "alone", "together")
CRITERIA = {
    "accuracy": None,
    "brier": Criterion(metric="brier"),
    "log_loss": Criterion(metric="log_loss"),
    "balanced_accuracy": Criterion(metric="balanced_accuracy"),
    "cost": Criterion(metric="cost", costs=((0.0, 1e-6), (1e6, 0.0)), price_ms=2.0),
}


@pytest.mark.parametrize(
    ("value", "digits", "written"),
    [
        (0.0, 4, "0"),
        (1e-300, 4, "0"),
        (36.043653, 4, "36.04"),
        (0.000017361, 4, "0.00001736"),
        (-0.5, 3, "−0.5"),
        (123456.7, 4, "123,500"),
        (0.99999, 4, "1"),
        (99.996, 4, "100"),
        (1200.0, 4, "1,200"),
    ],
)
def test_numbers_have_their_digits_and_no_power_of_ten(
    value: float, digits: int, written: str
) -> None:
    """A number to some significant digits has no exponent, no trailing zero, and the sign of minus."""
    assert show_number(value, digits) == written


@pytest.mark.parametrize(
    ("gain", "written"),
    [(0.0, "0"), (1e-12, "0"), (0.01234, "+0.0123"), (-12.0, "−12")],
)
def test_a_difference_has_its_sign(gain: float, written: str) -> None:
    """A difference has a plus or a minus, and none where it is nothing but rounding."""
    assert show_change(gain) == written


@pytest.mark.parametrize(
    ("write", "digits", "figures", "written"),
    [
        (
            show_number,
            4,
            (36.0402, 36.0401, 36.0404),
            ("36.0402", "36.0401", "36.0404"),
        ),
        (percent, 1, (0.9995, 0.99946, 0.99954), ("99.95 %", "99.9 %", "99.95 %")),
        (percent, 1, (0.5, 0.4, 0.6), ("50.0 %", "40.0 %", "60.0 %")),
        (signed, 1, (0.00012, 0.00011, 0.00013), ("+0.012 %", "+0.011 %", "+0.013 %")),
        (
            show_change,
            3,
            (0.100002, 0.100001, 0.100003),
            ("+0.1", "+0.100001", "+0.100003"),
        ),
    ],
)
def test_the_ends_of_an_interval_are_told_apart(
    write: Any, digits: int, figures: tuple[float, ...], written: tuple[str, ...]
) -> None:
    """Value and ends have as many digits as it takes to tell the ends apart, and no fewer than are usual."""
    value, *ends = figures
    found = show_interval(value, (ends[0], ends[1]), write, digits)
    assert found[1] != found[2]
    assert found[1:] == written[1:]


def test_ends_that_are_equal_do_not_go_on_for_ever() -> None:
    """Two equal numbers are written as such, since no digit tells them apart."""
    assert show_interval(1.0, (1.0, 1.0), show_number, 4) == ("1", "1", "1")


def answer_all(
    trial: Predictions, labels: np.ndarray, sure: np.ndarray | float
) -> Predictions:
    """Returns the trial in which each model says these labels, each with this probability."""
    probabilities = np.where(
        np.eye(2)[labels] == 1, np.reshape(sure, (-1, 1)), 1 - np.reshape(sure, (-1, 1))
    )
    return replace(
        trial,
        answers=[
            replace(each, label=labels, probabilities=probabilities)
            for each in trial.answers
        ],
    )


def make_odd(kind: str, n_rows: int) -> Predictions:
    """Returns answers that are odd in some way."""
    trial = make_predictions(
        {"one": 0.9, "two": 0.8, "three": 0.7}, n_rows=n_rows, seed=n_rows
    )
    noise = np.random.default_rng(n_rows).random(n_rows)
    if kind == "all wrong":
        return answer_all(trial, 1 - trial.truth, 1 - 1e-12 * (1 + noise / 1000))
    if kind == "all right":
        return answer_all(trial, trial.truth, 1 - 1e-9)
    if kind == "constant":
        return answer_all(trial, np.zeros(n_rows, np.int64), 0.6)
    if kind == "at the floor":
        return answer_all(trial, trial.answers[0].label, 1 - 2.0**-53)
    if kind == "one class":
        hits = [each.label != trial.truth for each in trial.answers]
        answers = [
            replace(each, label=hit.astype(np.int64))
            for each, hit in zip(trial.answers, hits, strict=True)
        ]
        return replace(trial, truth=np.zeros(n_rows, np.int64), answers=answers)
    if kind == "one group":
        members = np.zeros(n_rows, np.int64)
        return replace(trial, grouping=Grouping(groups=members, column="g", n_equal=0))
    return replace(trial, answers=trial.answers[:1])


def find_ends(found: Any) -> list[list[float]]:
    """Returns the ends of all intervals in a document."""
    if isinstance(found, list):
        return [each for inner in found for each in find_ends(inner)]
    if not isinstance(found, dict):
        return []
    mine = [
        value
        for name, value in found.items()
        if name in ENDS and isinstance(value, list)
    ]
    return [each for each in mine if None not in each] + find_ends([*found.values()])


@pytest.mark.parametrize("metric", CRITERIA)
@pytest.mark.parametrize("n_rows", [1, 3, 30])
@pytest.mark.parametrize(
    "kind",
    [
        "all wrong",
        "all right",
        "constant",
        "at the floor",
        "one class",
        "one group",
        "alone",
    ],
)
def test_no_interval_is_without_width(kind: str, n_rows: int, metric: str) -> None:
    """The ends of each interval differ in numbers and in words, and no number is written with a power of ten."""
    trial = make_odd(kind, n_rows)
    found = evidence.conclude(trial, risk=0.01, gates=[], criterion=CRITERIA[metric])
    assert all(low < high for low, high in find_ends(found))
    verdicts = [
        found["verdict"],
        *([found["by"]["verdict"]] if metric != "accuracy" else []),
    ]
    for verdict in verdicts:
        for said in (verdict["headline"], *verdict["findings"]):
            ends = re.findall(rf"({NUMBER}) to ({NUMBER})", said)
            assert all(low != high for low, high in ends), said
            assert not re.search(r"\de[−+-]?\d|\bnan\b|\binf\b|None", said), said


def test_a_vote_alone_has_no_verdict_by_a_loss() -> None:
    """A loss of votes alone would have no width, and there is no verdict by it."""
    trial = answer_all(make_odd("alone", 30), make_odd("alone", 30).truth, 1.0)
    with pytest.raises(EvaluationError, match="gives probabilities here"):
        evidence.conclude(trial, risk=0.01, gates=[], criterion=CRITERIA["log_loss"])
