"""This module wraps a foreign graph so that it takes and answers what the contract of `model_card` says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, compose, helper

from training.adopt.foreign import HALF, TEXT, ForeignGraph, Tensor, convert
from training.adopt.placement import Placement
from training.adopt.refusal import AdoptionError
from training.adopt.roles import Roles
from training.adopt.table import Column
from training.graph import GraphBuilder, GraphError, clean

PREFIX = "adopted/"
NEW_ML_OPSET = 3


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Outputs have the roles, and `order`: for each class of the card the number of its score in the graph."""

    roles: Roles
    order: tuple[int, ...] = ()
    labels: tuple[str | int, ...] = ()
    """For votes it has the graph's own label of each class of the card."""


def wrap_table(
    foreign: ForeignGraph, placement: Placement, outputs: Outputs
) -> onnx.ModelProto:
    """Returns a graph from `features` to what a card of its kind promises; raises AdoptionError."""
    builder = GraphBuilder("input/")
    for tensor, numbers in placement.inputs:
        chosen = [placement.columns[number] for number in numbers]
        _add_input(builder, tensor, list(numbers), chosen, len(placement.columns))

    features = helper.make_tensor_value_info(
        "features", TensorProto.FLOAT, ["n_rows", len(placement.columns)]
    )

    return join(foreign, builder, features, outputs)


def join(
    foreign: ForeignGraph,
    before: GraphBuilder,
    info: onnx.ValueInfoProto,
    outputs: Outputs,
) -> onnx.ModelProto:
    """Returns the foreign graph behind these nodes, which give its inputs, with ours behind its outputs."""
    inner = _open(convert(foreign), foreign)
    after = GraphBuilder("output/")
    infos = _add_outputs(after, foreign, outputs, _number_ml_opset(inner))
    graph = helper.make_graph(
        [*before.nodes, *inner.graph.node, *after.nodes],
        "graph",
        [info],
        infos,
        [*before.constants, *inner.graph.initializer, *after.constants],
    )
    graph.sparse_initializer.extend(inner.graph.sparse_initializer)
    model = helper.make_model(graph, opset_imports=list(inner.opset_import))

    try:
        return clean(model)
    except GraphError as error:
        raise AdoptionError(f"{foreign.file_name}: {error}") from error


def _number_ml_opset(model: onnx.ModelProto) -> int:
    """Returns the opset of ONNX's operators of classical learning, which it gets where it has none."""
    domain = "ai.onnx.ml"
    found = [each.version for each in model.opset_import if each.domain == domain]
    if not found:
        model.opset_import.append(helper.make_opsetid(domain, NEW_ML_OPSET))
    return found[0] if found else NEW_ML_OPSET


def _open(model: onnx.ModelProto, foreign: ForeignGraph) -> onnx.ModelProto:
    """Returns the graph without its maps of class names, which become tensors, all its names behind a prefix."""
    kept = []
    for node in model.graph.node:
        if node.op_type == "ZipMap" and node.output[0] in foreign.zip_maps:
            node = helper.make_node("Identity", [node.input[0]], [node.output[0]])
        kept.append(node)

    del model.graph.node[:]
    model.graph.node.extend(kept)
    del model.graph.value_info[:]
    constants = {each.name for each in model.graph.initializer}
    opened = compose.add_prefix(model, PREFIX)
    for node in opened.graph.node:
        _rename_within(node, constants)

    return opened


def _rename_within(node: onnx.NodeProto, constants: set[str]) -> None:
    """Renames the outer graph's constants within the branches and bodies of a node, which onnx forgets."""
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                renamed = [
                    f"{PREFIX}{each}" if each in constants else each
                    for each in inner.input
                ]
                del inner.input[:]
                inner.input.extend(renamed)
                _rename_within(inner, constants)
            for output in graph.output:
                if output.name in constants:
                    output.name = f"{PREFIX}{output.name}"


def _add_input(
    builder: GraphBuilder,
    tensor: Tensor,
    numbers: list[int],
    columns: Sequence[Column],
    n_features: int,
) -> None:
    if tensor.element == TEXT:
        parts = [
            _add_text(builder, number, column)
            for number, column in zip(numbers, columns, strict=True)
        ]
        value = builder.add("Concat", *parts, axis=1)
    else:
        value = "features"
        if numbers != list(range(n_features)):
            value = builder.add("Gather", "features", np.array(numbers), axis=1)
        value = builder.add("Cast", value, to=tensor.element)

    if tensor.axes is not None and len(tensor.axes) == 1:
        value = builder.add("Reshape", value, np.array([-1]))

    builder.add("Identity", value, name=f"{PREFIX}{tensor.name}")


def _add_text(builder: GraphBuilder, number: int, column: Column) -> str:
    """Adds the texts of a category `(n_rows, 1)`, which our graph takes as their index."""
    codes = builder.add("Gather", "features", np.array([number]), axis=1)
    values = np.array(column.texts, dtype=np.object_)
    return builder.add(
        "Gather", values, builder.add("Cast", codes, to=TensorProto.INT64), axis=0
    )


def _add_outputs(
    builder: GraphBuilder, foreign: ForeignGraph, outputs: Outputs, ml_opset: int
) -> list[onnx.ValueInfoProto]:
    roles = outputs.roles
    if roles.kind == "regressor":
        value = _as_float(builder, f"{PREFIX}{roles.value}")
        builder.add("Reshape", value, np.array([-1]), name="value")
        return [helper.make_tensor_value_info("value", TensorProto.FLOAT, ["n_rows"])]

    probabilities = (
        _add_votes(builder, foreign, outputs, ml_opset)
        if roles.scale == "votes"
        else _add_probabilities(builder, foreign, outputs)
    )
    builder.add("Identity", probabilities, name="probabilities")
    builder.add("ArgMax", "probabilities", axis=1, keepdims=0, name="label")
    axes: list[str | int | None] = ["n_rows", len(outputs.order)]

    return [
        helper.make_tensor_value_info("label", TensorProto.INT64, ["n_rows"]),
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, axes),
    ]


def _as_float(builder: GraphBuilder, name: str) -> str:
    return builder.add("Cast", name, to=TensorProto.FLOAT)


def _add_probabilities(
    builder: GraphBuilder, foreign: ForeignGraph, outputs: Outputs
) -> str:
    """Adds the probabilities `(n_rows, n_classes)` in the order of the card's classes."""
    roles = outputs.roles
    scores = _as_float(builder, f"{PREFIX}{roles.scores}")
    if len(outputs.order) == 2 and roles.n_scores == 1:
        column = builder.add("Reshape", scores, np.array([-1, 1]))
        if roles.scale == "logits":
            column = builder.add("Sigmoid", column)
        other = builder.add("Sub", np.float32(1), column)
        scores = builder.add("Concat", other, column, axis=1)
    elif roles.scale == "logits":
        scores = builder.add("Softmax", scores, axis=1)
    elif any(
        each.name == roles.scores and each.element == HALF for each in foreign.outputs
    ):
        # Rounded to 11 bits, they sum to 1 within 0.001 only.
        total = builder.add("ReduceSum", scores, np.array([1]), keepdims=1)
        scores = builder.add("Div", scores, total)

    if roles.scale != "logits":
        # Means over many trees are over 1 by their rounding.
        scores = builder.add("Clip", scores, np.float32(0), np.float32(1))

    if outputs.order != tuple(range(len(outputs.order))):
        scores = builder.add("Gather", scores, np.array(outputs.order), axis=1)

    return scores


def _add_votes(
    builder: GraphBuilder, foreign: ForeignGraph, outputs: Outputs, ml_opset: int
) -> str:
    """Adds 1 for the class of the label and 0 for the others, `(n_rows, n_classes)`."""
    name = outputs.roles.label
    element = next(each.element for each in foreign.outputs if each.name == name)
    label = f"{PREFIX}{name}"
    if element == TEXT:
        codes = _add_codes(
            builder, label, [str(each) for each in outputs.labels], ml_opset
        )
        known = np.arange(len(outputs.labels))
    else:
        codes = builder.add("Cast", label, to=TensorProto.INT64)
        known = np.array([int(each) for each in outputs.labels])

    column = builder.add("Reshape", codes, np.array([-1, 1]))

    return _as_float(builder, builder.add("Equal", column, known))


def _add_codes(
    builder: GraphBuilder, label: str, names: list[str], ml_opset: int
) -> str:
    """Adds the number of each text in `names`, -1 for another; the first opset calls them otherwise."""
    known = (
        {"classes_strings": names}
        if ml_opset == 1
        else {"keys_strings": names, "values_int64s": list(range(len(names)))}
    )
    return builder.add(
        "LabelEncoder", label, domain="ai.onnx.ml", default_int64=-1, **known
    )
