"""An encoding is what a graph does to the columns of its rows before anything mixes them: it is followed in numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.models.parsing.small_graph import Node, SmallGraph

Integers = NDArray[np.int64]
Floats = NDArray[np.float32]

_FLOAT = 1


def _gather(values: Any, columns: Any) -> Any:
    return values[:, columns]


def _to_float(values: Any) -> Any:
    return values.astype(np.float32)


def _keep(values: Any) -> Any:
    return values


_ARITHMETIC: dict[str, Callable[..., Any]] = {
    "Add": np.add,
    "Div": np.divide,
    "Mul": np.multiply,
    "Sub": np.subtract,
}
_STEPS: dict[str, Callable[..., Any]] = {
    **_ARITHMETIC,
    "Cast": _to_float,
    "Equal": np.equal,
    "Gather": _gather,
    "Identity": _keep,
    "IsNaN": np.isnan,
    "Where": np.where,
}
"""These operators make each column of one column: none mixes two features."""


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """An encoding makes the columns that trees look at of a model's features: each column comes from one feature."""

    source: Integers | None = None
    """The feature of each column; None where the columns are the features."""
    steps: tuple[tuple[Node, tuple[NDArray[Any] | None, ...]], ...] = ()
    """Each node with its constant inputs, None for an input that another node gives."""
    output: str = ""

    def apply(self, features: Floats) -> Floats:
        """Returns the columns `(n_rows, n_columns)` of features `(n_rows, n_features)`."""
        values: dict[str, Any] = {"features": features}
        for node, constants in self.steps:
            given = [
                values[name] if constant is None else constant
                for name, constant in zip(node.inputs, constants, strict=True)
            ]
            values[node.outputs[0]] = _STEPS[node.operator](*given)

        columns: Floats = values[self.output] if self.steps else features
        return columns

    def fits(self, features: Floats, columns: Floats) -> bool:
        """Returns whether these columns of these features have each a feature that they come from."""
        n_features = features.shape[1]
        n_columns = n_features if self.source is None else len(self.source)
        is_known = self.source is None or bool(
            ((self.source >= 0) & (self.source < n_features)).all()
        )

        return is_known and columns.shape == (len(features), n_columns)


def read_encoding(graph: SmallGraph, output: str) -> Encoding | None:
    """Returns what makes a tensor of the features; None where operators do that which are not followed here."""
    makers = {node.outputs[0]: node for node in graph.nodes if node.outputs}
    if output == "features" and output not in makers:
        return Encoding()

    nodes = _find_ancestors(graph, output)
    sources: dict[str, Integers | None] = {"features": None}
    steps = []
    for node in nodes:
        constants = tuple(graph.read_constant(name) for name in node.inputs)
        if node.operator not in _STEPS or not _has_its_form(graph, node, constants):
            return None

        pairs = zip(node.inputs, constants, strict=True)
        given = [name for name, constant in pairs if constant is None]
        if not given or not sources.keys() >= set(given):
            return None

        source = sources[given[0]]
        # Columns of different features side by side are mixed; after one Gather no other is looked for.
        if any(sources[name] is not source for name in given):
            return None
        if node.operator == "Gather":
            columns = constants[1]
            if source is not None or columns is None or columns.ndim != 1:
                return None
            source = columns

        sources[node.outputs[0]] = source
        steps.append((node, constants))

    if output not in sources:
        return None

    return Encoding(source=sources[output], steps=tuple(steps), output=output)


def _find_ancestors(graph: SmallGraph, output: str) -> list[Node]:
    """Returns the nodes that a tensor is made by, in their order."""
    needed = {output}
    nodes: list[Node] = []
    for node in reversed(graph.nodes):
        if not needed.isdisjoint(node.outputs):
            needed.update(node.inputs)
            nodes.append(node)

    return nodes[::-1]


def _has_its_form(
    graph: SmallGraph, node: Node, constants: tuple[NDArray[Any] | None, ...]
) -> bool:
    """Returns whether an operator does here what it does in an encoding."""
    if node.operator in _ARITHMETIC:
        known = [each for each in constants if each is not None]
        return len(known) == 1 and known[0].size == max((1, *known[0].shape[-1:]))
    if node.operator == "Cast":
        return graph.read_integer(node, "to") == _FLOAT
    if node.operator == "Gather":
        return graph.read_integer(node, "axis") == 1
    return True
