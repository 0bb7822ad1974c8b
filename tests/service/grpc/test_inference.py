"""Tensors of every type, and images, go to a model over gRPC and come back."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from kserve import InferenceGRPCClient, InferInput, InferRequest

from tests.support.graphs import NUMERIC, largest_and_smallest
from tests.support.grpc_requests import (
    CONTENTS,
    WINE,
    Endpoints,
    make_input,
    typed,
)
from tests.support.image_files import picture
from tests.support.triton_grpc import service_pb2_grpc, triton, triton_aio


def wine_rows(n_rows: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(1, 100, (n_rows, 13)).astype(np.float32)


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


@pytest.mark.parametrize("name", NUMERIC)
def test_values_of_every_type_come_back_raw(
    client: triton.InferenceServerClient, name: str
) -> None:
    """Values of every type, the largest and the smallest among them, come back raw as they were sent."""
    array = largest_and_smallest(name)
    answer = client.infer(f"identity_{name}", [make_input("x", array, name)])

    assert answer.as_numpy("y").dtype == array.dtype
    assert np.array_equal(answer.as_numpy("y"), array)


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
