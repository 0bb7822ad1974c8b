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


def count_names(request: InferRequest) -> int:
    """Returns how many different names the JSON of a request has for certain; of those that may be null, the others."""
    n_names = 1 + (request.id is not None)
    n_names += _count_parameters(request.parameters)
    for tensor in request.inputs:
        is_set = not isinstance(tensor.data, msgspec.UnsetType)
        n_names += 3 + is_set + _count_parameters(tensor.parameters)
    if request.outputs is not None:
        n_names += 1 + len(request.outputs)
        n_names += sum(_count_parameters(each.parameters) for each in request.outputs)

    return n_names


def _count_parameters(given: OptionalParameters) -> int:
    return 0 if given is None else 1 + len(given)
