"""Smoothed classifiers answer no 0 and no 1, in the graph as in the source, and their classes keep their order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from service.models.model import Model
from training.arguments.command import parse
from training.arguments.run import find_family
from training.data.datasets import Dataset, load, split
from training.export.calibration import apply_temperature, calibrate
from training.export.smoothing import SmoothedModel, find_share
from training.families import gradient_boosting
from training.graph import clean, run
from training.pipeline import TrainingRun, train


@pytest.mark.parametrize(
    "words",
    [
        ["logistic"],
        ["logistic", "--epochs", "20"],
        ["mlp", "--epochs", "20"],
        ["gradient_boosting"],
    ],
    ids=" ".join,
)
def test_no_class_is_impossible(
    far_apart: Dataset, words: list[str], tmp_path: Path
) -> None:
    """No probability is 0 by underflow far out, so that no row has an infinite loss, and the rows still sum to 1."""
    options = parse([*words, "--task", "far", "--data", "far.csv", "--target", "y"])
    training_run = TrainingRun(
        name=words[0],
        family=find_family(options, images=False),
        dataset=far_apart,
        options=options,
        command="test",
    )
    (trained,) = train(training_run, tmp_path)
    model = Model.load(trained.path)
    assert model is not None
    far_out = np.array(
        [[-4e3] * 3, [4e3] * 3, [20] * 3, [4e4, -4e4, 4e4]], dtype=np.float32
    )
    _, probabilities = model.run(np.concatenate([far_apart.features, far_out]))

    assert probabilities.min() > 1e-9
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_share_is_a_millionth_at_the_temperature(
    generator: np.random.Generator, temperature: float
) -> None:
    """A class that had 0 has about 1e-6 after any temperature, and none is 1 in float32."""
    true = generator.dirichlet([0.3, 0.3, 0.3], size=2000)
    target = np.array([generator.choice(3, p=row) for row in true])
    said = apply_temperature(true, temperature=1 / temperature, floor=1e-37)
    share = find_share(said, target)
    certain = np.eye(3)[target] + share
    found = calibrate(said + share, target)
    after = apply_temperature(certain, temperature=found.temperature, floor=found.floor)

    assert 1e-8 < after.min() < 1e-3
    assert after.astype(np.float32).max() < 1


def test_the_graph_computes_as_its_source() -> None:
    """Smoothing is one addition in the graph, which changes no label, and leaves what is no number none."""
    dataset = load("wine")
    rows = split(dataset, seed=0)
    options = parse(["gradient_boosting", "--task", "wine", "--rounds", "20"])
    fitted = gradient_boosting.fit(dataset, rows, options, lambda _: None)
    plain, smoothed = (
        clean(each.to_onnx(13)).SerializeToString()
        for each in (fitted, SmoothedModel(fitted, share=1e-4))
    )
    before, after = (run(each, dataset.features) for each in (plain, smoothed))

    assert np.array_equal(before["label"], after["label"])
    assert np.array_equal(before["probabilities"].argmax(axis=1), after["label"])
    assert after["probabilities"] == pytest.approx(before["probabilities"] + 1e-4)
    said = SmoothedModel(fitted, share=1e-4).outputs(dataset.features)
    assert said["probabilities"] == pytest.approx(after["probabilities"], abs=1e-6)


def test_a_regressor_is_as_it_was() -> None:
    """A family that learns a number is fitted as without smoothing."""
    dataset = load("diabetes")
    options = parse(["gradient_boosting", "--task", "diabetes", "--rounds", "5"])
    family = find_family(options, images=False)
    rows = split(dataset, seed=0)
    fitted = family.fit(dataset, rows, options, lambda _: None)

    assert not isinstance(fitted, SmoothedModel)
    assert fitted.kind == "regressor"
