"""Every figure equals that of scikit-learn or statsmodels on random data, and degenerate data has words."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, sem
from sklearn import metrics as oracle
from statsmodels.stats.proportion import proportion_confint

from stats import scores

CASES = [(2, 40), (2, 500), (3, 60), (10, 300)]


def answers(n_classes: int, n_rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns random probabilities that lean to the truth, their most probable classes, and the truth."""
    generator = np.random.default_rng(n_classes * n_rows)
    truth = np.concatenate(
        [np.arange(n_classes), generator.integers(0, n_classes, n_rows - n_classes)]
    )
    probabilities = generator.dirichlet(np.full(n_classes, 0.5), n_rows)
    probabilities[np.arange(n_rows), truth] += 0.5
    probabilities /= probabilities.sum(axis=1, keepdims=True)

    return probabilities, probabilities.argmax(axis=1), truth


@pytest.mark.parametrize(("n_classes", "n_rows"), CASES)
def test_every_value_equals_scikit_learns(n_classes: int, n_rows: int) -> None:
    """Values of two classes and of several equal scikit-learn's to 1e-12."""
    probabilities, predictions, truth = answers(n_classes, n_rows)
    second = probabilities[:, 1] if n_classes == 2 else probabilities
    expected = {
        "accuracy": oracle.accuracy_score(truth, predictions),
        "balanced_accuracy": oracle.balanced_accuracy_score(truth, predictions),
        "macro_f1": oracle.f1_score(truth, predictions, average="macro"),
        "log_loss": oracle.log_loss(truth, probabilities),
        "brier": oracle.brier_score_loss(truth, second),
        "roc_auc": oracle.roc_auc_score(truth, second, multi_class="ovr"),
    }
    found = scores.score(probabilities, predictions, truth)
    assert {name: found[name]["value"] for name in expected} == pytest.approx(
        expected, abs=1e-12
    )
    assert np.array_equal(
        found["confusion"], oracle.confusion_matrix(truth, predictions)
    )


@pytest.mark.parametrize(("n_classes", "n_rows"), CASES)
def test_every_interval_holds_its_value(n_classes: int, n_rows: int) -> None:
    """Low, value and high are in order and within what is possible, where there is an interval."""
    found = scores.score(*answers(n_classes, n_rows))
    assert (
        sum(
            found[name]["interval"] is not None for name in found.keys() - {"confusion"}
        )
        > 3
    )
    for name in (
        "accuracy",
        "balanced_accuracy",
        "macro_f1",
        "log_loss",
        "brier",
        "roc_auc",
    ):
        if found[name]["interval"] is not None:
            low, high = found[name]["interval"]
            assert 0 < low < found[name]["value"] < high, name


@pytest.mark.parametrize(("hits", "n_rows"), [(0, 5), (3, 5), (5, 5), (110, 114)])
def test_the_accuracy_interval_is_wilsons(hits: int, n_rows: int) -> None:
    """The interval equals statsmodels', at the ends too."""
    confusion = np.array([[hits, n_rows - hits], [0, 0]])
    low, high = scores.accuracy(confusion)["interval"]
    assert (low, high) == pytest.approx(
        proportion_confint(hits, n_rows, method="wilson"), abs=1e-12
    )


def test_the_calibration_error_of_hand_made_bins() -> None:
    """Four rows at confidence 0.9 with three hits, and two at 0.6 with one, have the error (4 x 0.15 + 2 x 0.1) / 6."""
    confidence = np.array([0.9, 0.9, 0.9, 0.9, 0.6, 0.6])
    probabilities = np.stack([1 - confidence, confidence], axis=1)
    truth = np.array([1, 1, 1, 0, 1, 0])
    found = scores.expected_calibration_error(
        probabilities, np.ones(6, dtype=np.int64), truth
    )
    assert found["value"] == pytest.approx((4 * 0.15 + 2 * 0.1) / 6)


def test_a_mean_loss_has_the_normal_interval_from_ten_wrong_rows_on() -> None:
    """Ten wrong rows give the interval of SciPy's standard error, and nine give a reason in its place."""
    generator = np.random.default_rng(6)
    losses = generator.exponential(size=80)
    is_wrong = np.arange(80) < 10
    found = scores.mean_loss(losses, is_wrong)
    expected = norm.interval(0.95, losses.mean(), sem(losses))
    assert found["interval"] == pytest.approx(expected, abs=1e-9)
    assert scores.mean_loss(losses, np.arange(80) < 9) == {
        "value": losses.mean(),
        "interval": None,
        "reason": "no interval: 9 rows are wrong, and the loss is mostly theirs",
    }


def test_a_mean_loss_has_no_interval_down_to_nothing() -> None:
    """A mean loss of which one row has the most has no interval: it would reach under 0."""
    losses = np.concatenate([[36.0], np.full(20, 0.1)])
    found = scores.mean_loss(losses, np.arange(21) < 11)
    assert found["interval"] is None
    assert found["reason"] == "no interval: a few rows have most of the loss"


def test_perfect_confidence_falls_into_the_last_bin() -> None:
    """A confidence of 1 is in the last bin, one of 0 in the first."""
    probabilities = np.array([[0.0, 1.0], [1.0, 0.0]])
    found = scores.expected_calibration_error(
        probabilities, np.array([1, 1]), np.array([1, 0])
    )
    assert found["value"] == pytest.approx(0.0)


def test_one_class_has_no_curve() -> None:
    """The area is None where a class has no row, and the reason says so."""
    found = scores.score(
        np.array([[0.2, 0.8], [0.4, 0.6]]), np.array([1, 1]), np.array([1, 1])
    )
    assert found["roc_auc"] == {
        "value": None,
        "interval": None,
        "reason": "undefined: 1 of 2 classes has no row in `labels`",
    }
    assert found["balanced_accuracy"]["value"] == 1.0


def test_a_single_row_has_values_and_reasons() -> None:
    """A single row has no division by zero, and its accuracy keeps an interval."""
    found = scores.score(np.array([[0.2, 0.8]]), np.array([1]), np.array([1]))
    assert found["accuracy"]["interval"] is not None
    assert found["log_loss"] == {
        "value": pytest.approx(-np.log(0.8)),
        "interval": None,
        "reason": "no interval: no row is wrong, and most of a loss is that of wrong ones",
    }


def test_what_is_all_right_has_an_interval_below() -> None:
    """The intervals of the means over classes and of the area reach from far below to 1 where all is right."""
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.2, 0.8], [0.1, 0.9]])
    truth = np.array([0, 0, 1, 1])
    found = scores.score(probabilities, truth, truth)

    for name in ("accuracy", "balanced_accuracy", "macro_f1", "roc_auc"):
        low, high = found[name]["interval"]
        assert low < 0.65
        assert high == 1.0


def test_a_probability_of_zero_costs_much_but_not_everything() -> None:
    """The loss of a probability of 0 is finite, as in scikit-learn."""
    probabilities = np.array([[1.0, 0.0], [0.5, 0.5]])
    truth = np.array([1, 1])
    found = scores.score(probabilities, np.array([0, 0]), truth)
    assert found["log_loss"]["value"] == pytest.approx(
        oracle.log_loss(truth, probabilities, labels=[0, 1])
    )


def test_a_thousand_classes_fit_in_memory() -> None:
    """500 rows fill 500 cells of a matrix of a million at most."""
    generator = np.random.default_rng(0)
    truth, predictions = generator.integers(0, 1000, (2, 500))
    found = scores.score(np.eye(1000)[predictions], predictions, truth)
    expected = oracle.f1_score(truth, predictions, average="macro")
    assert found["macro_f1"]["value"] == pytest.approx(expected, abs=1e-12)
    assert found["confusion"].sum() == 500


@pytest.mark.parametrize(
    ("n_right", "reason"),
    [
        (0, "no interval: no row is right, and the loss of such ones is another"),
        (1, "no interval: 1 row is right, and the loss of such ones is another"),
        (9, "no interval: 9 rows are right, and the loss of such ones is another"),
    ],
)
def test_a_model_that_is_hardly_ever_right_has_no_interval_of_a_loss(
    n_right: int, reason: str
) -> None:
    """Wrong answers that are nearly all as sure have losses as alike, and one more right row would be far from them."""
    generator = np.random.default_rng(n_right)
    truth = generator.integers(0, 2, 60)
    labels = np.where(np.arange(60) < n_right, truth, 1 - truth)
    sure = 1 - 1e-12 * (1 + generator.random(60) / 1000)
    probabilities = np.where(np.eye(2)[labels] == 1, sure[:, None], 1 - sure[:, None])
    found = scores.score(probabilities, labels, truth)["log_loss"]
    assert found["interval"] is None
    assert found["reason"] == reason
