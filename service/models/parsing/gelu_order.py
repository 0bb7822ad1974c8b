"""A GELU is brought into the order of operators in which onnxruntime finds it, and computes it as one.

GELU is x / 2 * (1 + erf(x / sqrt 2)): Hendrycks and Gimpel, arXiv 1606.08415. torch's exporter halves the sum, and not
x, where the operator set has no GELU of its own; onnxruntime then computes five operators, each of which passes over
the whole tensor, and brings it into another layout for them. To halve the other factor changes no bit of a
product, unless half of it is below what float32 has all digits of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from service.models.parsing.graph_parts import GraphParts, write_field
from service.models.parsing.graph_work import BOUNDED_DOMAINS
from service.models.parsing.onnx_fields import (
    GRAPH_NODE,
    GRAPH_OUTPUT,
    NODE_INPUT,
    VALUE_INFO_NAME,
)
from service.models.parsing.outline import CONTROL_FLOW
from service.models.parsing.protobuf_wire import WireReader
from service.models.parsing.small_graph import Node, SmallGraph, read_small_graph

MAX_NODES = 20_000
MAX_BYTES = 512 * 1024 * 1024
"""A larger file is left as it is: to write it takes its size in memory once more."""
_OPERATORS = frozenset({"Add", "Div", "Erf", "Mul"})
_HALF = 0.5


class _Halved(NamedTuple):
    """The node at `place` multiplies `factor`, and that at `half_place` halves `total`; both by their inputs."""

    place: int
    factor: str
    half_place: int
    total: str


def may_have_gelu(operators: Collection[tuple[str, str]]) -> bool:
    """Returns whether nodes of these domains and names may make a GELU, all of whose names are of the graph itself."""
    names = {name for domain, name in operators if domain in BOUNDED_DOMAINS}
    others = {name for domain, name in operators if domain not in BOUNDED_DOMAINS}
    is_plain = names.isdisjoint(CONTROL_FLOW) and others.isdisjoint(_OPERATORS)

    return names >= _OPERATORS and is_plain


def order_gelus(content: bytes) -> bytes:
    """Returns the file of a graph, without others within it, with each GELU in onnxruntime's order.

    A file that has none in the other order is returned itself.
    """
    if len(content) > MAX_BYTES:
        return content

    graph = read_small_graph(content, max_nodes=MAX_NODES)
    if graph is None:
        return content

    parts = GraphParts.read(graph.wire, content)
    outputs = {
        graph.wire.read_text(each, VALUE_INFO_NAME)
        for each, _ in parts.fields
        if each.number == GRAPH_OUTPUT
    }

    renamed: dict[int, dict[str, str]] = {}
    for found in _find_halved(graph, outputs):
        renamed[found.place] = {found.factor: found.total}
        renamed[found.half_place] = {found.total: found.factor}
    if not renamed:
        return content

    return parts.write(list(_rename_inputs(graph.wire, parts, renamed)))


def _find_halved(graph: SmallGraph, outputs: Collection[str]) -> Iterator[_Halved]:
    """Yields each GELU whose sum is halved by a node of its own."""
    makers = {
        name: place for place, node in enumerate(graph.nodes) for name in node.outputs
    }
    n_uses = Counter(name for node in graph.nodes for name in node.inputs)

    for place, node in enumerate(graph.nodes):
        for factor, half in _list_pairs(node, "Mul"):
            half_place = makers.get(half)
            if half_place is None or n_uses[half] != 1 or half in outputs:
                continue

            for constant, total in _list_pairs(graph.nodes[half_place], "Mul"):
                if _is_half(graph, constant) and _is_sum_of_gelu(
                    graph, makers, total, factor
                ):
                    yield _Halved(place, factor, half_place, total)


def _list_pairs(node: Node, operator: str) -> list[tuple[str, str]]:
    """Returns the two inputs of a node of this operator in both orders; none of a node of another."""
    if node.operator != operator or len(node.inputs) != 2:
        return []
    first, second = node.inputs
    return [(first, second), (second, first)]


def _is_half(graph: SmallGraph, name: str) -> bool:
    value = graph.read_constant(name)
    return value is not None and value.ndim == 0 and value == _HALF


def _is_sum_of_gelu(
    graph: SmallGraph, makers: Mapping[str, int], total: str, factor: str
) -> bool:
    """Returns whether a tensor is the sum of anything and erf(factor / anything)."""
    added = _find_maker(graph, makers, total)
    if added is None:
        return False

    for name, _ in _list_pairs(added, "Add"):
        erf = _find_maker(graph, makers, name)
        if erf is None or erf.operator != "Erf" or len(erf.inputs) != 1:
            continue
        divided = _find_maker(graph, makers, erf.inputs[0])
        if divided is not None and divided.operator == "Div":
            return divided.inputs[:1] == (factor,)

    return False


def _find_maker(graph: SmallGraph, makers: Mapping[str, int], name: str) -> Node | None:
    place = makers.get(name)
    return None if place is None else graph.nodes[place]


def _rename_inputs(
    wire: WireReader, parts: GraphParts, renamed: Mapping[int, Mapping[str, str]]
) -> Iterator[bytes | memoryview]:
    """Yields the fields of the graph; the node at each of these places takes other inputs."""
    place = -1
    for each, start in parts.fields:
        place += each.number == GRAPH_NODE
        if each.number != GRAPH_NODE or place not in renamed:
            yield parts.cut(each, start)
            continue

        names = renamed[place]
        written = []
        start = each.start
        for part in wire.fields(each.start, each.end):
            name = wire.text(part) if part.number == NODE_INPUT else ""
            other = names.get(name)
            written.append(
                parts.cut(part, start)
                if other is None
                else write_field(NODE_INPUT, [other.encode()])
            )
            start = part.end

        yield write_field(GRAPH_NODE, written)
