"""The requests of the Open Inference Protocol are declared as JSON has them."""

from __future__ import annotations

import msgspec

Parameters = dict[str, str | int | float | bool]
OptionalParameters = dict[str, str | int | float | bool | None] | None
"""As every optional field, parameters and the value of each may be null, which is as if they were absent."""


class InputTensor(msgspec.Struct):
    """An input has no `data` where its bytes follow the JSON."""

    name: str
    shape: list[int]
    datatype: str
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    parameters: OptionalParameters = None


class RequestedOutput(msgspec.Struct):
    name: str
    parameters: OptionalParameters = None


class InferRequest(msgspec.Struct):
    inputs: list[InputTensor]
    id: str | None = None
    parameters: OptionalParameters = None
    outputs: list[RequestedOutput] | None = None


def has_data(tensor: InputTensor) -> bool:
    """Returns whether an input has its values in the JSON; null is as if they were absent."""
    return (
        not isinstance(tensor.data, msgspec.UnsetType) and bytes(tensor.data) != b"null"
    )


def read_parameters(given: OptionalParameters) -> Parameters:
    """Returns the parameters that have a value."""
    if not given:
        return {}
    return {name: value for name, value in given.items() if value is not None}
