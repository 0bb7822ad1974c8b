"""A log of acts is verified by computing each act again from the counts of its line."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation import __main__ as command
from evaluation import champion_log_check
from service.errors import EvaluationError
from stats import sequential
from stats.monitoring import alarm

FIRST = {"model": "first", "version": "v1"}
SECOND = {"model": "second", "version": "v1"}
SCALE = 2520
BLOCKS = {0: {0: 10, SCALE: 190}, 1: {0: 60, SCALE: 40}}


def make_test() -> dict[str, Any]:
    """Returns a test of 100 groups, computed by the plain functions of the statistics."""
    lower, upper = sequential.bound(
        np.array([0.0, 1.0]), np.array([[40, 60]]), alpha=0.03
    )[0].tolist()
    return {
        "scale": SCALE,
        "means": [[0, 40], [SCALE, 60]],
        "alpha": 0.03,
        "groups": 100,
        "difference": 0.6,
        "interval": [lower, upper],
        "verdict": "challenger better",
    }


def make_test_by_balanced_accuracy() -> dict[str, Any]:
    """Returns a test of 300 and 200 groups of two classes, whose limits are averaged at half of the level each."""
    parts = [[[0, 60], [SCALE, 240]], [[0, 20], [SCALE, 180]]]
    limits = [
        sequential.bound(
            np.array([0.0, 1.0]),
            np.array([[level, better]]),
            alpha=0.03 / 2,
            odds=sequential.LOSS_ODDS,
        )[0]
        for (_, level), (_, better) in parts
    ]
    lower, upper = np.mean(limits, axis=0)
    rounding = (0.5 + 0.5 / 100) / SCALE
    return {
        "by": "balanced_accuracy",
        "scale": SCALE,
        "largest": 1.0,
        "parts": parts,
        "alpha": 0.03,
        "groups": 500,
        "difference": (0.8 + 0.9) / 2,
        "interval": [lower - rounding, min(upper + rounding, 1.0)],
        "verdict": "challenger better",
    }


def make_alarm() -> dict[str, Any]:
    found = alarm.judge(BLOCKS, scale=SCALE, floor=0.83)
    assert found is not None
    assert found.is_raised
    return {
        "held_out": {"accuracy": 0.9, "lower": 0.85},
        "error_budget": 0.02,
        "floor": 0.85 - 0.02,
        "scale": SCALE,
        "blocks": [
            [block, [list(each) for each in means.items()]]
            for block, means in BLOCKS.items()
        ],
        "start": found.start,
        "groups": found.n_groups,
        "accuracy": found.mean,
        "upper": found.upper,
        "alpha": found.alpha,
    }


def make_acts() -> list[dict[str, Any]]:
    """Returns a promotion and the roll-back of it."""
    common = {"time": "2026-01-01T00:00:00Z", "task": "colour", "because": "so"}
    return [
        {
            "number": 1,
            **common,
            "act": "promotion",
            "before": FIRST,
            "after": SECOND,
            "test": make_test(),
        },
        {
            "number": 2,
            **common,
            "act": "roll-back",
            "before": SECOND,
            "after": FIRST,
            "alarm": make_alarm(),
        },
    ]


def write(path: Path, made: list[dict[str, Any]]) -> Path:
    """Writes lines that follow each other, as somebody would who changes an act and all hashes after it."""
    previous = ""
    lines = []
    for act in made:
        line = json.dumps(act | {"previous": previous})
        previous = sha256(line.encode()).hexdigest()
        lines.append(line + "\n")

    path.write_text("".join(lines))
    return path


def test_what_follows_from_its_counts_is_verified(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sound log has no differences, and the command says so and ends with 0."""
    path = write(tmp_path / "acts.jsonl", make_acts())
    assert champion_log_check.verify(path) == (2, [])
    assert command.main(["--verify", str(path)]) == 0
    assert capsys.readouterr().out == (
        "acts.jsonl: 2 acts follow from the counts of their lines\n"
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda log: log[0]["test"].update(difference=0.7), "test: difference: stored"),
        (lambda log: log[0]["test"]["means"][1].__setitem__(1, 61), "test: groups"),
        (lambda log: log[0]["test"].update(alpha=0.5), "test: alpha: expected"),
        (lambda log: log[0].update(after=FIRST), "the champion before it is 'first'"),
        (lambda log: log[1].update(number=3), "expected the number 2, got 3"),
        (lambda log: log[1].update(act="deletion"), "expected a promotion or"),
        (lambda log: log[1].update(after=SECOND), "was another than 'second'"),
        (lambda log: log[1]["alarm"].update(error_budget=0.0), "alarm: floor: stored"),
        (lambda log: log[1]["alarm"].update(upper=0.1), "alarm: upper: stored"),
        (lambda log: log.pop(0), "line 1: expected the number 1, got 2"),
        (lambda log: log.append(log[1] | {"number": 3}), "no promotion stands"),
    ],
)
def test_what_was_changed_is_found(
    tmp_path: Path, change: Callable[[list[dict[str, Any]]], Any], words: str
) -> None:
    """A figure, a count, an order or a line that was changed is named, though all hashes were made to fit."""
    made = make_acts()
    change(made)
    _, differences = champion_log_check.verify(write(tmp_path / "acts.jsonl", made))
    assert any(words in each for each in differences), differences


def test_an_act_without_a_reason_is_found(tmp_path: Path) -> None:
    """A promotion whose own counts do not show it is named, though all of its figures follow from them."""
    made = make_acts()[:1]
    lower, upper = sequential.bound(
        np.array([0.0, 1.0]), np.array([[40, 1]]), alpha=0.03
    )[0].tolist()
    made[0]["test"] |= {
        "means": [[0, 40], [SCALE, 1]],
        "groups": 41,
        "difference": 1 / 41,
        "interval": [lower, upper],
        "verdict": "not shown yet",
    }
    _, differences = champion_log_check.verify(write(tmp_path / "acts.jsonl", made))
    assert differences == ["line 1: the challenger is not shown to be better"]


def test_a_line_changed_by_itself_breaks_the_chain(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A word changed in a line is found by the hash in the next, and the command ends with 1."""
    path = write(tmp_path / "acts.jsonl", make_acts())
    path.write_text(path.read_text().replace('"so"', '"because"', 1))
    assert command.main(["--verify", str(path)]) == 1
    assert "line 2: the line before it has another hash" in capsys.readouterr().out


def test_a_part_of_a_line_is_named(tmp_path: Path) -> None:
    """The part of a line that a killed server has left is no act, and is said to be there."""
    path = write(tmp_path / "acts.jsonl", make_acts())
    with path.open("a") as file:
        file.write('{"number": 3')
    assert champion_log_check.verify(path) == (
        2,
        ["the file ends in a part of a line, which is no act"],
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda log: log[0].pop("test"),
        lambda log: log[0]["test"].update(scale=0),
        lambda log: log[0]["test"].update(means=[[0, -1]]),
        lambda log: log[0]["test"].update(means="none"),
        lambda log: log[0]["test"].update(means=[[SCALE * 2, 1]]),
        lambda log: log[0].update(before=None),
        lambda log: log[0]["test"].update(alpha="small"),
        lambda log: log[1]["alarm"].update(blocks=[]),
        lambda log: log[1]["alarm"].update(held_out={}),
    ],
)
def test_what_cannot_be_an_act_is_refused(
    tmp_path: Path, change: Callable[[list[dict[str, Any]]], Any]
) -> None:
    """A line without its counts, or with counts that cannot be, raises EvaluationError with its number."""
    made = make_acts()
    change(made)
    with pytest.raises(EvaluationError, match=r"^line [12] is no act: "):
        champion_log_check.verify(write(tmp_path / "acts.jsonl", made))


def test_a_log_is_checked_by_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A claim beside a log of acts is refused, since the log says nothing of it."""
    path = write(tmp_path / "acts.jsonl", make_acts())
    words = ["--verify", str(path), "--gate", "first better than second"]
    assert command.main(words) == 2
    assert "leave out --data and --gate" in capsys.readouterr().err


def test_a_promotion_by_another_metric_is_verified(tmp_path: Path) -> None:
    """The average of the classes' limits is computed again from the counts of each."""
    made = make_acts()[:1]
    made[0]["test"] = make_test_by_balanced_accuracy()
    assert champion_log_check.verify(write(tmp_path / "acts.jsonl", made)) == (1, [])

    made[0]["test"]["parts"][1][1][1] -= 100
    _, differences = champion_log_check.verify(write(tmp_path / "acts.jsonl", made))
    assert any("test: groups: stored 500" in each for each in differences), differences


@pytest.mark.parametrize(
    "change",
    [
        {"by": "accuracies"},
        {"largest": 2.0},
        {"largest": float("inf"), "by": "cost"},
        {"largest": -1.0, "by": "cost"},
        {"parts": []},
        {"parts": [[[0, -1]]]},
    ],
)
def test_what_cannot_be_a_test_by_a_metric_is_refused(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    """A metric that there is none of, a difference that no row has, and counts that cannot be make a line no act."""
    made = make_acts()[:1]
    made[0]["test"] = make_test_by_balanced_accuracy() | change
    with pytest.raises(EvaluationError, match=r"^line 1 is no act: "):
        champion_log_check.verify(write(tmp_path / "acts.jsonl", made))
