"""Requests over gRPC, and the addresses of a server that answers over HTTP too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import grpc
import numpy as np
import pytest

from service.grpc.server import SERVICE
from tests.support.server import Server
from tests.support.triton_grpc import service_pb2, triton

WINE = "wine-logistic"

MODEL_INFER = f"/{SERVICE}/ModelInfer"

MAX_BYTES = 400_000


class Endpoints(NamedTuple):
    """Endpoints are the two addresses of one server."""

    http: Server
    address: str


def make_input(name: str, array: np.ndarray, datatype: str) -> triton.InferInput:
    """Returns an input of Triton's client with an array of this datatype."""
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


def refusal(call: Callable[[], object]) -> tuple[str, str]:
    """Returns the code and the text that a call ends with."""
    with pytest.raises(grpc.RpcError) as refused:
        call()
    return refused.value.code().name, refused.value.details()


CONTENTS = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    **{
        name: f"{name.lower()}_contents" for name in ("INT64", "UINT64", "FP32", "FP64")
    },
}


def colour_request() -> bytes:
    """Returns the message of an inference that asks `colour-first` for one row."""
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
