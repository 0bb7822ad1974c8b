"""A message that is wrong is refused with gRPC's code, and with the words of HTTP."""

from __future__ import annotations

from typing import Any

import grpc
import numpy as np
import pytest
from tritonclient.utils import InferenceServerException

from service.grpc.server import SERVICE
from tests.support.grpc_requests import (
    CONTENTS,
    MAX_BYTES,
    MODEL_INFER,
    WINE,
    Endpoints,
    make_input,
    refusal,
    typed,
)
from tests.support.triton_grpc import service_pb2, service_pb2_grpc, triton


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
