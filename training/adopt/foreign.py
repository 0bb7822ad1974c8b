"""This module reads a foreign graph: its inputs, its outputs, and the classes that its operators name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnx.inliner import inline_local_functions
from onnx.version_converter import convert_version

from training.adopt.node_values import read_attribute
from training.adopt.refusal import AdoptionError, shorten
from training.graph import DOMAINS, OPSET

TEXT = TensorProto.STRING
WHOLE = (
    TensorProto.INT64,
    TensorProto.INT32,
    TensorProto.INT16,
    TensorProto.INT8,
    TensorProto.UINT8,
    TensorProto.UINT16,
    TensorProto.UINT32,
    TensorProto.UINT64,
    TensorProto.BOOL,
)
HALF = TensorProto.FLOAT16
FLOATS = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16)
BOUNDED = ("Tanh", "Softsign", "Sin", "Cos", "Erf")
RESHAPES = ("Identity", "Squeeze", "Unsqueeze", "Reshape", "Flatten", "Cast")
"""These operators leave the values of what they take as they are."""


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """An input or output has an element type of ONNX and axes, None for a free one; `axes` is None without a rank."""

    name: str
    element: int
    axes: tuple[int | None, ...] | None

    def __str__(self) -> str:
        kind = TensorProto.DataType.Name(self.element).lower()
        kind = {"float": "float32", "double": "float64"}.get(kind, kind)
        if self.axes is None:
            return f"{self.name} {kind}"
        sizes = ", ".join("n" if size is None else str(size) for size in self.axes)
        return f"{self.name} {kind} ({sizes})"


@dataclass(frozen=True, kw_only=True)
class ForeignGraph:
    """A foreign graph has inputs and outputs, among them maps of class names, which `zip_maps` has by output."""

    file_name: str
    content: bytes
    model: onnx.ModelProto
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    zip_maps: dict[str, tuple[str | int, ...]]

    @property
    def producer(self) -> str:
        """Returns what the file says it was exported by."""
        version = self.model.producer_version
        name = self.model.producer_name or "an exporter that does not say its name"
        return f"{name} {version}".strip()

    def find_bound(self, output: str) -> str:
        """Returns the operator that keeps an output within bounds, which logits do not have, else nothing."""
        made_by = {made: node for node in self.model.graph.node for made in node.output}
        node = made_by.get(output)
        while node is not None and node.op_type in RESHAPES:
            node = made_by.get(node.input[0])
        return node.op_type if node is not None and node.op_type in BOUNDED else ""

    def describe(self) -> str:
        """Returns a line of inputs and outputs."""
        maps = [f"{name} maps of class names" for name in self.zip_maps]
        outputs = [str(each) for each in self.outputs if each.name not in self.zip_maps]
        return f"{', '.join(map(str, self.inputs))} -> {', '.join([*outputs, *maps])}"


def read_foreign(path: Path) -> ForeignGraph:
    """Returns the graph in a file, whose weights may lie beside it; raises AdoptionError for what is none."""
    if path.is_fifo():
        raise AdoptionError(
            f"{path.name}: expected an ONNX file, got a pipe: write what comes out of it into a file"
        )

    try:
        model = onnx.load(path)
    except FileNotFoundError as error:
        raise AdoptionError(
            f"{path.name}: there is no such file, or the weights beside it are missing: keep both in one folder"
        ) from error
    except (OSError, DecodeError, ValueError, onnx.checker.ValidationError) as error:
        raise AdoptionError(
            f"{path.name}: expected an ONNX file, got what cannot be read as one: export the model anew"
        ) from error

    if not model.graph.output or not model.graph.node:
        raise AdoptionError(
            f"{path.name}: expected an ONNX file with a graph, got none: export the model anew"
        )

    _normalise_opsets(model)
    _check_domains(model, path.name)
    initialized = {each.name for each in model.graph.initializer}
    inputs = [each for each in model.graph.input if each.name not in initialized]
    zip_maps = dict(_find_zip_maps(model, path.name))

    return ForeignGraph(
        file_name=path.name,
        content=_serialise(model, path.name),
        model=model,
        inputs=tuple(_read_tensor(each, path.name) for each in inputs),
        outputs=tuple(
            _read_output(each, zip_maps, path.name) for each in model.graph.output
        ),
        zip_maps=zip_maps,
    )


def convert(foreign: ForeignGraph) -> onnx.ModelProto:
    """Returns the graph in the opset that every file of ours has; raises AdoptionError where that cannot be."""
    model = onnx.ModelProto.FromString(foreign.content)
    if model.functions:
        model = inline_local_functions(model)

    number = next((each.version for each in model.opset_import if not each.domain), 0)
    if not number:
        model.opset_import.append(helper.make_opsetid("", OPSET))
    elif number != OPSET:
        try:
            model = convert_version(model, OPSET)
        except Exception as error:  # the converter's errors share no base class
            if number < OPSET or not _is_valid(relabelled := _relabel(model)):
                raise AdoptionError(
                    f"{foreign.file_name}: its operators are of opset {number}, which cannot be brought to {OPSET}: "
                    f"export it with target_opset={OPSET} (skl2onnx, onnxmltools) or opset_version={OPSET} (torch)"
                ) from error
            model = relabelled

    converted: onnx.ModelProto = model
    _normalise_opsets(converted)

    return converted


def _relabel(model: onnx.ModelProto) -> onnx.ModelProto:
    """Returns the graph as if it were of our opset: most later operators differ in the types that they take alone.

    The converter lacks the way back for some of them. What the graph answers is compared with the original anyway.
    """
    relabelled = onnx.ModelProto()
    relabelled.CopyFrom(model)
    for each in relabelled.opset_import:
        if not each.domain:
            each.version = OPSET

    return relabelled


def _is_valid(model: onnx.ModelProto) -> bool:
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError:
        return False
    return True


def _find_zip_maps(
    model: onnx.ModelProto, file_name: str
) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    """Yields each output that is a sequence of maps, with their keys."""
    makers = {name: node for node in model.graph.node for name in node.output}
    for output in model.graph.output:
        if output.type.WhichOneof("value") == "tensor_type":
            continue

        node = makers.get(output.name)
        if node is None or node.op_type != "ZipMap":
            raise AdoptionError(
                f"{file_name}: its output {output.name!r} is a sequence or an optional value, expected tensors or maps "
                "of class names: export it with tensors as outputs (zipmap=False)"
            )

        yield (
            output.name,
            read_attribute(node, "classlabels_strings", "classlabels_int64s"),
        )


def _read_output(
    info: onnx.ValueInfoProto,
    zip_maps: dict[str, tuple[str | int, ...]],
    file_name: str,
) -> Tensor:
    if info.name in zip_maps:
        return Tensor(
            name=info.name,
            element=TensorProto.FLOAT,
            axes=(None, len(zip_maps[info.name])),
        )
    return _read_tensor(info, file_name)


def _read_tensor(info: onnx.ValueInfoProto, file_name: str) -> Tensor:
    if info.type.WhichOneof("value") != "tensor_type":
        raise AdoptionError(
            f"{file_name}: its input {info.name!r} is no tensor: export it with tensors as inputs"
        )

    tensor = info.type.tensor_type
    axes = tuple(
        each.dim_value if each.HasField("dim_value") and each.dim_value > 0 else None
        for each in tensor.shape.dim
    )

    return Tensor(
        name=info.name,
        element=tensor.elem_type,
        axes=axes if tensor.HasField("shape") else None,
    )


def _normalise_opsets(model: onnx.ModelProto) -> None:
    """Leaves one number for each domain that a node is of, in place; `ai.onnx` is the other name of ONNX's own."""
    numbers: dict[str, int] = {}
    for each in model.opset_import:
        domain = "" if each.domain == "ai.onnx" else each.domain
        numbers[domain] = max(each.version, numbers.get(domain, 0))

    for node in model.graph.node:
        node.domain = "" if node.domain == "ai.onnx" else node.domain

    functions = {each.domain for each in model.functions}
    used = {node.domain for node in model.graph.node} | functions | {""}
    del model.opset_import[:]
    model.opset_import.extend(
        helper.make_opsetid(domain, number)
        for domain, number in numbers.items()
        if domain in used
    )


def _check_domains(model: onnx.ModelProto, file_name: str) -> None:
    functions = {(each.domain, each.name) for each in model.functions}
    foreign = sorted(
        {
            f"{node.domain}.{node.op_type}"
            for graph in (model.graph, *model.functions)
            for node in graph.node
            if node.domain not in DOMAINS
            and (node.domain, node.op_type) not in functions
        }
    )
    if foreign:
        raise AdoptionError(
            f"{file_name}: it has operators that are not ONNX's own ({shorten(foreign)}): export it without "
            "optimisations and extensions of one runtime, with the domains ai.onnx and ai.onnx.ml alone"
        )


def _serialise(model: onnx.ModelProto, file_name: str) -> bytes:
    try:
        content: bytes = model.SerializeToString()
    except (ValueError, DecodeError) as error:
        raise AdoptionError(
            f"{file_name}: it has more than 2 GB of weights, and one file holds no more: export it in half precision"
        ) from error

    return content


def as_texts(values: NDArray[Any]) -> NDArray[np.object_]:
    """Returns labels as the texts that training names classes by, whole floats without their point."""
    named = [
        str(int(each))
        if isinstance(each, float | np.floating) and each == int(each)
        else str(each).strip()
        for each in values.ravel().tolist()
    ]
    return np.array(named, dtype=np.object_)
