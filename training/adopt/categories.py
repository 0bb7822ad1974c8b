"""This module finds the values that a foreign graph knows of a column of texts."""

from __future__ import annotations

from typing import Any

import onnx

from training.adopt.foreign import read_attribute, read_initializer

Origin = tuple[str, int]
"""A column of a tensor comes from an input and is of this number in it."""

_PASSES_COLUMNS_ON = ("Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten")


def find_categories(model: onnx.ModelProto, name: str, place: int) -> tuple[str, ...]:
    """Returns the values of a column of an input that an encoder on its way names, in its order; none without one."""
    origins = _list_origins(model)
    for node in model.graph.node:
        values = read_attribute(node, "cats_strings", "keys_strings", "classes_strings")
        is_encoder = node.op_type in ("OneHotEncoder", "LabelEncoder")
        if is_encoder and values and origins.get(node.input[0]) == [(name, place)]:
            return tuple(dict.fromkeys(str(each) for each in values))

    return ()


def _list_origins(model: onnx.ModelProto) -> dict[str, list[Origin]]:
    """Returns for values that are columns of inputs, one beside the other, which these are."""
    origins: dict[str, list[Origin]] = {
        each.name: [(each.name, number) for number in range(_count_columns(each))]
        for each in model.graph.input
    }
    for node in model.graph.node:
        found = _follow(node, origins, model)
        if found:
            origins[node.output[0]] = found

    return origins


def _follow(
    node: onnx.NodeProto, origins: dict[str, list[Origin]], model: onnx.ModelProto
) -> list[Origin]:
    if node.op_type == "Concat":
        parts = [origins.get(each, []) for each in node.input]
        return [each for part in parts for each in part] if all(parts) else []

    known = origins.get(node.input[0], []) if node.input else []
    if node.op_type in _PASSES_COLUMNS_ON:
        return known

    if known and node.op_type in ("ArrayFeatureExtractor", "Gather"):
        chosen: Any = read_initializer(model, node.input[1])
        if chosen is not None:
            return [known[int(each)] for each in chosen.ravel() if each < len(known)]

    return []


def _count_columns(info: onnx.ValueInfoProto) -> int:
    axes = info.type.tensor_type.shape.dim
    return max(1, axes[1].dim_value) if len(axes) == 2 else 1
