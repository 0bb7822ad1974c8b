"""This module reads a labelled table, and its columns as the inputs of a foreign graph take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from onnx import TensorProto, helper

from tables.reader import UnreadableTableError, as_whole, name_values, read_table
from training.adopt.categories import find_categories, name_as_read
from training.adopt.foreign import TEXT, WHOLE, ForeignGraph, Tensor
from training.adopt.refusal import AdoptionError, shorten


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column is a feature: `codes` `(n_rows,)` as our graph takes them, `given` as the foreign one does.

    Categories have their names in `values`, and their index for a code; what is missing is NaN in `codes`. In a column
    of texts the graph gets `texts` for these. Names of the table that its encoder has not learnt are `unknown`.
    """

    name: str
    codes: NDArray[np.float32]
    given: NDArray[Any]
    values: tuple[str, ...] | None = None
    texts: tuple[str, ...] = ()
    is_text: bool = False
    is_imputed: bool = False
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LabelledTable:
    """A labelled table has the columns that a model may take, and the target of each row, none of them missing."""

    file_name: str
    frame: pl.DataFrame
    target: pl.Series
    places: list[str]
    n_without_target: int

    def take(self, rows: NDArray[np.bool_]) -> LabelledTable:
        """Returns the same of these rows alone."""
        places = [place for place, kept in zip(self.places, rows, strict=True) if kept]
        return replace(
            self,
            frame=self.frame.filter(rows),
            target=self.target.filter(rows),
            places=places,
        )


def read_labelled_table(
    path: Path, *, target: str, exclude: Sequence[str], features: Sequence[str]
) -> LabelledTable:
    """Returns the rows that have a target; with `features` these columns in this order, else all but `exclude`."""
    try:
        table = read_table(path)
    except UnreadableTableError as error:
        raise AdoptionError(str(error)) from error
    except OSError as error:
        raise AdoptionError(f"{path.name}: {error.strerror or error}") from error

    columns = table.frame.columns
    _check_names(path.name, columns, {"--target": [target]})
    _check_names(path.name, columns, {"--exclude": exclude, "--features": features})
    kept = [each for each in columns if each != target and each not in exclude]
    known = table.frame[target].is_not_null()
    frame = table.frame.filter(known)
    if not frame.height:
        raise AdoptionError(
            f"{path.name}: its column {target!r} has no value in any row, expected the truth of each: name another "
            "with --target"
        )

    return LabelledTable(
        file_name=path.name,
        frame=frame[list(features) or kept],
        target=as_whole(frame[target]),
        places=[
            place
            for place, is_known in zip(table.places, known, strict=True)
            if is_known
        ],
        n_without_target=table.frame.height - frame.height,
    )


def _check_names(
    file_name: str, columns: list[str], given: Mapping[str, Sequence[str]]
) -> None:
    for option, names in given.items():
        for name in names:
            if name not in columns:
                close = get_close_matches(name, columns, n=1)
                hint = f" (did you mean {close[0]!r}?)" if close else ""
                raise AdoptionError(
                    f"{option} {name}: {file_name} has no such column{hint}; its columns are {shorten(columns, 20)}"
                )


def read_column(
    table: LabelledTable,
    name: str,
    tensor: Tensor,
    place: int,
    foreign: ForeignGraph,
    codes: Sequence[str] | None,
) -> Column:
    column = table.frame[name]
    if tensor.element == TEXT:
        return _read_texts(column, find_categories(foreign.model, tensor.name, place))
    if codes is not None:
        return _read_coded(column, tuple(codes), table)
    if column.dtype == pl.Boolean:
        return _read_coded(column, ("false", "true"), table)

    if not column.dtype.is_numeric():
        seen = sorted({each for each in name_values(column) if each is not None})
        raise AdoptionError(
            f"column {name!r} has texts ({shorten(seen, 4)}) where {foreign.file_name} takes numbers: "
            f"--codes {name}={','.join(seen[:4])} says which ones stood for 0, 1 and so on, --exclude {name} leaves it "
            "out"
        )

    if tensor.element in WHOLE and not as_whole(column).dtype.is_integer():
        raise AdoptionError(
            f"column {name!r} has fractions where the input {tensor} of {foreign.file_name} takes whole numbers: give "
            "another column for it with --features"
        )

    given = column.cast(pl.Float64).fill_null(np.nan).to_numpy()
    _check_range(name, given, tensor, foreign)
    with np.errstate(over="ignore"):
        narrow = given.astype(np.float32)

    return Column(name=name, codes=narrow, given=given)


def _check_range(
    name: str, given: NDArray[np.float64], tensor: Tensor, foreign: ForeignGraph
) -> None:
    """Raises AdoptionError where whole numbers of an input's type cannot be what the column has."""
    if tensor.element not in WHOLE:
        return

    low, high = 0, 1
    if tensor.element != TensorProto.BOOL:
        span = np.iinfo(helper.tensor_dtype_to_np_dtype(tensor.element))
        low, high = span.min, span.max
    wrong = given[(given < low) | (given > high)]
    if len(wrong):
        raise AdoptionError(
            f"column {name!r} has {wrong[0]:.15g} where the input {tensor} of {foreign.file_name} takes whole numbers "
            f"from {low} to {high}: give another column for it with --features"
        )


def _read_texts(column: pl.Series, known: tuple[str, ...]) -> Column:
    """Returns a column of texts, whose values are those that the graph names, then others of the table."""
    names = name_values(as_whole(column))
    seen = {name for name in names if name is not None}
    named = name_as_read(known, seen)
    unknown = tuple(sorted(seen - set(named)))
    values = (*named, *unknown)
    texts = (*known, *unknown)
    codes = {value: code for code, value in enumerate(values)}
    spelt = dict(zip(values, texts, strict=True))

    return Column(
        name=column.name,
        codes=np.array([codes.get(name or "", np.nan) for name in names], np.float32),
        given=np.array([spelt[name] if name else "" for name in names], np.object_),
        values=values,
        texts=texts,
        is_text=True,
        unknown=unknown if known else (),
    )


def _read_coded(
    column: pl.Series, values: tuple[str, ...], table: LabelledTable
) -> Column:
    """Returns a column of names that the graph knows as 0, 1 and so on."""
    codes = {value: code for code, value in enumerate(values)}
    names = name_values(as_whole(column))
    for name, place in zip(names, table.places, strict=True):
        if name is not None and name not in codes:
            raise AdoptionError(
                f"{table.file_name}, {place}: column {column.name!r} has {name!r}, which --codes {column.name} does "
                "not name: name every value, in the order of their codes"
            )

    given = np.array([np.nan if name is None else codes[name] for name in names])

    return Column(
        name=column.name, codes=given.astype(np.float32), given=given, values=values
    )
