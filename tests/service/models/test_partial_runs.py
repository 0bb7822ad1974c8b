"""Many rows and images are run in parts, and answered as few are."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from service.models.model import Model
from service.models.partial_runs import PART_S, ROWS_AT_A_TIME, run_rows
from tests.support.tiny_models import tiny_probabilities, write_image_model


def load(path: Path) -> Model:
    model = Model.load(path)
    assert model is not None
    return model


def test_many_rows_are_answered_as_few(
    models: Path, generator: np.random.Generator
) -> None:
    """A graph runs many rows in parts, to bound its memory, and answers each as it does where they are few."""
    model = load(models / "colour-first.onnx")
    features = generator.normal(size=(2 * ROWS_AT_A_TIME + 7, 2)).astype(np.float32)
    label, probabilities = model.run(features)

    assert np.array_equal(probabilities, model.run(features)[1])
    assert np.allclose(probabilities, tiny_probabilities(features), atol=1e-6)
    assert np.array_equal(label, probabilities.argmax(axis=1))


def test_images_of_several_sizes_are_answered_in_their_order(
    tmp_path: Path, generator: np.random.Generator
) -> None:
    """Images of one size run together, and each has the answer that it has alone."""
    model = load(write_image_model(tmp_path))
    shapes = [(4, 6, 3), (5, 5, 3), (4, 6, 3), (9, 2, 3), (5, 5, 3)]
    images = [generator.integers(0, 256, each, dtype=np.uint8) for each in shapes]
    labels, probabilities = model.run(images)

    alone = [model.run([each]) for each in images]

    assert labels.tolist() == [int(label[0]) for label, _ in alone]
    assert np.array_equal(probabilities, np.concatenate([each for _, each in alone]))
    assert len(np.unique(probabilities, axis=0)) == len(images)


def test_a_slow_graph_runs_fewer_rows_at_a_time(models: Path) -> None:
    """Ten rows are run at a time where each takes a hundredth of a second, and the last part has what is left."""
    model = load(models / "colour-first.onnx")
    model.graph.row_s = PART_S / 10
    sizes: list[int] = []

    def run_once(names: list[str], inputs: np.ndarray) -> list[np.ndarray]:
        sizes.append(len(inputs))
        return [inputs[:, 0] for _ in names]

    rows = np.arange(64, dtype=np.float32).reshape(32, 2)
    (found,) = run_rows(run_once, model.graph, ["label"], rows)

    assert sizes == [10, 10, 10, 2]
    assert found.tolist() == rows[:, 0].tolist()
