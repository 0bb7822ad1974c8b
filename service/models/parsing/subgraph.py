"""A subgraph is extracted from a file for some of its outputs: onnxruntime runs every node, whatever is asked for."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from service.models.parsing.graph_parts import GraphParts
from service.models.parsing.onnx_fields import (
    ATTRIBUTE_G,
    ATTRIBUTE_GRAPHS,
    GRAPH_NODE,
    GRAPH_OUTPUT,
    NODE_ATTRIBUTE,
    NODE_INPUT,
    NODE_OUTPUT,
    VALUE_INFO_NAME,
)
from service.models.parsing.protobuf_wire import Field, WireReader

MAX_KEPT_SHARE = 0.8
"""A subgraph with a greater share of the nodes is not worth a session of its own."""
_ATTRIBUTE_GRAPHS = (ATTRIBUTE_G, ATTRIBUTE_GRAPHS)


class _Node(NamedTuple):
    inputs: frozenset[str]
    outputs: frozenset[str]
    has_graphs: bool


def extract_subgraph(content: bytes, outputs: Collection[str]) -> bytes | None:
    """Returns a file with these outputs of its graph alone, and the nodes that they need; None where most are needed.

    The file is one that onnxruntime has loaded. It is left whole, too, where a node has graphs within it, which may use
    what any other node gives.
    """
    wire = WireReader(content)
    parts = GraphParts.read(wire, content)
    kept = _find_needed_nodes(wire, [each for each, _ in parts.fields], outputs)
    if kept is None:
        return None

    for each, _ in parts.fields:
        if each.number != GRAPH_OUTPUT:
            continue
        if wire.read_text(each, VALUE_INFO_NAME) in outputs:
            kept.add(each)

    return parts.write(
        [
            parts.cut(each, start)
            for each, start in parts.fields
            if each.number not in (GRAPH_NODE, GRAPH_OUTPUT) or each in kept
        ]
    )


def _find_needed_nodes(
    wire: WireReader, fields: list[Field], outputs: Collection[str]
) -> set[Field] | None:
    """Returns the nodes that these outputs need; None where most are needed, or one has graphs within it."""
    nodes = {
        each: _read_node(wire, each) for each in fields if each.number == GRAPH_NODE
    }
    if any(node.has_graphs for node in nodes.values()):
        return None

    needed = set(outputs)
    kept: set[Field] = set()
    # A node comes after those that it needs.
    for each, node in reversed(nodes.items()):
        if not needed.isdisjoint(node.outputs):
            needed |= node.inputs
            kept.add(each)

    if len(kept) > MAX_KEPT_SHARE * len(nodes):
        return None

    return kept


def _read_node(wire: WireReader, node: Field) -> _Node:
    names: dict[int, list[str]] = {NODE_INPUT: [], NODE_OUTPUT: []}
    has_graphs = False
    for each in wire.fields(node.start, node.end):
        if each.number in names:
            names[each.number].append(wire.text(each))
        elif each.number == NODE_ATTRIBUTE:
            parts = wire.fields_but_values(each)
            has_graphs |= any(part.number in _ATTRIBUTE_GRAPHS for part in parts)

    # An input or output that is left out has an empty name.
    inputs, outputs = (frozenset(each) - {""} for each in names.values())
    return _Node(inputs, outputs, has_graphs)
