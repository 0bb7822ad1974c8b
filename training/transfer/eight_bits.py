"""This module keeps the weights of large convolutions in eight bits on disk, each filter with a scale of its own.

The graph computes in float32: the weights are multiplied once, at load, so an answer takes no longer and is the same on
every processor. Cast and Mul do it, because onnxruntime would leave a DequantizeLinear to every answer.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

LEVELS = 127
MIN_FILTER_VALUES = 64
"""Filters of fewer values stay as they are: those of depthwise convolutions move answers most and weigh little."""

Rounded = tuple[NDArray[np.int8], NDArray[np.float32]]
"""It holds whole numbers by filter, and the scale of each filter."""


def round_filters(network: nn.Module) -> None:
    """Rounds the filters of all but small convolutions, in place, to what eight bits and a scale can hold."""
    for module in network.modules():
        if (
            isinstance(module, nn.Conv2d)
            and module.weight[0].numel() >= MIN_FILTER_VALUES
        ):
            module.weight.data = _round(module.weight.data)


def _round(weight: Tensor) -> Tensor:
    largest = weight.abs().flatten(1).amax(dim=1).view(-1, *[1] * (weight.ndim - 1))
    scale = (largest / LEVELS).clamp(min=1e-12)
    return (weight / scale).round() * scale


def store_in_eight_bits(model: onnx.ModelProto) -> None:
    """Stores convolutions' filters that eight bits and a scale hold exactly so, in place."""
    nodes = []
    filters = {each.input[1] for each in model.graph.node if each.op_type == "Conv"}

    for tensor in [each for each in model.graph.initializer if each.name in filters]:
        rounded = _find_levels(numpy_helper.to_array(tensor))
        if rounded is None:
            continue

        name, (levels, scale) = tensor.name, rounded
        tensor.CopyFrom(numpy_helper.from_array(levels, f"{name}/levels"))
        model.graph.initializer.append(numpy_helper.from_array(scale, f"{name}/scale"))
        nodes += [
            helper.make_node(
                "Cast", [f"{name}/levels"], [f"{name}/whole"], to=TensorProto.FLOAT
            ),
            helper.make_node("Mul", [f"{name}/whole", f"{name}/scale"], [name]),
        ]

    nodes += model.graph.node
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _find_levels(values: NDArray[np.generic]) -> Rounded | None:
    """Returns levels and scales whose products are these values, or None where there are none."""
    if (
        values.dtype != np.float32
        or values.ndim != 4
        or values[0].size < MIN_FILTER_VALUES
    ):
        return None

    largest = np.abs(values).max(axis=(1, 2, 3), keepdims=True)
    scale = np.maximum(largest / np.float32(LEVELS), np.float32(1e-12))
    levels = np.round(values / scale).astype(np.int8)
    is_exact = np.array_equal(levels.astype(np.float32) * scale, values)

    return (levels, scale) if is_exact else None
