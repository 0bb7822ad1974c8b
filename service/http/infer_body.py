"""A body of the Open Inference Protocol over HTTP: JSON, JSON and then tensors' bytes, or one input's bytes alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from math import prod
from typing import Any, NamedTuple

import msgspec
import numpy as np

from service.contract.codec import encode
from service.contract.limits import Limits
from service.errors import InvalidRequest
from service.execution.run import Run
from service.models.datatypes import BYTES
from service.models.graph import Graph
from service.models.images import ImageFile
from service.open_inference import inference, tensors
from service.open_inference.inference import (
    Asked,
    Feed,
    InferenceRequest,
    Result,
    Slot,
    Wanted,
)
from service.open_inference.requests import InferRequest, InputTensor

InferAnswer = tuple[bytes, list[bytes]]
"""JSON, and the bytes after it of outputs that were asked for as such."""


_DECODER = msgspec.json.Decoder(InferRequest)
MAX_REMEMBERED_BYTES = 1000
"""Bytes of JSON ahead of tensors: clients say the same there time and again."""
MAX_REMEMBERED = 64


class _Head(NamedTuple):
    """A request but for its values: of each input where it goes, what was said of it, and how many bytes follow."""

    id: str
    inputs: list[tuple[Slot, InputTensor, Any]]
    asked: Asked


class _Output(NamedTuple):
    """As an answer describes it: with its values, or with the size of its bytes."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    size: int | None = None
    data: Any = None


class Bodies:
    """The bodies of one graph's requests and answers. What repeats itself in them is read and written once."""

    def __init__(self, graph: Graph, limits: Limits) -> None:
        self._graph = graph
        self._limits = limits
        self._recall_head = lru_cache(MAX_REMEMBERED)(self._read_head)
        self._recall_answer = lru_cache(MAX_REMEMBERED)(self._write_head)

    def decode(self, body: bytes, header_length: int | None) -> InferenceRequest:
        """The request in a body of JSON, or of so many bytes of it and then tensors.

        A length of 0 is a body that is one input's bytes, whose outputs come as bytes too. Raises InvalidRequest.
        """
        graph = self._graph
        if header_length == 0:
            feed = _read_raw(graph, body)
            asked = inference.ask(graph, feed, (), as_bytes=True)
            return InferenceRequest("", feed, asked)

        rest = memoryview(b"")
        if header_length is None:
            head = self._read_head(body)
        elif header_length > len(body):
            raise InvalidRequest(
                f"the JSON is said to have {header_length} bytes, and the body has {len(body)}"
            )
        else:
            is_short = header_length <= MAX_REMEMBERED_BYTES
            read = self._recall_head if is_short else self._read_head
            head = read(body[:header_length])
            rest = memoryview(body)[header_length:]

        return InferenceRequest(head.id, _read_all(graph, head, rest), head.asked)

    def plan(self, request: InferenceRequest) -> Run:
        """The run that a request asks for, which makes an `InferAnswer`; raises InvalidRequest or TooLarge."""
        write = partial(self._write, request.id)
        return inference.plan(self._graph, request, self._limits, write)

    def _read_head(self, content: bytes) -> _Head:
        request = _decode(content)
        graph = self._graph
        inputs = [
            (
                inference.find_slot(graph, each.name, each.shape, each.datatype, place),
                each,
                each.parameters.get("binary_data_size"),
            )
            for place, each in enumerate(request.inputs)
        ]
        as_bytes = bool(request.parameters.get("binary_data_output", False))
        wanted = [
            Wanted.of(each.name, each.parameters, as_bytes=as_bytes)
            for each in request.outputs or ()
        ]
        asked = inference.ask(
            graph, (each.name for each in request.inputs), wanted, as_bytes=as_bytes
        )

        return _Head(request.id, inputs, asked)

    def _write(self, request_id: str, results: Sequence[Result]) -> InferAnswer:
        outputs = []
        parts = []
        for wanted, datatype, array in results:
            if wanted.as_bytes:
                parts.append(tensors.write_bytes(array))
                outputs.append(
                    _Output(wanted.name, datatype, array.shape, len(parts[-1]))
                )
            else:
                data = tensors.write_json(array, where=f"output {wanted.name!r}")
                outputs.append(_Output(wanted.name, datatype, array.shape, data=data))

        repeats = len(parts) == len(outputs) and not request_id
        write = self._recall_answer if repeats else self._write_head

        return write(request_id, tuple(outputs)), parts

    def _write_head(self, request_id: str, outputs: tuple[_Output, ...]) -> bytes:
        described = [
            {"name": name, "datatype": datatype, "shape": shape}
            | (
                {"data": data}
                if size is None
                else {"parameters": {"binary_data_size": size}}
            )
            for name, datatype, shape, size, data in outputs
        ]
        head: dict[str, Any] = {
            "model_name": self._graph.name,
            "model_version": self._graph.version,
        }
        if request_id:
            head["id"] = request_id

        return encode(head | {"outputs": described})


def _decode(head: bytes) -> InferRequest:
    try:
        return _DECODER.decode(head)
    except msgspec.ValidationError as error:
        raise InvalidRequest(
            f"the request is not as the protocol has it: {error}"
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(f"the request is not JSON: {error}") from error


def _read_all(graph: Graph, head: _Head, rest: memoryview) -> Feed:
    """Each input by name; raises InvalidRequest where bytes are missing, or left."""
    feed: Feed = {}
    for index, (slot, tensor, size) in enumerate(head.inputs):
        if size is None:
            array = tensors.read_json(
                _data(tensor, slot.where), slot.datatype, slot.shape, where=slot.where
            )
        elif not isinstance(size, int) or not 0 <= size <= len(rest):
            raise InvalidRequest(
                f"inputs[{index}]: binary_data_size is {size!r}, and {len(rest)} bytes are left"
            )
        else:
            array = tensors.read_bytes(
                rest[:size], slot.datatype, slot.shape, where=slot.where
            )
            rest = rest[size:]
        feed[slot.name] = inference.fill(graph, slot, array)

    if len(rest):
        raise InvalidRequest(
            f"{len(rest)} bytes follow the last input: no binary_data_size speaks of them"
        )

    return feed


def _data(tensor: InputTensor, where: str) -> msgspec.Raw:
    if isinstance(tensor.data, msgspec.UnsetType):
        raise InvalidRequest(
            f"{where}: expected data, or a parameter binary_data_size and bytes after the JSON"
        )
    return tensor.data


def _read_raw(graph: Graph, body: bytes) -> Feed:
    """The one input that the body is: an image file, a text, or a tensor whose free axis the bytes decide."""
    if len(graph.inputs) != 1:
        raise InvalidRequest(
            f"{graph.name} has {len(graph.inputs)} inputs: a body of bytes alone is for one input"
        )

    info = next(iter(graph.inputs.values()))
    if graph.takes_images:
        return {info.name: [ImageFile(body, "")]}

    own = inference.own_type(info)
    if own.name == BYTES:
        text = np.array([body], dtype=np.object_).reshape([1] * len(info.shape))
        return {info.name: inference.as_texts(text, "the body")}

    shape = list(info.shape)
    free = [axis for axis, length in enumerate(shape) if length < 0]
    element = (
        prod(length for length in shape if length >= 0) * np.dtype(own.array).itemsize
    )
    for axis in free[:-1]:
        shape[axis] = 1

    if free:
        shape[free[-1]] = len(body) // element if element else 0

    slot = inference.find_slot(graph, info.name, shape, own.name, 0)

    return {
        info.name: tensors.read_bytes(memoryview(body), own, shape, where=slot.where)
    }
