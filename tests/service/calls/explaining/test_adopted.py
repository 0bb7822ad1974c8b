"""Adopted files are explained as our own are: by their trees where they have some, else by their answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from skl2onnx import to_onnx
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from service.calls.data_plane import DataPlane
from service.models.registry import Registry
from service.settings import Settings
from tests.support.foreign_models import adopt, make_flowers, write_flowers


@pytest.mark.parametrize(
    ("learner", "method"),
    [
        (RandomForestClassifier(5, random_state=0), "tree_shapley"),
        (LogisticRegression(), "exact_shapley"),
    ],
)
def test_an_adopted_file_is_explained(
    tmp_path: Path, learner: object, method: str
) -> None:
    """The contributions of a foreign file add up to its probability, and trees are found behind what adopts them."""
    features, names = make_flowers()
    learner.fit(features, names)  # type: ignore[attr-defined]
    file = tmp_path / "foreign.onnx"
    file.write_bytes(to_onnx(learner, features[:1]).SerializeToString())
    table = write_flowers(tmp_path)
    models = tmp_path / "models"
    words = ("--task", "flowers", "--family", "foreign", "--data", table)
    code = adopt(file, *words, "--target", "kind", "--output", models)

    assert code == 0

    plane = DataPlane(Registry.load(models), Settings(models=models))
    answer = plane.answer("explain", model="flowers-foreign", inputs=[[1, 1, 1, 1]])
    [explained] = answer["explanations"]
    added = sum(each["contribution"] for each in explained["contributions"])

    assert (explained["method"], explained["explains"]) == (method, "probability")
    assert explained["base"] + added == pytest.approx(
        explained["probability"], abs=1e-5
    )
