"""The Open Inference Protocol is spoken to by clients that nobody here wrote, and by hand where they cannot err."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from base64 import b64encode
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from onnx import TensorProto, helper
from PIL import Image
from tritonclient.utils import InferenceServerException

from service.models.model import Model, load_graph
from tests.conftest import EXPORTED_MODELS
from tests.support.graphs import NUMERIC, tensor, write_all, write_graph, write_identity
from tests.support.responses import error_of
from tests.support.server import Server, serve

WINE = "wine-logistic"


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server has graphs without cards, two versions of one, one of images and a generator."""
    folder = tmp_path_factory.mktemp("graphs")
    write_all(folder)
    limits = {
        "VEREDICTO_MAX_ROWS": 100,
        "VEREDICTO_MAX_PIXELS": 100_000,
        "VEREDICTO_MAX_BODY_BYTES": 100_000,
    }

    with serve(
        tmp_path_factory.mktemp("home"), VEREDICTO_MODELS=folder, **limits
    ) as running:
        yield running


@pytest.fixture
def client(graphs: Server) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(graphs.url.removeprefix("http://")) as client:
        yield client


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


def picture(colour: str, size: tuple[int, int] = (20, 12)) -> bytes:
    file = BytesIO()
    Image.new("RGB", size, colour).save(file, format="PNG")
    return file.getvalue()


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


def largest_and_smallest(name: str) -> np.ndarray:
    """Returns the ends of a type and a value between them `(2, 3)`."""
    special = {"BOOL": "bool", "FP16": "float16", "FP32": "float32", "FP64": "float64"}
    dtype = np.dtype(special.get(name, name.lower()))
    if dtype.kind == "b":
        values = [True, False, True]
    else:
        ends = np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype)
        values = [ends.min, 1, ends.max]

    return np.array([values, values[::-1]], dtype=dtype)


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


def x_of(
    shape: list[int], data: Any, datatype: str = "FP32", **more: Any
) -> dict[str, Any]:
    return {
        "inputs": [{"name": "x", "shape": shape, "datatype": datatype, "data": data}],
        **more,
    }


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        (
            "none",
            x_of([1], [1]),
            404,
            "Request for unknown model: 'none' is not found; known models: ",
        ),
        (
            "simple/versions/7",
            x_of([1], [1]),
            404,
            "'simple' has no version '7'; its versions: 1, 2",
        ),
        (
            "identity_FP32",
            {},
            400,
            "the request is not as the protocol has it: Object missing required field `inputs`",
        ),
        ("identity_FP32", {"inputs": []}, 400, "missing input 'x'"),
        (
            "identity_FP32",
            x_of([1, 3], [1, 2]),
            400,
            "expected 3 elements for shape [1, 3], got 2",
        ),
        ("identity_FP32", x_of([1, 3], [[1, 2], [3]]), 400, "data is no array of FP32"),
        (
            "identity_FP32",
            x_of([1, 4], [1, 2, 3, 4]),
            400,
            "expected shape [-1, 3], -1 for any length, got [1, 4]",
        ),
        (
            "identity_FP32",
            x_of([-1, -3], [1, 2, 3]),
            400,
            "expected lengths from 0 to 2**63 - 1",
        ),
        (
            "identity_FP32",
            x_of([1] * 33, [1]),
            400,
            "expected a shape of at most 32 axes, got 33",
        ),
        (
            "free",
            x_of([0, 2**62, 2**62], []),
            400,
            "no array has the shape [0, 4611686018427387904, 46",
        ),
        (
            "identity_FP32",
            x_of([1, 3], [1, 2, "3"]),
            400,
            "Expected `float`, got `str` - at `$[2]`",
        ),
        (
            "identity_FP32",
            x_of([1, 3], [1, 2, 1e39]),
            400,
            "data has a number that FP32 cannot hold",
        ),
        (
            "identity_FP32",
            x_of([1, 3], [1, 2, 3], "FP64"),
            400,
            "expected datatype FP32, got 'FP64'",
        ),
        (
            "identity_UINT8",
            x_of([1, 3], [1, 2, 256], "UINT8"),
            400,
            "it has the number 256, which UINT8 cannot hold",
        ),
        (
            "identity_FP32",
            x_of([1, 3], [1, 2, 3], outputs=[{"name": "z"}]),
            400,
            "unknown output 'z'; outputs: y",
        ),
        (
            "gather",
            {
                "inputs": [
                    {"name": "index", "shape": [1], "datatype": "INT64", "data": [3]}
                ]
            },
            400,
            "cannot work with",
        ),
        (
            "simple",
            {
                "inputs": [
                    {
                        "name": "INPUT0",
                        "shape": [1, 16],
                        "datatype": "INT32",
                        "data": [1] * 16,
                    }
                ]
            },
            400,
            "'INPUT1'",
        ),
    ],
)
def test_what_is_wrong_is_said(
    graphs: Server, path: str, body: object, status: int, text: str
) -> None:
    """A wrong request is refused with where it is wrong and what would work."""
    assert text in error_of(graphs.post(f"/v2/models/{path}/infer", body), status)


@pytest.mark.parametrize(
    ("content", "headers", "status", "text"),
    [
        (b"{", {}, 400, "the request is not JSON"),
        (b"\xff", {}, 400, "the request is not"),
        (
            b"{}",
            {"Inference-Header-Content-Length": "x"},
            400,
            "expected a number of bytes, got 'x'",
        ),
        (b"{}", {"Inference-Header-Content-Length": "900"}, 400, "and the body has 2"),
        (
            b"{}",
            {"Inference-Header-Content-Length": "9" * 5000},
            400,
            "expected a number of bytes, got '999",
        ),
        (b'{"x":' + b"[" * 50_000, {}, 400, "the request is not JSON"),
        (
            b"{}",
            {"Content-Encoding": "br"},
            415,
            "content encoding 'br' is not taken: gzip, deflate or none",
        ),
        (b"{}", {"Content-Encoding": "gzip"}, 400, "the body is not gzip"),
        (
            gzip.compress(b"{}")[:-5],
            {"Content-Encoding": "gzip"},
            400,
            "the body's gzip is cut off",
        ),
        (
            zlib.compress(b" " * 50_000_000),
            {"Content-Encoding": "deflate"},
            413,
            "unpacks to more than the limit of",
        ),
        (
            b"x" * 7,
            {"Inference-Header-Content-Length": "0"},
            400,
            "expected 0 bytes for FP32 of shape [0, 3], got 7",
        ),
    ],
    ids=[
        "cut",
        "bytes",
        "length",
        "longer",
        "endless",
        "deep",
        "brotli",
        "no gzip",
        "cut gzip",
        "bomb",
        "raw",
    ],
)
def test_bodies_that_are_none_are_refused(
    graphs: Server, content: bytes, headers: dict[str, str], status: int, text: str
) -> None:
    """Bodies that contradict their headers, or are no request, are refused."""
    answer = graphs.client.post(
        "/v2/models/identity_FP32/infer", content=content, headers=headers
    )

    assert text in error_of(answer, status)


@pytest.mark.parametrize(
    ("parameters", "tail", "text"),
    [
        (
            {"binary_data_size": 13},
            b"\0" * 12,
            "binary_data_size is 13, and 12 bytes are left",
        ),
        (
            {"binary_data_size": -1},
            b"\0" * 12,
            "expected a whole number for binary_data_size, got -1",
        ),
        ({"binary_data_size": 12}, b"\0" * 13, "1 bytes follow the last input"),
        (
            {"binary_data_size": 8},
            b"\0" * 8,
            "expected 12 bytes for FP32 of shape [1, 3], got 8",
        ),
        (
            {},
            b"",
            "expected data, or a parameter binary_data_size and bytes after the JSON",
        ),
    ],
)
def test_bytes_that_are_not_what_is_said_of_them(
    graphs: Server, parameters: dict, tail: bytes, text: str
) -> None:
    """Too few bytes and too many bytes are refused."""
    infer_input = {
        "name": "x",
        "shape": [1, 3],
        "datatype": "FP32",
        "parameters": parameters,
    }
    head = json.dumps({"inputs": [infer_input]}).encode()
    answer = graphs.client.post(
        "/v2/models/identity_FP32/infer",
        content=head + tail,
        headers={"Inference-Header-Content-Length": str(len(head))},
    )

    assert text in error_of(answer, 400)


def test_too_many_rows_are_refused(graphs: Server) -> None:
    """More rows than VEREDICTO_MAX_ROWS are refused."""
    noise = {
        "name": "noise",
        "shape": [101, 2],
        "datatype": "FP32",
        "data": [0.0] * 202,
    }

    answer = graphs.post("/v2/models/tiny-generator/infer", {"inputs": [noise]})

    expected = "101 rows are over the limit of 100 a request (VEREDICTO_MAX_ROWS)"

    assert expected in error_of(answer, 413)


def test_too_many_pixels_are_refused(graphs: Server) -> None:
    """More pixels than VEREDICTO_MAX_PIXELS are refused."""
    pixels = {
        "name": "pixels",
        "shape": [1, 1000, 101, 3],
        "datatype": "UINT8",
        "parameters": {"binary_data_size": 303_000},
    }
    head = json.dumps({"inputs": [pixels]}).encode()

    answer = graphs.client.post(
        "/v2/models/hue-first/infer",
        content=head + bytes(303_000),
        headers={"Inference-Header-Content-Length": str(len(head))},
    )

    assert "101000 pixels are over the limit of 100000" in error_of(answer, 413)


def test_too_many_bytes_are_refused(graphs: Server) -> None:
    """A body of more bytes than VEREDICTO_MAX_BODY_BYTES is refused."""
    answer = graphs.client.post(
        "/v2/models/identity_FP32/infer", content=b" " * 100_001
    )

    expected = "over the limit of 100000 bytes (VEREDICTO_MAX_BODY_BYTES)"

    assert expected in error_of(answer, 413)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/v2/nothing", "unknown path '/v2/nothing'"),
        ("/v2/models/no", "Request for unknown model: 'no' is not found"),
    ],
)
def test_other_paths_are_not_found(graphs: Server, path: str, text: str) -> None:
    """An unknown path and an unknown model are answered by 404 in JSON."""
    assert text in error_of(graphs.client.get(path), 404)


def test_other_methods_are_refused(graphs: Server) -> None:
    """A method that a path has not gets 405 with those that it has."""
    infer = graphs.client.get("/v2/models/simple/infer")
    view = graphs.client.post("/v2/models/simple")

    assert "allowed: POST" in error_of(infer, 405)
    assert view.status_code == 405


def test_a_view_takes_head(graphs: Server) -> None:
    """HEAD is answered where GET is."""
    assert graphs.client.head("/v2").status_code == 200


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


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        (
            "identity_FP32",
            x_of([10**200] * 32, [1.0]),
            "expected lengths from 0 to 2**63 - 1",
        ),
        (
            "identity_FP32",
            x_of([1, 3], [1, 2, 3], outputs=[{"name": "y"}, {"name": "y"}]),
            "'y' is asked for twice",
        ),
        (
            "identity_FP32",
            {"inputs": x_of([1, 3], [1, 2, 3])["inputs"] * 2},
            "input 'x' comes twice",
        ),
        (
            "identity_BYTES",
            x_of([2, 2], [["a"], ["a", "b"]], "BYTES"),
            "nested unevenly",
        ),
    ],
    ids=["huge", "output", "input", "uneven"],
)
def test_what_no_client_sends_is_refused(
    graphs: Server, path: str, body: object, text: str
) -> None:
    """Requests that no client sends are refused and are no defect of the service."""
    assert text in error_of(graphs.post(f"/v2/models/{path}/infer", body), 400)


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
