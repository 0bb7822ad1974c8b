"""The Open Inference Protocol's inference takes and gives tensors, of any graph that onnxruntime runs.

How tensors come and go is not known here: `request_bodies.infer_body` of HTTP and `grpc.infer_message` do that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.contract.limits import Limits
from service.errors import InvalidRequest
from service.execution.run import Outputs, Run
from service.models.datatypes import BY_ARRAY
from service.models.graph import Graph
from service.models.images import rows as image_rows
from service.open_inference.classification import classify
from service.open_inference.fatal_values import check_values
from service.open_inference.input_tensors import Tensor
from service.open_inference.parameters import check_tensor, read_count, read_flag
from service.open_inference.requests import Parameters

JSON_NUMBER_BYTES = 16
"""A number in JSON counts as so many bytes of an answer, whatever its type: about what its text and a comma take."""
CLASS_BYTES = 64
"""A class is a text of some bytes, and in memory takes so many until it is written."""
TEXT_LENGTH_BYTES = 4
"""An element of BYTES is preceded by its length."""
MAX_TIMEOUT_US = 10**15
"""A longer time is as good as any: JSON has numbers that no clock can count."""
Tensors = dict[str, Tensor]


class OutputSpec(NamedTuple):
    """An output is asked for whole, or as the `n_classes` highest classes of each row; as bytes or as values."""

    name: str
    n_classes: int = 0
    as_bytes: bool = False

    @classmethod
    def from_parameters(
        cls, name: str, parameters: Parameters, *, as_bytes: bool
    ) -> OutputSpec:
        """Reads an output's parameters; `as_bytes` is the request's choice where they have none."""
        if not parameters:
            return cls(name, as_bytes=as_bytes)

        where = f"output {name[:100]!r}"
        check_tensor(parameters, where)
        n_classes = read_count(parameters, "classification", where) or 0

        return cls(
            name, n_classes, read_flag(parameters, "binary_data", default=as_bytes)
        )


class RequestedOutputs(NamedTuple):
    """A request asks for these outputs, and for `n_classes` classes of each row as texts in all of them."""

    specs: Sequence[OutputSpec]
    names: list[str]
    n_classes: int


class OutputTensor(NamedTuple):
    """An output of an answer has the values of what was asked for."""

    spec: OutputSpec
    datatype: str
    array: NDArray[Any]

    @property
    def where(self) -> str:
        return f"output {self.spec.name!r}"


class InferenceRequest(NamedTuple):
    """A decoded request has an id, its tensors by name, the outputs that it asks for, and how long it waits."""

    id: str
    inputs: Tensors
    outputs: RequestedOutputs
    timeout_s: float | None = None


def plan(
    graph: Graph,
    request: InferenceRequest,
    limits: Limits,
    write: Callable[[list[OutputTensor]], Any],
) -> Run:
    """Returns the run that a request asks for, whose answer `write` makes; raises InvalidRequest or TooLarge."""
    specs, names, n_classes = request.outputs
    inputs, n_rows = _prepare(graph, request.inputs, limits)

    def finish(outputs: Outputs) -> Any:
        limits.check_answer(sum(map(_count_bytes, specs, outputs)))
        tensors = [
            _make_tensor(graph, spec, output)
            for spec, output in zip(specs, outputs, strict=True)
        ]
        return write(tensors)

    run = Run(graph, names, inputs, n_rows, finish, n_rows * n_classes)
    run.timeout_s = request.timeout_s

    return run


def read_timeout_s(parameters: Parameters) -> float | None:
    """Returns the seconds that the parameter `timeout` allows, which is in microseconds; 0 and no value mean any time.

    It raises InvalidRequest for what is no such number.
    """
    timeout_us = parameters.get("timeout")
    if timeout_us is None:
        return None

    if (
        not isinstance(timeout_us, int)
        or isinstance(timeout_us, bool)
        or timeout_us < 0
    ):
        raise InvalidRequest(
            f"the parameter timeout: expected microseconds, a whole number, got {timeout_us!r:.40}"
        )

    return min(timeout_us, MAX_TIMEOUT_US) / 1e6 or None


def select_outputs(
    graph: Graph, specs: Sequence[OutputSpec], *, as_bytes: bool
) -> RequestedOutputs:
    """Returns the outputs that are asked for, or all that the metadata name where none is.

    `as_bytes` says how those come that nobody asked for. It raises InvalidRequest where an output comes twice, or is
    unknown.
    """
    _check_outputs(graph, specs)
    chosen = specs or [OutputSpec(name, as_bytes=as_bytes) for name in graph.outputs]
    names = [each.name for each in chosen]
    return RequestedOutputs(chosen, names, sum(each.n_classes for each in chosen))


def _check_outputs(graph: Graph, specs: Sequence[OutputSpec]) -> None:
    seen: set[str] = set()
    for index, (name, _, _) in enumerate(specs):
        if name in seen:
            raise InvalidRequest(f"outputs[{index}]: {name[:100]!r} is asked for twice")

        seen.add(name)
        if name not in graph.outputs and name not in graph.extras:
            known = ", ".join([*graph.outputs, *graph.extras])
            raise InvalidRequest(
                f"outputs[{index}]: unknown output {name[:100]!r}; outputs: {known}"
            )


def _prepare(graph: Graph, inputs: Tensors, limits: Limits) -> tuple[Any, int]:
    """Returns what the graph is run on, and its number of rows: images are decoded, features checked.

    The inputs of a graph without a card stay as they are.
    """
    model = graph.model
    if model is None:
        check_values(graph, inputs, limits)
        lengths = [len(each) for each in inputs.values() if np.ndim(each)]
        return inputs, max(lengths, default=1)

    ((name, given),) = inputs.items()
    n_rows = len(given)
    if not n_rows:
        raise InvalidRequest(f"{name!r}: expected at least one row, got none")

    limits.check_tensor_rows(n_rows)
    max_pixels = limits.max_pixels

    if isinstance(given, list):
        size_px = model.size_px or 0
        images = image_rows.decode_rows(
            given,
            model=graph.name,
            size_px=size_px,
            max_pixels=max_pixels,
            max_decoding_bytes=limits.max_decoding_bytes,
        )
        return images, n_rows

    if graph.takes_images:
        return image_rows.split(given, max_pixels=max_pixels), n_rows

    model.check_features(given)

    return given, n_rows


def _count_bytes(spec: OutputSpec, output: Any) -> int:
    """Returns the bytes that an output takes in an answer, or in memory where its classes are asked for."""
    array = np.asarray(output)
    if array.dtype == np.object_:
        return sum(TEXT_LENGTH_BYTES + len(each) for each in array.flat)

    if spec.n_classes:
        n_rows = len(array) if array.ndim > 1 else 1
        n_texts = min(n_rows * spec.n_classes, array.size)
        return max(array.nbytes, CLASS_BYTES * n_texts)

    return array.nbytes if spec.as_bytes else JSON_NUMBER_BYTES * array.size


def _make_tensor(graph: Graph, spec: OutputSpec, output: Any) -> OutputTensor:
    array = np.asarray(output)
    if spec.n_classes:
        labels = graph.labels(spec.name)
        where = f"output {spec.name!r}"
        array = classify(array, spec.n_classes, labels, where)

    return OutputTensor(spec, BY_ARRAY[array.dtype.str].name, array)
