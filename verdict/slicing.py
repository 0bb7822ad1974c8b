"""Rows are parted by a feature's quarters, a category or a column, since models may compare otherwise in a part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_SLICINGS = 60
"""Of features and columns, the first of them."""
MAX_NAMES = 20
"""A column with more different names has no parts that are worth looking at."""
MAX_BINS = 4
ROWS_OF_BIN = 30
"""Numbers are parted into quarters, or fewer parts where those would have fewer rows than this."""
MISSING = "missing"


@dataclass(frozen=True, kw_only=True)
class Slicing:
    """`parts` are names of parts of the rows, `part_of` `(n_rows,)` has the index of each row's part."""

    name: str
    parts: list[str]
    part_of: NDArray[np.int64]


def slice_columns(columns: Mapping[str, Sequence[Any]]) -> list[Slicing]:
    """Returns the slicings by columns of numbers or names, None where a value is missing; not all columns have one."""
    found = []
    for name, values in columns.items():
        slicing = _slice(name, values)
        if slicing is not None and len(slicing.parts) > 1:
            found.append(slicing)

    return found[:MAX_SLICINGS]


def write_slicings(slicings: Sequence[Slicing]) -> list[dict[str, Any]]:
    """Returns slicings as evidence keeps them."""
    return [
        {"name": each.name, "parts": each.parts, "part_of": each.part_of}
        for each in slicings
    ]


def read_slicings(written: list[dict[str, Any]], n_rows: int) -> list[Slicing]:
    """Returns the slicings that evidence keeps; raises KeyError, TypeError or ValueError for what is none."""
    slicings = []
    for each in written:
        part_of = np.array(each["part_of"], dtype=np.int64)
        is_possible = (part_of >= 0) & (part_of < len(each["parts"]))
        if part_of.shape != (n_rows,) or not is_possible.all():
            raise ValueError(f"expected a part for each of {n_rows} rows")
        slicings.append(
            Slicing(name=each["name"], parts=list(each["parts"]), part_of=part_of)
        )

    return slicings


def _slice(name: str, values: Sequence[Any]) -> Slicing | None:
    present = [value for value in values if value is not None]
    numbers = all(isinstance(each, int | float) for each in present)
    if numbers and len(set(present)) > MAX_BINS + 1:
        return _slice_numbers(name, values)

    names = sorted({_write(value) for value in values})
    if len(names) > MAX_NAMES:
        return None

    index = {each: place for place, each in enumerate(names)}
    part_of = np.array([index[_write(value)] for value in values], dtype=np.int64)

    return Slicing(name=name, parts=names, part_of=part_of)


def _slice_numbers(name: str, values: Sequence[Any]) -> Slicing:
    """Returns parts of about as many rows; equal numbers are never parted."""
    numbers = np.array([np.nan if each is None else each for each in values], float)
    is_missing = np.isnan(numbers)
    edges = _find_edges(numbers[~is_missing])
    parts = _name_bins(edges)
    part_of = np.searchsorted(edges, numbers, side="left")

    if is_missing.any():
        part_of[is_missing] = len(parts)
        parts.append(MISSING)

    return Slicing(name=name, parts=parts, part_of=part_of.astype(np.int64))


def _find_edges(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns where numbers `(n_present,)` are parted, each edge within the part below it; no part is empty."""
    n_bins = max(2, min(MAX_BINS, len(numbers) // ROWS_OF_BIN))
    shares = np.arange(1, n_bins) / n_bins
    edges = np.quantile(numbers, shares, method="lower")

    last = numbers[numbers < numbers.max()].max()
    distinct: NDArray[np.float64] = np.unique(np.minimum(edges, last))

    return distinct


def _name_bins(edges: NDArray[np.float64]) -> list[str]:
    """Returns the names of the parts that these edges make."""
    shown = [f"{edge:.4g}" for edge in edges]
    between = [f"{low} to {high}" for low, high in pairwise(shown)]

    return [f"up to {shown[0]}", *between, f"over {shown[-1]}"]


def _write(value: Any) -> str:
    if value is None:
        return MISSING
    return value if isinstance(value, str) else f"{value:.4g}"
