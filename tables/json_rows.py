"""Rows of JSON, a list of objects or an object on each line, become columns; each value keeps what JSON says of it."""

from __future__ import annotations

import codecs
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import cast

import polars as pl

from tables.file_formats import NoTextError

_EXPECTED = 'expected rows of JSON, as [{"column": value, ...}, ...] or such an object on each line'
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_MILLISECONDS = 50_000_000_000_000
"""Days so far from 1970 are in the calendar."""
_MIN_INTEGER, _MAX_INTEGER = -(2**63), 2**63 - 1

Value = str | int | float | bool | None | dict[str, object] | list[object]
Row = dict[str, Value]


def read_json_rows(content: bytes) -> list[pl.Series]:
    """Returns a column for each name that a row has, in the order of their first rows; what a row has not is missing.

    Texts stay texts, and a column of several types becomes one of texts as JSON writes its values. It raises
    NoTextError for what is no list of objects, or where one of them says a name twice.
    """
    try:
        is_wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        rows = _parse(content.decode("utf-16" if is_wide else "utf-8-sig"))
    except RecursionError:
        raise NoTextError(f"{_EXPECTED}, got lists within lists") from None
    except ValueError as error:
        raise NoTextError(f"{_EXPECTED}, got JSON that is broken: {error}") from None

    names = dict.fromkeys(name for row in rows for name in row)

    return [_make_column(name, [row.get(name) for row in rows]) for name in names]


def _parse(text: str) -> list[Row]:
    """Returns the objects of a list, or of the lines of a text."""
    found = _load_lines(text) if _has_several(text) else _load(text)
    if isinstance(found, dict):
        inside = [name for name, value in found.items() if isinstance(value, list)]
        hint = f": write the list {inside[0]!r} alone" if len(inside) == 1 else ""
        raise NoTextError(f"{_EXPECTED}, got one object{hint}")
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise NoTextError(f"{_EXPECTED}, got a list of something else")

    return cast("list[Row]", found)


def _has_several(text: str) -> bool:
    """Tells whether the first two lines that have anything are whole objects."""
    lines = islice((line for line in text.split("\n") if line.strip()), 2)
    try:
        found = [json.loads(line) for line in lines]
    except ValueError:
        return False
    return len(found) == 2 and all(isinstance(each, dict) for each in found)


def _load_lines(text: str) -> list[object]:
    return [
        _load(line, number)
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip()
    ]


def _load(text: str, line: int = 0) -> object:
    """Returns what a text of JSON, which is a line of its own or all, says; raises ValueError with the line."""
    try:
        return json.loads(text, object_pairs_hook=_make_object)
    except json.JSONDecodeError as error:
        where = f"line {line or error.lineno} column {error.colno}"
        raise ValueError(f"{error.msg}, {where}") from None


def _make_object(pairs: list[tuple[str, Value]]) -> Value:
    """Returns the object, or the value that an object of MongoDB stands for; raises ValueError for a name twice."""
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {repeated!r} is twice in one object")

    return _read_extended(pairs[0]) if len(pairs) == 1 else cast("Value", made)


def _read_extended(pair: tuple[str, Value]) -> Value:
    """Returns what an object of one name is in MongoDB's Extended JSON: an id, a number or a day; others stay."""
    name, value = pair
    other: dict[str, object] = {name: value}
    if name == "$date" and isinstance(value, int) and abs(value) <= _MAX_MILLISECONDS:
        return (_EPOCH + timedelta(milliseconds=value)).isoformat()
    if not isinstance(value, str):
        return other
    if name in ("$oid", "$date"):
        return value
    try:
        if name in ("$numberInt", "$numberLong"):
            return int(value)
        if name in ("$numberDouble", "$numberDecimal"):
            return float(value)
    except ValueError:
        return other

    return other


def _make_column(name: str, values: Sequence[Value]) -> pl.Series:
    """Returns numbers or truth values where all known ones are such, else texts."""
    known = [value for value in values if value is not None]
    kinds = {type(value) for value in known}
    if kinds == {bool}:
        return pl.Series(name, values, dtype=pl.Boolean)
    if kinds == {int} and all(_MIN_INTEGER <= each <= _MAX_INTEGER for each in known):  # type: ignore[operator]  # whole numbers
        return pl.Series(name, values, dtype=pl.Int64)
    if float in kinds and kinds <= {int, float}:
        numbers = [None if value is None else float(value) for value in values]  # type: ignore[arg-type]  # of numbers
        return pl.Series(name, numbers, dtype=pl.Float64)

    texts = [_write(value) for value in values]
    return pl.Series(name, texts, dtype=pl.String)


def _write(value: Value) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
