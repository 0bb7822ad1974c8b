"""A body of the Open Inference Protocol over HTTP: JSON, JSON and then tensors' bytes, or one input's bytes alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from service import inference, tensors
from service.errors import InvalidRequest
from service.forms import ImageFile
from service.inference import Feed, Parameters, Result, Tensor, Wanted
from service.served import Served
from service.settings import Settings
from service.tensors import BYTES, Datatype
from service.work import Work

Answer = tuple[dict[str, Any], list[bytes]]
"""JSON, and the bytes after it of outputs that were asked for as such."""


class InputTensor(msgspec.Struct):
    """An input; its `data` is missing where its bytes follow the JSON."""

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


_DECODER = msgspec.json.Decoder(InferRequest)


def plan(served: Served, body: bytes, header_length: int | None, settings: Settings) -> Work:
    """The run that a body asks for, of JSON or of so many bytes of it and then tensors, which makes an `Answer`.

    A length of 0 is a body that is one input's bytes, whose outputs come as bytes too. Raises InvalidRequest, TooLarge.
    """
    view = memoryview(body)
    if header_length == 0:
        request = InferRequest(inputs=[], parameters={"binary_data_output": True})
        feed = _read_raw(served, body)
    else:
        if header_length is not None and header_length > len(body):
            raise InvalidRequest(f"the JSON is said to have {header_length} bytes, and the body has {len(body)}")
        head, rest = (view, view[:0]) if header_length is None else (view[:header_length], view[header_length:])
        request = _decode(head)
        feed = inference.gather(_read_all(served, request.inputs, rest))
    as_bytes = bool(request.parameters.get("binary_data_output", False))
    wanted = [Wanted.of(each.name, each.parameters, as_bytes=as_bytes) for each in request.outputs or ()]
    wanted = wanted or inference.all_outputs(served, as_bytes=as_bytes)
    return inference.plan(served, feed, wanted, settings, lambda results: _write(served, request.id, results))


def _decode(head: memoryview) -> InferRequest:
    try:
        return _DECODER.decode(head)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"the request is not as the protocol has it: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(f"the request is not JSON: {error}") from error


def _read_all(served: Served, given: Sequence[InputTensor], rest: memoryview) -> Iterator[tuple[str, Tensor]]:
    """Each input by name; raises InvalidRequest where bytes are missing, or left."""
    for index, tensor in enumerate(given):
        size = tensor.parameters.get("binary_data_size")
        if size is None:
            yield tensor.name, _read(served, tensor, None, index)
            continue
        if not isinstance(size, int) or not 0 <= size <= len(rest):
            raise InvalidRequest(f"inputs[{index}]: binary_data_size is {size!r}, and {len(rest)} bytes are left")
        yield tensor.name, _read(served, tensor, rest[:size], index)
        rest = rest[size:]
    if len(rest):
        raise InvalidRequest(f"{len(rest)} bytes follow the last input: no binary_data_size speaks of them")


def _read(served: Served, tensor: InputTensor, content: memoryview | None, index: int) -> Tensor:
    def read_values(datatype: Datatype, where: str) -> NDArray[Any]:
        if content is not None:
            return tensors.read_bytes(content, datatype, tensor.shape, where=where)
        return tensors.read_json(_data(tensor, where), datatype, tensor.shape, where=where)

    return inference.read_tensor(served, tensor.name, tensor.shape, tensor.datatype, index, read_values)


def _data(tensor: InputTensor, where: str) -> msgspec.Raw:
    if isinstance(tensor.data, msgspec.UnsetType):
        raise InvalidRequest(f"{where}: expected data, or a parameter binary_data_size and bytes after the JSON")
    return tensor.data


def _read_raw(served: Served, body: bytes) -> Feed:
    """The one input that the body is: an image file, a text, or a tensor whose free axis the bytes decide."""
    if len(served.inputs) != 1:
        raise InvalidRequest(f"{served.name} has {len(served.inputs)} inputs: a body of bytes alone is for one input")
    info = next(iter(served.inputs.values()))
    if served.takes_images:
        return {info.name: [ImageFile(body, "")]}
    own = inference.own_type(info)
    if own.name == BYTES:
        text = np.array([body], dtype=np.object_).reshape([1] * len(info.shape))
        return {info.name: inference.as_texts(text, "the body")}
    shape = list(info.shape)
    free = [axis for axis, length in enumerate(shape) if length < 0]
    element = prod(length for length in shape if length >= 0) * np.dtype(own.array).itemsize
    for axis in free[:-1]:
        shape[axis] = 1
    if free:
        shape[free[-1]] = len(body) // element if element else 0
    tensor = InputTensor(name=info.name, shape=shape, datatype=own.name)
    return {info.name: _read(served, tensor, memoryview(body), 0)}


def _write(served: Served, request_id: str, results: Sequence[Result]) -> Answer:
    described, parts = [], []
    for result in results:
        document: dict[str, Any] = {
            "name": result.wanted.name,
            "datatype": result.datatype,
            "shape": result.array.shape,
        }
        if result.wanted.as_bytes:
            parts.append(tensors.write_bytes(result.array))
            document["parameters"] = {"binary_data_size": len(parts[-1])}
        else:
            document["data"] = tensors.write_json(result.array, where=result.where)
        described.append(document)
    head: dict[str, Any] = {"model_name": served.name, "model_version": served.version}
    if request_id:
        head["id"] = request_id
    return head | {"outputs": described}, parts
