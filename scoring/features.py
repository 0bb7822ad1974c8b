"""Columns of a block become the float32 matrix that a graph takes; rows that cannot are set aside with the reason."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from model_card import Feature
from scoring.category_codes import MISSING_CODE, UNKNOWN, code_names
from scoring.date_parts import Faults, read_date_parts, read_texts
from service.models.row_columns import choose_columns
from service.models.rows import MAX_FLOAT32
from tables.columns import read_numbers
from tables.date_columns import DATE_PARTS, DateColumn
from tables.reader import name_values
from tables.terms import TextColumn

Features = NDArray[np.float32]


class EncodedRows(NamedTuple):
    """The rows `(n_kept, n_features)` that models can be asked, their places within the block, and what is wrong with
    the others.
    """

    features: Features
    kept: NDArray[np.int64]
    faults: Faults


def find_columns(names: Sequence[str], features: Sequence[Feature]) -> list[str] | None:
    """Returns the columns that hold the features, None where there is none for one.

    Dates hold their parts, texts their terms.
    """
    if find_missing(names, features):
        return None

    columns: dict[str, None] = {}
    for each in choose_columns(features, names):
        column = _find_column(names, each.name)
        if column is not None:
            columns[column] = None

    return list(columns)


def find_missing(names: Sequence[str], features: Sequence[Feature]) -> list[str]:
    """Returns the features, or the texts and dates that they are made of, that no column has."""
    return [
        each.name
        for each in choose_columns(features, names)
        if _find_column(names, each.name) is None
    ]


def _find_column(names: Sequence[str], feature: str) -> str | None:
    if feature in names:
        return feature

    date, _, part = feature.rpartition("_")
    is_part = part in DATE_PARTS and date in names

    return date if is_part else None


def encode(
    frame: pl.DataFrame, features: Sequence[Feature], marks: Mapping[str, str]
) -> EncodedRows:
    """Returns the rows as `Model.encode` does; `marks` are those before decimals of columns, where no point is."""
    plain = _encode_plain(frame, features)
    if plain is not None:
        return EncodedRows(plain, np.arange(frame.height), {})

    faults: Faults = {}
    matrix = np.empty((frame.height, len(features)), np.float32)
    places = {each.name: place for place, each in enumerate(features)}
    for feature in choose_columns(features, frame.columns):
        if isinstance(feature, TextColumn):
            terms = list(feature.terms.values())
            texts = read_texts(frame[feature.name])
            matrix[:, terms] = feature.encode(texts)
            continue

        if isinstance(feature, DateColumn):
            parts = read_date_parts(frame, feature.name, feature.learnt, faults)
            for place in feature.positions:
                part = features[place]
                matrix[:, place] = _encode_number(parts[part.name], part, ".", faults)
            continue

        column = _take(frame, feature.name, faults)
        place = places[feature.name]
        if feature.values:
            matrix[:, place] = _encode_category(column, feature, faults)
        else:
            mark = marks.get(feature.name, ".")
            matrix[:, place] = _encode_number(column, feature, mark, faults)

    kept = np.arange(frame.height)
    if not faults:
        return EncodedRows(matrix, kept, faults)

    kept = np.setdiff1d(kept, np.fromiter(faults, np.int64))
    return EncodedRows(matrix[kept], kept, faults)


def _encode_plain(frame: pl.DataFrame, features: Sequence[Feature]) -> Features | None:
    """Returns the matrix of a block whose features are all numbers that fit; None of any other.

    For 30 numbers a row that takes 0.1 us, column by column 1.2.
    """
    names = [each.name for each in features]
    if any(each.values for each in features) or not set(names) <= set(frame.columns):
        return None

    columns = frame.select(names)
    if not all(each.is_numeric() for each in columns.dtypes):
        return None

    # By way of float64, as a request's numbers are.
    narrow = columns.cast(pl.Float64).cast(pl.Float32)
    matrix: Features = narrow.to_numpy(order="c")
    flat = matrix.ravel()
    sum_of_squares = float(np.vdot(flat, flat))

    # If that is finite, each number is, and far from the largest: a missing one is no number.
    return matrix if math.isfinite(sum_of_squares) else None


def _take(frame: pl.DataFrame, name: str, faults: Faults) -> pl.Series:
    """Returns a feature's column; a part of a date is taken out of that."""
    if name in frame.columns:
        return frame[name]

    date = name.rpartition("_")[0]
    return read_date_parts(frame, date, None, faults)[name]


def _encode_number(
    column: pl.Series, feature: Feature, mark: str, faults: Faults
) -> NDArray[np.float64]:
    texts = column
    if column.dtype.is_numeric():
        numbers = gaps = column.cast(pl.Float64)
    else:
        if column.dtype != pl.String:
            texts = pl.Series(column.name, name_values(column), dtype=pl.String)
        numbers, gaps = read_numbers(texts, mark)

    values: NDArray[np.float64] = numbers.fill_null(math.nan).to_numpy()
    if np.vdot(values, values) <= MAX_FLOAT32**2:
        return values
    if column.dtype.is_numeric():
        gaps = numbers.is_null() | numbers.is_nan().fill_null(value=True)

    is_gap = gaps.to_numpy()
    with np.errstate(invalid="ignore"):
        fits = np.abs(values) <= MAX_FLOAT32
    is_bad = ~fits
    if feature.imputed is not None:
        is_bad &= ~is_gap
    for row in np.flatnonzero(is_bad).tolist():
        if row not in faults:
            faults[row] = _explain_number(
                feature.name, texts[row], float(values[row]), is_gap=bool(is_gap[row])
            )

    return np.where(fits, values, math.nan)


def _explain_number(name: str, shown: object, number: float, *, is_gap: bool) -> str:
    if is_gap:
        return _explain_missing(name)

    got = f"got {str(shown)[:100]!r}"
    if math.isnan(number):
        return f"feature {name!r} expects a number, {got}"
    return (
        f"feature {name!r} expects a finite number that fits 32 bits "
        f"(at most {MAX_FLOAT32:.1e}), {got}"
    )


def _explain_missing(name: str) -> str:
    return f"feature {name!r} is missing; these models were not taught to do without"


def _encode_category(
    column: pl.Series, feature: Feature, faults: Faults
) -> NDArray[np.float64]:
    assert feature.values
    codes = code_names(column, feature.values)
    values = np.where(codes >= 0, codes, math.nan).astype(np.float64)
    is_bad = codes == UNKNOWN
    if feature.imputed is None:
        is_bad |= codes == MISSING_CODE

    known = ", ".join(feature.values)
    for row in np.flatnonzero(is_bad).tolist():
        got = str(column[row])[:100]
        reason = f"feature {feature.name!r} expects one of {known}, got {got!r}"
        if codes[row] == MISSING_CODE:
            reason = _explain_missing(feature.name)
        faults.setdefault(row, reason)

    return values
