"""The table of tensor types maps the names of the Open Inference Protocol, onnxruntime and numpy to each other."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

BYTES = "BYTES"


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
    Datatype("FP32", "tensor(float)", np.float32, float),
    Datatype("FP64", "tensor(double)", np.float64, float),
    Datatype(BYTES, "tensor(string)", np.object_, str),
)

DATATYPES = {each.name: each for each in _TYPES}
BY_SESSION = {each.session: each for each in _TYPES}
BY_ARRAY = {np.dtype(each.array).str: each for each in _TYPES}
"""The key is numpy's description of a type, such as `<i8`, since several of numpy's types are the same 64 bits."""
