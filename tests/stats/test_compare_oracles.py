"""`POST /compare` on the shipped models equals scikit-learn and statsmodels on what `/predict_proba` answers."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as oracle
from statsmodels.stats.contingency_tables import cochrans_q, mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from stats.scores import NO_PROBABILITIES
from tests.support.server import Server
from training.data import datasets

DATASET = datasets.load("breast_cancer")
HELD_OUT = datasets.split(DATASET, seed=0).held_out
TRUTH = DATASET.target[HELD_OUT].astype(int)
ROWS = DATASET.features[HELD_OUT].tolist()


@pytest.fixture(scope="module")
def comparison(server: Server) -> dict[str, Any]:
    """Returns the answer of `/compare` of all seven models, with labels."""
    labels = [DATASET.classes[each] for each in TRUTH]
    answer = server.post(
        "/compare", {"task": "breast_cancer", "inputs": ROWS, "labels": labels}
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()

    return found


@pytest.fixture(scope="module")
def probabilities(server: Server, comparison: dict[str, Any]) -> dict[str, np.ndarray]:
    """Returns probabilities `(114, 2)` of each model, asked one by one."""
    names = [each["model"] for each in comparison["models"]]
    answers = {
        name: server.post("/predict_proba", {"model": name, "inputs": ROWS}).json()
        for name in names
    }
    return {name: np.array(answer["probabilities"]) for name, answer in answers.items()}


def test_metrics_equal_scikit_learns(
    comparison: dict[str, Any], probabilities: dict[str, np.ndarray]
) -> None:
    """The metrics of eight models on 114 rows equal scikit-learn's to 1e-9, and Wilson's interval statsmodels'.

    The perceptron votes, which is said beside the metrics of its probabilities.
    """
    assert (len(TRUTH), len(comparison["models"])) == (114, 8)
    for model in comparison["models"]:
        given = probabilities[model["model"]]
        label = given.argmax(axis=1)
        of_truth = np.maximum(given[np.arange(114), TRUTH], np.finfo(float).eps)
        expected = {
            "accuracy": oracle.accuracy_score(TRUTH, label),
            "balanced_accuracy": oracle.balanced_accuracy_score(TRUTH, label),
            "macro_f1": oracle.f1_score(TRUTH, label, average="macro"),
            "log_loss": -np.log(of_truth).mean(),
            "brier": np.mean(((given - np.eye(2)[TRUTH]) ** 2).sum(axis=1) / 2),
            "roc_auc": oracle.roc_auc_score(TRUTH, given[:, 1]),
        }
        found = {name: model["metrics"][name]["value"] for name in expected}
        assert found == pytest.approx(expected, abs=1e-9), model["model"]
        # scikit-learn wants rows that sum to 1, which digits of float32 do to 1e-7
        scikit = oracle.log_loss(TRUTH, given / given.sum(axis=1, keepdims=True))
        assert found["log_loss"] == pytest.approx(scikit, abs=1e-6)
        assert (
            model["metrics"]["confusion"]
            == oracle.confusion_matrix(TRUTH, label).tolist()
        )
        wilson = proportion_confint((label == TRUTH).sum(), 114, method="wilson")
        assert model["metrics"]["accuracy"]["interval"] == pytest.approx(
            wilson, abs=1e-9
        )
        votes = model["metrics"]["brier"].get("reason") == NO_PROBABILITIES
        assert votes == model["model"].endswith("-perceptron")
        assert model["predictions"] == [DATASET.classes[each] for each in label]


def test_pairs_equal_statsmodels_and_scikit_learn(
    comparison: dict[str, Any], probabilities: dict[str, np.ndarray]
) -> None:
    """Agreement, kappa, McNemar's test with Holm's correction of all 21 pairs, and Cochran's Q, equal the oracles'."""
    labels = {name: given.argmax(axis=1) for name, given in probabilities.items()}
    p_values = []

    for pair, (first, second) in zip(
        comparison["pairs"], combinations(labels, 2), strict=True
    ):
        assert pair["models"] == [first, second]
        assert pair["agreement"] == pytest.approx(
            np.mean(labels[first] == labels[second]), abs=1e-9
        )
        assert pair["kappa"] == pytest.approx(
            oracle.cohen_kappa_score(labels[first], labels[second]), abs=1e-9
        )
        right = labels[first] == TRUTH, labels[second] == TRUTH
        table = oracle.confusion_matrix(*right, labels=[True, False])
        assert (pair["mcnemar"]["only_a"], pair["mcnemar"]["only_b"]) == (
            table[0, 1],
            table[1, 0],
        )
        p_values.append(mcnemar(table, exact=True).pvalue)
        assert set(pair["mcnemar"]) == {"only_a", "only_b", "p_value", "p_value_holm"}

    found = [pair["mcnemar"] for pair in comparison["pairs"]]
    assert [each["p_value"] for each in found] == pytest.approx(p_values, abs=1e-9)
    holm = multipletests(p_values, method="holm")[1]
    assert [each["p_value_holm"] for each in found] == pytest.approx(holm, abs=1e-9)
    hits = np.stack([label == TRUTH for label in labels.values()], axis=1).astype(int)
    expected = cochrans_q(hits)
    assert comparison["cochran_q"] == pytest.approx(
        {"statistic": expected.statistic, "p_value": expected.pvalue}, abs=1e-9
    )


def test_consensus_is_the_mean_of_what_the_models_answer(
    comparison: dict[str, Any], probabilities: dict[str, np.ndarray]
) -> None:
    """The consensus has the most probable class of the mean, and the share of models that give it.

    The perceptron's vote counts as much as the seven others are sure on average.
    """
    is_sure = {name: each.max(axis=1) == 1 for name, each in probabilities.items()}
    said = {name: probabilities[name] for name in is_sure if not is_sure[name].all()}
    voters = [each for name, each in probabilities.items() if name not in said]
    assert len(voters) == 1
    sure = np.mean([each.max(axis=1) for each in said.values()], axis=0)
    vote = voters[0] * (2 * sure - 1)[:, None] + (1 - sure)[:, None]
    mean = np.mean([*said.values(), vote], axis=0)
    assert np.array(comparison["consensus"]["probabilities"]) == pytest.approx(
        mean, abs=1e-9
    )
    label = mean.argmax(axis=1)
    assert comparison["consensus"]["predictions"] == [
        DATASET.classes[each] for each in label
    ]
    alike = np.mean(
        [given.argmax(axis=1) == label for given in probabilities.values()], axis=0
    )
    assert comparison["consensus"]["agreement"] == pytest.approx(alike, abs=1e-9)
