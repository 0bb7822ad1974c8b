"""Values that are stored in a graph are read here: attributes of its nodes, and its constants."""

from __future__ import annotations

from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper


def read_attribute(node: onnx.NodeProto, *names: str) -> tuple[Any, ...]:
    """Returns the values of the first of these attributes that a node has, texts decoded; empty without one."""
    for attribute in node.attribute:
        if attribute.name in names:
            values = helper.get_attribute_value(attribute)
            values = [values] if isinstance(values, int | bytes) else values
            if len(values):
                return tuple(
                    each.decode(errors="replace") if isinstance(each, bytes) else each
                    for each in values
                )

    return ()


def read_initializer(model: onnx.ModelProto, name: str) -> NDArray[Any] | None:
    """Returns a constant of the graph by its name, None for what is no constant."""
    for tensor in model.graph.initializer:
        if tensor.name == name:
            values: NDArray[Any] = numpy_helper.to_array(tensor)
            return values
    for node in model.graph.node:
        if node.op_type == "Constant" and name in node.output:
            found = helper.get_node_attr_value(node, node.attribute[0].name)
            return (
                numpy_helper.to_array(found) if isinstance(found, TensorProto) else None
            )

    return None
