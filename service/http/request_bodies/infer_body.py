"""A body of inference over HTTP is JSON, JSON and then tensors' bytes, or one input's bytes alone."""

from __future__ import annotations

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Sequence
from functools import lru_cache, partial
from math import prod
from typing import Any, NamedTuple

import msgspec
import numpy as np

from service.contract.codec import (
    NESTED,
    NOT_FINITE,
    UTF8_BOM,
    encode,
    explain_malformed,
)
from service.contract.extreme_numbers import check_numbers
from service.contract.limits import Limits
from service.contract.repeated_names import check_names
from service.errors import InvalidRequest
from service.execution.run import Run
from service.models.datatypes import BYTES
from service.models.graph import Graph
from service.models.images.media_types import ImageFile
from service.open_inference import inference, input_tensors, parameters, tensors
from service.open_inference.inference import (
    InferenceRequest,
    OutputSpec,
    OutputTensor,
    RequestedOutputs,
    Tensors,
)
from service.open_inference.input_tensors import InputSpec
from service.open_inference.requests import (
    InferRequest,
    InputTensor,
    count_names,
    has_data,
    read_parameters,
)

InferAnswer = tuple[bytes, list[bytes]]
"""An answer has its JSON, and the bytes that follow it of outputs that were asked for as such."""

MAX_CACHED_BYTES = 1000
"""JSON of at most this many bytes ahead of tensors is cached: clients repeat it."""
MAX_CACHED = 64
_DECODER = msgspec.json.Decoder(InferRequest)


class _Head(NamedTuple):
    """A request's JSON says for each input where it goes, what is known of it, and how many bytes follow."""

    id: str
    inputs: list[tuple[InputSpec, InputTensor, Any]]
    outputs: RequestedOutputs
    timeout_s: float | None = None


class _Output(NamedTuple):
    """An answer describes an output with its values, or with the size of its bytes."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    size: int | None = None
    data: Any = None


class InferBodyCodec:
    """A codec reads and writes the bodies of one graph; what repeats itself in them is read and written once."""

    def __init__(self, graph: Graph, limits: Limits) -> None:
        self._graph = graph
        self._limits = limits
        # A cache of methods of this codec and the codec would hold each other, and so the graph for hours after its
        # last request: what serves makes so little garbage that the collector hardly ever looks that far back.
        self._read_head = partial(_read_head, graph)
        self._read_head_cached = lru_cache(MAX_CACHED)(self._read_head)
        self._write_head = partial(_write_head, graph.name, graph.version)
        self._write_head_cached = lru_cache(MAX_CACHED)(self._write_head)

    def decode(self, body: bytes, header_length: int | None) -> InferenceRequest:
        """Returns the request in a body of JSON, or of `header_length` bytes of it and then tensors.

        With a length of 0 the body is one input's bytes, and outputs come as bytes too. It raises InvalidRequest.
        """
        graph = self._graph
        if header_length is None:
            head = self._read_head(body)
            inputs = _read_inputs(graph, head, memoryview(b""))
            return InferenceRequest(head.id, inputs, head.outputs, head.timeout_s)

        if header_length == 0:
            inputs = _read_raw(graph, body)
            outputs = inference.select_outputs(graph, (), as_bytes=True)
            return InferenceRequest("", inputs, outputs)

        if header_length > len(body):
            raise InvalidRequest(
                f"the JSON is said to have {header_length} bytes, and the body has {len(body)}"
            )

        is_short = header_length <= MAX_CACHED_BYTES
        read_head = self._read_head_cached if is_short else self._read_head
        head = read_head(body[:header_length])
        inputs = _read_inputs(graph, head, memoryview(body)[header_length:])

        return InferenceRequest(head.id, inputs, head.outputs, head.timeout_s)

    def plan(self, request: InferenceRequest) -> Run:
        """Returns the run of a request, which makes an `InferAnswer`; raises InvalidRequest or TooLarge."""
        write = partial(self._write, request.id)
        return inference.plan(self._graph, request, self._limits, write)

    def _write(self, request_id: str, results: Sequence[OutputTensor]) -> InferAnswer:
        outputs = []
        parts = []
        for spec, datatype, array in results:
            name = spec.name
            if spec.as_bytes:
                content = tensors.write_bytes(array)
                parts.append(content)
                outputs.append(_Output(name, datatype, array.shape, len(content)))
            else:
                data = tensors.write_json(array, where=f"output {name!r}")
                outputs.append(_Output(name, datatype, array.shape, data=data))

        repeats = len(parts) == len(outputs) and not request_id
        write_head = self._write_head_cached if repeats else self._write_head

        return write_head(request_id, tuple(outputs)), parts


def _read_head(graph: Graph, content: bytes) -> _Head:
    request = _decode(content)
    inputs = []
    for index, tensor in enumerate(request.inputs):
        spec = input_tensors.find_input(
            graph, tensor.name, tensor.shape, tensor.datatype, index
        )
        inputs.append((spec, tensor, parameters.read_size(tensor, spec.where)))

    own = read_parameters(request.parameters)
    parameters.check_request(own)
    as_bytes = parameters.read_flag(own, "binary_data_output", default=False)
    specs = [
        OutputSpec.from_parameters(
            each.name, read_parameters(each.parameters), as_bytes=as_bytes
        )
        for each in request.outputs or ()
    ]
    input_tensors.check_inputs(graph, [each.name for each in request.inputs])
    outputs = inference.select_outputs(graph, specs, as_bytes=as_bytes)

    timeout_s = inference.read_timeout_s(own)

    return _Head(request.id or "", inputs, outputs, timeout_s)


def _write_head(
    name: str, version: str, request_id: str, outputs: tuple[_Output, ...]
) -> bytes:
    head: dict[str, Any] = {"model_name": name, "model_version": version}
    if request_id:
        head["id"] = request_id

    head["outputs"] = [_describe(each) for each in outputs]

    return encode(head)


def _describe(output: _Output) -> dict[str, Any]:
    name, datatype, shape, size, data = output
    described: dict[str, Any] = {"name": name, "datatype": datatype, "shape": shape}
    if size is None:
        described["data"] = data
    else:
        described["parameters"] = {"binary_data_size": size}

    return described


def _decode(head: bytes) -> InferRequest:
    check_numbers(head)

    try:
        request = _DECODER.decode(head)
    except msgspec.ValidationError as error:
        raise InvalidRequest(
            f"the request is not as the protocol has it: {error}"
        ) from error
    except RecursionError as error:
        raise InvalidRequest(f"the request is not JSON: {NESTED}") from error
    except tensors.DECODE_ERRORS as error:
        if head.startswith(UTF8_BOM):
            return _decode(head[len(UTF8_BOM) :])
        if head.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
            raise InvalidRequest(
                "the request is not JSON: expected UTF-8, it begins with the byte order mark of UTF-16"
            ) from error
        words = explain_malformed(str(error), head)
        if NOT_FINITE in words:
            words += "; send such values as bytes, with binary_data_size"
        raise InvalidRequest(f"the request is not JSON: {words}") from error

    check_names(head, count_names(request))

    return request


def _read_inputs(graph: Graph, head: _Head, rest: memoryview) -> Tensors:
    """Returns each input by name; raises InvalidRequest where bytes are missing, or left."""
    inputs: Tensors = {}
    for index, (spec, tensor, size) in enumerate(head.inputs):
        _, datatype, shape, where = spec
        if size is None:
            data = _get_data(tensor, where)
            array = tensors.read_json(data, datatype, shape, where=where)
        elif size > len(rest):
            raise InvalidRequest(
                f"inputs[{index}]: binary_data_size is {size!r}, and {len(rest)} bytes are left"
            )
        else:
            array = tensors.read_bytes(rest[:size], datatype, shape, where=where)
            rest = rest[size:]

        inputs[spec.name] = input_tensors.convert_input(graph, spec, array)

    if len(rest):
        raise InvalidRequest(
            f"{len(rest)} bytes follow the last input: no binary_data_size speaks of them"
        )

    return inputs


def _get_data(tensor: InputTensor, where: str) -> msgspec.Raw:
    if not has_data(tensor):
        raise InvalidRequest(
            f"{where}: expected data, or a parameter binary_data_size and bytes after the JSON"
        )
    assert not isinstance(tensor.data, msgspec.UnsetType)
    return tensor.data


def _read_raw(graph: Graph, body: bytes) -> Tensors:
    """Returns the one input that the body is: an image file, a text, or a tensor of a shape that fits the bytes."""
    if len(graph.inputs) != 1:
        raise InvalidRequest(
            f"{graph.name} has {len(graph.inputs)} inputs: a body of bytes alone is for one input"
        )

    info = next(iter(graph.inputs.values()))
    if graph.takes_images:
        return {info.name: [ImageFile(body, "")]}

    datatype = input_tensors.find_datatype(info)
    if datatype.name == BYTES:
        text = np.array([body], dtype=np.object_)
        shaped = text.reshape([1] * len(info.shape))
        return {info.name: input_tensors.decode_texts(shaped, "the body")}

    shape = _fit_shape(info.shape, len(body), np.dtype(datatype.array).itemsize)
    spec = input_tensors.find_input(graph, info.name, shape, datatype.name, 0)
    content = memoryview(body)

    return {info.name: tensors.read_bytes(content, datatype, shape, where=spec.where)}


def _fit_shape(shape: Sequence[int], n_bytes: int, item_bytes: int) -> list[int]:
    """Returns a shape for so many bytes: its last free length takes them all, and a free number of rows before it is 1.

    It raises InvalidRequest where two lengths of a row are free, so that the bytes could be of several shapes.
    """
    free = [axis for axis, length in enumerate(shape) if length < 0]
    if len(free) > 1 + (0 in free):
        raise InvalidRequest(
            f"a body of bytes alone says no shape where several lengths are free, as in {list(shape)}: "
            "send the shape in JSON before the bytes"
        )

    row_bytes = item_bytes * prod(length for length in shape if length >= 0)
    fitted = [1 if length < 0 else length for length in shape]
    if free:
        fitted[free[-1]] = n_bytes // row_bytes if row_bytes else 0

    return fitted
