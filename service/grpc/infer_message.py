"""The messages of inference over gRPC have their tensors raw, side by side, or as typed contents."""

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
from service.open_inference import inference, input_tensors, tensors
from service.open_inference.inference import (
    InferenceRequest,
    OutputSpec,
    OutputTensor,
    RequestedOutputs,
)
from service.open_inference.input_tensors import InputSpec
from service.open_inference.parameters import check_request, check_tensor, read_flag
from service.open_inference.requests import Parameters

CONTENTS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    BYTES: "bytes_contents",
}
"""The values of a type stand in this field of a message; a type without a field is sent raw only."""
TEXT_LENGTH_BYTES = 4
"""Ahead of each text in raw contents stands its length."""


def count_parts(request: Any) -> int:
    """Returns how many inputs, outputs, parameters and texts a ModelInferRequest has, or could have in its bytes."""
    n_parts = len(request.outputs) + len(request.parameters)
    n_parts += sum(len(each.parameters) for each in request.outputs)
    for each in request.inputs:
        n_parts += 1 + len(each.parameters) + len(each.contents.bytes_contents)

    if any(each.datatype == BYTES for each in request.inputs):
        n_bytes = sum(map(len, request.raw_input_contents))
        n_parts += n_bytes // TEXT_LENGTH_BYTES

    return n_parts


def decode(graph: Graph, request: Any) -> InferenceRequest:
    """Returns the request in a ModelInferRequest; raises InvalidRequest.

    Outputs are raw unless a parameter `binary_data_output` is false.
    """
    raw = request.raw_input_contents
    n_inputs = len(request.inputs)
    if raw and len(raw) != n_inputs:
        raise InvalidRequest(
            f"raw_input_contents: expected one for each of {n_inputs} inputs, got {len(raw)}"
        )

    specs = [
        input_tensors.find_input(
            graph, each.name, list(each.shape), each.datatype, index
        )
        for index, each in enumerate(request.inputs)
    ]
    outputs = _select_outputs(graph, request, specs)
    inputs = {}
    for index, (spec, tensor) in enumerate(zip(specs, request.inputs, strict=True)):
        check_tensor(_read_parameters(tensor.parameters), spec.where)
        content = memoryview(raw[index]) if raw else None
        values = _read(spec, tensor, content)
        inputs[spec.name] = input_tensors.convert_input(graph, spec, values)

    timeout_s = inference.read_timeout_s(_read_parameters(request.parameters))

    return InferenceRequest(request.id, inputs, outputs, timeout_s)


def _select_outputs(
    graph: Graph, request: Any, input_specs: Sequence[InputSpec]
) -> RequestedOutputs:
    parameters = _read_parameters(request.parameters)
    check_request(parameters)
    as_bytes = read_flag(parameters, "binary_data_output", default=True)
    specs = []
    for each in request.outputs:
        own = _read_parameters(each.parameters)
        specs.append(OutputSpec.from_parameters(each.name, own, as_bytes=as_bytes))

    input_tensors.check_inputs(graph, [spec.name for spec in input_specs])

    return inference.select_outputs(graph, specs, as_bytes=as_bytes)


def plan(graph: Graph, request: InferenceRequest, limits: Limits) -> Run:
    """Returns the run of a request, which makes a ModelInferResponse's bytes; raises as `inference.plan` does."""
    write = partial(_write, graph, request.id)
    return inference.plan(graph, request, limits, write)


def _read(spec: InputSpec, tensor: Any, content: memoryview | None) -> NDArray[Any]:
    """Returns an input's values from its raw bytes where it has them, or else from its contents."""
    _, datatype, shape, where = spec
    given = [field.name for field, _ in tensor.contents.ListFields()]
    if content is not None:
        if given:
            raise InvalidRequest(
                f"{where}: expected contents or raw_input_contents, got both"
            )
        return tensors.read_bytes(content, datatype, shape, where=where)

    field = CONTENTS.get(datatype.name)
    if field is None:
        raise InvalidRequest(
            f"{where}: {datatype.name} has no contents: send it in raw_input_contents"
        )

    if any(name != field for name in given):
        raise InvalidRequest(
            f"{where}: expected {field} for {datatype.name}, got {', '.join(given)}"
        )

    values = list(getattr(tensor.contents, field))

    return tensors.read_values(values, datatype, shape, where=where)


def _read_parameters(given: Mapping[str, Any]) -> Parameters:
    """Returns the parameters that have a value."""
    chosen = {name: each.WhichOneof("parameter_choice") for name, each in given.items()}
    return {
        name: getattr(given[name], choice) for name, choice in chosen.items() if choice
    }


def _write(graph: Graph, request_id: str, outputs: Sequence[OutputTensor]) -> bytes:
    """Returns a ModelInferResponse, whose outputs are all raw or none is, as the protocol has it."""
    is_raw = any(each.spec.as_bytes for each in outputs)
    answer: dict[str, Any] = {
        "model_name": graph.name,
        "model_version": graph.version,
        "id": request_id,
        "outputs": [_describe(each, is_raw=is_raw) for each in outputs],
    }
    if is_raw:
        answer["raw_output_contents"] = [
            tensors.write_bytes(each.array) for each in outputs
        ]

    return messages.encode("ModelInferResponse", answer)


def _describe(output: OutputTensor, *, is_raw: bool) -> dict[str, Any]:
    datatype = output.datatype
    array = output.array
    described: dict[str, Any] = {
        "name": output.spec.name,
        "datatype": datatype,
        "shape": array.shape,
    }
    if is_raw:
        return described

    if datatype not in CONTENTS:
        raise InvalidRequest(
            f"{output.where}: {datatype} has no contents: leave out binary_data_output"
        )

    values = array.reshape(-1).tolist()
    if datatype == BYTES:
        values = [_encode_text(each) for each in values]

    described["contents"] = {CONTENTS[datatype]: values}

    return described


def _encode_text(element: Any) -> bytes:
    return element if isinstance(element, bytes) else str(element).encode()
