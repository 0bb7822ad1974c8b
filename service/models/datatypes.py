"""Types of tensors under the names of the Open Inference Protocol, onnxruntime and numpy."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

BYTES = "BYTES"


class Datatype(NamedTuple):
    """A type: the protocol's name, onnxruntime's, numpy's, and that of an element in a JSON list."""

    name: str
    session: str
    array: Any
    json: Any


_TYPES = (
    Datatype("BOOL", "tensor(bool)", np.bool_, bool),
    *(
        Datatype(
            f"{sign}INT{bits}",
            f"tensor({sign.lower()}int{bits})",
            np.dtype(f"{sign.lower()}int{bits}").type,
            int,
        )
        for sign in ("U", "")
        for bits in (8, 16, 32, 64)
    ),
    Datatype("FP16", "tensor(float16)", np.float16, float),
    Datatype("FP32", "tensor(float)", np.float32, float),
    Datatype("FP64", "tensor(double)", np.float64, float),
    Datatype(BYTES, "tensor(string)", np.object_, str),
)


DATATYPES = {each.name: each for each in _TYPES}


BY_SESSION = {each.session: each for each in _TYPES}


BY_ARRAY = {np.dtype(each.array).str: each for each in _TYPES}
"""By numpy's description of a type, since several of its types are the same 64 bits."""
