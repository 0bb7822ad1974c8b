"""Naive Bayes counts categories, and its probabilities of numbers are scikit-learn's."""

from __future__ import annotations

import argparse

import numpy as np
import pytest
from sklearn.naive_bayes import CategoricalNB, GaussianNB
from sklearn.preprocessing import StandardScaler

from training.data.datasets import Dataset, split
from training.export.encoding import Encoding
from training.families import naive_bayes
from training.graph import clean, run


@pytest.fixture
def mixture(generator: np.random.Generator) -> Dataset:
    """Returns 400 rows of two numbers and two categories, from which two classes can be guessed."""
    target = generator.integers(2, size=400)
    codes = [
        (generator.random(400) * (3 if each else 4) - target * 0.8).clip(0) // 1
        for each in range(2)
    ]
    numbers = generator.normal(size=(400, 2)) + target[:, None]
    return Dataset(
        task="mixture",
        summary="",
        source="",
        features=np.c_[numbers, codes[0], codes[1]].astype(np.float32),
        target=target,
        feature_names=("a", "b", "c", "d"),
        classes=("no", "yes"),
        values=(None, None, ("x", "y", "z", "w"), ("p", "q", "r")),
    )


def test_categories_are_counted_and_numbers_are_normal(mixture: Dataset) -> None:
    """The scores are the sum of those of scikit-learn's two, with the classes' shares once, also in the graph."""
    rows = split(mixture, seed=0, needs_validation=False)
    encoded = Encoding(mixture, rows).apply(mixture)
    options = argparse.Namespace(var_smoothing=0.01)
    fitted = naive_bayes.fit(encoded, rows, options, lambda _: None)
    train, target = mixture.features[rows.train], mixture.target[rows.train]
    scaler = StandardScaler().fit(train[:, :2])
    normal = GaussianNB(var_smoothing=0.01).fit(scaler.transform(train[:, :2]), target)
    counted = CategoricalNB(min_categories=[4, 3]).fit(train[:, 2:], target)
    held_out = mixture.features[rows.held_out]
    scores = (
        normal.predict_joint_log_proba(scaler.transform(held_out[:, :2]))
        + counted.predict_joint_log_proba(held_out[:, 2:])
        - np.log(np.bincount(target) / len(target))
    )
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    inputs = encoded.features[rows.held_out]
    graph = clean(fitted.to_onnx(inputs.shape[1])).SerializeToString()

    assert fitted.outputs(inputs)["probabilities"] == pytest.approx(expected, abs=1e-5)
    assert run(graph, inputs)["probabilities"] == pytest.approx(expected, abs=1e-5)
