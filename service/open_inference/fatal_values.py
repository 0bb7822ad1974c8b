"""Values and shapes that would end the process in an operator of onnxruntime are refused beforehand.

They are looked for in requests: what a graph itself computes is not seen here.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.contract.limits import Limits
from service.errors import InvalidRequest
from service.models.graph import Graph
from service.open_inference.guarded_sizes import check_guarded
from service.open_inference.input_tensors import Tensor

_STANDARD = ("", "ai.onnx")
"""The operators of ONNX itself are of this domain, by either name."""
_DIVISION = frozenset(product(_STANDARD, ("Div",)))
_DIVIDED = (np.dtype(np.int32), np.dtype(np.int64))
"""onnxruntime divides integers of these types."""
_BOXES = frozenset(product(_STANDARD, ("RoiAlign",)))
_OWN = "com.microsoft"
"""Of onnxruntime's own operators many need elements, too, as those of attention do of the batch."""
_NEED_ELEMENTS = frozenset(
    {
        *product(_STANDARD, ("ConvTranspose", "GRU", "LSTM", "STFT", "Unique")),
        ("ai.onnx.ml", "FeatureVectorizer"),
        *product((_OWN,), ("DynamicQuantizeLSTM", "Inverse")),
    }
)
"""These operators need tensors that have elements."""
MIN_MEMORY_AXES = 4
"""What a decoder of texts remembers has so many axes or more, and no tokens ahead of the first one."""
MAX_BOX_AREA = 2**24
"""`RoiAlign` holds some 50 bytes for each place of a box, which no limit of memory counts: 800 MB of so many."""


def check_values(graph: Graph, inputs: Mapping[str, Tensor], limits: Limits) -> None:
    """Raises InvalidRequest for values or shapes that an operator of the graph does not survive.

    It raises TooLarge for a size that makes more values than an answer may have.
    """
    arrays = {name: np.asarray(each) for name, each in inputs.items()}
    for name, array in arrays.items():
        if not array.size:
            _refuse_empty(graph, name, array.shape)

    check_guarded(graph, arrays, limits)
    operators = graph.session.outline.operators
    for guarded, check in _CHECKS.items():
        if not guarded.isdisjoint(operators):
            check(graph, arrays)


def _refuse_empty(graph: Graph, name: str, shape: tuple[int, ...]) -> None:
    """Raises InvalidRequest for a tensor without elements where an operator of the graph needs some."""
    operators = graph.session.outline.operators
    is_memory = len(shape) >= MIN_MEMORY_AXES and shape[0] > 0
    needing = [
        operator
        for domain, operator in sorted(operators)
        if (domain, operator) in _NEED_ELEMENTS or (domain == _OWN and not is_memory)
    ]
    if needing:
        raise InvalidRequest(
            f"input {name[:100]!r}: its shape {list(shape)} has no elements, and the operator {needing[0][:100]} of "
            f"{graph.name} needs some: send at least one row"
        )


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


_CHECKS = {
    _DIVISION: _check_division,
    _BOXES: _check_boxes,
}
"""What is looked at where a graph has one of the operators."""
