"""The work of a graph follows from the shapes of its inputs, unless its operators make it depend on their values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from service.models.parsing.outline import CONTROL_FLOW

DATA_DEPENDENT = frozenset(
    {"Compress", "NonMaxSuppression", "NonZero", "StringSplit", "Unique"}
)
SIZED_BY_INPUT = frozenset(
    {
        "CenterCropPad",
        "ConstantOfShape",
        "Expand",
        "MaxUnpool",
        "OneHot",
        "Pad",
        "Range",
        "Reshape",
        "Resize",
        "Slice",
        "Tile",
        "TopK",
        "Upsample",
    }
)
"""These operators take a size as an input after their first; a size that is a constant is no matter."""
ALL_INPUTS_ARE_SIZES = frozenset({"ConstantOfShape", "Range"})
BOUNDED_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
"""Of the operators of other domains it is not known whether their cost follows from shapes alone."""
Key = tuple[str, str, str]
"""A function is known by domain, name and overload."""


@dataclass
class GraphBody:
    """A GraphBody counts the nodes of a graph or of a function, and how often they call which functions.

    `sizes` are the inputs that decide how much a node works; they are no matter where they are `constants`.
    """

    n_nodes: int = 0
    calls: dict[Key, int] = field(default_factory=dict)
    constants: set[str] = field(default_factory=lambda: {""})
    sizes: set[str] = field(default_factory=set)


def note_sizes(
    body: GraphBody, operator: str, inputs: list[str], outputs: list[str]
) -> None:
    """Notes which of a node's inputs decide how much it works, and which of its outputs are constant."""
    if operator == "Constant":
        body.constants.update(outputs)
    elif operator in ALL_INPUTS_ARE_SIZES:
        body.sizes.update(inputs)
    elif operator in SIZED_BY_INPUT:
        body.sizes.update(inputs[1:])


def depends_on_values(
    operators: Iterable[tuple[str, str]], bodies: Iterable[GraphBody]
) -> bool:
    """Returns whether operators, by domain and name, or sizes that are no constants may make values decide."""
    for domain, name in operators:
        if domain not in BOUNDED_DOMAINS or name in CONTROL_FLOW | DATA_DEPENDENT:
            return True

    return any(not each.constants.issuperset(each.sizes) for each in bodies)
