"""Every figure equals that of scikit-learn or statsmodels on random data, and degenerate data has words."""

from __future__ import annotations

import numpy as np
import pytest
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
    """Low, value and high are in order and within what is possible."""
    found = scores.score(*answers(n_classes, n_rows))
    for name in (
        "accuracy",
        "balanced_accuracy",
        "macro_f1",
        "log_loss",
        "brier",
        "roc_auc",
    ):
        low, high = found[name]["interval"]
        assert 0 <= low < found[name]["value"] < high, name


@pytest.mark.parametrize(("hits", "n_rows"), [(0, 5), (3, 5), (5, 5), (110, 114)])
def test_the_accuracy_interval_is_wilsons(hits: int, n_rows: int) -> None:
    """The interval equals statsmodels', at the ends too."""
    confusion = np.array([[hits, n_rows - hits], [0, 0]])
    low, high = scores.accuracy(confusion)["interval"]
    assert (low, high) == pytest.approx(
        proportion_confint(hits, n_rows, method="wilson"), abs=1e-12
    )


def test_the_auc_interval_covers_the_truth() -> None:
    """In 400 samples of a known curve, 95 % intervals hold its area about 95 % of the time."""
    generator = np.random.default_rng(7)
    area = (
        0.7602499389065233  # Phi(1 / sqrt 2): two normals, one standard deviation apart
    )
    covered = 0

    for _ in range(400):
        truth = np.repeat([0, 1], [40, 60])
        second = generator.normal(size=100) + truth
        probabilities = 1 / (1 + np.exp(-np.stack([-second, second], axis=1)))
        low, high = scores.roc_auc(probabilities, truth)["interval"]
        covered += low <= area <= high

    assert 0.92 <= covered / 400 <= 0.98


def test_the_auc_variance_is_delongs() -> None:
    """The interval follows from DeLong's variance, computed here from all pairs of rows as the paper defines it."""
    generator = np.random.default_rng(3)
    truth = np.repeat([0, 1], [15, 20])
    second = np.round(
        generator.random(35) * 0.6 + 0.3 * truth, 1
    )  # rounded: there are ties
    positive = second[truth == 1]
    negative = second[truth == 0]
    wins = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    variance = wins.mean(axis=1).var(ddof=1) / 20 + wins.mean(axis=0).var(ddof=1) / 15
    found = scores.roc_auc(np.stack([1 - second, second], axis=1), truth)
    assert found["value"] == pytest.approx(wins.mean(), abs=1e-12)
    assert found["value"] - found["interval"][0] == pytest.approx(
        scores.Z * variance**0.5, abs=1e-12
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
        "reason": "undefined: 1 of 2 classes have no row in `labels`",
    }
    assert found["balanced_accuracy"]["value"] == 1.0


def test_a_single_row_has_values_without_intervals() -> None:
    """Nothing divides by zero with a single row, and accuracy keeps its interval."""
    found = scores.score(np.array([[0.2, 0.8]]), np.array([1]), np.array([1]))
    assert found["accuracy"]["interval"] is not None
    assert found["log_loss"] == {
        "value": pytest.approx(-np.log(0.8)),
        "interval": None,
        "reason": "no interval: a single row",
    }


def test_a_class_with_a_single_row_has_no_auc_interval() -> None:
    """The variance of a class with a single row cannot be estimated, and the reason says so."""
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7]])
    found = scores.roc_auc(probabilities, np.array([0, 1, 1]))
    assert found == {
        "value": 1.0,
        "interval": None,
        "reason": "no interval: a class has a single row",
    }


def test_a_probability_of_zero_costs_much_but_not_everything() -> None:
    """The loss of a probability of 0 is finite, as in scikit-learn."""
    probabilities = np.array([[1.0, 0.0], [0.5, 0.5]])
    truth = np.array([1, 1])
    found = scores.score(probabilities, np.array([0, 0]), truth)
    assert found["log_loss"]["value"] == pytest.approx(
        oracle.log_loss(truth, probabilities, labels=[0, 1])
    )


def test_no_interval_claims_certainty() -> None:
    """Where everything is right, resampling and DeLong's variance find no spread, and there is no interval."""
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.2, 0.8], [0.1, 0.9]])
    truth = np.array([0, 0, 1, 1])
    found = scores.score(probabilities, truth, truth)

    for name in ("balanced_accuracy", "macro_f1", "roc_auc"):
        assert found[name]["value"] == 1.0
        assert found[name]["interval"] is None
        assert found[name]["reason"].startswith("no interval: ")

    low, high = found["accuracy"]["interval"]
    assert low < 0.6 < high == 1.0


def test_the_same_rows_give_the_same_intervals() -> None:
    """Resampling is seeded: two calls have the same intervals."""
    one = scores.score(*answers(3, 60))
    other = scores.score(*answers(3, 60))
    assert one["macro_f1"] == other["macro_f1"]


def test_resampling_the_matrix_is_resampling_the_rows() -> None:
    """The interval of balanced accuracy equals that of a bootstrap over rows, within its own noise."""
    probabilities, predictions, truth = answers(3, 300)
    generator = np.random.default_rng(1)
    draws = generator.integers(0, 300, size=(2000, 300))
    values = [
        oracle.balanced_accuracy_score(truth[rows], predictions[rows]) for rows in draws
    ]
    found = scores.score(probabilities, predictions, truth)["balanced_accuracy"][
        "interval"
    ]
    assert found == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])), abs=0.01)


def test_a_thousand_classes_fit_in_memory() -> None:
    """500 rows fill 500 cells of a matrix of a million at most, and only those are drawn a thousand times."""
    generator = np.random.default_rng(0)
    truth, predictions = generator.integers(0, 1000, (2, 500))
    found = scores.score(np.eye(1000)[predictions], predictions, truth)
    expected = oracle.f1_score(truth, predictions, average="macro")
    assert found["macro_f1"]["value"] == pytest.approx(expected, abs=1e-12)
    assert found["confusion"].sum() == 500
