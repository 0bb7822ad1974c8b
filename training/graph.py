"""This module builds ONNX graphs by hand, joins them, cleans them of what exporters leave behind, and runs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 18
IR_VERSION = 10
ROWS_AT_A_TIME = 1024
VALUES_AT_A_TIME = 1024 * 1024
"""Images are limited by their values, because their layers are many times their input."""
MIN_HALF_VALUES = 256
DOMAINS = ("", "ai.onnx.ml")

Outputs = dict[str, NDArray[Any]]
Operand = str | float | np.floating[Any] | NDArray[Any]


class GraphError(Exception):
    """A GraphError says what is wrong with a graph that no file of ours may hold."""


class GraphBuilder:
    """A GraphBuilder collects nodes and constants; an operand is the name of a value, or a constant.

    `prefix` keeps the names of values apart from those of another graph that the nodes are to join.
    """

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: NDArray[Any]) -> str:
        name = f"{self._prefix}constant_{len(self.constants)}"
        self.constants.append(
            numpy_helper.from_array(np.ascontiguousarray(value), name)
        )
        return name

    def add(
        self, operator: str, *operands: Operand, name: str = "", **attributes: Any
    ) -> str:
        """Adds a node with one output and returns its name."""
        name = name or f"{self._prefix}value_{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(
                operator, [self._named(each) for each in operands], [name], **attributes
            )
        )
        return name

    def find_smallest(self, values: str, count: int) -> tuple[str, str]:
        """Adds a TopK that gives the `count` smallest of each row and their positions; of equals it takes the first."""
        outputs = [
            f"{self._prefix}smallest_{len(self.nodes)}",
            f"{self._prefix}position_{len(self.nodes)}",
        ]
        inputs = [values, self._named(np.array([count]))]
        self.nodes.append(
            helper.make_node("TopK", inputs, outputs, axis=1, largest=0, sorted=1)
        )

        return outputs[0], outputs[1]

    def resize(
        self, images: str, sizes: str, *, axes: list[int], mode: str, **attributes: Any
    ) -> str:
        """Resizes the axes of whole images to these sizes, with antialiasing, as Pillow does."""
        name = f"{self._prefix}value_{len(self.nodes)}"
        more = {
            "antialias": 1,
            "exclude_outside": 1,
            "coordinate_transformation_mode": "half_pixel",
            **attributes,
        }
        self.nodes.append(
            helper.make_node(
                "Resize", [images, "", "", sizes], [name], mode=mode, axes=axes, **more
            )
        )

        return name

    def model(
        self, n_features: int, outputs: Mapping[str, tuple[int, tuple[int, ...]]]
    ) -> onnx.ModelProto:
        """Returns a model from `features` to `outputs`, which has each output's element type and its axes after the
        first.
        """
        features = helper.make_tensor_value_info(
            "features", TensorProto.FLOAT, ["n_rows", n_features]
        )
        infos = [
            helper.make_tensor_value_info(name, element, ["n_rows", *axes])
            for name, (element, axes) in outputs.items()
        ]
        graph = helper.make_graph(
            self.nodes, "graph", [features], infos, self.constants
        )

        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])

    def _named(self, operand: Operand) -> str:
        return (
            operand if isinstance(operand, str) else self.constant(np.asarray(operand))
        )


def rename(model: onnx.ModelProto, old: str, new: str) -> None:
    """Gives a value another name in all nodes of the main graph, in place; inputs and outputs keep theirs."""
    for node in model.graph.node:
        for names in (node.input, node.output):
            for position, name in enumerate(names):
                if name == old:
                    names[position] = new


def add_constant_output(
    model: onnx.ModelProto, name: str, value: NDArray[np.float32]
) -> None:
    """Adds an output that does not depend on the input, in place."""
    graph = GraphBuilder(f"{name}/")
    graph.add("Identity", graph.constant(value), name=name)
    add_nodes(model, graph)
    model.graph.output.append(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, value.shape)
    )


def add_nodes(
    model: onnx.ModelProto,
    graph: GraphBuilder,
    output: str = "",
    axes: Sequence[int] = (),
) -> None:
    """Puts nodes after those of the graph, in place; `output` is a float output, with these axes after the first."""
    model.graph.node.extend(graph.nodes)
    model.graph.initializer.extend(graph.constants)
    if not output:
        return

    for each in [each for each in model.graph.output if each.name == output]:
        model.graph.output.remove(each)

    model.graph.output.append(
        helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n_rows", *axes])
    )


def has_output(model: onnx.ModelProto, name: str) -> bool:
    return any(each.name == name for each in model.graph.output)


def store_as_half(model: onnx.ModelProto) -> None:
    """Stores weights that half precision holds exactly in it, with a cast that is done once, at load; in place."""
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue

        values = numpy_helper.to_array(tensor)
        with np.errstate(over="ignore"):
            half_values = values.astype(np.float16)

        if values.size < MIN_HALF_VALUES or not np.array_equal(
            half_values.astype(np.float32), values
        ):
            continue

        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half_values, f"{name}/half"))
        casts.append(
            helper.make_node("Cast", [f"{name}/half"], [name], to=TensorProto.FLOAT)
        )

    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def clean(model: onnx.ModelProto) -> onnx.ModelProto:
    """Removes traces of the machine, sets IR and opsets, in place; raises GraphError for a foreign operator."""
    for graph in (model.graph, *model.functions):
        del graph.metadata_props[:]
        graph.doc_string = ""
        for node in graph.node:
            del node.metadata_props[:]
            node.doc_string = ""

    for value in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        del value.metadata_props[:]
        value.doc_string = ""

    del model.graph.value_info[:]
    opsets: dict[str, int] = {}
    for opset in model.opset_import:
        opsets[opset.domain] = max(opset.version, opsets.get(opset.domain, 0))

    if opsets.get("") != OPSET:
        raise GraphError(f"expected opset {OPSET}, got {opsets}")

    graphs = (model.graph, *model.functions)
    foreign = sorted(
        {node.domain for graph in graphs for node in graph.node} - set(DOMAINS)
    )
    if foreign:
        raise GraphError(f"expected operators of ONNX itself, got some of {foreign}")

    external = [each.name for each in model.graph.initializer if each.external_data]
    if external:
        raise GraphError(
            f"expected all weights in the file, got external data for {external}"
        )

    del model.opset_import[:]
    model.opset_import.extend(
        helper.make_opsetid(domain, number) for domain, number in opsets.items()
    )
    model.ir_version = IR_VERSION

    return model


def run(
    content: bytes, inputs: NDArray[Any], names: Sequence[str] | None = None
) -> Outputs:
    """Returns the outputs of a model's bytes by name, computed by onnxruntime in one thread, so many rows at a time.

    With `names` it returns only those.
    """
    session = open_session(content)
    names = [
        output.name
        for output in session.get_outputs()
        if names is None or output.name in names
    ]
    name = session.get_inputs()[0].name
    size = (
        ROWS_AT_A_TIME
        if inputs.ndim == 2
        else max(1, VALUES_AT_A_TIME // inputs[0].size)
    )
    starts = range(0, max(1, len(inputs)), size)
    parts = [
        session.run(names, {name: inputs[start : start + size]}) for start in starts
    ]

    return {
        name: np.concatenate(each)
        for name, each in zip(names, zip(*parts, strict=True), strict=True)
    }


def open_session(content: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        content, options, providers=["CPUExecutionProvider"]
    )
