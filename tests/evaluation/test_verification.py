"""Evidence is computed again to the last number, and every tampering is found."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation import evidence, verification
from service.errors import EvaluationError
from tests.support.gated_trial import EVIDENCE, TRIAL


def changed(*path: str | int, to: Any) -> dict[str, Any]:
    """Returns the evidence with another value in one place."""
    copy = deepcopy(EVIDENCE)
    place: Any = copy
    for step in path[:-1]:
        place = place[step]

    place[path[-1]] = to

    return copy


def test_evidence_survives_its_file(tmp_path: Path) -> None:
    """Evidence that is read is the evidence that was written, and it follows from its answers."""
    path = tmp_path / "evidence.json"
    path.write_text(json.dumps(EVIDENCE))
    assert evidence.read(path) == EVIDENCE
    assert verification.verify(evidence.read(path)) == []


def test_a_changed_number_is_found_by_its_place() -> None:
    """A changed number is named by its place, with what is stored and what follows."""
    found = verification.verify(
        changed("numbers", "models", 1, "metrics", "accuracy", "value", to=0.99)
    )
    expected = EVIDENCE["numbers"]["models"][1]["metrics"]["accuracy"]["value"]
    assert found == [
        f"numbers.models[1].metrics.accuracy.value: stored 0.99, computed {expected}"
    ]


def test_a_changed_answer_changes_what_follows() -> None:
    """One changed label of one model changes its accuracy, and much else."""
    label = EVIDENCE["answers"][0]["label"][0]
    found = verification.verify(changed("answers", 0, "label", 0, to=(label + 1) % 3))
    assert any(
        line.startswith("numbers.models[0].metrics.accuracy.value") for line in found
    )


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("verdict", "headline"), "challenger is the best"),
        (("gates", 0, "shown"), None),
        (("numbers", "leader"), "task-third"),
        (("numbers", "pairs", 0, "p_value_holm"), 0.5),
        (("options", "risk"), 0.1),
    ],
)
def test_no_part_of_a_conclusion_can_be_changed(
    path: tuple[str | int, ...], value: object
) -> None:
    """A change of words, gates, names, numbers or options is found."""
    assert verification.verify(changed(*path, to=value))


def test_rounding_is_no_difference() -> None:
    """A difference of up to 1e-9 is none, and a larger one is found."""
    value = EVIDENCE["numbers"]["models"][0]["metrics"]["log_loss"]["value"]
    path = ("numbers", "models", 0, "metrics", "log_loss", "value")
    assert verification.verify(changed(*path, to=value + 1e-11)) == []
    assert len(verification.verify(changed(*path, to=value + 1e-7))) == 1


def test_a_missing_and_a_further_number_are_found() -> None:
    """A number that is missing is found, and so is one too many."""
    copy = deepcopy(EVIDENCE)
    del copy["numbers"]["fleiss_kappa"]
    copy["numbers"]["luck"] = 7
    found = verification.verify(copy)
    assert found[0] == "numbers.luck: stored 7, computed None"
    assert found[1].startswith("numbers.fleiss_kappa: stored None, computed 0.")


def test_the_same_answers_again_are_no_difference() -> None:
    """Answers that differ by no more than what processors round differently are no difference."""
    answers = [
        replace(each, probabilities=each.probabilities + 1e-7) for each in TRIAL.answers
    ]
    assert verification.verify_answers(EVIDENCE, replace(TRIAL, answers=answers)) == []


def test_other_data_versions_and_answers_are_named() -> None:
    """Other data, other versions and other answers are each named by the first that differs."""
    other = replace(TRIAL, fingerprint="sha256:" + "1" * 64)
    assert verification.verify_answers(EVIDENCE, other) == [
        f"data: stored {TRIAL.fingerprint}, these are {other.fingerprint}"
    ]
    newer = replace(TRIAL.answers[0], version="f" * 12)
    label = np.where(
        np.arange(200) == 3, (TRIAL.answers[1].label + 1) % 3, TRIAL.answers[1].label
    )
    surer = replace(
        TRIAL.answers[1],
        label=label,
        probabilities=TRIAL.answers[1].probabilities * 0.75,
    )
    found = verification.verify_answers(
        EVIDENCE, replace(TRIAL, answers=[newer, surer])
    )
    assert found == [
        "answers: task-third is not there to be asked again",
        f"answers: task-champion was of version 000000000000, this is {'f' * 12}",
        f"answers: task-challenger, line 5: stored class {TRIAL.answers[1].label[3]}, answers {label[3]}",
        "answers: task-challenger: probabilities differ by up to 0.25",
    ]


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (
            ("truth",),
            [],
            "the evidence is incomplete: task-champion has no answer to each of 0 rows",
        ),
        (
            ("truth", 0),
            3,
            "the evidence is impossible: expected indices of 3 classes for at least one row",
        ),
        (
            ("truth", 0),
            "a",
            "the evidence is incomplete: ValueError: invalid literal for int() with base 10: 'a'",
        ),
        (
            ("answers", 0, "probabilities"),
            [],
            "the evidence is incomplete: task-champion has no answer to each of 200 rows",
        ),
        (
            ("answers", 0, "probabilities", 0),
            [2, 0, 0],
            "the evidence is impossible: task-champion has probabilities that are not from 0 to 1",
        ),
        (("options",), {}, "the evidence is incomplete: KeyError: 'risk'"),
    ],
)
def test_evidence_that_cannot_be_is_refused(
    path: tuple[str | int, ...], value: object, expected: str
) -> None:
    """Evidence with values that cannot be is refused, and nothing is computed from it."""
    with pytest.raises(EvaluationError) as error:
        verification.verify(changed(*path, to=value))
    assert str(error.value) == expected
