"""An encoding is what a graph does to the columns of its rows before anything mixes them: it is followed in numpy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.models.parsing.small_graph import Node, SmallGraph

Integers = NDArray[np.int64]
Floats = NDArray[np.float32]

_FLOAT, _INT64 = 1, 7
_CAST_TYPES = {_FLOAT: np.float32, _INT64: np.int64}


def _gather(values: Any, places: Any) -> Any:
    """Returns columns of rows, or what a table says of each value."""
    if values.ndim == 1:
        return values[places]
    return values[:, places]


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
    "And": np.logical_and,
    "Equal": np.equal,
    "Gather": _gather,
    "GreaterOrEqual": np.greater_equal,
    "Identity": _keep,
    "IsNaN": np.isnan,
    "Less": np.less,
    "Where": np.where,
}
"""These operators make each column of one column: none mixes two features."""


class Step(NamedTuple):
    """A step is a node with its constant inputs, None for one that another node gives, and what it does to arrays."""

    node: Node
    constants: tuple[NDArray[Any] | None, ...]
    function: Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """An encoding makes the columns that trees look at of a model's features: each column comes from one feature."""

    source: Integers | None = None
    """The feature of each column; None where the columns are the features."""
    steps: tuple[Step, ...] = ()
    output: str = ""

    def apply(self, features: Floats) -> Floats:
        """Returns the columns `(n_rows, n_columns)` of features `(n_rows, n_features)`."""
        values: dict[str, Any] = {"features": features}
        for node, constants, function in self.steps:
            given = [
                values[name] if constant is None else constant
                for name, constant in zip(node.inputs, constants, strict=True)
            ]
            values[node.outputs[0]] = function(*given)

        if not self.steps:
            return features

        columns: Floats = values[self.output]
        return columns

    def fits(self, features: Floats, columns: Floats) -> bool:
        """Returns whether these columns of these features have each a feature that they come from."""
        n_rows, n_features = features.shape
        if self.source is None:
            return columns.shape == (n_rows, n_features)

        is_feature = (self.source >= 0) & (self.source < n_features)
        if not is_feature.all():
            return False

        return columns.shape == (n_rows, len(self.source))


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
        function = _find_function(graph, node)
        if function is None or not _has_its_form(graph, node, constants):
            return None

        try:
            sources[node.outputs[0]] = _trace_columns(node, constants, sources)
        except _NotFollowed:
            return None

        steps.append(Step(node, constants, function))

    if output not in sources:
        return None

    return Encoding(source=sources[output], steps=tuple(steps), output=output)


class _NotFollowed(Exception):
    """A column of a tensor does not come from one feature, or it is not known from which."""


def _trace_columns(
    node: Node,
    constants: tuple[NDArray[Any] | None, ...],
    sources: Mapping[str, Integers | None],
) -> Integers | None:
    """Returns the feature of each column of a node's output; None where the columns are the features.

    `sources` has the same of the tensors before it. It raises _NotFollowed.
    """
    pairs = zip(node.inputs, constants, strict=True)
    given = [name for name, constant in pairs if constant is None]
    if not given or not sources.keys() >= set(given):
        raise _NotFollowed

    source = sources[given[0]]
    # Columns of different features side by side are mixed.
    if any(sources[name] is not source for name in given):
        raise _NotFollowed
    if node.operator != "Gather" or constants[0] is not None:
        return source

    columns = constants[1]
    # After one choice of columns no other is followed.
    if source is not None or columns is None or columns.ndim != 1:
        raise _NotFollowed

    return columns


def _find_ancestors(graph: SmallGraph, output: str) -> list[Node]:
    """Returns the nodes that a tensor is made by, in their order."""
    needed = {output}
    nodes: list[Node] = []
    for node in reversed(graph.nodes):
        if not needed.isdisjoint(node.outputs):
            needed.update(node.inputs)
            nodes.append(node)

    return nodes[::-1]


def _find_function(graph: SmallGraph, node: Node) -> Callable[..., Any] | None:
    """Returns what an operator does to arrays; None where it is not followed."""
    if node.operator != "Cast":
        return _STEPS.get(node.operator)

    kind = _CAST_TYPES.get(graph.read_integer(node, "to") or 0)
    if kind is None:
        return None

    return lambda values: values.astype(kind)


def _has_its_form(
    graph: SmallGraph, node: Node, constants: tuple[NDArray[Any] | None, ...]
) -> bool:
    """Returns whether an operator does here what it does in an encoding."""
    if node.operator in _ARITHMETIC:
        known = [each for each in constants if each is not None]
        if len(known) != 1:
            return False

        (constant,) = known
        n_columns = constant.shape[-1] if constant.ndim else 1
        return constant.size == max(1, n_columns)
    if node.operator == "Gather":
        table = constants[0]
        if table is not None:
            return table.ndim == 1 and not graph.read_integer(node, "axis")
        return graph.read_integer(node, "axis") == 1
    return True
