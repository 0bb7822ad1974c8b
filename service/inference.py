"""The Open Inference Protocol's inference: tensors in, tensors out, of any graph that onnxruntime runs."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterator, Sequence
from math import prod
from time import perf_counter_ns
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from service import pixels, tensors
from service.errors import InvalidRequest, TooLarge
from service.forms import ImageFile
from service.served import Served
from service.session import TensorInfo
from service.settings import Settings
from service.statistics import Times
from service.tensors import BY_ARRAY, BY_SESSION, BYTES, DATATYPES, Datatype

Parameters = dict[str, str | int | float | bool]


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


class Answer(NamedTuple):
    """JSON and, where outputs were asked for as bytes, those after it; `parts` is empty where there are none."""

    head: dict[str, Any]
    parts: list[bytes]
    times: Times


_DECODER = msgspec.json.Decoder(InferRequest)


def infer(served: Served, body: bytes, header_length: int | None, settings: Settings) -> Answer:
    """Answers a body of JSON, or of so many bytes of JSON and then tensors; raises InvalidRequest or TooLarge.

    A length of 0 is a body that is one input's bytes, whose outputs come as bytes too.
    """
    started = perf_counter_ns()
    view = memoryview(body)
    if header_length == 0:
        request = InferRequest(inputs=[], parameters={"binary_data_output": True})
        feed = _read_raw(served, body)
    else:
        head, rest = (view, view[:0]) if header_length is None else (view[:header_length], view[header_length:])
        request = _decode(head)
        feed = dict(_read_all(served, request.inputs, rest))
    _check_names(served, feed)
    wanted = _choose_outputs(served, request)
    rows = _prepare(served, feed, settings)
    read = perf_counter_ns()
    inputs = feed if served.model is None else next(iter(feed.values()))
    outputs = served.run([each.name for each in wanted], inputs)
    ran = perf_counter_ns()
    head_document, parts = _write(served, request, wanted, outputs)
    return Answer(head_document, parts, Times(read - started, 0, ran - read, perf_counter_ns() - ran, rows))


def _decode(head: memoryview) -> InferRequest:
    try:
        return _DECODER.decode(head)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"the request is not as the protocol has it: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"the request is not JSON: {error}") from error


def _read_all(
    served: Served, given: Sequence[InputTensor], rest: memoryview
) -> Iterator[tuple[str, NDArray[Any] | list[ImageFile]]]:
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


def _read(
    served: Served, tensor: InputTensor, content: memoryview | None, index: int
) -> NDArray[Any] | list[ImageFile]:
    """An input's array, or the image files of a network of images."""
    where = f"inputs[{index}] {tensor.name[:100]!r}"
    info = served.inputs.get(tensor.name)
    if info is None:
        raise InvalidRequest(f"{where}: unknown input; inputs of {served.name}: {', '.join(served.inputs)}")
    datatype = _check_type(served, info, tensor, where)
    array = (
        tensors.read_bytes(content, datatype, tensor.shape, where=where)
        if content is not None
        else tensors.read_json(_data(tensor, where), datatype, tensor.shape, where=where)
    )
    if datatype.name == BYTES and served.takes_images:
        return [ImageFile(_file(each, where), "") for each in array.reshape(-1).tolist()]
    _check_shape(info, tensor.shape, where)
    if datatype.name == BYTES:
        return _as_texts(array, where)
    return array


def _data(tensor: InputTensor, where: str) -> msgspec.Raw:
    if isinstance(tensor.data, msgspec.UnsetType):
        raise InvalidRequest(f"{where}: expected data, or a parameter binary_data_size and bytes after the JSON")
    return tensor.data


def _check_type(served: Served, info: TensorInfo, tensor: InputTensor, where: str) -> Datatype:
    own = _own_type(info)
    if tensor.datatype == own.name:
        return own
    if tensor.datatype == BYTES and served.takes_images:
        return DATATYPES[BYTES]
    also = " (or BYTES, of image files)" if served.takes_images else ""
    raise InvalidRequest(f"{where}: expected datatype {own.name}{also}, got {tensor.datatype[:40]!r}")


def _own_type(info: TensorInfo) -> Datatype:
    own = BY_SESSION.get(info.type)
    if own is None:
        raise InvalidRequest(f"{info.name!r} is {info.type} in the graph: the protocol has no such type")
    return own


def _check_shape(info: TensorInfo, shape: Sequence[int], where: str) -> None:
    fits = len(shape) == len(info.shape) and all(
        fixed in (-1, given) for fixed, given in zip(info.shape, shape, strict=True)
    )
    if not fits:
        raise InvalidRequest(f"{where}: expected shape {list(info.shape)}, -1 for any length, got {list(shape)}")


def _file(element: Any, where: str) -> bytes:
    """An image file as it is, or in JSON as base64."""
    if isinstance(element, bytes):
        return element
    try:
        return b64decode(element, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest(f"{where}: expected image files in base64: {error}") from error


def _as_texts(array: NDArray[Any], where: str) -> NDArray[Any]:
    """onnxruntime's strings."""
    try:
        texts = [each.decode() if isinstance(each, bytes) else each for each in array.reshape(-1).tolist()]
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{where}: expected texts in UTF-8: {error}") from error
    return np.array(texts, dtype=np.object_).reshape(array.shape)


def _read_raw(served: Served, body: bytes) -> dict[str, NDArray[Any] | list[ImageFile]]:
    """The one input that the body is: an image file, a text, or a tensor whose free axis the bytes decide."""
    if len(served.inputs) != 1:
        raise InvalidRequest(f"{served.name} has {len(served.inputs)} inputs: a body of bytes alone is for one input")
    info = next(iter(served.inputs.values()))
    if served.takes_images:
        return {info.name: [ImageFile(body, "")]}
    own = _own_type(info)
    if own.name == BYTES:
        return {info.name: _as_texts(np.array([body], dtype=np.object_).reshape([1] * len(info.shape)), "the body")}
    shape = list(info.shape)
    free = [axis for axis, length in enumerate(shape) if length < 0]
    element = prod(length for length in shape if length >= 0) * np.dtype(own.array).itemsize
    for axis in free[:-1]:
        shape[axis] = 1
    if free:
        shape[free[-1]] = len(body) // element if element else 0
    tensor = InputTensor(name=info.name, shape=shape, datatype=own.name)
    return {info.name: _read(served, tensor, memoryview(body), 0)}


def _check_names(served: Served, feed: dict[str, Any]) -> None:
    missing = [name for name in served.inputs if name not in feed]
    if missing:
        raise InvalidRequest(f"missing input {missing[0]!r}; inputs of {served.name}: {', '.join(served.inputs)}")


def _choose_outputs(served: Served, request: InferRequest) -> list[RequestedOutput]:
    """Those that are asked for, or else all that its metadata name."""
    if not request.outputs:
        return [RequestedOutput(name) for name in served.outputs]
    for index, output in enumerate(request.outputs):
        if output.name not in served.outputs and output.name not in served.extras:
            known = ", ".join([*served.outputs, *served.extras])
            raise InvalidRequest(f"outputs[{index}]: unknown output {output.name[:100]!r}; outputs: {known}")
    return request.outputs


def _prepare(served: Served, feed: dict[str, Any], settings: Settings) -> int:
    """Decodes image files, in place, and checks what a card promises; returns the number of rows."""
    (name, given), *others = feed.items()
    if others or served.model is None:
        return max((len(each) for each in feed.values() if np.ndim(each)), default=1)
    if not len(given):
        raise InvalidRequest(f"{name!r}: expected at least one row, got none")
    if len(given) > settings.max_rows:
        raise TooLarge(f"{len(given)} rows are over the limit of {settings.max_rows} a request (VEREDICTO_MAX_ROWS)")
    if isinstance(given, list):
        size_px = served.model.size_px or 0
        feed[name] = pixels.decode_rows(given, model=served.name, size_px=size_px, most_pixels=settings.max_pixels)
    elif served.takes_images:
        feed[name] = pixels.split(given, most_pixels=settings.max_pixels)
    else:
        served.model.check_features(given)
    return len(feed[name])


def _write(
    served: Served, request: InferRequest, wanted: Sequence[RequestedOutput], outputs: Sequence[NDArray[Any]]
) -> tuple[dict[str, Any], list[bytes]]:
    as_bytes = request.parameters.get("binary_data_output", False)
    described, parts = [], []
    for output, given in zip(wanted, outputs, strict=True):
        where = f"output {output.name!r}"
        array = np.asarray(given)
        most = output.parameters.get("classification", 0)
        if most:
            array = _classify(array, most, served.labels(output.name), where)
        datatype = BY_ARRAY[array.dtype.str].name
        document: dict[str, Any] = {"name": output.name, "datatype": datatype, "shape": array.shape}
        if output.parameters.get("binary_data", as_bytes):
            parts.append(tensors.write_bytes(array))
            document["parameters"] = {"binary_data_size": len(parts[-1])}
        else:
            document["data"] = tensors.write_json(array, where=where)
        described.append(document)
    head: dict[str, Any] = {"model_name": served.name, "model_version": served.version}
    if request.id:
        head["id"] = request.id
    return head | {"outputs": described}, parts


def _classify(array: NDArray[Any], most: Any, labels: Sequence[str], where: str) -> NDArray[Any]:
    """For each row its highest values as texts, value:index:class; of equals the first."""
    if (
        not isinstance(most, int)
        or isinstance(most, bool)
        or most < 1
        or array.ndim == 0
        or array.dtype.kind not in "fiu"
    ):
        raise InvalidRequest(f"{where}: classification is a whole number of at least 1, of an output of numbers")
    rows = array.reshape(array.shape[0], -1) if array.ndim > 1 else array.reshape(1, -1)
    order = np.argsort(-rows.astype(np.float64), axis=1, kind="stable")[:, :most]
    texts = [
        [f"{rows[row, index]}:{index}" + (f":{labels[index]}" if index < len(labels) else "") for index in indices]
        for row, indices in enumerate(order.tolist())
    ]
    return np.array(texts, dtype=np.object_)
