"""Sizes and weights that a request gives an operator are looked at before it runs.

A size of a few bytes would make gigabytes, which no limit of a request sees, and onnxruntime neither ends for kernels
without elements nor survives the inverse of a matrix that is not square. What a graph computes first is not seen here.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.contract.limits import Limits
from service.errors import InvalidRequest, TooLarge
from service.models.graph import Graph
from service.models.parsing.guarded_nodes import GuardedNode

VALUE_BYTES = 4
"""A value that an operator makes counts as so many bytes of an answer, as one of FP32 has."""
TURN_VALUES = 128
"""What a loop keeps of a turn takes 500 bytes and more: 20 million turns of one number each took 12 GB."""
MIN_MAX_VALUES = 2**20
"""So many values are never too many: a graph may make more than it answers."""
MAX_SIZES = 64
"""More values are no shape, whatever they are for."""
_MULTIPLIED = frozenset({"Tile", "Upsample"})
_SCALES_PLACE = 0
"""`Resize` has its scales ahead of its sizes."""
Arrays = Mapping[str, NDArray[Any]]


def check_guarded(graph: Graph, arrays: Arrays, limits: Limits) -> None:
    """Raises InvalidRequest for weights that an operator does not survive, and TooLarge for sizes without bounds."""
    for node in graph.session.outline.guarded:
        if node.sizes:
            _check_size(graph, node, arrays, limits)
        else:
            _check_weights(graph, node, arrays[node.tensor].shape)


def _check_weights(graph: Graph, node: GuardedNode, shape: tuple[int, ...]) -> None:
    where = f"input {node.tensor[:100]!r}: its shape {list(shape)}"
    if node.operator == "Inverse":
        if len(shape) > 1 and shape[-1] != shape[-2]:
            raise InvalidRequest(
                f"{where} has no square matrices, and the operator Inverse of {graph.name} needs some"
            )
    elif not prod(shape):
        raise InvalidRequest(
            f"{where} has no elements, and the operator {node.operator} of {graph.name} needs some as its weights"
        )


def _check_size(
    graph: Graph, node: GuardedNode, arrays: Arrays, limits: Limits
) -> None:
    n_values = _count_values(node, arrays)
    most = max(MIN_MAX_VALUES, limits.max_answer_bytes // VALUE_BYTES)
    if n_values > most:
        name = next(name for names in node.sizes for name in names)
        raise TooLarge(
            f"input {name[:100]!r}: the operator {node.operator} of {graph.name} would make {n_values:.6g} values of "
            f"it, over the limit of {most} (a quarter of VEREDICTO_MAX_ANSWER_BYTES, or more): send a smaller size"
        )


def _count_values(node: GuardedNode, arrays: Arrays) -> float:
    """Returns how many values an operator makes at least, as far as the request alone says it; 0 where it does not."""
    shape = arrays[node.tensor].shape if node.tensor else ()
    sizes = [_read_sizes(names, arrays) for names in node.sizes]
    if node.operator == "Range":
        return _count_range(sizes)

    if node.operator == "Pad":
        return _count_padded(sizes[0], shape)

    if node.operator == "Loop":
        return _multiply(sizes[0]) * TURN_VALUES

    if node.operator == "OneHot":
        return _multiply(sizes[0]) * prod(shape)

    is_scaled = node.operator == "Resize" and sizes[_SCALES_PLACE]
    if node.operator in _MULTIPLIED or is_scaled:
        n_given = prod(shape)
        return _multiply(sizes[0], least=0.0) * n_given if n_given else 0.0

    return _multiply(sizes[-1])


def _read_sizes(names: list[str], arrays: Arrays) -> list[float]:
    """Returns the numbers that these inputs have together; none where they are no numbers, or too many for a shape."""
    numbers: list[float] = []
    for name in names:
        array = arrays[name]
        if array.dtype.kind not in "iuf" or array.size > MAX_SIZES:
            return []
        numbers += array.astype(np.float64).ravel().tolist()

    return numbers


def _multiply(sizes: list[float], *, least: float = 1.0) -> float:
    """Returns the product of sizes; one that is left open, as -1 is in a shape, counts as 1."""
    return prod(max(least, each) for each in sizes) if sizes else 0.0


def _count_range(sizes: list[list[float]]) -> float:
    """Returns how many numbers there are from a start to a limit; those of the graph count as 0, 0 and a step of 1."""
    start, limit, step = (
        each[0] if each else known
        for each, known in zip(sizes, (0.0, 0.0, 1.0), strict=True)
    )
    if not step:
        # The operator itself refuses it.
        return 0.0

    if sizes[1]:
        return max(0.0, (limit - start) / step)

    # A step alone has some way to go.
    distance = abs(start) if sizes[0] else 1.0
    return distance / abs(step)


def _count_padded(pads: list[float], shape: tuple[int, ...]) -> float:
    """Returns how many values there are with `pads` (first ends of all axes, then last ends) around a shape."""
    if not pads:
        return 0.0

    if len(pads) != 2 * len(shape):
        return max(pads)

    ends = zip(shape, pads[: len(shape)], pads[len(shape) :], strict=True)
    return prod(max(0.0, sum(each)) for each in ends)
