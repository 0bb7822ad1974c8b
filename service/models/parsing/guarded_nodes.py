"""Some operators take a size or weights from a request, where a graph's inputs reach them as they are.

Such nodes are noted here, with the inputs that reach them. What a graph computes first is not followed.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice
from typing import NamedTuple

SIZES = {
    "AffineGrid": (1,),
    "BlackmanWindow": (0,),
    "CenterCropPad": (1,),
    "ConstantOfShape": (0,),
    "CropAndResize": (3,),
    "Expand": (1,),
    "HammingWindow": (0,),
    "HannWindow": (0,),
    "Loop": (0,),
    "MaxUnpool": (2,),
    "OneHot": (1,),
    "Pad": (1,),
    "Range": (0, 1, 2),
    "Resize": (2, 3),
    "Tile": (1,),
    "Upsample": (1,),
}
"""The inputs of these operators, by their places, say how many values come out."""
SHAPED = {
    "Conv": 1,
    "ConvInteger": 1,
    "FusedConv": 1,
    "Inverse": 0,
    "NhwcFusedConv": 1,
    "QLinearConv": 3,
    **dict.fromkeys(("OneHot", "Pad", "Resize", "Tile", "Upsample"), 0),
}
"""Of these operators the input at this place has a shape that matters."""
_SAME_TENSOR = frozenset({"Cast", "Identity"})
_SAME_VALUES = frozenset(
    {*_SAME_TENSOR, "Concat", "Flatten", "Reshape", "Squeeze", "Unsqueeze"}
)
"""What comes out of these operators has the values that went in, in another shape or type."""

_LOOP_CONTROLS = 2
"""A loop has its number of turns and its condition ahead of the values that it hands on from turn to turn."""
MAX_SOURCES = 32
"""A size is made of as many inputs as a tensor may have axes, and more are not followed."""


class GuardedNode(NamedTuple):
    """A guarded node has an operator, an input of the graph whose shape matters, and those whose values do.

    `tensor` is empty where the graph computes it; `sizes` has an entry for each place of `SIZES`, which names the
    inputs that are joined there.
    """

    operator: str
    tensor: str
    sizes: list[list[str]]


class NodeGuard:
    """A guard sees the nodes of a graph in their order, and keeps those that a request may make fatal."""

    def __init__(self) -> None:
        self._tensors: dict[str, str] = {}
        self._values: dict[str, list[str]] = {}
        """An output that has the values of others is made of these."""
        self._nodes: list[GuardedNode] = []

    def note(self, operator: str, inputs: list[str], outputs: list[str]) -> None:
        """Notes a node that is guarded, or that hands on what it is given."""
        if operator in _SAME_VALUES:
            self._hand_on(operator, inputs, outputs)
            return

        places = SIZES.get(operator, ())
        if not places and operator not in SHAPED:
            return
        if operator == "Loop" and len(outputs) <= len(inputs) - _LOOP_CONTROLS:
            # Such a loop keeps nothing of its turns, and ends with its deadline.
            return

        def at(place: int) -> str:
            return inputs[place] if place < len(inputs) else ""

        tensor = at(SHAPED[operator]) if operator in SHAPED else ""
        sizes = [self._values.get(at(place), [at(place)]) for place in places]
        self._nodes.append(
            GuardedNode(operator, self._tensors.get(tensor, tensor), sizes)
        )

    def find(self, inputs: Collection[str]) -> list[GuardedNode]:
        """Returns the guarded nodes that one of these inputs of the graph reaches, without names of other values."""
        found = []
        for operator, tensor, sizes in self._nodes:
            known = [[name for name in names if name in inputs] for names in sizes]
            shaped = tensor if tensor in inputs else ""
            if any(known) or (shaped and not sizes):
                found.append(GuardedNode(operator, shaped, known))

        return found

    def _hand_on(self, operator: str, inputs: list[str], outputs: list[str]) -> None:
        if not inputs or not outputs:
            return

        if operator in _SAME_TENSOR:
            self._tensors[outputs[0]] = self._tensors.get(inputs[0], inputs[0])

        given = inputs[:MAX_SOURCES] if operator == "Concat" else inputs[:1]
        sources = (
            source for name in given for source in self._values.get(name, [name])
        )
        # Each once, and few: a file may join what it has joined, again and again.
        self._values[outputs[0]] = list(islice(dict.fromkeys(sources), MAX_SOURCES))
