"""The Open Inference Protocol over gRPC is spoken to by clients that nobody here wrote."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

import grpc
import httpx
import numpy as np
import pytest
from kserve import InferenceGRPCClient, InferInput, InferRequest
from PIL import Image
from tritonclient.utils import InferenceServerException

from service.calls.data_plane import DataPlane
from service.contract.limits import Limits
from service.errors import SettingsError
from service.execution.admission import Admission
from service.execution.batching import Batches
from service.execution.metrics import ModelMetrics, RouteMetrics
from service.execution.pipeline import Cost
from service.grpc import messages
from service.grpc import server as grpc_server
from service.grpc.infer_route import InferRoute
from service.grpc.server import SERVICE
from service.models.registry import Registry
from service.settings import Settings
from tests.conftest import EXPORTED_MODELS
from tests.support.clients import LIMIT_S
from tests.support.graphs import NUMERIC, write_all, write_identity
from tests.support.server import ROOT, Server, free_port, serve
from tests.support.server import SERVICE as SERVICE_WORDS
from tests.support.triton_grpc import service_pb2, service_pb2_grpc, triton, triton_aio
from tests.support.waiting import wait_until

WINE = "wine-logistic"
MODEL_INFER = f"/{SERVICE}/ModelInfer"
MAX_BYTES = 400_000


class Endpoints(NamedTuple):
    """Endpoints are the two addresses of one server."""

    http: Server
    address: str


@pytest.fixture(scope="module")
def endpoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """The server has every kind of graph, one of the shipped models, and narrow limits."""
    folder = tmp_path_factory.mktemp("graphs")
    port = free_port()
    write_all(folder)
    (folder / f"{WINE}.onnx").write_bytes(
        (EXPORTED_MODELS / f"{WINE}.onnx").read_bytes()
    )
    settings = {
        "ROWS": 100,
        "PIXELS": 100_000,
        "BODY_BYTES": MAX_BYTES,
        "IMAGE_BYTES": MAX_BYTES,
    }
    limits = {f"VEREDICTO_MAX_{name}": value for name, value in settings.items()}
    home = tmp_path_factory.mktemp("home")

    with serve(
        home, VEREDICTO_MODELS=folder, VEREDICTO_GRPC_PORT=port, **limits
    ) as server:
        yield Endpoints(server, f"127.0.0.1:{port}")


@pytest.fixture
def client(endpoints: Endpoints) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(endpoints.address) as client:
        yield client


@pytest.fixture
def channel(endpoints: Endpoints) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(endpoints.address) as opened:
        yield opened


@pytest.fixture
def stub(channel: grpc.Channel) -> service_pb2_grpc.GRPCInferenceServiceStub:
    """The stub is what a compiler makes of the protocol's file, on a plain channel."""
    return service_pb2_grpc.GRPCInferenceServiceStub(channel)


def wine_rows(n_rows: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(1, 100, (n_rows, 13)).astype(np.float32)


def make_input(name: str, array: np.ndarray, datatype: str) -> triton.InferInput:
    infer_input = triton.InferInput(name, list(array.shape), datatype)
    infer_input.set_data_from_numpy(array)
    return infer_input


def typed(
    model: str, name: str, datatype: str, shape: list[int], **contents: Any
) -> Any:
    """Returns a request with typed contents."""
    request = service_pb2.ModelInferRequest(model_name=model)
    request.inputs.add(name=name, datatype=datatype, shape=shape).contents.MergeFrom(
        service_pb2.InferTensorContents(**contents)
    )
    return request


def picture(colour: str, size: tuple[int, int] = (20, 12)) -> bytes:
    file = BytesIO()
    Image.new("RGB", size, colour).save(file, format="PNG")
    return file.getvalue()


def refusal(call: Callable[[], object]) -> tuple[str, str]:
    """Returns the code and the text that a call ends with."""
    with pytest.raises(grpc.RpcError) as refused:
        call()
    return refused.value.code().name, refused.value.details()


def test_the_server_is_alive_and_ready(client: triton.InferenceServerClient) -> None:
    """Triton's client finds the server alive and ready."""
    assert client.is_server_live()
    assert client.is_server_ready()


def test_the_server_says_what_it_is(
    endpoints: Endpoints, client: triton.InferenceServerClient
) -> None:
    """The server's metadata is that of HTTP."""
    expected = endpoints.http.client.get("/v2").json()

    assert client.get_server_metadata(as_json=True) == expected


def test_versions_that_are_there_are_ready(
    client: triton.InferenceServerClient,
) -> None:
    """A model and its versions are ready, and an unknown version or model is not."""
    assert client.is_model_ready("simple")
    assert client.is_model_ready("simple", "1")
    assert not client.is_model_ready("simple", "3")
    assert not client.is_model_ready("complicated")


def test_models_are_described_as_over_http(
    endpoints: Endpoints, client: triton.InferenceServerClient
) -> None:
    """A model's metadata is that of HTTP without a card's properties, which the message has no place for."""
    expected = endpoints.http.client.get(f"/v2/models/{WINE}").json()
    expected.pop("properties")

    found = client.get_model_metadata(WINE, as_json=True)
    for tensor in (*found["inputs"], *found["outputs"]):
        tensor["shape"] = [int(length) for length in tensor["shape"]]

    assert found == expected


def test_a_models_configuration_is_described(
    client: triton.InferenceServerClient,
) -> None:
    """A model's configuration has its inputs, and the limit of rows as the batch size of a model with a card."""
    config = client.get_model_config("simple").config

    assert config.input[0].name == "INPUT0"
    assert config.input[0].data_type == 8
    assert list(config.input[0].dims) == [-1, 16]
    assert client.get_model_config(WINE).config.max_batch_size == 100


def test_the_index_is_that_of_http(
    endpoints: Endpoints, client: triton.InferenceServerClient
) -> None:
    """The index names the versions that HTTP names, with their states."""
    expected = endpoints.http.client.post("/v2/repository/index").json()

    index = client.get_model_repository_index().models

    assert [
        {name: getattr(each, name) for name in expected[0]} for each in index
    ] == expected


@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
@pytest.mark.parametrize("names", [None, ["OUTPUT1"]], ids=["all", "one"])
def test_two_inputs_and_two_outputs(
    client: triton.InferenceServerClient,
    compression: str | None,
    names: list[str] | None,
) -> None:
    """Triton's own example is answered, compressed or not, and the request's id comes back."""
    first = np.arange(320, dtype=np.int32).reshape(20, 16)
    second = np.ones((20, 16), dtype=np.int32)
    answer = client.infer(
        "simple",
        [make_input("INPUT0", first, "INT32"), make_input("INPUT1", second, "INT32")],
        model_version="1",
        outputs=None
        if names is None
        else [triton.InferRequestedOutput(name) for name in names],
        request_id="seven",
        compression_algorithm=compression,
    )

    assert np.array_equal(answer.as_numpy("OUTPUT1"), first - second)
    assert (answer.as_numpy("OUTPUT0") is None) == (names is not None)

    response = answer.get_response()

    assert (response.model_name, response.model_version, response.id) == (
        "simple",
        "1",
        "seven",
    )


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


@pytest.mark.parametrize("name", NUMERIC)
def test_values_of_every_type_come_back_raw(
    client: triton.InferenceServerClient, name: str
) -> None:
    """Values of every type, the largest and the smallest among them, come back raw as they were sent."""
    array = largest_and_smallest(name)
    answer = client.infer(f"identity_{name}", [make_input("x", array, name)])

    assert answer.as_numpy("y").dtype == array.dtype
    assert np.array_equal(answer.as_numpy("y"), array)


CONTENTS = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    **{
        name: f"{name.lower()}_contents" for name in ("INT64", "UINT64", "FP32", "FP64")
    },
}


@pytest.mark.parametrize("name", CONTENTS)
def test_typed_contents_are_answered_raw(
    stub: service_pb2_grpc.GRPCInferenceServiceStub, name: str
) -> None:
    """Typed contents are answered raw, as Triton does."""
    array = largest_and_smallest(name)

    answer = stub.ModelInfer(typed_identity(name, array))

    assert answer.raw_output_contents[0] == array.tobytes()
    assert not answer.outputs[0].HasField("contents")


@pytest.mark.parametrize("name", CONTENTS)
def test_typed_contents_are_answered_typed_where_the_request_says_so(
    stub: service_pb2_grpc.GRPCInferenceServiceStub, name: str
) -> None:
    """Contents are answered typed where the request declines `binary_data_output`."""
    array = largest_and_smallest(name)
    request = typed_identity(name, array)
    request.parameters["binary_data_output"].bool_param = False

    answer = stub.ModelInfer(request)

    contents = getattr(answer.outputs[0].contents, CONTENTS[name])

    assert not answer.raw_output_contents
    assert list(contents) == array.reshape(-1).tolist()
    assert list(answer.outputs[0].shape) == [2, 3]


def typed_identity(name: str, array: np.ndarray) -> Any:
    """Returns a request with typed contents for the model that answers its input."""
    contents = {CONTENTS[name]: array.reshape(-1).tolist()}
    return typed(f"identity_{name}", "x", name, list(array.shape), **contents)


TEXTS = np.array([["", "año"], ["x" * 1000, "\N{SNOWMAN}"]], dtype=np.object_)
ENCODED_TEXTS = [each.encode() for each in TEXTS.reshape(-1)]


def test_texts_come_back_raw(client: triton.InferenceServerClient) -> None:
    """Texts, empty ones and those beyond ASCII among them, come back raw as they were sent."""
    answer = client.infer("identity_BYTES", [make_input("x", TEXTS, "BYTES")])

    assert answer.as_numpy("y").reshape(-1).tolist() == ENCODED_TEXTS


def test_texts_come_back_typed(
    stub: service_pb2_grpc.GRPCInferenceServiceStub,
) -> None:
    """Texts, empty ones and those beyond ASCII among them, come back typed as they were sent."""
    request = typed(
        "identity_BYTES", "x", "BYTES", [2, 2], bytes_contents=ENCODED_TEXTS
    )
    request.parameters["binary_data_output"].bool_param = False

    contents = stub.ModelInfer(request).outputs[0].contents

    assert list(contents.bytes_contents) == ENCODED_TEXTS


def test_the_asyncio_client_gets_what_http_answers(endpoints: Endpoints) -> None:
    """The asyncio client gets HTTP's probabilities for several requests at a time."""
    rows = wine_rows(20)

    async def ask() -> Any:
        async with triton_aio.InferenceServerClient(endpoints.address) as client:
            assert await client.is_model_ready(WINE)
            requests = [
                client.infer(WINE, [make_input("features", part, "FP32")])
                for part in np.split(rows, 4)
            ]
            return await asyncio.gather(*requests)

    found = np.concatenate(
        [answer.as_numpy("probabilities") for answer in asyncio.run(ask())]
    )
    expected = endpoints.http.post(
        "/predict_proba", {"model": WINE, "inputs": rows.tolist()}
    ).json()["probabilities"]

    assert np.allclose(found, expected, atol=1e-6)


def test_kserves_client_gets_the_same(endpoints: Endpoints) -> None:
    """KServe's client gets health, readiness and inference, by typed contents and raw."""
    rows = wine_rows(3)

    async def ask() -> list[Any]:
        async with InferenceGRPCClient(endpoints.address) as client:
            assert await client.is_server_live()
            assert await client.is_server_ready()
            assert await client.is_model_ready(WINE)
            answers = []

            for binary in (True, False):
                infer_input = InferInput("features", list(rows.shape), "FP32")
                infer_input.set_data_from_numpy(rows, binary_data=binary)
                answers.append(await client.infer(InferRequest(WINE, [infer_input])))

            return answers

    expected = endpoints.http.post(
        "/predict_proba", {"model": WINE, "inputs": rows.tolist()}
    ).json()["probabilities"]

    for answer in asyncio.run(ask()):
        (probabilities,) = (
            each for each in answer.outputs if each.name == "probabilities"
        )
        assert np.allclose(probabilities.as_numpy(), expected, atol=1e-6)


def test_the_most_probable_classes_are_named(
    endpoints: Endpoints, client: triton.InferenceServerClient
) -> None:
    """Each row gets texts `value:index:class`, the highest value first."""
    rows = wine_rows(2)
    outputs = [triton.InferRequestedOutput("probabilities", class_count=2)]
    answer = client.infer(WINE, [make_input("features", rows, "FP32")], outputs=outputs)
    expected = endpoints.http.post(
        "/predict_proba", {"model": WINE, "inputs": rows.tolist(), "top": 2}
    ).json()["top"]

    for texts, best in zip(answer.as_numpy("probabilities"), expected, strict=True):
        for text, each in zip(texts, best, strict=True):
            value, index, name = text.decode().split(":")

            assert name == each["class"] == f"class_{index}"
            assert float(value) == pytest.approx(each["probability"], abs=1e-6)


def test_image_files_are_elements_of_bytes(
    client: triton.InferenceServerClient,
) -> None:
    """Image files of different sizes are taken as raw elements of BYTES."""
    files = np.array(image_files(), dtype=np.object_)

    answer = client.infer("hue-first", [make_input("pixels", files, "BYTES")])

    assert answer.as_numpy("label").tolist() == [0, 1, 2]


def test_image_files_are_typed_contents(
    stub: service_pb2_grpc.GRPCInferenceServiceStub,
) -> None:
    """Image files of different sizes are taken as typed contents."""
    request = typed("hue-first", "pixels", "BYTES", [3], bytes_contents=image_files())

    raw = stub.ModelInfer(request).raw_output_contents[0]

    assert np.frombuffer(raw, "<i8").tolist() == [0, 1, 2]


def test_pixels_are_taken_as_they_are(client: triton.InferenceServerClient) -> None:
    """Images of one size are taken as one array of pixels."""
    pixels = np.zeros((2, 5, 4, 3), dtype=np.uint8)
    pixels[0, ..., 1] = pixels[1, ..., 0] = 255

    answer = client.infer("hue-first", [make_input("pixels", pixels, "UINT8")])

    assert answer.as_numpy("label").tolist() == [1, 0]


def image_files() -> list[bytes]:
    """Returns a red, a green and a blue PNG, the second larger than the others."""
    return [picture("red"), picture("green", (40, 30)), picture("blue")]


def test_bfloat16_goes_raw_and_the_latest_version_has_a_number(
    client: triton.InferenceServerClient,
) -> None:
    """A tensor of bfloat16 comes back as the bytes it was, and version -1 is the latest."""
    tensor = triton.InferInput("x", [1, 3], "BF16")
    tensor._raw_content = b"\x80\x3f\x20\x40\x40\xc0"
    answer = client.infer("identity_BF16", [tensor], model_version="-1")

    assert answer._result.raw_output_contents[0] == tensor._raw_content
    assert client.is_model_ready("simple", "-1")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"sequence_id": 3}, "sequences of requests are not served"),
        ({"priority": 2}, "priorities are not served"),
    ],
)
def test_what_is_not_served_is_refused_as_over_http(
    client: triton.InferenceServerClient, given: dict[str, int], words: str
) -> None:
    """Parameters that ask for what is not served are invalid arguments."""
    row = make_input("x", np.zeros((1, 3), np.float32), "FP32")

    with pytest.raises(InferenceServerException, match=words) as refused:
        client.infer("identity_FP32", [row], **given)

    assert refused.value.status() == "StatusCode.INVALID_ARGUMENT"


def test_a_models_requests_are_counted_with_those_of_http(
    endpoints: Endpoints, client: triton.InferenceServerClient
) -> None:
    """A model's statistics count successes and failures, and are the same over both transports."""

    def read() -> dict[str, Any]:
        return endpoints.http.client.get("/v2/models/identity_INT8/stats").json()[
            "model_stats"
        ][0]

    before = read()
    send_one_right_and_one_wrong(client)

    expected = read()
    (counts,) = client.get_inference_statistics("identity_INT8").model_stats
    n_failed = expected["inference_stats"]["fail"]["count"]
    infer_ns = expected["inference_stats"]["compute_infer"]["ns"]

    assert counts.inference_count == expected["inference_count"]
    assert expected["inference_count"] == before["inference_count"] + 4
    assert counts.inference_stats.fail.count == n_failed
    assert n_failed == before["inference_stats"]["fail"]["count"] + 1
    assert counts.inference_stats.compute_infer.ns == infer_ns > 0


def test_each_version_is_counted(client: triton.InferenceServerClient) -> None:
    """A model of two versions has two statistics, and all models have one for each entry of the index."""
    one = client.get_inference_statistics("simple").model_stats
    everything = client.get_inference_statistics().model_stats

    assert len(one) == 2
    assert len(everything) == len(client.get_model_repository_index().models)


def test_requests_are_counted_by_method(
    endpoints: Endpoints, client: triton.InferenceServerClient
) -> None:
    """The metrics of HTTP count gRPC's requests by method and by gRPC's name of the status."""
    client.is_server_live()
    send_one_right_and_one_wrong(client)

    text = endpoints.http.client.get("/metrics").text

    start = "veredicto_requests_total{route="

    assert f'{start}"{MODEL_INFER}",status="INVALID_ARGUMENT"}} ' in text
    assert f'{start}"/{SERVICE}/ServerLive",status="OK"}} ' in text


def send_one_right_and_one_wrong(client: triton.InferenceServerClient) -> None:
    """Sends four rows that the model takes, and four that are too narrow for it."""
    right, wrong = (
        make_input("x", np.ones(shape, dtype=np.int8), "INT8")
        for shape in ((4, 3), (4, 2))
    )
    client.infer("identity_INT8", [right])
    with pytest.raises(InferenceServerException):
        client.infer("identity_INT8", [wrong])


X = {"name": "x", "shape": [1, 3], "datatype": "FP32", "data": [1, 2, 3]}


@pytest.mark.parametrize(
    ("path", "tensor", "outputs", "code"),
    [
        ("none", X, [], "NOT_FOUND"),
        ("simple/versions/7", X, [], "NOT_FOUND"),
        ("identity_FP32", X | {"name": "z"}, [], "INVALID_ARGUMENT"),
        ("identity_FP32", X | {"data": [1, 2]}, [], "INVALID_ARGUMENT"),
        (
            "identity_FP32",
            X | {"shape": [1, 4], "data": [1, 2, 3, 4]},
            [],
            "INVALID_ARGUMENT",
        ),
        ("identity_FP32", X | {"shape": [-1, -3]}, [], "INVALID_ARGUMENT"),
        ("identity_FP32", X | {"datatype": "FP64"}, [], "INVALID_ARGUMENT"),
        ("identity_FP32", X | {"shape": []}, [], "INVALID_ARGUMENT"),
        ("identity_FP32", X | {"shape": [1] * 33, "data": [1]}, [], "INVALID_ARGUMENT"),
        (
            "identity_FP32",
            X | {"shape": [0, 2**62, 2**62], "data": []},
            [],
            "INVALID_ARGUMENT",
        ),
        ("identity_FP32", X, [{"name": "z"}], "INVALID_ARGUMENT"),
        (
            "identity_FP32",
            X,
            [{"name": "y", "parameters": {"classification": -1}}],
            "INVALID_ARGUMENT",
        ),
        (
            "identity_UINT8",
            X | {"datatype": "UINT8", "data": [1, 2, 256]},
            [],
            "INVALID_ARGUMENT",
        ),
        (
            "gather",
            {"name": "index", "shape": [1], "datatype": "INT64", "data": [3]},
            [],
            "INVALID_ARGUMENT",
        ),
        (
            "simple",
            X
            | {
                "name": "INPUT0",
                "shape": [1, 16],
                "datatype": "INT32",
                "data": [1] * 16,
            },
            [],
            "INVALID_ARGUMENT",
        ),
        (
            WINE,
            X | {"name": "features", "shape": [0, 13], "data": []},
            [],
            "INVALID_ARGUMENT",
        ),
        (
            "tiny-generator",
            X | {"name": "noise", "shape": [101, 2], "data": [0] * 202},
            [],
            "RESOURCE_EXHAUSTED",
        ),
        (
            "hue-first",
            {"name": "pixels", "shape": [1], "datatype": "BYTES", "data": ["bm8="]},
            [],
            "INVALID_ARGUMENT",
        ),
    ],
)
def test_what_is_wrong_is_said_as_over_http(
    endpoints: Endpoints,
    stub: service_pb2_grpc.GRPCInferenceServiceStub,
    path: str,
    tensor: dict[str, Any],
    outputs: list[dict[str, Any]],
    code: str,
) -> None:
    """A wrong request gets the text that HTTP gives, word for word, and its gRPC code."""
    answer = endpoints.http.post(
        f"/v2/models/{path}/infer", {"inputs": [tensor], "outputs": outputs}
    )
    model, _, version = path.partition("/versions/")
    datatype = tensor["datatype"]
    data = [b"no"] if datatype == "BYTES" else tensor["data"]
    contents = {"bytes_contents" if datatype == "BYTES" else CONTENTS[datatype]: data}
    request = typed(model, tensor["name"], datatype, tensor["shape"], **contents)
    request.model_version = version

    for output in outputs:
        wanted = request.outputs.add(name=output["name"])
        for name, value in output.get("parameters", {}).items():
            wanted.parameters[name].int64_param = value

    assert answer.status_code >= 400
    assert refusal(lambda: stub.ModelInfer(request)) == (code, answer.json()["error"])


def raw_request(model: str, datatype: str, *contents: bytes) -> Any:
    """Returns a request of one row of three with raw contents."""
    request = service_pb2.ModelInferRequest(
        model_name=model, raw_input_contents=contents
    )
    request.inputs.add(name="x", datatype=datatype, shape=[1, 3])
    return request


def typed_and_raw_request() -> Any:
    """Returns a request whose one input has typed and raw contents."""
    request = typed("identity_FP32", "x", "FP32", [1, 3], fp32_contents=[1, 2, 3])
    request.raw_input_contents.append(b"\0" * 12)
    return request


@pytest.mark.parametrize(
    ("request_message", "text"),
    [
        (
            typed("identity_FP32", "x", "FP32", [1, 3], int_contents=[1, 2, 3]),
            "inputs[0] 'x': expected fp32_contents for FP32, got int_contents",
        ),
        (
            typed("identity_FP16", "x", "FP16", [1, 3], fp32_contents=[1, 2, 3]),
            "inputs[0] 'x': FP16 has no contents: send it in raw_input_contents",
        ),
        (
            typed_and_raw_request(),
            "inputs[0] 'x': expected contents or raw_input_contents, got both",
        ),
        (
            raw_request("identity_FP32", "FP32", b"", b""),
            "raw_input_contents: expected one for each of 1 inputs, got 2",
        ),
        (
            raw_request("identity_FP32", "FP32", b"\0" * 8),
            "inputs[0] 'x': expected 12 bytes for FP32 of shape [1, 3], got 8",
        ),
    ],
    ids=["other type", "no such type", "twice", "too many", "too short"],
)
def test_contents_that_are_not_what_is_said_of_them_are_refused(
    stub: service_pb2_grpc.GRPCInferenceServiceStub, request_message: Any, text: str
) -> None:
    """Contents of another type, of a type that has none, beside raw ones, or of another number or size are refused."""
    found = refusal(lambda: stub.ModelInfer(request_message))

    assert found == ("INVALID_ARGUMENT", text)


def test_an_output_without_contents_is_refused_typed(
    stub: service_pb2_grpc.GRPCInferenceServiceStub,
) -> None:
    """A request that declines raw outputs is refused where the output's type has no contents."""
    request = raw_request("identity_FP16", "FP16", b"\0" * 6)
    request.parameters["binary_data_output"].bool_param = False

    _, text = refusal(lambda: stub.ModelInfer(request))

    assert text == "output 'y': FP16 has no contents: leave out binary_data_output"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"\xff" * 9, "the request is not as the protocol has it: "),
        (b"\x1f\x8b" * 9, "the body is not gzip, as its encoding says"),
        (b"x\x9c", "the body's deflate is cut off"),
    ],
    ids=["no message", "no gzip", "cut deflate"],
)
def test_bytes_that_are_no_message_are_refused(
    channel: grpc.Channel, content: bytes, text: str
) -> None:
    """Bytes that are no message are refused, and the server goes on."""
    code, refused = refusal(lambda: channel.unary_unary(MODEL_INFER)(content))

    assert code == "INVALID_ARGUMENT"
    assert refused.startswith(text)
    assert channel.unary_unary(f"/{SERVICE}/ServerLive")(b"") == b"\x08\x01"


def test_a_request_without_a_message_is_refused(channel: grpc.Channel) -> None:
    """A stream that ends without a message is refused."""
    found = refusal(lambda: channel.stream_unary(MODEL_INFER)(iter(())))

    assert found == ("INVALID_ARGUMENT", "expected one message, got none")


def test_an_unknown_method_is_unimplemented(channel: grpc.Channel) -> None:
    """A method that the protocol has not gets UNIMPLEMENTED."""
    nap = channel.unary_unary(f"/{SERVICE}/ModelNap")

    code, _ = refusal(lambda: nap(b""))

    assert code == "UNIMPLEMENTED"


def test_names_beyond_ascii_are_told_in_short(
    client: triton.InferenceServerClient,
) -> None:
    """A long name is shortened in the error, since a status longer than clients take would lose its code."""
    with pytest.raises(
        InferenceServerException, match="Request for unknown model: 'ñ"
    ) as refused:
        client.get_model_metadata("ñ\N{SNOWMAN}\n" * 2000)

    assert refused.value.status() == "StatusCode.NOT_FOUND"


def test_a_message_over_the_limit_is_refused(channel: grpc.Channel) -> None:
    """A message of a byte over VEREDICTO_MAX_BODY_BYTES is refused with the limit and what would work."""
    infer = channel.unary_unary(MODEL_INFER)

    found = refusal(lambda: infer(bytes(MAX_BYTES + 1)))

    assert found == (
        "RESOURCE_EXHAUSTED",
        f"a body of {MAX_BYTES + 1} bytes is over the limit of {MAX_BYTES} bytes (VEREDICTO_MAX_BODY_BYTES): "
        "send the rows in several requests",
    )


def test_a_message_that_unpacks_over_the_limit_is_refused(
    channel: grpc.Channel,
) -> None:
    """A short message that unpacks to more than VEREDICTO_MAX_BODY_BYTES is refused."""
    infer = channel.unary_unary(MODEL_INFER)

    found = refusal(lambda: infer(bytes(50_000_000), compression=grpc.Compression.Gzip))

    assert found == (
        "RESOURCE_EXHAUSTED",
        f"the body unpacks to more than the limit of {MAX_BYTES} bytes (VEREDICTO_MAX_BODY_BYTES)",
    )


def test_a_long_message_of_a_short_method_is_refused(channel: grpc.Channel) -> None:
    """A method that needs no long message has a lower limit of its own."""
    live = channel.unary_unary(f"/{SERVICE}/ServerLive")

    found = refusal(lambda: live(bytes(MAX_BYTES)))

    assert found == (
        "RESOURCE_EXHAUSTED",
        f"a message of {MAX_BYTES} bytes is over the limit of 64000 for ServerLive",
    )


def test_a_message_far_over_the_limit_is_refused_unread(channel: grpc.Channel) -> None:
    """A message of more than twice the limit is refused by gRPC itself."""
    infer = channel.unary_unary(MODEL_INFER)

    code, text = refusal(lambda: infer(bytes(3 * MAX_BYTES)))

    assert code == "RESOURCE_EXHAUSTED"
    assert f"larger than max ({3 * MAX_BYTES} vs. {2 * MAX_BYTES})" in text


class Stalled:
    """A stalled request sends its message only when `go_on` is called."""

    def __init__(self, channel: grpc.Channel, message: bytes) -> None:
        self._go = Event()
        self._message = message
        self.answer = channel.stream_unary(MODEL_INFER).future(self._wait())

    def _wait(self) -> Iterator[bytes]:
        self._go.wait(30)
        yield self._message

    def go_on(self) -> None:
        self._go.set()


def colour_request() -> bytes:
    request = service_pb2.ModelInferRequest(
        model_name="colour-first", raw_input_contents=[b"\0" * 8]
    )
    request.inputs.add(name="features", datatype="FP32", shape=[1, 2])
    content: bytes = request.SerializeToString()

    return content


def wait_for(channel: grpc.Channel) -> None:
    """Returns when all that was sent on this connection has arrived, since its requests are taken in order."""
    assert (
        channel.unary_unary(f"/{SERVICE}/ServerLive")(b"", wait_for_ready=True)
        == b"\x08\x01"
    )


def test_requests_in_flight_are_counted_with_those_of_http_and_end_in_time(
    models: Path, start_server: Callable[..., Any]
) -> None:
    """HTTP and gRPC share one limit of requests in flight and one deadline, from the arrival on."""
    port = free_port()
    limits = {"VEREDICTO_MAX_IN_FLIGHT": 2, "VEREDICTO_DEADLINE_S": 4}

    with (
        start_server(
            VEREDICTO_MODELS=models, VEREDICTO_GRPC_PORT=port, **limits
        ) as server,
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        wait_for(channel)
        stalled = [Stalled(channel, colour_request()) for _ in range(2)]
        wait_for(channel)
        text = "2 requests are being answered already, the limit is 2 (VEREDICTO_MAX_IN_FLIGHT): try again"

        assert refusal(lambda: channel.unary_unary(MODEL_INFER)(colour_request())) == (
            "UNAVAILABLE",
            text,
        )

        answer = server.post(
            "/predict_proba?top=1", {"model": "colour-first", "inputs": [[1, "red"]]}
        )

        assert (answer.status_code, answer.json()["error"]) == (503, text)

        late = "no answer within 4 s (VEREDICTO_DEADLINE_S), counted from the request's arrival"
        for each in stalled:
            assert refusal(each.answer.result) == ("DEADLINE_EXCEEDED", late)
            each.go_on()

        assert channel.unary_unary(MODEL_INFER)(colour_request())


def is_open(server: Server) -> bool:
    """The server is open while it takes connections, which one that has begun to stop does not."""
    try:
        with server.connect() as client:
            return client.get("/livez").status_code == 200
    except httpx.TransportError:
        return False


def test_a_client_that_takes_no_long_answer_is_no_defect(
    models: Path, start_server: Callable[..., Any]
) -> None:
    """A client that leaves at the first bytes of an answer that it finds too long has no traceback in the log."""
    port = free_port()
    request = service_pb2.ModelInferRequest.FromString(colour_request())
    request.id = "x" * 8_000_000
    content = request.SerializeToString()
    with (
        start_server(VEREDICTO_MODELS=models, VEREDICTO_GRPC_PORT=port) as server,
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        wait_for(channel)
        infer = channel.unary_unary(MODEL_INFER)
        codes = {refusal(lambda: infer(content))[0] for _ in range(8)}
        wait_for(channel)
        log = server.log.read_text()

    assert codes == {"RESOURCE_EXHAUSTED"}
    assert "Traceback" not in log


def test_clients_that_hold_connections_keep_nobody_out_for_long(
    models: Path, tmp_path: Path
) -> None:
    """Connections to gRPC that ask for nothing leave HTTP its descriptors, are ended in time, and then there is room.

    Each takes a descriptor: all of them would be gone, and nothing answered any more, no probe either.
    """
    port = free_port()
    words = ("-c", 'ulimit -n 300; exec "$0" "$@"', sys.executable, *SERVICE_WORDS)
    settings = {"VEREDICTO_GRPC_PORT": port, "VEREDICTO_KEEP_ALIVE_S": 2}
    with (
        serve(
            tmp_path, python="sh", words=words, VEREDICTO_MODELS=models, **settings
        ) as server,
        ExitStack() as stack,
    ):
        held = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            for _ in range(400)
        ]
        with httpx.Client(base_url=server.url, timeout=LIMIT_S) as another:
            assert another.get("/livez").status_code == 200
            row = {"model": "colour-first", "inputs": [[1, "red"]]}
            assert another.post("/predict", json=row).status_code == 200

        for each in held:
            each.settimeout(LIMIT_S)
            read_until_end(each)
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            wait_for(channel)


def read_until_end(connection: socket.socket) -> None:
    """Returns once a server has ended a connection, in whatever way."""
    try:
        while connection.recv(4096):
            pass
    except ConnectionError:
        pass


def test_a_request_in_flight_is_answered_before_it_stops(
    models: Path, start_server: Callable[..., Any]
) -> None:
    """A request whose message is still to come when SIGTERM arrives is answered before the process ends."""
    port = free_port()
    with (
        start_server(VEREDICTO_MODELS=models, VEREDICTO_GRPC_PORT=port) as server,
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        wait_for(channel)
        stalled = Stalled(channel, colour_request())
        wait_for(channel)
        server.process.send_signal(signal.SIGTERM)
        while is_open(server):
            pass

        stalled.go_on()
        answer = service_pb2.ModelInferResponse.FromString(
            stalled.answer.result(timeout=30)
        )

        assert answer.model_name == "colour-first"
        assert server.process.wait(timeout=30) == 0
        assert "Traceback" not in server.log.read_text()


def test_two_workers_share_the_port(
    models: Path, start_server: Callable[..., Any]
) -> None:
    """Two workers take connections of one port, and their requests are counted together."""
    port = free_port()
    options = {
        "VEREDICTO_MODELS": models,
        "VEREDICTO_WORKERS": 2,
        "VEREDICTO_GRPC_PORT": port,
    }

    with start_server(**options) as server:
        for _ in range(30):
            own = [("grpc.use_local_subchannel_pool", 1)]
            with grpc.insecure_channel(f"127.0.0.1:{port}", options=own) as channel:
                assert channel.unary_unary(MODEL_INFER)(
                    colour_request(), wait_for_ready=True
                )

        expected = f'veredicto_requests_total{{route="{MODEL_INFER}",status="OK"}} 30.0'
        wait_until(lambda: expected in server.client.get("/metrics").text)


def fail_to_start(folder: Path, **variables: object) -> str:
    """Returns what a server that does not start writes to stderr."""
    finished = subprocess.run(
        [
            sys.executable,
            "-m",
            "bentoml",
            "serve",
            "service.app:Veredicto",
            "--port",
            str(free_port()),
        ],
        cwd=ROOT,
        env=os.environ
        | {name: str(value) for name, value in variables.items()}
        | {"BENTOML_HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert finished.returncode != 0
    return finished.stderr


def test_a_port_that_is_taken_refuses_to_start(tmp_path: Path) -> None:
    """A port that is taken ends the start before any model is loaded, also where workers share the port among
    themselves.
    """
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        stderr = fail_to_start(tmp_path, VEREDICTO_GRPC_PORT=port, VEREDICTO_WORKERS=2)
    expected = f"VEREDICTO_GRPC_PORT: cannot listen on 127.0.0.1:{port}: Address already in use"

    assert f"veredicto does not start: {expected}\n" in stderr


@pytest.fixture
def without_grpc(tmp_path: Path) -> dict[str, str]:
    """The fixture gives an environment whose interpreters find no grpcio."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nsys.modules['grpc'] = None\n"
    )
    return {"PYTHONPATH": str(tmp_path)}


def test_without_the_library_it_says_what_to_install(
    tmp_path: Path, without_grpc: dict[str, str]
) -> None:
    """A server with a gRPC port does not start without grpcio, and says what to install."""
    stderr = fail_to_start(tmp_path, VEREDICTO_GRPC_PORT=free_port(), **without_grpc)
    expected = "VEREDICTO_GRPC_PORT: gRPC needs what is not installed here: pip install 'grpcio>=1.60'"

    assert f"veredicto does not start: {expected}\n" in stderr


def test_without_the_library_http_is_served(
    models: Path, start_server: Callable[..., Any], without_grpc: dict[str, str]
) -> None:
    """A server without a gRPC port answers over HTTP without grpcio."""
    with start_server(VEREDICTO_MODELS=models, **without_grpc) as server:
        assert (
            server.post(
                "/predict", {"model": "colour-first", "inputs": [[1, "red"]]}
            ).status_code
            == 200
        )


def make_server(models: Path, port: int) -> grpc_server.Server:
    settings = Settings(models=models, grpc_port=port)
    registry = Registry.load(models)
    admission = Admission(settings, ModelMetrics(registry))
    return grpc_server.Server(
        DataPlane(registry, settings), settings, admission, Batches.of(settings)
    )


def test_a_worker_too_says_that_its_port_is_taken(models: Path) -> None:
    """A worker whose port was taken since the check at the start raises SettingsError with the port."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(
            SettingsError,
            match=rf"^VEREDICTO_GRPC_PORT: cannot listen on 127\.0\.0\.1:{port}: ",
        ):
            asyncio.run(make_server(models, port).start())


def test_a_defect_is_told_without_details(
    models: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has the details of a defect, and the client does not."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError("secret")

    async def ask() -> tuple[str, str]:
        port = free_port()
        server = make_server(models, port)
        monkeypatch.setattr(Registry, "find_graph", fail)
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await channel.unary_unary(MODEL_INFER)(colour_request())

        await server.stop()

        return refused.value.code().name, refused.value.details()

    assert asyncio.run(ask()) == (
        "INTERNAL",
        "the service has a defect; its log has the details",
    )
    assert f"a defect in {MODEL_INFER}" in caplog.text
    assert "secret" in caplog.text


@pytest.mark.parametrize(
    ("model", "fields", "cost"),
    [
        ("small", {}, Cost.SMALL),
        ("small", {"outputs": [{"name": "y"}] * 500}, Cost.LONG),
        ("small", {"parameters": {str(n): {} for n in range(500)}}, Cost.LONG),
        ("texts", {"raw_input_contents": [b"\0" * 4 * 499]}, Cost.SMALL),
        ("texts", {"raw_input_contents": [b"\0" * 4 * 500]}, Cost.LONG),
    ],
)
def test_a_message_of_many_parts_takes_a_thread(
    tmp_path: Path, model: str, fields: dict[str, Any], cost: Cost
) -> None:
    """An input, an output, a parameter and a text take microseconds each, however few bytes they are."""
    write_identity(tmp_path, "small", 1, ["n"])
    write_identity(tmp_path, "texts", 8, ["n"])
    settings = Settings(models=tmp_path)
    plane = DataPlane(Registry.load(tmp_path), settings)
    route = InferRoute(plane, Limits(settings), RouteMetrics("infer"))
    datatype = "BYTES" if model == "texts" else "FP32"
    entry = {"name": "x", "datatype": datatype, "shape": [1]}
    message = {"model_name": model, "inputs": [entry], **fields}

    content = messages.encode("ModelInferRequest", message)
    request = route.decode(content, route.read_head(content))

    assert route.find_cost(request) is cost
