"""A request for inference as gRPC has it, and its answer: tensors raw, side by side, or as typed contents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from numpy.typing import NDArray

from service.contract.limits import Limits
from service.errors import InvalidRequest
from service.execution.run import Run
from service.grpc import messages
from service.models.datatypes import BYTES
from service.models.graph import Graph
from service.open_inference import inference, tensors
from service.open_inference.inference import InferenceRequest, Result, Slot, Wanted
from service.open_inference.requests import Parameters

CONTENTS = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    **{
        "INT64": "int64_contents",
        "UINT64": "uint64_contents",
        "FP32": "fp32_contents",
        "FP64": "fp64_contents",
    },
    BYTES: "bytes_contents",
}
"""The field of each type; what has none goes raw alone."""


def decode(graph: Graph, request: Any) -> InferenceRequest:
    """The request in a ModelInferRequest; outputs are raw unless a parameter `binary_data_output` is false.

    Raises InvalidRequest.
    """
    raw = request.raw_input_contents
    n_inputs = len(request.inputs)
    if raw and len(raw) != n_inputs:
        raise InvalidRequest(
            f"raw_input_contents: expected one for each of {n_inputs} inputs, got {len(raw)}"
        )

    slots = [
        inference.find_slot(
            graph, tensor.name, list(tensor.shape), tensor.datatype, place
        )
        for place, tensor in enumerate(request.inputs)
    ]
    as_bytes = bool(
        _read_parameters(request.parameters).get("binary_data_output", True)
    )
    wanted = [
        Wanted.of(each.name, _read_parameters(each.parameters), as_bytes=as_bytes)
        for each in request.outputs
    ]
    asked = inference.ask(
        graph, (slot.name for slot in slots), wanted, as_bytes=as_bytes
    )
    feed = {
        slot.name: inference.fill(
            graph, slot, _read(slot, tensor, memoryview(raw[place]) if raw else None)
        )
        for place, (slot, tensor) in enumerate(zip(slots, request.inputs, strict=True))
    }

    return InferenceRequest(request.id, feed, asked)


def plan(graph: Graph, request: InferenceRequest, limits: Limits) -> Run:
    """The run that a request asks for, which makes the bytes of a ModelInferResponse; raises as `inference.plan`."""
    write = partial(_write, graph, request.id)
    return inference.plan(graph, request, limits, write)


def _read(slot: Slot, tensor: Any, content: memoryview | None) -> NDArray[Any]:
    datatype = slot.datatype
    where = slot.where
    given = [field.name for field, _ in tensor.contents.ListFields()]
    if content is not None:
        if given:
            raise InvalidRequest(
                f"{where}: expected contents or raw_input_contents, got both"
            )
        return tensors.read_bytes(content, datatype, slot.shape, where=where)

    field = CONTENTS.get(datatype.name)
    if field is None:
        raise InvalidRequest(
            f"{where}: {datatype.name} has no contents: send it in raw_input_contents"
        )

    if any(name != field for name in given):
        raise InvalidRequest(
            f"{where}: expected {field} for {datatype.name}, got {', '.join(given)}"
        )

    return tensors.read_values(
        list(getattr(tensor.contents, field)), datatype, slot.shape, where=where
    )


def _read_parameters(given: Mapping[str, Any]) -> Parameters:
    """Those that have a value."""
    chosen = {name: each.WhichOneof("choice") for name, each in given.items()}
    return {
        name: getattr(given[name], choice) for name, choice in chosen.items() if choice
    }


def _write(graph: Graph, request_id: str, results: Sequence[Result]) -> bytes:
    """Raw for all outputs or for none, as the protocol has it."""
    is_raw = any(each.wanted.as_bytes for each in results)
    answer: dict[str, Any] = {
        "model_name": graph.name,
        "model_version": graph.version,
        "id": request_id,
        "outputs": [_describe(each, is_raw=is_raw) for each in results],
    }
    if is_raw:
        answer["raw_output_contents"] = [
            tensors.write_bytes(each.array) for each in results
        ]

    return messages.encode("ModelInferResponse", answer)


def _describe(result: Result, *, is_raw: bool) -> dict[str, Any]:
    name = result.wanted.name
    datatype = result.datatype
    array = result.array
    described: dict[str, Any] = {
        "name": name,
        "datatype": datatype,
        "shape": array.shape,
    }
    if not is_raw:
        if datatype not in CONTENTS:
            raise InvalidRequest(
                f"{result.where}: {datatype} has no contents: leave out binary_data_output"
            )

        values = array.reshape(-1).tolist()
        texts = [
            each if isinstance(each, bytes) else str(each).encode() for each in values
        ]
        described["contents"] = {
            CONTENTS[datatype]: texts if datatype == BYTES else values
        }

    return described
