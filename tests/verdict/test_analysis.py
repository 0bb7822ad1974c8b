"""The numbers of a report are those of `/compare` and of the oracles, and the same again."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, cohen_kappa_score, confusion_matrix
from statsmodels.stats.contingency_tables import cochrans_q, mcnemar
from statsmodels.stats.multitest import multipletests

from stats import scores
from tests.support.made_predictions import make_predictions
from verdict.analysis import judge

TRIAL = make_predictions(
    {"worst": 0.7, "middle": 0.85, "best": 0.93}, classes=("a", "b", "c")
)
NUMBERS = judge(TRIAL, risk=0.05)


def test_numbers_are_the_same_for_the_same_trial() -> None:
    """Equal predictions give equal numbers to the last digit, and all of them are JSON."""
    assert judge(TRIAL, risk=0.05) == NUMBERS
    assert json.loads(json.dumps(NUMBERS, allow_nan=False)) == NUMBERS


def test_metrics_are_those_of_compare() -> None:
    """The metrics of a report are those that /compare computes for the same rows."""
    for answer, found in zip(TRIAL.answers, NUMBERS["models"], strict=True):
        expected = scores.score(answer.probabilities, answer.label, TRIAL.truth)
        assert found["metrics"]["log_loss"]["value"] == expected["log_loss"]["value"]
        assert found["metrics"]["accuracy"]["value"] == pytest.approx(
            accuracy_score(TRIAL.truth, answer.label)
        )
        assert (
            found["metrics"]["confusion"]
            == confusion_matrix(TRIAL.truth, answer.label).tolist()
        )


def test_pairs_equal_the_oracles() -> None:
    """Each pair comes once, and its exact test, Holm's correction and kappa equal the oracles'."""
    hits = TRIAL.hits
    p_values = []

    for pair, (first, second) in zip(
        NUMBERS["pairs"], [(0, 1), (0, 2), (1, 2)], strict=True
    ):
        table = [
            [pair["both_right"], pair["only_a"]],
            [pair["only_b"], pair["both_wrong"]],
        ]
        assert np.array_equal(
            table, confusion_matrix(~hits[:, first], ~hits[:, second])
        )
        p_values.append(mcnemar(table, exact=True).pvalue)
        expected = cohen_kappa_score(
            TRIAL.answers[first].label, TRIAL.answers[second].label
        )
        assert pair["kappa"] == pytest.approx(expected, abs=1e-9)

    assert [pair["p_value"] for pair in NUMBERS["pairs"]] == pytest.approx(
        p_values, rel=1e-9
    )
    holm = multipletests(p_values, method="holm")[1]
    assert [pair["p_value_holm"] for pair in NUMBERS["pairs"]] == pytest.approx(
        holm, rel=1e-9
    )
    assert NUMBERS["cochran_q"]["p_value"] == pytest.approx(
        cochrans_q(hits.astype(int)).pvalue, rel=1e-9
    )


def test_the_leader_is_shown_to_be_better_than_the_worst() -> None:
    """The pair of the leader and the worst model says that the leader is better."""
    assert NUMBERS["leader"] == "task-best"
    assert [pair["verdict"] for pair in NUMBERS["pairs"]] == ["b", "b", "b"]


def test_of_equals_the_better_probabilities_lead() -> None:
    """The model with the best probabilities leads those that are right equally often, and one that votes does not."""
    predictions = make_predictions({"first": 1.0}, n_rows=50)
    surer = replace(
        predictions.answers[0],
        model="task-second",
        probabilities=np.eye(2)[predictions.truth] * 0.998 + 0.001,
    )
    voter = replace(
        surer, model="task-third", probabilities=np.eye(2)[predictions.truth]
    )
    numbers = judge(
        replace(predictions, answers=[predictions.answers[0], surer, voter]), risk=0.01
    )
    assert numbers["leader"] == "task-second"
    assert numbers["pairs"][0]["verdict"] == "too few"
    assert numbers["pairs"][0]["rows_needed"]["rows"] is None


def test_sizes_that_are_not_all_known_have_no_front() -> None:
    """Models whose sizes a server does not tell have no front."""
    answers = [replace(answer, size_bytes=None) for answer in TRIAL.answers]
    assert judge(replace(TRIAL, answers=answers), risk=0.05)["pareto"]["bytes"] is None


def test_disagreements_are_counted_and_the_most_divided_come_first() -> None:
    """Rows with three labels come before those with two, and then rows come in their order."""
    labels = np.array([[0, 0, 0], [0, 0, 1], [0, 1, 2], [1, 1, 2]])
    answers = [
        replace(each, label=labels[:, place])
        for place, each in enumerate(TRIAL.answers)
    ]
    probabilities = np.full((4, 3), 1 / 3)
    answers = [replace(each, probabilities=probabilities) for each in answers]
    predictions = replace(
        TRIAL,
        truth=np.array([0, 0, 1, 2]),
        answers=answers,
        places=["1", "2", "3", "4"],
    )
    assert judge(predictions, risk=0.05)["disagreements"] == {
        "count": 3,
        "rows": [2, 1, 3],
    }


@pytest.mark.parametrize("n_rows", [1, 2, 7])
def test_few_rows_have_numbers_or_reasons(n_rows: int) -> None:
    """One row, one class or one model gives numbers, or reasons why there are none."""
    predictions = make_predictions({"alone": 1.0}, n_rows=n_rows)
    predictions = replace(predictions, truth=np.zeros(n_rows, dtype=np.int64))
    numbers = judge(predictions, risk=0.01)
    assert numbers["pairs"] == []
    assert numbers["fleiss_kappa"] is None
    assert numbers["models"][0]["roc"] == []
    assert numbers["models"][0]["metrics"]["roc_auc"]["value"] is None


def test_curves_are_thinned_and_their_ends_kept() -> None:
    """A report draws 150 points of ten thousand rows, and its figures come from all of them."""
    numbers = judge(
        make_predictions({"one": 0.8, "two": 0.8}, n_rows=10_000), risk=0.05
    )
    for model in numbers["models"]:
        assert all(len(each["true_positive_rate"]) <= 150 for each in model["roc"])
        assert model["risk_coverage"]["coverage"][-1] == 1
        assert model["risk_coverage"]["risk"][-1] == pytest.approx(
            1 - model["metrics"]["accuracy"]["value"]
        )
