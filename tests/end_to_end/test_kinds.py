"""Each kind of model has its calls, and the service says which where a call is not one of them."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import bentoml
import numpy as np
import onnx
import pytest
from onnx import helper
from PIL import Image

from model_card import Feature, FeatureInput
from service.errors import ModelRefused
from service.models.images.pictures import make_grid
from service.models.model import Model
from service.models.registry import Registry
from tests.support.server import Server, serve
from tests.support.tiny_models import tiny_card, write_kind, write_tiny

KINDS = ("regressor", "clusterer", "transformer", "generator")
BOOLEANS = FeatureInput(
    features=(
        Feature(name="size", type="number"),
        Feature(name="wet", type="category", values=("false", "true")),
    ),
    example=(0.5, "true"),
)


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server has one tiny model of each kind, and `wet-first`, a classifier with a category of booleans."""
    folder = tmp_path_factory.mktemp("kinds")
    write_tiny(folder, tiny_card())
    write_tiny(folder, tiny_card(task="wet", input=BOOLEANS))
    for kind in KINDS:
        write_kind(folder, kind)

    with serve(
        tmp_path_factory.mktemp("home"), VEREDICTO_MODELS=folder, VEREDICTO_MAX_ROWS=50
    ) as running:
        yield running


def test_a_regressor_predicts_numbers(kinds: Server) -> None:
    """A regressor answers numbers, and its graph imputes a missing value."""
    answer = kinds.post(
        "/predict",
        {
            "model": "tiny-regressor",
            "inputs": [[1, 2.5], [1, None], {"x": 1, "y": None}],
        },
    )

    assert answer.json()["predictions"] == [3.5, 4.0, 4.0]


def test_a_clusterer_predicts_cluster_numbers(kinds: Server) -> None:
    """A clusterer answers a whole number for each row."""
    answer = kinds.post(
        "/predict", {"model": "tiny-clusterer", "inputs": [[1, 1], [4, 4]]}
    ).json()

    assert answer["predictions"] == [0, 1]
    assert all(isinstance(each, int) for each in answer["predictions"])


def test_a_transformer_answers_codes_and_reconstructions(kinds: Server) -> None:
    """A transformer answers one code and one reconstruction for each row."""
    answer = kinds.post(
        "/transform", {"model": "tiny-transformer", "inputs": [[1, 2], [1, None]]}
    ).json()

    assert answer == {
        "model": "tiny-transformer",
        "version": answer["version"],
        "outputs": [[3.0], [4.0]],
        "reconstructions": [[1.5, 1.5], [2.0, 2.0]],
    }


def generate(server: Server, accept: str, **fields: object) -> tuple[str, bytes]:
    answer = server.client.post(
        "/generate",
        json={"model": "tiny-generator"} | fields,
        headers={"Accept": accept} if accept else {},
    )
    assert answer.status_code == 200, answer.text
    return answer.headers["content-type"], answer.content


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "image/png",
        "image/*;q=0.9, application/json",
        "text/html",
        "application/json;q=0, */*",
        "",
    ],
)
def test_a_generator_answers_one_picture(kinds: Server, accept: str) -> None:
    """A generator answers one PNG, a grid of all images, where the client takes pictures."""
    content_type, content = generate(kinds, accept, count=3, seed=1)

    assert content_type == "image/png"

    picture = Image.open(BytesIO(content))

    assert picture.format == "PNG"
    assert picture.size == (2 * 64 + 3 * 2, 2 * 64 + 3 * 2)


@pytest.mark.parametrize("accept", ["application/json", "application/json, */*;q=0"])
def test_a_generator_answers_json_to_who_takes_only_that(
    kinds: Server, accept: str
) -> None:
    """A client that takes JSON alone gets JSON, the same each time where the seed is the same."""
    content_type, content = generate(kinds, accept, count=3, seed=1)

    assert content_type == "application/json"
    assert generate(kinds, "application/json", count=3, seed=1)[1] == content


def test_other_seeds_give_other_images(kinds: Server) -> None:
    """Images differ between two seeds, and between two requests without one."""
    first, second = (
        generate(kinds, "application/json", count=3, seed=seed)[1] for seed in (1, 2)
    )
    third, fourth = (generate(kinds, "application/json", count=3)[1] for _ in range(2))

    assert first != second
    assert third != fourth


def test_bentomls_client_gets_each_image_by_itself(kinds: Server) -> None:
    """BentoML's client gets the images in base64, whose pixels are those that the seed's noise makes."""
    noise = np.random.default_rng(1).standard_normal((3, 2), dtype=np.float32)

    with bentoml.SyncHTTPClient(kinds.url) as client:
        answer = client.generate(model="tiny-generator", count=3, seed=1)

    pixels = np.asarray(Image.open(BytesIO(b64decode(answer["images"][0]["b64"]))))

    assert len(answer["images"]) == 3
    assert pixels[:, 0, 0].tolist() == [
        int(np.clip(each, 0, 1) * np.float32(255)) for each in noise[0]
    ]


@pytest.mark.parametrize(
    ("path", "fields", "status", "message"),
    [
        (
            "/predict_proba",
            {"model": "tiny-regressor", "inputs": [[1, 2]]},
            400,
            "tiny-regressor is a regressor: it has no answer to /predict_proba, only to /predict",
        ),
        (
            "/predict",
            {"model": "tiny-generator", "inputs": [[1, 2]]},
            400,
            "tiny-generator is a generator: it has no answer to /predict, only to /generate",
        ),
        (
            "/transform",
            {"model": "colour-first", "inputs": [[1, "red"]]},
            400,
            "colour-first is a classifier: it has no answer to /transform, only to /predict, /predict_proba, /compare",
        ),
        (
            "/generate",
            {"model": "tiny-transformer"},
            400,
            "tiny-transformer is a transformer: it has no answer to ",
        ),
        (
            "/compare",
            {"task": "tiny", "inputs": [[1, 2]]},
            400,
            "the task 'tiny' has no classifiers to compare; tasks that have: colour",
        ),
        (
            "/generate",
            {"model": "tiny-generator", "count": 51},
            413,
            "count: 51 images are over the limit of 50 ",
        ),
        (
            "/generate",
            {"model": "tiny-generator", "count": 0},
            400,
            "count: expected int >= 1; this call takes ",
        ),
        (
            "/generate",
            {"model": "tiny-generator", "seed": -1},
            400,
            "seed: expected int >= 0; this call takes ",
        ),
        (
            "/generate",
            {"model": "tiny-generator", "inputs": [[1]]},
            400,
            "contains unknown field inputs; ",
        ),
        (
            "/generate",
            {"model": "gan"},
            404,
            "unknown model 'gan'; known models: colour-first, tiny-",
        ),
        (
            "/predict",
            {"model": "tiny-regressor", "inputs": [[None, 1]]},
            400,
            "inputs[0]: feature 'x' expects a number, got null: the model was not taught to do without",
        ),
        (
            "/predict",
            {"model": "tiny-regressor", "inputs": [[True, 1]]},
            400,
            "inputs[0]: feature 'x' expects a number, got true",
        ),
        (
            "/predict",
            {"model": "tiny-regressor", "inputs": [[3e38, 3e38]]},
            400,
            "inputs[0]: tiny-regressor has no finite answer to these values; ",
        ),
    ],
)
def test_a_call_without_an_answer_says_why(
    kinds: Server, path: str, fields: object, status: int, message: str
) -> None:
    """A call that the model's kind has no answer for is refused with the calls that would work."""
    answer = kinds.post(path, fields)

    assert answer.status_code == status
    assert answer.json()["error"].startswith(message)


@pytest.mark.parametrize("kind", KINDS)
def test_a_graph_without_its_kinds_outputs_is_refused(
    tmp_path: Path, kind: str
) -> None:
    """A file whose graph lacks the outputs of its card's kind is not loaded."""
    path = write_kind(tmp_path, kind)
    model = onnx.load(path)
    model.graph.node.append(
        helper.make_node("Identity", [model.graph.output[-1].name], ["elsewhere"])
    )
    model.graph.output[-1].name = "elsewhere"
    path.write_bytes(model.SerializeToString())

    with pytest.raises(
        ModelRefused, match=r"^its card promises the output '\w+', its graph has \['"
    ):
        Model.load(path)


def test_kinds_share_a_task(kinds: Server) -> None:
    """A regressor, a clusterer and a transformer of the same rows share a task with a generator."""
    models = kinds.client.get("/models").json()["models"]

    assert {model["kind"] for model in models if model["task"] == "tiny"} == set(KINDS)


def test_a_task_has_one_set_of_features(tmp_path: Path) -> None:
    """Models of one task that differ in their features are refused, of whatever kind they are."""
    write_tiny(tmp_path, tiny_card(task="tiny"))
    write_kind(tmp_path, "regressor")

    assert Registry.load(tmp_path).refused == {
        "tiny-regressor.onnx": "its features or classes differ from those of tiny-first, of the same task"
    }


def test_a_grid_shows_every_image_where_it_belongs(
    generator: np.random.Generator,
) -> None:
    """A grid holds the images row by row, on white, enlarged by whole pixels."""
    images = generator.integers(0, 255, size=(5, 32, 48, 3), dtype=np.uint8)
    grid = make_grid(images)

    assert grid.shape == (2 * (64 + 2) + 2, 3 * (96 + 2) + 2, 3)
    assert np.array_equal(grid[2:66:2, 2:98:2], images[0])
    assert np.array_equal(grid[68:132:2, 100:196:2], images[4])
    assert (grid[68:, 200:] == 255).all()


def test_a_grid_of_many_images_is_not_enlarged(generator: np.random.Generator) -> None:
    """A grid of many images keeps their pixels as they are, so that its size is bounded by what was asked for."""
    images = np.zeros((10_000, 8, 8, 3), dtype=np.uint8)

    assert make_grid(images).shape == (100 * (16 + 2) + 2, 100 * (16 + 2) + 2, 3)


def test_booleans_are_named_as_json_names_them(kinds: Server) -> None:
    """A category of `false` and `true` takes JSON's own booleans as it takes their names."""
    boolean, text = (
        kinds.post("/predict", {"model": "wet-first", "inputs": [[0.5, value]]})
        for value in (True, "true")
    )

    assert boolean.status_code == 200
    assert boolean.json() == text.json()


def test_null_is_no_boolean(kinds: Server) -> None:
    """A category of `false` and `true` refuses null with both names."""
    request = {"model": "wet-first", "inputs": [[0.5, None]]}

    response = kinds.post("/predict", request)

    assert (
        response.json()["error"]
        == "inputs[0]: feature 'wet' expects one of false, true, got null"
    )
