"""Values that would end the process in an operator of onnxruntime are refused beforehand, where a request has them.

What a graph itself computes is not seen here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.errors import InvalidRequest
from service.models.graph import Graph
from service.open_inference.input_tensors import Tensor

_DIVISION = frozenset({("", "Div"), ("ai.onnx", "Div")})
_DIVIDED = (np.dtype(np.int32), np.dtype(np.int64))
"""onnxruntime divides integers of these types."""
_BOXES = frozenset({("", "RoiAlign"), ("ai.onnx", "RoiAlign")})
MAX_BOX_AREA = 2**24
"""`RoiAlign` holds some 50 bytes for each place of a box, which no limit of memory counts: 800 MB of so many."""


def check_values(graph: Graph, inputs: Mapping[str, Tensor]) -> None:
    """Raises InvalidRequest for values that an operator of the graph does not survive."""
    operators = graph.session.outline.operators
    divides = not _DIVISION.isdisjoint(operators)
    has_boxes = not _BOXES.isdisjoint(operators)
    if not (divides or has_boxes):
        return

    arrays = {name: np.asarray(each) for name, each in inputs.items()}
    if divides:
        _check_division(graph, arrays)
    if has_boxes:
        _check_boxes(graph, arrays)


def _check_division(graph: Graph, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Raises InvalidRequest for the least integer beside -1 where a graph divides integers.

    No integer is what the one is divided by the other: processors trap, which ends the process.
    """
    for dtype in _DIVIDED:
        same = {
            name: each
            for name, each in arrays.items()
            if each.dtype == dtype and each.size
        }
        least = np.iinfo(dtype).min
        dividends = [name for name, each in same.items() if each.min() == least]
        if dividends and any((each == -1).any() for each in same.values()):
            raise InvalidRequest(
                f"input {dividends[0][:100]!r}: {graph.name} divides integers, and {least} divided by -1 is none: "
                "send no such two values in one request"
            )


def _check_boxes(graph: Graph, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Raises InvalidRequest for a box `(x1, y1, x2, y2)` that is larger than any image, where a graph samples boxes."""
    for name, array in arrays.items():
        is_boxes = array.ndim == 2 and array.shape[1] == 4
        if not is_boxes or array.dtype.kind != "f" or not array.size:
            continue

        x1, y1, x2, y2 = array.astype(np.float64).T
        with np.errstate(invalid="ignore", over="ignore"):
            area = np.abs((x2 - x1) * (y2 - y1)).max()

        # Values that are not finite are refused by the operator itself.
        if area > MAX_BOX_AREA:
            raise InvalidRequest(
                f"input {name[:100]!r}: {graph.name} samples boxes, and one of them has an area of {area:.3g}: "
                f"at most {MAX_BOX_AREA} is taken"
            )
