"""This module finds the values that a foreign graph knows of a column of texts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import onnx
import polars as pl

from tables.columns import convert_columns
from tables.reader import as_whole, name_values
from training.adopt.node_values import read_attribute, read_initializer

Origin = tuple[str, int]
"""A column of a tensor comes from an input and is of this number in it."""

_ENCODERS = ("OneHotEncoder", "LabelEncoder")
_PASSES_COLUMNS_ON = ("Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten")


def find_categories(model: onnx.ModelProto, name: str, place: int) -> tuple[str, ...]:
    """Returns the values of a column of an input that an encoder on its way names, in its order; none without one."""
    origins = _list_origins(model)
    wanted = [(name, place)]
    for node in model.graph.node:
        if node.op_type not in _ENCODERS or origins.get(node.input[0]) != wanted:
            continue

        values = read_attribute(node, "cats_strings", "keys_strings", "classes_strings")
        if values:
            names = [str(each) for each in values]
            return tuple(dict.fromkeys(names))

    return ()


def name_as_read(known: Sequence[str], seen: Collection[str]) -> tuple[str, ...]:
    """Returns a graph's names, as the reader of tables names them where it has more of those that were seen so.

    It takes `True` for true, `1.0` for 1 where all are whole, and leaves out spaces around a name.
    """
    columns, _ = convert_columns([pl.Series("names", known, dtype=pl.String)])
    read = [name for name in name_values(as_whole(columns[0])) if name is not None]
    is_told_apart = len(set(read)) == len(known)
    n_seen, n_read = (sum(name in seen for name in names) for names in (known, read))

    return tuple(read if is_told_apart and n_read > n_seen else known)


def _list_origins(model: onnx.ModelProto) -> dict[str, list[Origin]]:
    """Returns for values that are columns of inputs, one beside the other, which these are."""
    origins: dict[str, list[Origin]] = {}
    for each in model.graph.input:
        numbers = range(_count_columns(each))
        origins[each.name] = [(each.name, number) for number in numbers]

    for node in model.graph.node:
        found = _follow(node, origins, model)
        if found:
            origins[node.output[0]] = found

    return origins


def _follow(
    node: onnx.NodeProto, origins: dict[str, list[Origin]], model: onnx.ModelProto
) -> list[Origin]:
    if node.op_type == "Concat":
        return _join([origins.get(each, []) for each in node.input])

    known = origins.get(node.input[0], []) if node.input else []
    if node.op_type in _PASSES_COLUMNS_ON:
        return known

    if known and node.op_type in ("ArrayFeatureExtractor", "Gather"):
        chosen: Any = read_initializer(model, node.input[1])
        if chosen is not None:
            places = [int(each) for each in chosen.ravel()]
            return [known[place] for place in places if place < len(known)]

    return []


def _join(parts: list[list[Origin]]) -> list[Origin]:
    """Returns the columns of all parts, none where those of one are unknown."""
    if not all(parts):
        return []

    return [each for part in parts for each in part]


def _count_columns(info: onnx.ValueInfoProto) -> int:
    axes = info.type.tensor_type.shape.dim
    return max(1, axes[1].dim_value) if len(axes) == 2 else 1
