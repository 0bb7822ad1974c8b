"""The nodes and constants of a small graph are read here, so that a few of its operators can be followed in numpy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.models.parsing.onnx_fields import (
    ATTRIBUTE_I,
    ATTRIBUTE_NAME,
    ATTRIBUTE_S,
    GRAPH_INITIALIZER,
    GRAPH_NODE,
    MODEL_GRAPH,
    NODE_ATTRIBUTE,
    NODE_INPUT,
    NODE_OP_TYPE,
    NODE_OUTPUT,
    TENSOR_DATA_TYPE,
    TENSOR_DIMS,
    TENSOR_NAME,
    TENSOR_RAW_DATA,
)
from service.models.parsing.protobuf_wire import Field, WireReader

MAX_NODES = 1000
"""A graph of more nodes is not followed."""
_TYPES = {1: "<f4", 6: "<i4", 7: "<i8", 9: "?", 11: "<f8"}
"""ONNX's numbers of the types that a constant may have here."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """A node has an operator, the names of its inputs and outputs, and its attributes as fields by name."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Field]


@dataclass(frozen=True, kw_only=True)
class SmallGraph:
    """A small graph has its nodes in order, and its initializers as fields by name."""

    wire: WireReader
    nodes: list[Node] = field(default_factory=list)
    initializers: dict[str, Field] = field(default_factory=dict)

    def read_constant(self, name: str) -> NDArray[Any] | None:
        """Returns the values of an initializer; None where it is none, broken, or of a type that is not read here."""
        found = self.initializers.get(name)
        if found is None:
            return None

        dims: list[int] = []
        kind = 0
        content = b""
        for each in self.wire.fields(found.start, found.end):
            if each.number == TENSOR_DIMS:
                dims += self.wire.integers(each)
            elif each.number == TENSOR_DATA_TYPE:
                kind = each.value
            elif each.number == TENSOR_RAW_DATA:
                content = self.wire.content(each)

        if kind not in _TYPES:
            return None

        try:
            values: NDArray[Any] = np.frombuffer(content, _TYPES[kind])
            return values.reshape(dims) if values.size == np.prod(dims) else None
        except ValueError:
            # Its bytes are no whole numbers, or numpy has no such shape.
            return None

    def read_integer(self, node: Node, name: str) -> int | None:
        """Returns a node's attribute that is one whole number; None without it."""
        found = node.attributes.get(name)
        if found is None:
            return None

        numbers = [
            number
            for each in self.wire.fields_but_values(found)
            if each.number == ATTRIBUTE_I
            for number in self.wire.integers(each)
        ]
        return numbers[-1] if numbers else None

    def read_text(self, node: Node, name: str) -> str:
        """Returns a node's attribute that is one text; an empty one without it."""
        found = node.attributes.get(name)
        if found is None:
            return ""

        texts = [
            self.wire.text(each)
            for each in self.wire.fields_but_values(found)
            if each.number == ATTRIBUTE_S
        ]
        return texts[-1] if texts else ""


def read_small_graph(
    content: bytes, *, max_nodes: int = MAX_NODES
) -> SmallGraph | None:
    """Returns the graph of a file that can be loaded; None where it has more nodes than these."""
    wire = WireReader(content)
    graph = SmallGraph(wire=wire)
    for part in wire.fields(0, len(content)):
        if part.number != MODEL_GRAPH:
            continue

        for each in wire.fields(part.start, part.end):
            if each.number == GRAPH_NODE:
                graph.nodes.append(_read_node(wire, each))
            elif each.number == GRAPH_INITIALIZER:
                graph.initializers[wire.read_text(each, TENSOR_NAME)] = each
            if len(graph.nodes) > max_nodes:
                return None

    return graph


def _read_node(wire: WireReader, node: Field) -> Node:
    texts: dict[int, list[str]] = {NODE_INPUT: [], NODE_OUTPUT: [], NODE_OP_TYPE: []}
    attributes = {}
    for each in wire.fields(node.start, node.end):
        if each.number in texts:
            texts[each.number].append(wire.text(each))
        elif each.number == NODE_ATTRIBUTE:
            names = [
                wire.text(part)
                for part in wire.fields_but_values(each)
                if part.number == ATTRIBUTE_NAME
            ]
            attributes["".join(names)] = each

    return Node(
        operator="".join(texts[NODE_OP_TYPE]),
        inputs=tuple(texts[NODE_INPUT]),
        outputs=tuple(texts[NODE_OUTPUT]),
        attributes=attributes,
    )
