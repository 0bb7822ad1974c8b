"""A temperature brings probabilities to the right confidence, and leaves the labels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax, softmax
from sklearn.metrics import log_loss as scikit_log_loss

from stats import scores
from training.data.datasets import Dataset, load, split
from training.export.calibration import (
    CalibratedModel,
    apply_temperature,
    calibrate,
    expected_calibration_error,
    log_loss,
)
from training.export.recalibration import RecalibratedModel, Temperature
from training.families.knn import FittedNeighbors
from training.graph import clean, run


def draw(
    generator: np.random.Generator, *, temperature: float
) -> tuple[np.ndarray, np.ndarray]:
    """Returns rows whose classes follow a softmax, and probabilities that are too sure of them by that temperature."""
    logits = generator.normal(scale=2, size=(4000, 4))
    target = np.array([generator.choice(4, p=row) for row in softmax(logits, axis=1)])
    return softmax(logits * temperature, axis=1), target


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_the_temperature_is_found_again(
    generator: np.random.Generator, temperature: float
) -> None:
    """The fitted temperature is that by which the probabilities were made too sure, or not sure enough."""
    found = calibrate(*draw(generator, temperature=temperature))
    assert found.temperature == pytest.approx(temperature, rel=0.06)
    assert found.after["log_loss"] <= found.before["log_loss"] + 1e-3
    assert found.after["ece"] < 0.02


def test_it_is_a_softmax_at_a_temperature(generator: np.random.Generator) -> None:
    """The probabilities at a temperature are SciPy's softmax of the divided logits."""
    logits = generator.normal(size=(50, 3))
    expected = softmax(logits / 2.5, axis=1)
    assert np.allclose(
        apply_temperature(softmax(logits, axis=1), temperature=2.5, floor=1e-37),
        expected,
        atol=1e-12,
    )
    assert np.isclose(
        log_loss(expected, np.zeros(50, dtype=int)),
        -log_softmax(logits / 2.5, axis=1)[:, 0].mean(),
    )


def test_votes_of_nothing_are_not_impossible() -> None:
    """A class without a vote keeps about the probability of a mistake with a floor."""
    votes = np.tile([[1.0, 0.0], [0.0, 1.0]], (50, 1))
    target = np.tile([0, 1], 50)
    target[:10] = 1 - target[:10]
    found = calibrate(votes, target)
    after = apply_temperature(votes, temperature=found.temperature, floor=found.floor)

    assert after[0, 1] == pytest.approx(0.1, abs=0.02)
    assert found.before["log_loss"] > 3 > found.after["log_loss"]


def recalibrate_nothing(fitted: FittedNeighbors) -> RecalibratedModel:
    """Returns the model as its family fits it, whose own step changes nothing here."""
    return RecalibratedModel(fitted, step=Temperature(temperature=1.0, floor=1e-37))


def fit_neighbors(dataset: Dataset, *, weights: str) -> RecalibratedModel:
    """Returns 5 nearest neighbours of the training rows, whose probabilities are left as they are."""
    rows = split(dataset, seed=0, needs_validation=False)
    classes = np.eye(len(dataset.classes))[dataset.target[rows.train]]
    return recalibrate_nothing(
        FittedNeighbors(
            dataset.features[rows.train],
            classes,
            neighbors=5,
            metric="euclidean",
            weights=weights,
        )
    )


@pytest.mark.parametrize("n_rows", [20, 200])
def test_rows_that_are_all_right_do_not_make_certain(n_rows: int) -> None:
    """Rows that are all right make the model less certain the fewer they are."""
    probabilities = np.tile([0.9, 0.1], (n_rows, 1))
    found = calibrate(probabilities, np.zeros(n_rows, dtype=np.int64))
    after = apply_temperature(
        probabilities, temperature=found.temperature, floor=found.floor
    )
    assert 1 / n_rows / 10 < after[0, 1] < 0.1


def test_the_figures_are_those_of_others(generator: np.random.Generator) -> None:
    """The figures are scikit-learn's log loss, and the service's calibration error."""
    probabilities, target = draw(generator, temperature=2.0)
    assert log_loss(probabilities, target) == pytest.approx(
        scikit_log_loss(target, probabilities)
    )
    predictions = probabilities.argmax(axis=1)
    expected = scores.expected_calibration_error(probabilities, predictions, target)[
        "value"
    ]
    assert expected_calibration_error(probabilities, target) == pytest.approx(expected)


def test_the_graph_says_what_the_source_says() -> None:
    """The graph agrees with the source after the temperature, and with the outputs that a family adds."""
    wine = load("wine")
    neighbors = fit_neighbors(wine, weights="uniform")

    for floor in (1e-37, 1e-3):
        fitted = CalibratedModel(neighbors, temperature=1.7, floor=floor)
        outputs = run(
            clean(fitted.to_onnx(n_features=13)).SerializeToString(), wine.features
        )
        expected = fitted.outputs(wine.features)
        added = {"neighbor", "neighbor_distance", "neighbor_class"}
        assert set(outputs) == set(expected) == {"label", "probabilities"} | added
        assert np.abs(outputs["probabilities"] - expected["probabilities"]).max() < 1e-6
        assert np.array_equal(
            outputs["label"], neighbors.outputs(wine.features)["label"]
        )


def test_not_a_number_stays_so() -> None:
    """A NaN stays one behind a floor, so that the service can refuse what overflows."""
    wine = load("wine")
    neighbors = fit_neighbors(wine, weights="distance")
    fitted = CalibratedModel(neighbors, temperature=1.7, floor=1e-3)
    outputs = run(
        clean(fitted.to_onnx(n_features=13)).SerializeToString(),
        np.full((1, 13), np.nan, dtype=np.float32),
    )
    assert np.isnan(outputs["probabilities"]).all()
