"""The table of tensor types maps the names of the Open Inference Protocol, onnxruntime and numpy to each other."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

BYTES = "BYTES"
BFLOAT16 = np.dtype("V2")
"""numpy has no bfloat16: arrays of it have the two bytes of each value, the higher half of those of a float32."""


class Datatype(NamedTuple):
    """A tensor type has a name in the protocol, in onnxruntime and in numpy, and a Python type in a JSON list."""

    name: str
    session: str
    array: Any
    json: Any


_TYPES = (
    Datatype("BOOL", "tensor(bool)", np.bool_, bool),
    Datatype("UINT8", "tensor(uint8)", np.uint8, int),
    Datatype("UINT16", "tensor(uint16)", np.uint16, int),
    Datatype("UINT32", "tensor(uint32)", np.uint32, int),
    Datatype("UINT64", "tensor(uint64)", np.uint64, int),
    Datatype("INT8", "tensor(int8)", np.int8, int),
    Datatype("INT16", "tensor(int16)", np.int16, int),
    Datatype("INT32", "tensor(int32)", np.int32, int),
    Datatype("INT64", "tensor(int64)", np.int64, int),
    Datatype("FP16", "tensor(float16)", np.float16, float),
    Datatype("BF16", "tensor(bfloat16)", BFLOAT16, float),
    Datatype("FP32", "tensor(float)", np.float32, float),
    Datatype("FP64", "tensor(double)", np.float64, float),
    Datatype(BYTES, "tensor(string)", np.object_, str),
)

DATATYPES = {each.name: each for each in _TYPES}
BY_SESSION = {each.session: each for each in _TYPES}
BY_ARRAY = {np.dtype(each.array).str: each for each in _TYPES}
"""The key is numpy's description of a type, such as `<i8`, since several of numpy's types are the same 64 bits."""


def from_bfloat16(array: NDArray[Any]) -> NDArray[np.float32]:
    """Returns bfloat16 as float32, which has each of its values."""
    bits = np.ascontiguousarray(array).view(np.uint16).astype(np.uint32) << 16
    return bits.view(np.float32)


def to_bfloat16(array: NDArray[np.float32]) -> NDArray[Any]:
    """Returns finite float32 as the nearest bfloat16, of two as near the even one; what is too large is infinite."""
    bits = np.ascontiguousarray(array).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return rounded.astype(np.uint16).view(BFLOAT16)
