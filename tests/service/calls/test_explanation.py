"""A model's answer is explained for rows and for images, by the module and over HTTP."""

from __future__ import annotations

from base64 import b64decode, b64encode
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model_card import FeatureInput
from service.calls.explaining.rows import RowExplainer
from service.calls.explanation import draw_heat, find_heat
from service.contract.limits import Limits
from service.contract.requests import ExplainRequest
from service.errors import InvalidRequest
from service.models.model import Model
from service.settings import Settings
from tests.conftest import EXPORTED_MODELS
from tests.support.server import Server
from tests.support.tiny_models import write_image_model

LINEAR = ("diabetes-linear", "tacos-linear")
LOGISTIC = (
    "breast_cancer-logistic",
    "digits-logistic",
    "points-logistic",
    "wine-logistic",
)
JSON = {"Accept": "application/json"}
CNN = "cat_or_automobile-cnn"
MLP = "cat_or_automobile-mlp"


def load(name: str) -> Model:
    model = Model.load(EXPORTED_MODELS / f"{name}.onnx")
    assert model is not None
    return model


def draw_rows(
    model: Model, generator: np.random.Generator, n_rows: int = 20
) -> np.ndarray:
    """The rows lie between the lowest and highest values of training, with an index where a feature is a category."""
    assert isinstance(model.card.input, FeatureInput)
    low, high = np.array([feature.range for feature in model.card.input.features]).T
    rows = generator.uniform(low, high, (n_rows, len(low)))
    is_category = [bool(feature.values) for feature in model.card.input.features]
    return np.where(is_category, np.rint(rows), rows).astype(np.float32)


def explain_rows(model: Model, rows: np.ndarray, class_name: str | None) -> list[dict]:
    """The model is explained by what its own graph says, for which no file and no held-out rows are needed."""
    explainer = RowExplainer(Limits(Settings()), lambda _: None, lambda _: [])
    request = ExplainRequest(model.name, [], class_name)
    return explainer.explain(model, rows, request)


def total(explained: dict) -> float:
    return explained["base"] + sum(
        each["contribution"] for each in explained["contributions"]
    )


@pytest.mark.parametrize("name", LINEAR)
def test_contributions_sum_to_the_value(
    name: str, generator: np.random.Generator
) -> None:
    """Each row's contributions and the base sum to its value, and the largest contribution stands first."""
    model = load(name)
    rows = draw_rows(model, generator)
    (values,) = model.run(rows)

    for explained, value in zip(explain_rows(model, rows, None), values, strict=True):
        assert explained["prediction"] == value
        assert total(explained) == pytest.approx(value, rel=1e-4)

        sizes = [abs(each["contribution"]) for each in explained["contributions"]]

        assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("name", LINEAR)
def test_a_contribution_is_what_a_feature_changes(
    name: str, generator: np.random.Generator
) -> None:
    """The values of two rows that differ in one feature differ by the difference of its contributions."""
    model = load(name)
    rows = draw_rows(model, generator, 2)

    for feature in range(rows.shape[1]):
        pair = np.stack([rows[0], rows[0]])
        pair[1, feature] = rows[1, feature]
        (values,) = model.run(pair)
        first, second = (
            {
                each["feature"]: each["contribution"]
                for each in explained["contributions"]
            }
            for explained in explain_rows(model, pair, None)
        )
        moved = {
            key: second[key] - first[key]
            for key in first
            if abs(second[key] - first[key]) > 1e-6
        }

        assert set(moved) <= {model.card.input.features[feature].name}
        assert sum(moved.values()) == pytest.approx(
            values[1] - values[0], rel=1e-3, abs=1e-4
        )


@pytest.mark.parametrize("name", LOGISTIC)
def test_contributions_make_the_probabilities(
    name: str, generator: np.random.Generator
) -> None:
    """Contributions sum to the logarithm of the odds of two classes, and to scores whose softmax are the probabilities
    of more.
    """
    model = load(name)
    rows = draw_rows(model, generator)
    _, probabilities = model.run(rows)
    sums = np.array(
        [
            [total(each) for each in explain_rows(model, rows, label)]
            for label in model.classes
        ]
    ).T
    if len(model.classes) == 2:
        expected = 1 / (1 + np.exp(-sums))
    else:
        powers = np.exp(sums - sums.max(axis=1, keepdims=True))
        expected = powers / powers.sum(axis=1, keepdims=True)

    # a probability under the calibration's floor counts as the floor, which the contributions do not know
    calibration = model.card.calibration
    assert calibration is not None
    least = calibration.floor ** (1 / calibration.temperature)
    tolerance = max(2e-3, len(model.classes) * least)
    assert np.abs(expected - probabilities).max() < tolerance


@pytest.mark.parametrize("name", ["points-knn", "wine-knn"])
def test_neighbors_decide(name: str) -> None:
    """The neighbours are the card's own rows, nearest first, and the class that most of them have is predicted."""
    model = load(name)
    rows = np.array(model.card.self_check.input, dtype=np.float32)

    for explained in explain_rows(model, rows, None):
        distances = [each["distance"] for each in explained["neighbors"]]

        assert distances == sorted(distances)

        classes = [each["class"] for each in explained["neighbors"]]

        assert max(set(classes), key=classes.count) == explained["prediction"]


def test_a_class_is_not_asked_of_neighbors_and_regressors() -> None:
    """A class is refused where a model has neighbours or numbers, since neither has one to choose."""
    for name, text in (
        ("wine-knn", "whatever their class"),
        ("tacos-linear", "it has no classes"),
    ):
        model = load(name)
        rows = np.array(model.card.self_check.input, dtype=np.float32)
        with pytest.raises(InvalidRequest, match=text):
            explain_rows(model, rows, "class_0")


def test_covering_finds_what_decides(tmp_path: Path) -> None:
    """A red square in a corner of grey is why the image is red, and the heat is there."""
    model = Model.load(write_image_model(tmp_path))
    assert model is not None
    image = np.full((70, 140, 3), 128, dtype=np.uint8)
    image[:10, 120:] = (255, 0, 0)
    heat = find_heat(model, image, None)

    assert (heat.method, model.classes[heat.chosen]) == ("occlusion", "red")
    assert np.unravel_index(heat.values.argmax(), heat.values.shape) == (0, 6)

    drawn = draw_heat(image, heat)

    assert drawn.shape == image.shape

    warmth = drawn[..., 0].astype(int) - drawn[..., 2]

    assert warmth[:10, 120:].mean() > warmth[40:, :60].mean() + 50


@pytest.mark.parametrize("name", [CNN, "cifar10-cnn"])
def test_a_class_activation_map_is_of_the_graph(
    name: str, generator: np.random.Generator
) -> None:
    """The maps of all classes sum to zero, since each sets its class against the others."""
    model = load(name)
    image = generator.integers(0, 256, (48, 64, 3), dtype=np.uint8)
    heats = [find_heat(model, image, each) for each in model.classes]

    assert {heat.method for heat in heats} == {"class_activation"}
    assert np.abs(np.sum([heat.values for heat in heats], axis=0)).max() < 1e-4
    assert sum(heat.probability for heat in heats) == pytest.approx(1, abs=1e-5)


def photograph() -> bytes:
    """The picture has soft colours and is not square."""
    colours = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    file = BytesIO()
    Image.fromarray(colours).resize((96, 64), Image.Resampling.BICUBIC).save(
        file, format="JPEG"
    )

    return file.getvalue()


def opened(encoded: dict[str, str]) -> Image.Image:
    image = Image.open(BytesIO(b64decode(encoded["b64"])))
    assert image.format == "PNG"
    return image


def explain_as_json(server: Server, **changes: object) -> dict:
    body = {
        "model": CNN,
        "inputs": [{"b64": b64encode(photograph()).decode()}],
        **changes,
    }
    (explained,) = server.client.post("/explain", json=body, headers=JSON).json()[
        "explanations"
    ]
    return explained


def test_an_image_is_explained_in_json(server: Server) -> None:
    """A client that accepts only JSON gets class, prediction and the heat map in base64, in the photograph's format."""
    explained = explain_as_json(server, **{"class": "cat"})

    width, height = opened(explained["heat_map"]).size
    assert explained["class"] == "cat"
    assert explained["prediction"] in ("cat", "automobile")
    assert width * 64 == height * 96


def test_an_image_is_explained_by_a_picture(server: Server) -> None:
    """A client that takes pictures gets the heat map alone, the one that JSON has in base64."""
    expected = opened(explain_as_json(server, **{"class": "cat"})["heat_map"])

    response = server.client.post(
        f"/explain?model={CNN}&class=cat",
        content=photograph(),
        headers={"Content-Type": "image/jpeg"},
    )

    picture = Image.open(BytesIO(response.content))
    assert response.headers["content-type"] == "image/png"
    assert np.array_equal(np.asarray(picture), np.asarray(expected))


def test_layers_are_listed(server: Server) -> None:
    """The view of a model's layers names its four layers and has a picture of its filters in colour."""
    answer = server.client.get(f"/models/{CNN}/layers", headers=JSON).json()

    assert [each["name"] for each in answer["layers"]] == ["1", "2", "3", "4"]
    assert opened(answer["filters"]).mode == "RGB"


@pytest.mark.parametrize("place", range(4))
def test_a_layer_is_drawn_by_its_name(server: Server, place: int) -> None:
    """`/explain` draws the maps of a layer that the view lists, and names the layer."""
    listed = server.client.get(f"/models/{CNN}/layers", headers=JSON).json()
    layer = listed["layers"][place]

    explained = explain_as_json(server, layer=layer["name"])

    assert explained["layer"] == layer["name"]
    assert opened(explained["maps"]).width >= layer["width"]


def test_filters_are_drawn_as_a_picture(server: Server) -> None:
    """A client that takes pictures gets a PNG of the layers' view."""
    picture = server.client.get(f"/models/{MLP}/layers")

    assert Image.open(BytesIO(picture.content)).format == "PNG"


def test_rows_are_explained_over_http(server: Server) -> None:
    """A row that is an object gets contributions that name its features and values and sum to the prediction."""
    features = server.client.get("/models/tacos-linear").json()["input"]["features"]
    row = {
        each["name"]: each["values"][0] if "values" in each else each["range"][1]
        for each in features
    }

    answer = server.post("/explain", {"model": "tacos-linear", "inputs": [row]}).json()

    (explained,) = answer["explanations"]
    given = {each["feature"]: each["value"] for each in explained["contributions"]}
    assert total(explained) == pytest.approx(explained["prediction"], rel=1e-4)
    assert given == pytest.approx(row)


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (
            {"model": "digits-kmeans", "inputs": [[1.0] * 64]},
            400,
            "digits-kmeans is a clusterer: it has no explanation",
        ),
        ({"model": "nothing", "inputs": [[1.0]]}, 404, "unknown model"),
        ({"model": CNN, "inputs": [[1.0]]}, 400, "b64"),
        (
            {"model": "wine-logistic", "inputs": [[1.0] * 13], "class": "red"},
            400,
            "unknown class 'red'",
        ),
        (
            {"model": "wine-logistic", "inputs": [[1.0] * 13], "layer": "1"},
            400,
            "it has no layers to show",
        ),
        ({"model": "wine-logistic", "inputs": [[1.0] * 12]}, 400, "expected 13"),
    ],
)
def test_what_cannot_be_explained_is_refused(
    server: Server, body: dict, status: int, text: str
) -> None:
    """A request that cannot be explained is refused with what would work."""
    answer = server.post("/explain", body)

    assert answer.status_code == status
    assert text in answer.json()["error"]


def test_layers_and_classes_that_are_not_there_are_refused(server: Server) -> None:
    """An unknown layer, an unknown class and too many images are refused, of images as of rows."""
    image = {"b64": b64encode(photograph()).decode()}
    for change, status, text in (
        ({"layer": "9"}, 400, "has no layer '9'; its layers: 1, 2, 3, 4"),
        ({"class": "dog"}, 400, "unknown class 'dog'; classes: automobile, cat"),
        ({"inputs": [image] * 17}, 413, "17 images are over the 16 of one request"),
        ({"inputs": [{"b64": b64encode(b"no image").decode()}]}, 400, "inputs[0]"),
    ):
        answer = server.post("/explain", {"model": CNN, "inputs": [image]} | change)
        assert (answer.status_code, text in answer.json()["error"]) == (status, True), (
            answer.text
        )

    for name, status in (("wine-logistic", 400), ("nothing", 404)):
        assert server.client.get(f"/models/{name}/layers").status_code == status
