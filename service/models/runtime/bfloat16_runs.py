"""Runs of graphs that take or give bfloat16, which numpy does not have."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

TYPE = "tensor(bfloat16)"
"""onnxruntime has this name for it."""
_ONNX_TYPE = 16
"""ONNX has this number for it: `TensorProto.BFLOAT16`."""
_TWO_BYTES = np.dtype("V2")
"""An array of bfloat16 has the two bytes of each value."""


def run_with_bfloat16(
    session: Any,
    input_types: Mapping[str, str],
    names: list[str],
    inputs: dict[str, Any],
    options: Any,
) -> list[Any]:
    """Returns the outputs of a session's run on values of onnxruntime's own, since numpy has no bfloat16.

    `input_types` has onnxruntime's name of each input's type. An array of bfloat16 is of numpy's type `V2`.
    """
    values = {
        name: _to_value(array, input_types[name])._ortvalue
        for name, array in inputs.items()
    }

    outputs = session.run_with_ort_values(values, names, options)
    return [_to_array(each) for each in outputs]


def _to_value(array: NDArray[Any], session_type: str) -> Any:
    make = onnxruntime.OrtValue
    if session_type != TYPE:
        return make.ortvalue_from_numpy(np.asarray(array))

    bits = np.ascontiguousarray(array).view(np.uint16)
    return make.ortvalue_from_numpy_with_onnx_type(bits, _ONNX_TYPE)


def _to_array(value: Any) -> NDArray[Any]:
    if value.data_type() != TYPE:
        array: NDArray[Any] = value.numpy()
        return array

    content = ctypes.string_at(value.data_ptr(), value.tensor_size_in_bytes())
    return np.frombuffer(content, _TWO_BYTES).reshape(value.shape())
