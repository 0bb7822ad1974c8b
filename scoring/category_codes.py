"""Names in a column become indices of the categories that a model learnt, however they are written."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tables.columns import strip_texts
from tables.notations import MISSING, MISSING_AMONG_NUMBERS, NUMBER
from tables.reader import as_whole, name_values

UNKNOWN = -1
MISSING_CODE = -2
_NUMBER, _GAP = re.compile(NUMBER), re.compile(MISSING_AMONG_NUMBERS)


def code_names(column: pl.Series, names: Sequence[str]) -> NDArray[np.int64]:
    """Returns the index of each value's name, `(n_rows,)`, -1 where it is none of these, -2 where it is missing."""
    if column.dtype == pl.String:
        texts = strip_texts(column)
    else:
        texts = pl.Series(column.name, name_values(as_whole(column)), dtype=pl.String)
    index = {name: place for place, name in enumerate(names)}
    has_numbers = all(_NUMBER.match(name) for name in names)
    codes = {
        text: MISSING_CODE
        if text not in index and _is_gap(text, has_numbers=has_numbers)
        else _code(text, index)
        for text in texts.unique().drop_nulls()
    }
    found = texts.replace_strict(
        list(codes), list(codes.values()), default=MISSING_CODE, return_dtype=pl.Int64
    )
    coded: NDArray[np.int64] = found.fill_null(MISSING_CODE).to_numpy()

    return coded


def _is_gap(text: str, *, has_numbers: bool) -> bool:
    """Tells whether a text marks a missing value; more of them do so among numbers."""
    return text in MISSING or (has_numbers and _GAP.search(text) is not None)


def _code(text: str, index: dict[str, int]) -> int:
    """Returns the index of a name that a text may be written for: of true, True, and of 1, 1.0."""
    if text in index:
        return index[text]
    if text.lower() in ("true", "false"):
        return index.get(text.lower(), UNKNOWN)
    try:
        number = float(text)
    except ValueError:
        return index.get(text.lower(), UNKNOWN)

    as_float = index.get(str(number), UNKNOWN)
    if math.isfinite(number) and number == int(number):
        return index.get(str(int(number)), as_float)

    return as_float
