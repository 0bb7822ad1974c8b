"""JSON of answers, written by orjson, and plain values read back."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray


def name_classes(classes: tuple[str, ...], label: NDArray[np.int64]) -> list[str]:
    """Labels `(n_rows,)` as an answer writes them."""
    return list(map(classes.__getitem__, label.tolist()))


def encode(answer: Any) -> bytes:
    """An answer as JSON; float32 arrays are written with the digits that float32 has."""
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)


def read_json(content: bytes) -> Any:
    """Plain Python values; raises ValueError for what is no JSON."""
    return orjson.loads(content)


def as_json(answer: Any) -> Any:
    """An answer as the plain Python values that a client reads from its JSON."""
    return orjson.loads(encode(answer))
