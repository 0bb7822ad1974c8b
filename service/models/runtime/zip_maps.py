"""scikit-learn's classifiers are exported with one map of class names to numbers a row; the protocol has tensors.

A sequence of maps becomes one tensor `(n_rows, n_classes)`, whose columns are in the order of the class names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.errors import ModelRefused
from service.models.runtime.options import SessionRun

_TYPE = re.compile(r"seq\(map\((?:string|int64),(tensor\(\w+\))\)\)")
_ARRAYS: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
}


class ZipMap(NamedTuple):
    """An output of maps is a tensor of this type here, with a column for each of the keys."""

    type: str
    keys: Sequence[str | int]

    @classmethod
    def from_type(
        cls, name: str, session_type: str, keys: Sequence[str | int]
    ) -> ZipMap | None:
        """Returns how an output is made a tensor; None for what is no sequence of maps. It raises ModelRefused."""
        match = _TYPE.fullmatch(session_type)
        if match is None or match[1] not in _ARRAYS:
            return None

        if not keys or len(set(keys)) < len(keys):
            raise ModelRefused(
                f"its output {name!r} has maps whose keys are not known from a ZipMap: export it with zipmap=False"
            )

        return cls(match[1], keys)

    def to_array(self, maps: Sequence[dict[str | int, Any]]) -> NDArray[Any]:
        """Returns the values of the maps, one row for each."""
        get = itemgetter(*self.keys)
        rows = [get(each) for each in maps]
        return np.array(rows, dtype=_ARRAYS[self.type]).reshape(
            len(maps), len(self.keys)
        )


def run_with_zip_maps(
    run: SessionRun,
    zip_maps: dict[str, ZipMap],
    names: list[str],
    inputs: dict[str, Any],
    options: Any,
) -> list[Any]:
    """Returns the outputs of a run, with each that is a sequence of maps as a tensor."""
    outputs = run(names, inputs, options)
    return [
        zip_maps[name].to_array(output) if name in zip_maps else output
        for name, output in zip(names, outputs, strict=True)
    ]
