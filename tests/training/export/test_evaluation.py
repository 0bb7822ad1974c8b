"""All that a card says of a model is measured as others measure it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as oracle
from statsmodels.stats.proportion import proportion_confint

from training.data import datasets
from training.export.evaluation import (
    evaluate_classifier,
    evaluate_clusterer,
    evaluate_generator,
    evaluate_regressor,
    evaluate_transformer,
)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_a_classifier_is_measured_as_scikit_learn_does(
    generator: np.random.Generator, n_classes: int
) -> None:
    """A classifier's metrics are scikit-learn's, and its accuracy has statsmodels' interval."""
    probabilities = generator.dirichlet(np.ones(n_classes), size=300).astype(np.float32)
    target = generator.integers(0, n_classes, size=300)
    label = probabilities.argmax(axis=1)
    found = evaluate_classifier(
        {"label": label, "probabilities": probabilities}, target
    )
    exact = probabilities.astype(np.float64) / probabilities.astype(np.float64).sum(
        axis=1, keepdims=True
    )
    scores = exact[:, 1] if n_classes == 2 else exact
    expected = {
        "accuracy": oracle.accuracy_score(target, label),
        "balanced_accuracy": oracle.balanced_accuracy_score(target, label),
        "macro_f1": oracle.f1_score(target, label, average="macro"),
        "log_loss": oracle.log_loss(target, exact),
        "roc_auc": oracle.roc_auc_score(target, scores, multi_class="ovr"),
    }
    for name, value in expected.items():
        assert found[name].value == pytest.approx(value, abs=1e-6), name

    low, high = proportion_confint((label == target).sum(), 300, method="wilson")
    assert found["accuracy"].interval == (
        pytest.approx(low, abs=1e-6),
        pytest.approx(high, abs=1e-6),
    )


def test_a_class_without_a_row_has_no_curve() -> None:
    """The area under a curve that a missing class makes impossible is left out."""
    probabilities = np.array([[0.7, 0.2, 0.1], [0.2, 0.7, 0.1]])
    found = evaluate_classifier(
        {"label": np.array([0, 1]), "probabilities": probabilities}, np.array([0, 1])
    )
    assert "roc_auc" not in found
    assert found["accuracy"].value == 1


def test_a_regressor_is_measured_as_scikit_learn_does(
    generator: np.random.Generator,
) -> None:
    """A regressor's metrics are scikit-learn's, and its intervals hold its values."""
    target = generator.normal(size=200)
    value = (target + generator.normal(scale=0.5, size=200)).astype(np.float32)
    found = evaluate_regressor(value, target)

    assert found["r2"].value == pytest.approx(oracle.r2_score(target, value), abs=1e-6)
    assert found["rmse"].value == pytest.approx(
        oracle.root_mean_squared_error(target, value), abs=1e-6
    )
    assert found["mae"].value == pytest.approx(
        oracle.mean_absolute_error(target, value), abs=1e-6
    )
    for metric in found.values():
        assert metric.interval is not None
        assert metric.interval[0] < metric.value < metric.interval[1]


def test_the_bootstrap_interval_is_as_wide_as_the_error_is_large(
    generator: np.random.Generator,
) -> None:
    """The bootstrap interval of a mean of many rows is the normal one."""
    target = generator.normal(size=2000)
    value = (target + generator.normal(size=2000)).astype(np.float32)
    interval = evaluate_regressor(value, target)["mae"].interval
    errors = np.abs(target - value)

    assert interval is not None
    assert (interval[1] - interval[0]) / 2 == pytest.approx(
        1.96 * errors.std() / 2000**0.5, rel=0.15
    )


def test_small_errors_keep_their_digits(generator: np.random.Generator) -> None:
    """Small errors keep their digits, whatever the target's unit."""
    target = 1e-7 * generator.normal(size=50)
    value = (target + 1e-9 * generator.normal(size=50)).astype(np.float32)
    found = evaluate_regressor(value, target)["rmse"]
    assert found.value == pytest.approx(
        oracle.root_mean_squared_error(target, value), rel=1e-5
    )


def test_a_clusterer_is_measured_against_the_classes(
    generator: np.random.Generator,
) -> None:
    """A clusterer has scikit-learn's adjusted Rand index, and without classes its distances alone."""
    distances = generator.random((100, 3))
    outputs = {"cluster": distances.argmin(axis=1), "distances": distances}
    target = generator.integers(0, 3, size=100)
    found = evaluate_clusterer(outputs, target)
    expected = oracle.adjusted_rand_score(target, outputs["cluster"])

    assert found["adjusted_rand"].value == pytest.approx(expected, abs=1e-6)
    assert found["adjusted_rand"].interval is None
    assert found["mean_squared_distance"].value == pytest.approx(
        (distances.min(axis=1) ** 2).mean(), abs=1e-6
    )
    assert list(evaluate_clusterer(outputs, None)) == [
        "mean_squared_distance",
        "silhouette",
    ]


def test_a_transformer_is_measured_by_what_it_restores(
    generator: np.random.Generator,
) -> None:
    """A perfect copy explains all, the mean of each feature nothing; a missing value has no error."""
    features = generator.normal(size=(100, 5)).astype(np.float32)
    assert evaluate_transformer(features, features)["explained_variance"].value == 1
    means = np.tile(features.mean(axis=0), (100, 1))
    found = evaluate_transformer(means, features)
    assert found["explained_variance"].value == pytest.approx(0, abs=1e-6)
    assert found["mean_squared_error"].value == pytest.approx(
        features.var(axis=0).mean(), rel=1e-5
    )
    gaps = features.copy()
    gaps[0, 0] = np.nan
    assert evaluate_transformer(features, gaps)["mean_squared_error"].value == 0


def test_a_generator_is_measured_by_what_a_classifier_sees(
    generator: np.random.Generator,
) -> None:
    """Real digits are confident and diverse, noise is not confident, one digit repeated is not diverse."""
    digits = datasets.load("digits")
    rows = datasets.split(digits, seed=0)
    real = evaluate_generator(digits.features[rows.held_out], digits, rows)

    assert real["confidence"].value > 0.85
    assert real["diversity"].value > 0.99
    noise = evaluate_generator(
        generator.uniform(0, 16, size=(300, 64)).astype(np.float32), digits, rows
    )
    assert noise["confidence"].value < real["confidence"].value - 0.1
    same = evaluate_generator(np.repeat(digits.features[:1], 300, axis=0), digits, rows)
    assert same["diversity"].value == 0
    assert same["rarest_class"].value == 0
