"""Rows of a request to the float32 matrix that the graph takes."""

from __future__ import annotations

from array import array
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from model_card import Feature, FeatureInput
from service.errors import InvalidRequest

Value = float | str
Row = list[Value] | dict[str, Value]

LARGEST = 3.4028235e38
"""The largest float32, as it is written in decimal."""


class RowEncoder:
    """Knows a card's features: their order, and for each category the code of each value."""

    def __init__(self, card_input: FeatureInput) -> None:
        self._features = card_input.features
        self._names = [feature.name for feature in self._features]
        self._codes = [_codes(feature) for feature in self._features]
        self._all_numbers = not any(self._codes)

    def encode(self, rows: list[Row]) -> NDArray[np.float32]:
        """`rows` as `(n_rows, n_features)`; raises InvalidRequest that names row and feature.

        Rows of plain numbers become an array in one step; only what that step cannot take is looked at
        value by value, which also finds the words for what is wrong.
        """
        if not rows:
            raise InvalidRequest("inputs: expected at least one row, got none")
        values = self._as_numbers(rows) if self._all_numbers else None
        if values is None:
            values = np.array([self._encode_row(row, index) for index, row in enumerate(rows)])
        if not np.vdot(values, values) <= LARGEST**2:  # if the sum of squares is small, so is each of them
            self._check_magnitudes(values)
        return values.astype(np.float32)

    def _as_numbers(self, rows: list[Row]) -> NDArray[np.float64] | None:
        """The matrix, where all rows are lists of numbers of the right length; numpy is not left to guess types."""
        if set(map(len, rows)) != {len(self._names)}:
            return None
        try:
            numbers = array("d", chain.from_iterable(rows))  # type: ignore[type-var]  # array refuses names
        except TypeError:  # a name, or an object, whose keys are names
            return None
        return np.frombuffer(numbers).reshape(len(rows), -1)

    def _encode_row(self, row: Row, index: int) -> list[float]:
        where = f"inputs[{index}]"
        if isinstance(row, dict):
            row = self._in_order(row, where)
        elif len(row) != len(self._names):
            raise InvalidRequest(
                f"{where}: expected {len(self._names)} values, one for each feature, got {len(row)}; "
                f"features: {', '.join(self._names)}"
            )
        return [
            _encode_value(value, feature, codes, where)
            for value, feature, codes in zip(row, self._features, self._codes, strict=True)
        ]

    def _in_order(self, row: dict[str, Value], where: str) -> list[Value]:
        missing = [name for name in self._names if name not in row]
        if missing:
            raise InvalidRequest(f"{where}: missing {_quoted(missing)}")
        unknown = sorted(row.keys() - set(self._names))
        if unknown:
            raise InvalidRequest(f"{where}: unknown {_quoted(unknown)}; features: {', '.join(self._names)}")
        return [row[name] for name in self._names]

    def _check_magnitudes(self, values: NDArray[np.float64]) -> None:
        for row, column in np.argwhere(~(np.abs(values) <= LARGEST)):
            raise InvalidRequest(
                f"inputs[{row}]: feature {self._names[column]!r} expects a finite number that fits 32 bits "
                f"(at most {LARGEST:.1e}), got {values[row, column]:g}"
            )


def _codes(feature: Feature) -> dict[str, float] | None:
    return {value: float(code) for code, value in enumerate(feature.values)} if feature.values else None


def _encode_value(value: Value, feature: Feature, codes: dict[str, float] | None, where: str) -> float:
    if codes is None:
        if isinstance(value, str):
            raise InvalidRequest(f"{where}: feature {feature.name!r} expects a number, got {value!r}")
        return value
    if not isinstance(value, str) or value not in codes:
        raise InvalidRequest(f"{where}: feature {feature.name!r} expects one of {', '.join(codes)}, got {value!r}")
    return codes[value]


def _quoted(names: list[str]) -> str:
    return ("feature " if len(names) == 1 else "features ") + ", ".join(repr(name) for name in names)
