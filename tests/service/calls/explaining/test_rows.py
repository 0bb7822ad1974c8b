"""Every model of rows is explained, by the data plane and by a server, and what is promised of the sums holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_card import Calibration
from service.calls.data_plane import DataPlane
from service.errors import InvalidRequest, NotFound, TooLarge
from service.models.registry import Registry
from service.settings import Settings
from tests.conftest import EXPORTED_MODELS
from tests.support.server import Server
from tests.support.tiny_models import tiny_card, write_kind, write_tiny

NAMES = sorted(path.stem for path in EXPORTED_MODELS.glob("*.onnx"))
TREES = ("decision_tree", "random_forest", "gradient_boosting")


def open_folder(folder: Path) -> DataPlane:
    return DataPlane(Registry.load(folder), Settings(models=folder))


def explain(server: Server, card: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The explanation is that of the card's example."""
    rows = [card["input"]["example"]]
    body = {"model": card["name"], "inputs": rows, **more}
    answer = server.post("/explain", body)

    assert answer.status_code == 200, answer.text

    [explained] = answer.json()["explanations"]
    return dict(explained)


def check_sum(explained: dict[str, Any]) -> None:
    added = sum(each["contribution"] for each in explained["contributions"])

    assert explained["base"] + added == pytest.approx(
        explained["total"], rel=1e-5, abs=1e-5
    )


@pytest.mark.parametrize("name", NAMES)
def test_each_shipped_model_is_explained_or_refused_by_name(
    server: Server, name: str
) -> None:
    """A classifier or regressor of rows has contributions or neighbours; anything else is refused by name."""
    card = server.client.get(f"/models/{name}").json()
    if card["kind"] not in ("classifier", "regressor"):
        width = len(card["input"].get("features", ())) or card["input"]["size"]
        body = {"model": name, "inputs": [[0.0] * width]}
        answer = server.post("/explain", body)

        assert answer.status_code == 400
        assert f"{name} is a {card['kind']}" in answer.json()["error"]
        return

    if card["input"]["type"] != "features":
        return

    explained = explain(server, card)
    if card["family"] == "knn":
        assert explained["method"] == "neighbors"

        explained = explain(server, card, method="shapley")

    check_sum(explained)
    assert len(explained["contributions"]) == len(card["input"]["features"])
    if card["family"] in TREES:
        assert explained["method"] == "tree_shapley"
    check_total(server, card, explained)


def check_total(
    server: Server, card: dict[str, Any], explained: dict[str, Any]
) -> None:
    """The total is the answer, or what the answer is made of in the way that the documentation says."""
    total = explained["total"]
    if explained["explains"] == "value":
        assert total == pytest.approx(explained["prediction"], rel=1e-4)
    elif explained["explains"] == "probability":
        assert total == pytest.approx(explained["probability"], abs=1e-6)
    elif explained["explains"] == "log odds":
        share = 1 / (1 + np.exp(-total))
        assert share == pytest.approx(explained["probability"], abs=2e-3)
    else:
        totals = [
            explain(server, card, **{"class": each})["total"]
            for each in card["classes"]
        ]
        place = card["classes"].index(explained["class"])
        shares = answer_from(np.array(totals), explained["explains"], card)
        assert shares[place] == pytest.approx(explained["probability"], abs=2e-3)


def answer_from(totals: np.ndarray, explains: str, card: dict[str, Any]) -> np.ndarray:
    """The probabilities are the softmax of scores, or of tempered logarithms of probabilities."""
    scores = totals
    if explains == "probability before calibration":
        calibration = Calibration(**card["calibration"])
        scores = np.log(np.maximum(totals, calibration.floor))
        scores = scores / calibration.temperature

    powers = np.exp(scores - scores.max())
    return powers / powers.sum()


@pytest.mark.parametrize("family", ["decision_tree", "mlp", "knn", "perceptron"])
def test_a_value_that_flips_changes_the_class(server: Server, family: str) -> None:
    """A row whose feature takes the value that is named gets the class that is named, and the nearest comes first."""
    card = server.client.get(f"/models/wine-{family}").json()
    features = card["input"]["features"]
    explained = explain(server, card, flips=True)
    names = [feature["name"] for feature in features]

    assert sorted(each["feature"] for each in explained["flips"]) == sorted(names)

    flipping = [each for each in explained["flips"] if each["flips_at"] is not None]
    ranges = {each["name"]: each["range"] for each in features}
    shares = []
    for each in flipping:
        low, high = ranges[each["feature"]]
        row = list(card["input"]["example"])
        row[names.index(each["feature"])] = each["flips_at"]
        body = {"model": card["name"], "inputs": [row]}
        answer = server.post("/predict", body).json()
        shares.append(abs(each["flips_at"] - each["value"]) / (high - low))

        assert answer["predictions"] == [each["class"]] != [explained["prediction"]]
        assert low <= each["flips_at"] <= high

    assert flipping
    assert shares == sorted(shares)


def test_a_tree_has_its_path(server: Server) -> None:
    """The path of a single tree holds of the row, and a forest has none."""
    card = server.client.get("/models/wine-decision_tree").json()
    features = [each["name"] for each in card["input"]["features"]]
    row = dict(zip(features, card["input"]["example"], strict=True))
    path = explain(server, card)["path"]

    assert path
    for each in path:
        is_over = row[each["feature"]] > each["threshold"]
        assert each["condition"] == (">" if is_over else "<=")

    forest = server.client.get("/models/wine-random_forest").json()
    assert "path" not in explain(server, forest)


def test_an_explanation_is_the_same_each_time(server: Server) -> None:
    """Two requests of a row get the same sampled values, and each has a standard error."""
    card = server.client.get("/models/digits-mlp").json()
    first, second = (explain(server, card) for _ in range(2))

    assert first == second
    assert first["method"] == "sampled_shapley"
    assert first["background"] == {"rows": 32, "source": "held-out rows"}
    assert all(each["standard_error"] >= 0 for each in first["contributions"])


def test_a_class_may_be_asked_of_each_method(server: Server) -> None:
    """The contributions to one of two classes are those to the other with the opposite sign."""
    for family in ("naive_bayes", "mlp", "knn", "gradient_boosting"):
        card = server.client.get(f"/models/points-{family}").json()
        first, second = (
            explain(server, card, method="shapley", **{"class": each})
            for each in card["classes"]
        )
        added = {
            each["feature"]: each["contribution"] for each in first["contributions"]
        }
        for each in second["contributions"]:
            assert each["contribution"] == pytest.approx(
                -added[each["feature"]], abs=1e-5
            )


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (
            {"model": "wine-mlp", "method": "lime"},
            400,
            "method: wine-mlp has no method 'lime'; its methods: shapley",
        ),
        (
            {"model": "wine-knn", "method": "contributions"},
            400,
            "its methods: neighbors, shapley",
        ),
        (
            {"model": "wine-mlp", "inputs": [[1.0] * 13] * 101},
            413,
            "101 rows are over the limit of 100 rows",
        ),
        ({"model": "wine-mlp", "class": "red"}, 400, "unknown class 'red'"),
        ({"model": "wine-mlp", "flips": 3}, 400, "flips"),
        (
            {"model": "diabetes-random_forest", "inputs": [[0.0] * 10], "flips": True},
            400,
            "flips: diabetes-random_forest is a regressor: it has no classes",
        ),
        (
            {"model": "diabetes-random_forest", "inputs": [[0.0] * 10], "class": "a"},
            400,
            "class: diabetes-random_forest is a regressor",
        ),
    ],
)
def test_what_a_model_does_not_have_is_refused(
    server: Server, body: dict[str, Any], status: int, text: str
) -> None:
    """A method, class or flip that a model does not have is refused with what it has, too many rows with a number."""
    answer = server.post("/explain", {"inputs": [[1.0] * 13]} | body)

    assert (answer.status_code, text in answer.json()["error"]) == (status, True), (
        answer.text
    )


def test_a_category_is_one_feature(models: Path) -> None:
    """A row of a number and a category has two contributions, and the category's value has its name."""
    answer = open_folder(models).answer(
        "explain", model="colour-first", inputs=[[0.5, "blue"]], flips=True
    )
    [explained] = answer["explanations"]
    given = {each["feature"]: each["value"] for each in explained["contributions"]}

    assert explained["method"] == "exact_shapley"
    assert given == {"size": 0.5, "colour": "blue"}
    assert [each["feature"] for each in explained["flips"]] == ["size"]
    assert json.dumps(explained)
    check_sum(explained)


def test_a_missing_value_is_explained(tmp_path: Path) -> None:
    """A value that the graph imputes may be missing in the row, whose contribution then has no value."""
    write_kind(tmp_path, "regressor")
    answer = open_folder(tmp_path).answer(
        "explain", model="tiny-regressor", inputs=[[1.0, None]]
    )
    [explained] = answer["explanations"]

    check_sum(explained)
    assert {each["value"] for each in explained["contributions"]} == {1.0, None}
    assert explained["total"] == pytest.approx(explained["prediction"])


def test_trees_of_another_file_are_not_believed(tmp_path: Path) -> None:
    """A file that was written anew since it was loaded is not read, and the model that answers is explained itself."""
    name = "wine-decision_tree.onnx"
    path = tmp_path / name
    path.write_bytes((EXPORTED_MODELS / name).read_bytes())
    plane = open_folder(tmp_path)
    row = plane.registry.models["wine-decision_tree"].card.input.example  # type: ignore[union-attr]
    path.write_bytes((EXPORTED_MODELS / "points-decision_tree.onnx").read_bytes())

    answer = plane.answer("explain", model="wine-decision_tree", inputs=[list(row)])

    [explained] = answer["explanations"]
    assert explained["method"] == "sampled_shapley"
    assert explained["background"]["source"] == "training distribution of each feature"


def test_a_file_without_a_card_is_not_explained(tmp_path: Path) -> None:
    """A file without a card says how it gets one, with which it is explained."""
    write_tiny(tmp_path, None, stem="foreign")

    with pytest.raises(NotFound, match="veredicto adopt"):
        open_folder(tmp_path).answer("explain", model="foreign", inputs=[[1.0, 1.0]])


def test_images_have_no_flips(server: Server) -> None:
    """An image is refused a field that only rows have, by the name of the field."""
    body = {"model": "cifar10-cnn", "inputs": [{"b64": "AAAA"}], "flips": True}
    answer = server.post("/explain", body)

    assert answer.status_code == 400
    assert "flips: cifar10-cnn takes images" in answer.json()["error"]


def test_many_features_are_refused_with_how_many_rows_go(models: Path) -> None:
    """The refusal of too many values says how many rows of so many features one request may have."""
    from service.contract.limits import Limits

    limits = Limits(Settings(models=models))

    with pytest.raises(TooLarge, match="send at most 3 rows a request"):
        limits.check_explained(4, 1_000, 16_000)
    with pytest.raises(TooLarge, match="it has too many"):
        limits.check_explained(1, 10_000, 160_000)

    limits.check_explained(3, 1_000, 16_000)


def test_an_answer_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    """A row so far away that the model has no finite answer to it is refused, as it is by a prediction."""
    write_tiny(tmp_path, tiny_card(family="first"), sign=4.0)

    with pytest.raises(InvalidRequest, match="no finite answer"):
        open_folder(tmp_path).answer(
            "explain", model="colour-first", inputs=[[3e38, "blue"]]
        )
