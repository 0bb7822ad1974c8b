"""The values of external tensors lie in another file than the graph, as PyTorch's export writes them."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from service.errors import ModelRefused

_BITS = {
    **dict.fromkeys((1, 6, 12), 32),
    **dict.fromkeys((2, 3, 9, 17, 18, 19, 20, 24), 8),
    **dict.fromkeys((4, 5, 10, 16), 16),
    **dict.fromkeys((7, 11, 13, 14), 64),
    15: 128,
    **dict.fromkeys((21, 22, 23), 4),
}
"""A value of each of ONNX's types has so many bits in a file."""


class ExternalTensor(NamedTuple):
    """A tensor has its values in another file, from `offset`, as many bytes as its type and shape need."""

    name: str
    location: str
    offset: int
    n_bytes: int


def make_external(
    name: str, dims: list[int], kind: int, entries: dict[str, str]
) -> ExternalTensor:
    """Returns a tensor in another file; raises ModelRefused where its place there is not what its shape needs."""
    try:
        offset = int(entries.get("offset") or 0)
        length = int(entries["length"]) if entries.get("length") else None
    except ValueError as error:
        raise ModelRefused(
            f"the place of {name!r} in another file is no number: {error}"
        ) from error

    n_bytes = (prod(dims) * _BITS.get(kind, 0) + 7) // 8
    if kind not in _BITS or min(dims, default=0) < 0:
        raise ModelRefused(
            f"{name!r} is in another file, and of a type or shape that cannot be there"
        )
    if offset < 0 or (length is not None and length != n_bytes):
        raise ModelRefused(
            f"{name!r} needs {n_bytes} bytes of another file, its entry says {length} from {offset}"
        )

    return ExternalTensor(name, entries.get("location", ""), offset, n_bytes)
