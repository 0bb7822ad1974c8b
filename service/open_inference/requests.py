"""The requests of the Open Inference Protocol are declared as JSON has them."""

from __future__ import annotations

import msgspec

Parameters = dict[str, str | int | float | bool]


class InputTensor(msgspec.Struct):
    """An input has no `data` where its bytes follow the JSON."""

    name: str
    shape: list[int]
    datatype: str
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    parameters: Parameters = {}  # msgspec makes a new one for each


class RequestedOutput(msgspec.Struct):
    name: str
    parameters: Parameters = {}


class InferRequest(msgspec.Struct):
    inputs: list[InputTensor]
    id: str = ""
    parameters: Parameters = {}
    outputs: list[RequestedOutput] | None = None
