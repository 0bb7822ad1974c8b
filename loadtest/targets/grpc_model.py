"""This module asks a server of the Open Inference Protocol over gRPC for a model's inputs, and encodes inferences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc

from loadtest.sending.grpc_sender import SERVICE, SETUP_S, Channels
from loadtest.targets import requests
from loadtest.targets.inputs import Tensor
from service.errors import LoadTestError
from service.grpc import messages

NEVER_ANSWERED = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.UNIMPLEMENTED,
)


def find_inputs(channels: Channels, model: str) -> list[dict[str, Any]]:
    """Returns what the server says of the model's inputs; raises LoadTestError in its words."""
    with channels.open() as channel:
        ask = channel.unary_unary(f"{SERVICE}/ModelMetadata")
        try:
            content = ask(
                messages.encode("ModelMetadataRequest", {"name": model}),
                timeout=SETUP_S,
                metadata=tuple(channels.metadata.items()),
            )
        except grpc.RpcError as error:
            raise _say(channels, error) from None

    answer = messages.decode("ModelMetadataResponse", content)

    return [
        {"name": each.name, "datatype": each.datatype, "shape": list(each.shape)}
        for each in answer.inputs
    ]


def try_once(channels: Channels, content: bytes) -> None:
    """Sends one request; raises LoadTestError in the server's words where it can never be answered."""
    with channels.open() as channel:
        ask = channel.unary_unary(f"{SERVICE}/ModelInfer")
        try:
            ask(content, timeout=SETUP_S, metadata=tuple(channels.metadata.items()))
        except grpc.RpcError as error:
            if error.code() in NEVER_ANSWERED:
                raise _say(channels, error) from None


def _say(channels: Channels, error: Any) -> LoadTestError:
    return LoadTestError(
        f"grpc://{channels.host}: {error.code().name}: {error.details()}"
    )


def encode(model: str, tensors: Sequence[Tensor]) -> bytes:
    """Returns the bytes of an inference's request."""
    return messages.encode("ModelInferRequest", requests.infer_fields(model, tensors))
