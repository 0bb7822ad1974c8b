"""The Open Inference Protocol is spoken to by clients that nobody here wrote, and by hand where they cannot err."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from onnx import TensorProto, helper
from tritonclient.utils import InferenceServerException

from service.models.model import Model, load_graph
from tests.conftest import EXPORTED_MODELS
from tests.support.graphs import (
    NUMERIC,
    largest_and_smallest,
    tensor,
    write_graph,
    write_identity,
)
from tests.support.image_files import picture
from tests.support.server import Server

WINE = "wine-logistic"


def wine_rows(n_rows: int) -> np.ndarray:
    model = Model.load(EXPORTED_MODELS / f"{WINE}.onnx")
    assert model is not None
    low, high = np.array([each.range for each in model.card.input.features]).T
    return np.random.default_rng(0).uniform(low, high, (n_rows, 13)).astype(np.float32)


def make_input(
    name: str, array: np.ndarray, datatype: str, *, binary: bool
) -> triton.InferInput:
    infer_input = triton.InferInput(name, list(array.shape), datatype)
    infer_input.set_data_from_numpy(array, binary_data=binary)
    return infer_input


def test_the_server_is_alive_and_ready(client: triton.InferenceServerClient) -> None:
    """Triton's client finds the server alive and ready."""
    assert client.is_server_live()
    assert client.is_server_ready()


def test_the_server_says_what_it_is(client: triton.InferenceServerClient) -> None:
    """The server's metadata has its name and the extensions that it has."""
    metadata = client.get_server_metadata()

    assert metadata["name"] == "veredicto"
    assert set(metadata["extensions"]) == {
        "binary_tensor_data",
        "classification",
        "model_configuration",
        "model_repository(index)",
        "statistics",
    }


def test_versions_that_are_there_are_ready(
    client: triton.InferenceServerClient,
) -> None:
    """A model and its versions are ready, and an unknown version or model is not."""
    assert client.is_model_ready("simple")
    assert client.is_model_ready("simple", "1")
    assert not client.is_model_ready("simple", "3")
    assert not client.is_model_ready("complicated")


def test_models_are_described_by_their_graphs(
    client: triton.InferenceServerClient,
) -> None:
    """A model's metadata has its versions, and names, types and shapes of its inputs and outputs."""
    metadata = client.get_model_metadata("simple")

    assert metadata == {
        "name": "simple",
        "versions": ["1", "2"],
        "platform": "onnxruntime_onnx",
        "inputs": [
            {"name": name, "datatype": "INT32", "shape": [-1, 16]}
            for name in ("INPUT0", "INPUT1")
        ],
        "outputs": [
            {"name": name, "datatype": "INT32", "shape": [-1, 16]}
            for name in ("OUTPUT0", "OUTPUT1")
        ],
    }


def test_models_are_configured_by_their_graphs(
    client: triton.InferenceServerClient,
) -> None:
    """A model's configuration has its inputs in Triton's names of types, and no batches beside the first axis."""
    config = client.get_model_config("simple")

    assert config["max_batch_size"] == 0
    assert config["input"][0] == {
        "name": "INPUT0",
        "data_type": "TYPE_INT32",
        "dims": [-1, 16],
    }


def test_configurations_say_whose_runs_are_joined(server: Server) -> None:
    """A configuration has dynamic batching, without a delay, only where the model's runs may be joined."""
    # The measurement at the start may have it that rows together take as long.
    measured = (None, {"max_queue_delay_microseconds": 0})

    with triton.InferenceServerClient(server.url.removeprefix("http://")) as client:
        slow = client.get_model_config("cifar10-cnn")
        quick = client.get_model_config("points-mlp")

    assert slow.get("dynamic_batching") in measured
    assert "dynamic_batching" not in quick


def test_a_quick_run_is_among_the_batches(server: Server) -> None:
    """A quick run counts among the batches of its number of rows, and all batches are all runs."""
    request = {"model": "wine-mlp", "inputs": [[1] * 13] * 7}
    assert server.post("/predict", request).status_code == 200

    [statistics] = server.client.get("/v2/models/wine-mlp/stats").json()["model_stats"]

    batches = statistics["batch_stats"]
    n_runs = sum(each["compute_infer"]["count"] for each in batches)
    assert 7 in [each["batch_size"] for each in batches]
    assert n_runs == statistics["execution_count"]


def test_the_index_names_every_version(client: triton.InferenceServerClient) -> None:
    """The index names every version with its state."""
    index = client.get_model_repository_index()

    assert {"name": "simple", "version": "2", "state": "READY", "reason": ""} in index
    assert len(index) == 2 + len(NUMERIC) + 9


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
@pytest.mark.parametrize("names", [None, ["OUTPUT1"]], ids=["all", "one"])
def test_two_inputs_and_two_outputs(
    client: triton.InferenceServerClient,
    compression: str | None,
    names: list[str] | None,
    *,
    binary: bool,
) -> None:
    """Triton's own example is answered in every way that its client knows."""
    first = np.arange(32, dtype=np.int32).reshape(2, 16)
    second = np.ones((2, 16), dtype=np.int32)
    inputs = [
        make_input("INPUT0", first, "INT32", binary=binary),
        make_input("INPUT1", second, "INT32", binary=binary),
    ]
    outputs = (
        None
        if names is None
        else [triton.InferRequestedOutput(name, binary_data=binary) for name in names]
    )
    answer = client.infer(
        "simple",
        inputs,
        model_version="1",
        outputs=outputs,
        request_id="seven",
        request_compression_algorithm=compression,
        response_compression_algorithm=compression,
    )

    assert np.array_equal(answer.as_numpy("OUTPUT1"), first - second)
    assert (answer.as_numpy("OUTPUT0") is None) == (names is not None)

    response = answer.get_response()

    assert (response["model_name"], response["model_version"], response["id"]) == (
        "simple",
        "1",
        "seven",
    )


@pytest.mark.parametrize(
    ("name", "binary"),
    [
        pytest.param(name, binary, id=f"{name}-{'binary' if binary else 'json'}")
        for name in NUMERIC
        for binary in (True, False)
        if (name, binary) != ("FP16", False)  # tritonclient has no JSON of FP16
    ],
)
def test_values_of_every_type_come_back(
    client: triton.InferenceServerClient, name: str, *, binary: bool
) -> None:
    """Values of every type, the largest and the smallest among them, come back as they were sent."""
    array = largest_and_smallest(name)

    answer = client.infer(
        f"identity_{name}",
        [make_input("x", array, name, binary=binary)],
        outputs=[triton.InferRequestedOutput("y", binary_data=binary)],
    )

    assert answer.as_numpy("y").dtype == array.dtype
    assert np.array_equal(answer.as_numpy("y"), array)


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_texts_come_back(client: triton.InferenceServerClient, *, binary: bool) -> None:
    """Texts, empty ones and those beyond ASCII among them, come back as they were sent."""
    texts = np.array([["", "año"], ["x" * 1000, "\N{SNOWMAN}"]], dtype=np.object_)
    answer = client.infer(
        "identity_BYTES",
        [make_input("x", texts, "BYTES", binary=binary)],
        outputs=[triton.InferRequestedOutput("y", binary_data=binary)],
    )
    found = [
        each.decode() if isinstance(each, bytes) else each
        for each in answer.as_numpy("y").reshape(-1)
    ]

    assert found == texts.reshape(-1).tolist()


def test_the_asyncio_client_gets_the_same(server: Server) -> None:
    """The asyncio client gets label and probabilities of the file for rows of a shipped classifier, as binary."""
    rows = wine_rows(50)

    async def ask() -> Any:
        async with triton_aio.InferenceServerClient(
            server.url.removeprefix("http://")
        ) as client:
            assert await client.is_model_ready(WINE)
            return await client.infer(
                WINE, [make_input("features", rows, "FP32", binary=True)]
            )

    answer = asyncio.run(ask())
    model = Model.load(EXPORTED_MODELS / f"{WINE}.onnx")
    assert model is not None
    label, probabilities = model.run(rows)

    assert np.array_equal(answer.as_numpy("label"), label)
    assert np.allclose(answer.as_numpy("probabilities"), probabilities, atol=1e-6)
    assert {each["name"] for each in answer.get_response()["outputs"]} == {
        "label",
        "probabilities",
    }


def test_kserves_client_gets_the_same(server: Server) -> None:
    """KServe's client gets health, readiness and the probabilities of `/predict_proba` by version 2."""
    rows = wine_rows(3)

    async def ask() -> Any:
        client = InferenceRESTClient(RESTConfig(protocol="v2"))
        assert await client.is_server_live(server.url)
        assert await client.is_server_ready(server.url)
        assert await client.is_model_ready(server.url, WINE)
        infer_input = InferInput("features", list(rows.shape), "FP32")
        infer_input.set_data_from_numpy(rows, binary_data=False)
        answer = await client.infer(
            server.url, InferRequest(WINE, [infer_input]), model_name=WINE
        )
        await client.close()

        return answer

    answer = asyncio.run(ask())
    (probabilities,) = (each for each in answer.outputs if each.name == "probabilities")
    expected = server.post(
        "/predict_proba", {"model": WINE, "inputs": rows.tolist()}
    ).json()["probabilities"]

    assert np.allclose(np.array(probabilities.data).reshape(3, 3), expected, atol=1e-6)


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_the_most_probable_classes_are_named(server: Server, *, binary: bool) -> None:
    """Each row gets texts `value:index:class`, the highest value first."""
    rows = wine_rows(2)
    with triton.InferenceServerClient(server.url.removeprefix("http://")) as client:
        outputs = [
            triton.InferRequestedOutput(
                "probabilities", binary_data=binary, class_count=2
            )
        ]
        answer = client.infer(
            WINE, [make_input("features", rows, "FP32", binary=binary)], outputs=outputs
        )

    expected = server.post(
        "/predict_proba", {"model": WINE, "inputs": rows.tolist(), "top": 2}
    ).json()["top"]

    for texts, best in zip(answer.as_numpy("probabilities"), expected, strict=True):
        for text, each in zip(texts, best, strict=True):
            value, index, name = (
                text.decode() if isinstance(text, bytes) else text
            ).split(":")

            assert name == each["class"] == f"class_{index}"
            assert float(value) == pytest.approx(each["probability"], abs=1e-6)


def test_further_outputs_may_be_asked_for(server: Server) -> None:
    """The outputs that explain are answered where they are asked for, and contributions and base make the
    probabilities.
    """
    rows = wine_rows(4)
    properties = server.client.get(f"/v2/models/{WINE}").json()["properties"]

    assert properties["further_outputs"] == "contributions,base"

    with triton.InferenceServerClient(server.url.removeprefix("http://")) as client:
        names = ("base", "contributions", "probabilities")
        answer = client.infer(
            WINE,
            [make_input("features", rows, "FP32", binary=True)],
            outputs=[triton.InferRequestedOutput(name) for name in names],
        )

    scores = answer.as_numpy("base") + answer.as_numpy("contributions").sum(axis=1)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))

    assert np.allclose(
        powers / powers.sum(axis=1, keepdims=True),
        answer.as_numpy("probabilities"),
        atol=2e-3,
    )


def test_an_image_file_is_the_body(graphs: Server) -> None:
    """An image file is the whole body with a header length of 0, and is answered in bytes."""
    answer = graphs.client.post(
        "/v2/models/hue-first/infer",
        content=picture("blue"),
        headers={"Inference-Header-Content-Length": "0"},
    )
    length = int(answer.headers["inference-header-content-length"])
    outputs = {
        each["name"]: each for each in json.loads(answer.content[:length])["outputs"]
    }

    assert outputs["label"]["parameters"] == {"binary_data_size": 8}
    assert np.frombuffer(answer.content[length : length + 8], "<i8").tolist() == [2]


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_image_files_are_elements_of_bytes(
    client: triton.InferenceServerClient, *, binary: bool
) -> None:
    """Image files of different sizes are elements of BYTES, in base64 in JSON."""
    files = [picture("red"), picture("green", (40, 30)), picture("blue")]
    if binary:
        infer_input = make_input(
            "pixels", np.array(files, dtype=np.object_), "BYTES", binary=True
        )
    else:
        texts = np.array([b64encode(each).decode() for each in files], dtype=np.object_)
        infer_input = make_input("pixels", texts, "BYTES", binary=False)

    answer = client.infer("hue-first", [infer_input])

    assert answer.as_numpy("label").tolist() == [0, 1, 2]


def test_pixels_are_taken_as_they_are(client: triton.InferenceServerClient) -> None:
    """Images of one size are taken as one array of pixels."""
    pixels = np.zeros((2, 5, 4, 3), dtype=np.uint8)
    pixels[0, ..., 1] = pixels[1, ..., 0] = 255
    answer = client.infer(
        "hue-first", [make_input("pixels", pixels, "UINT8", binary=True)]
    )

    assert answer.as_numpy("label").tolist() == [1, 0]


def test_a_body_of_bytes_is_the_one_input(graphs: Server) -> None:
    """A body of bytes is the one input, and its free axis is what the bytes make of it."""
    rows = np.arange(6, dtype="<f4").reshape(2, 3)
    answer = graphs.client.post(
        "/v2/models/identity_FP32/infer",
        content=rows.tobytes(),
        headers={"Inference-Header-Content-Length": "0"},
    )
    length = int(answer.headers["inference-header-content-length"])

    assert json.loads(answer.content[:length])["outputs"][0]["shape"] == [2, 3]
    assert answer.content[length:] == rows.tobytes()


def test_a_scalar_has_no_axes(graphs: Server) -> None:
    """A tensor of shape [] has one element."""
    body = {"inputs": [{"name": "x", "shape": [], "datatype": "FP32", "data": [2.5]}]}

    assert graphs.post("/v2/models/scalar/infer", body).json()["outputs"] == [
        {"name": "y", "datatype": "FP32", "shape": [], "data": [2.5]}
    ]


def test_what_was_asked_is_counted(client: triton.InferenceServerClient) -> None:
    """Successes, failures and rows of a model are counted, and its phases take no longer than its requests."""

    def read() -> dict[str, Any]:
        (counts,) = client.get_inference_statistics("identity_INT8")["model_stats"]
        return counts

    before = read()
    client.infer(
        "identity_INT8",
        [make_input("x", np.ones((4, 3), dtype=np.int8), "INT8", binary=True)],
    )
    with pytest.raises(InferenceServerException):
        client.infer(
            "identity_INT8",
            [make_input("x", np.ones((4, 2), dtype=np.int8), "INT8", binary=True)],
        )

    counts = read()
    stats = counts["inference_stats"]
    phases = ("queue", "compute_input", "compute_infer", "compute_output")
    n_failed_before = before["inference_stats"]["fail"]["count"]

    assert counts["inference_count"] == before["inference_count"] + 4
    assert stats["fail"]["count"] == n_failed_before + 1
    assert (
        counts["execution_count"]
        == stats["success"]["count"]
        == stats["compute_infer"]["count"]
        == before["execution_count"] + 1
    )
    assert sum(stats[phase]["ns"] for phase in phases) <= stats["success"]["ns"]


def test_each_version_is_counted(client: triton.InferenceServerClient) -> None:
    """A model of two versions has two statistics."""
    statistics = client.get_inference_statistics("simple")["model_stats"]

    assert [each["version"] for each in statistics] == ["1", "2"]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_no_row_can_be_are_refused(server: Server, value: float) -> None:
    """Bytes of NaN where nothing is imputed, and of infinity, are refused, though JSON could not say them."""
    rows = wine_rows(2)
    rows[1, 4] = value

    with (
        triton.InferenceServerClient(server.url.removeprefix("http://")) as client,
        pytest.raises(
            InferenceServerException,
            match=r"feature 'magnesium' expects a finite number",
        ),
    ):
        client.infer(WINE, [make_input("features", rows, "FP32", binary=True)])


def test_statistics_of_all_models_are_there(graphs: Server) -> None:
    """Statistics without a name are those of all models, as Triton's client asks for them."""
    listed = graphs.client.get("/v2/models/stats").json()["model_stats"]
    index = graphs.post("/v2/repository/index", {"ready": True}).json()

    assert {each["name"] for each in listed} == {each["name"] for each in index}


def test_a_graph_that_may_take_long_is_not_run_on_the_event_loop(
    tmp_path: Path,
) -> None:
    """A graph with several free axes is run in a thread, since what a request asks for does not show in its rows."""
    nodes = [helper.make_node("MatMul", ["a", "b"], ["product"])]
    ends = [
        tensor("a", TensorProto.FLOAT, ["n", 1]),
        tensor("b", TensorProto.FLOAT, [1, "m"]),
    ]
    outer = write_graph(
        tmp_path / "outer.onnx",
        nodes,
        ends,
        [tensor("product", TensorProto.FLOAT, ["n", "m"])],
    )
    identity = write_identity(tmp_path, "identity", TensorProto.FLOAT, ["n", 3])
    slow = load_graph(outer, name="outer")
    quick = load_graph(identity, name="identity")
    for graph in (slow, quick):
        graph.measure()

    assert slow.max_quick_rows == 0
    assert quick.max_quick_rows > 1
