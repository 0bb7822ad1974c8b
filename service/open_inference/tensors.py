"""Tensors of the Open Inference Protocol are read and written as JSON and as bytes.

Bytes are little-endian and row-major; of BYTES each element is its length, four bytes, and then itself.
"""

from __future__ import annotations

import functools
import re
import struct
from collections.abc import Sequence
from math import prod
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from service.contract.arrays import to_vector
from service.errors import InvalidRequest
from service.models.datatypes import (
    BFLOAT16,
    BYTES,
    DATATYPES,
    Datatype,
    from_bfloat16,
    to_bfloat16,
)

DECODE_ERRORS = (
    msgspec.DecodeError,
    UnicodeDecodeError,
    OverflowError,
    RecursionError,
)
"""msgspec raises these for what is no JSON, no UTF-8, too large a number or too deep, and for another type."""
_LENGTH = struct.Struct("<I")
_NUMBER = re.compile(r"-?[0-9]+")
_NESTED = re.compile(rb"\s*\[\s*\[")
_LITTLE_ENDIAN = {
    name: np.dtype(each.array).newbyteorder("<") for name, each in DATATYPES.items()
}


def read_json(
    data: msgspec.Raw, datatype: Datatype, shape: Sequence[int], *, where: str
) -> NDArray[Any]:
    """Returns the array of a flat list, or of one nested as the shape says; raises InvalidRequest."""
    n_axes = max(1, len(shape)) if _NESTED.match(memoryview(data)) else 1
    try:
        values = _decoder(datatype.name, n_axes).decode(data)
    except DECODE_ERRORS as error:
        raise InvalidRequest(
            f"{where}: data of type {datatype.name}, {len(shape)} axes: {error}"
        ) from error

    if n_axes == 1 and datatype.json is float:
        values = to_vector(values)

    array = _as_array(values, datatype, where)
    if datatype.name == BYTES:
        elements = array.reshape(-1).tolist()
        if not all(isinstance(each, str) for each in elements):
            raise InvalidRequest(f"{where}: data of type BYTES is nested unevenly")

    if n_axes > 1 and array.shape != tuple(shape):
        raise InvalidRequest(
            f"{where}: expected data of shape {list(shape)}, flat or nested, got shape {list(array.shape)}"
        )

    if datatype.json is float and not np.isfinite(widen(array)).all():
        raise InvalidRequest(
            f"{where}: data has a number that {datatype.name} cannot hold"
        )

    return reshape(array, shape, where=where)


def read_values(
    values: list[Any], datatype: Datatype, shape: Sequence[int], *, where: str
) -> NDArray[Any]:
    """Returns the array of values that have a type already, if not this one; raises InvalidRequest."""
    return reshape(_as_array(values, datatype, where), shape, where=where)


def read_bytes(
    content: memoryview, datatype: Datatype, shape: Sequence[int], *, where: str
) -> NDArray[Any]:
    """Returns the array of bytes as they came, without a copy where its type allows; raises InvalidRequest."""
    if datatype.name == BYTES:
        elements = split_bytes(content, where=where)
        return reshape(np.array(elements, dtype=np.object_), shape, where=where)

    if datatype.name == "BOOL":
        return reshape(np.frombuffer(content, np.uint8) != 0, shape, where=where)

    dtype = _LITTLE_ENDIAN[datatype.name]
    n_bytes = prod(shape) * dtype.itemsize
    if len(content) != n_bytes:
        raise InvalidRequest(
            f"{where}: expected {n_bytes} bytes for {datatype.name} of shape {list(shape)}, "
            f"got {len(content)}"
        )

    array = np.frombuffer(content, dtype)
    if not array.flags.aligned:
        array = array.copy()

    return reshape(array, shape, where=where)


def split_bytes(content: memoryview, *, where: str) -> list[bytes]:
    """Returns the elements of a BYTES tensor; raises InvalidRequest where lengths and bytes do not agree."""
    elements: list[bytes] = []
    start = 0

    while start < len(content):
        first = start + _LENGTH.size
        has_length = first <= len(content)
        n_bytes = _LENGTH.unpack_from(content, start)[0] if has_length else 0
        end = first + n_bytes
        if end > len(content):
            raise InvalidRequest(
                f"{where}: element {len(elements)} of BYTES is cut off, at byte {start}"
            )

        elements.append(bytes(content[first:end]))
        start = end

    return elements


def write_json(array: NDArray[Any], *, where: str) -> Any:
    """Returns a flat list, or an array that is encoded as one; raises InvalidRequest for values that JSON lacks."""
    flat = array.reshape(-1)
    if flat.dtype == np.object_:
        elements = flat.tolist()
        return [
            each.decode("utf-8", "replace") if isinstance(each, bytes) else each
            for each in elements
        ]

    flat = widen(flat)
    if flat.dtype.kind == "f" and not np.isfinite(flat).all():
        raise InvalidRequest(
            f"{where}: it has values that are not finite, which JSON cannot hold: ask for binary_data"
        )

    return np.ascontiguousarray(flat)


def write_bytes(array: NDArray[Any]) -> bytes:
    """Returns the array's bytes, row-major and little-endian."""
    if array.dtype != np.object_:
        dtype = array.dtype.newbyteorder("<")
        return np.ascontiguousarray(array, dtype).tobytes()

    elements = [
        each if isinstance(each, bytes) else str(each).encode()
        for each in array.reshape(-1).tolist()
    ]

    return b"".join(_LENGTH.pack(len(each)) + each for each in elements)


def reshape(array: NDArray[Any], shape: Sequence[int], *, where: str) -> NDArray[Any]:
    """Returns the array in this shape; raises InvalidRequest where the number of elements is not the shape's."""
    if array.size != prod(shape) or min(shape, default=0) < 0:
        raise InvalidRequest(
            f"{where}: expected {prod(shape)} elements for shape {list(shape)}, got {array.size}"
        )
    try:
        return array.reshape(shape)
    except ValueError as error:
        # An array without elements may be asked for in lengths that no array has.
        raise InvalidRequest(
            f"{where}: no array has the shape {list(shape)}: {error}"
        ) from error


def widen(array: NDArray[Any]) -> NDArray[Any]:
    """Returns bfloat16 as the float32 that numpy can compare, and anything else as it is."""
    return from_bfloat16(array) if array.dtype == BFLOAT16 else array


def _as_array(
    values: list[Any] | NDArray[np.float64], datatype: Datatype, where: str
) -> NDArray[Any]:
    try:
        with np.errstate(over="ignore"):
            if datatype.array == BFLOAT16:
                return to_bfloat16(np.array(values, dtype=np.float32))
            return np.array(values, dtype=datatype.array)
    except (ValueError, OverflowError) as error:
        reason = _tell_unequal(values) or str(error)
        if reason.startswith("Python int"):
            shown = _NUMBER.search(reason)
            number = f"the number {shown[0]}, which" if shown else "a number that"
            reason = f"it has {number} {datatype.name} cannot hold"
        raise InvalidRequest(
            f"{where}: data is no array of {datatype.name}: {reason}"
        ) from error


def _tell_unequal(values: Any) -> str | None:
    """Returns which of the nested lists has another length than the first beside it, or None."""
    level = [values] if isinstance(values, list) else []
    while level and all(isinstance(each, list) for each in level):
        for each in level:
            if len(each) != len(level[0]):
                return f"a list of {len(each)} beside one of {len(level[0])}"
        level = [inner for each in level for inner in each]

    return None


@functools.cache
def _decoder(datatype: str, n_axes: int) -> msgspec.json.Decoder[Any]:
    nested: Any = DATATYPES[datatype].json
    for _ in range(min(n_axes, 32)):
        nested = list[nested]
    return msgspec.json.Decoder(nested)
