"""The classes of a foreign classifier are those that its maps name, or operators on the way to its outputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import onnx

from training.adopt.foreign import ForeignGraph
from training.adopt.node_values import read_attribute, read_initializer

_PASSES_CLASSES_ON = ("Cast", "Reshape", "Identity", "Squeeze", "Unsqueeze", "Flatten")
"""Between an output and what names its classes there may stand these operators."""


def find_classes(
    foreign: ForeignGraph, outputs: list[str]
) -> tuple[str | int, ...] | None:
    """Returns the classes in the order of scores, as a map or an operator on the way to these outputs names them."""
    for name in outputs:
        if name in foreign.zip_maps:
            return foreign.zip_maps[name]

    makers = {name: node for node in foreign.model.graph.node for name in node.output}
    found = {
        classes
        for name in outputs
        for classes in _trace_classes(name, makers, foreign.model)
    }

    return found.pop() if len(found) == 1 else None


def _trace_classes(
    name: str, makers: dict[str, onnx.NodeProto], model: onnx.ModelProto
) -> Iterator[tuple[str | int, ...]]:
    """Yields the classes that the operators between an output and the inputs name, the nearest of each way."""
    waiting, seen = [name], set[str]()
    while waiting:
        node = makers.get(waiting.pop())
        if node is None or node.output[0] in seen:
            continue

        seen.add(node.output[0])
        classes = read_attribute(
            node,
            "classlabels_strings",
            "classlabels_int64s",
            "classlabels_ints",
        )
        if classes:
            yield classes
            continue

        if node.op_type == "ArrayFeatureExtractor":
            stored = read_initializer(model, node.input[0])
            if stored is not None and stored.dtype.kind in "iuOSU":
                yield tuple(_as_python(each) for each in stored.ravel())
                continue

        passes = node.op_type in _PASSES_CLASSES_ON
        waiting += list(node.input[:1]) if passes else list(node.input)


def _as_python(value: Any) -> str | int:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value if isinstance(value, str) else int(value)
