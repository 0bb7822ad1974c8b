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


def read_encoding(graph: SmallGraph, output: str) -> Encoding | None:
    """Returns what makes a tensor of the features; None where operators do that which are not followed here."""
    makers = {node.outputs[0]: node for node in graph.nodes if node.outputs}
    if output == "features" and output not in makers:
        return Encoding()

    needed = {output}
    steps: list[tuple[Node, tuple[NDArray[Any] | None, ...]]] = []
    source: Integers | None = None
    for node in reversed(graph.nodes):
        if needed.isdisjoint(node.outputs):
            continue
        constants = tuple(graph.read_constant(name) for name in node.inputs)
        if node.operator not in _STEPS or not _has_its_form(graph, node, constants):
            return None

        if node.operator == "Gather":
            columns = constants[1]
            is_plain = columns is not None and columns.ndim == 1
            if source is not None or not is_plain:
                return None
            source = columns
        steps.insert(0, (node, constants))
        pairs = zip(node.inputs, constants, strict=True)
        needed |= {name for name, constant in pairs if constant is None}

    known = {name for node, _ in steps for name in node.outputs} | {"features"}
    if not steps or not needed <= known:
        return None

    return Encoding(source=source, steps=tuple(steps), output=output)


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
