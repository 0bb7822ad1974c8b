"""Columns of a labelled table are placed in the inputs of a foreign graph, by their names or in their order."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from onnx import TensorProto, helper

from training.adopt.foreign import FLOATS, TEXT, WHOLE, ForeignGraph, Tensor
from training.adopt.refusal import AdoptionError, shorten
from training.adopt.table import Column, LabelledTable, read_column


@dataclass(frozen=True, kw_only=True)
class Placement:
    """A placement has the features in their order, and for each input the numbers of those that it takes."""

    columns: tuple[Column, ...]
    inputs: tuple[tuple[Tensor, tuple[int, ...]], ...]

    @property
    def features(self) -> NDArray[np.float32]:
        """Returns what our graph takes, `(n_rows, n_features)`."""
        return np.stack([each.codes for each in self.columns], axis=1)

    def feed(self) -> dict[str, NDArray[Any]]:
        """Returns what the foreign graph takes, straight from the table, by the names of its inputs."""
        return {
            tensor.name: _join(tensor, [self.columns[number] for number in numbers])
            for tensor, numbers in self.inputs
        }

    def take(self, rows: NDArray[np.bool_]) -> Placement:
        """Returns the same of these rows alone."""
        columns = (
            replace(each, codes=each.codes[rows], given=each.given[rows])
            for each in self.columns
        )
        return replace(self, columns=tuple(columns))

    def mark_imputed(self, imputed: NDArray[np.bool_]) -> Placement:
        """Returns the same with what is told of each column: whether a value of it may be missing."""
        columns = (
            replace(each, is_imputed=bool(is_imputed))
            for each, is_imputed in zip(self.columns, imputed, strict=True)
        )
        return replace(self, columns=tuple(columns))

    def reorder(self, names: Sequence[str]) -> Placement:
        """Returns the same with the features in the order of these names."""
        places = {each.name: number for number, each in enumerate(self.columns)}
        order = [places[name] for name in names]
        moved = {number: place for place, number in enumerate(order)}
        inputs = tuple(
            (tensor, tuple(moved[number] for number in numbers))
            for tensor, numbers in self.inputs
        )
        return Placement(
            columns=tuple(self.columns[number] for number in order), inputs=inputs
        )


def place_columns(
    foreign: ForeignGraph, table: LabelledTable, codes: Mapping[str, Sequence[str]]
) -> Placement:
    """Returns which columns each input takes; raises AdoptionError where they do not fit."""
    wanted = {each.name: _width(each, foreign.file_name) for each in foreign.inputs}
    chosen = (
        {foreign.inputs[0].name: _take_all(foreign, table, wanted)}
        if len(wanted) == 1
        else _match(foreign, table, wanted)
    )
    taken = {name for names in chosen.values() for name in names}
    order = [name for name in table.frame.columns if name in taken]
    number = {name: place for place, name in enumerate(order)}
    users = {
        name: (tensor, place)
        for tensor in foreign.inputs
        for place, name in enumerate(chosen[tensor.name])
    }
    columns = [
        read_column(
            table, name, users[name][0], users[name][1], foreign, codes.get(name)
        )
        for name in order
    ]

    return Placement(
        columns=tuple(columns),
        inputs=tuple(
            (tensor, tuple(number[name] for name in chosen[tensor.name]))
            for tensor in foreign.inputs
        ),
    )


def _width(tensor: Tensor, file_name: str) -> int | None:
    """Returns how many columns an input takes, None for any number of them."""
    if tensor.element not in (TEXT, *WHOLE, *FLOATS):
        raise AdoptionError(
            f"{file_name}: its input {tensor} has a type that no column of a table has: export it with float32 inputs"
        )
    if tensor.axes is None:
        return None
    if len(tensor.axes) > 2 or not tensor.axes:
        raise AdoptionError(
            f"{file_name}: its input {tensor} has {len(tensor.axes)} axes, and rows of a table have two: images are "
            "adopted with a folder of class folders, --data FOLDER"
        )

    return 1 if len(tensor.axes) == 1 else tensor.axes[1]


def _take_all(
    foreign: ForeignGraph, table: LabelledTable, wanted: Mapping[str, int | None]
) -> list[str]:
    columns = list(table.frame.columns)
    width = next(iter(wanted.values()))
    if width is not None and width != len(columns):
        hint = (
            "--exclude COLUMN leaves out those that it has not learnt from"
            if len(columns) > width
            else "give the table that it was tested on, with one column for each feature"
        )
        raise AdoptionError(
            f"{foreign.file_name} takes {width} features, and {table.file_name} has {len(columns)} columns besides "
            f"{table.target.name!r} ({shorten(columns)}): {hint}"
        )

    return columns


def _match(
    foreign: ForeignGraph, table: LabelledTable, wanted: Mapping[str, int | None]
) -> dict[str, list[str]]:
    """Returns the columns of each input: those that it is called after, else the next ones that are of its type."""
    plain = {_simplify(name): name for name in table.frame.columns}
    chosen = {
        name: [plain[_simplify(name)]]
        for name, width in wanted.items()
        if width in (1, None) and _simplify(name) in plain
    }
    taken = {each for names in chosen.values() for each in names}
    rest = [name for name in table.frame.columns if name not in taken]
    others = [each for each in foreign.inputs if each.name not in chosen]
    if chosen and any(wanted[each.name] in (1, None) for each in others):
        names = [each.name for each in others]
        raise AdoptionError(
            f"{foreign.file_name}: {table.file_name} has no column for its inputs {shorten(names)}; columns that no "
            f"input takes are {shorten(rest) or 'none'}: rename these as the inputs are called"
        )

    for is_text in (True, False):
        tensors = [each for each in others if (each.element == TEXT) == is_text]
        names = [each for each in rest if _is_text(table.frame[each]) == is_text]
        chosen |= _deal(tensors, names, wanted, foreign, table)

    return chosen


def _deal(
    tensors: list[Tensor],
    names: list[str],
    wanted: Mapping[str, int | None],
    foreign: ForeignGraph,
    table: LabelledTable,
) -> dict[str, list[str]]:
    """Returns the columns of the inputs of one type, in the order in which the table has them."""
    if not tensors:
        return {}

    n_wanted = sum(wanted[each.name] or 1 for each in tensors)
    if n_wanted != len(names):
        raise AdoptionError(
            f"{foreign.file_name}: its inputs {', '.join(map(str, tensors))} take {n_wanted} columns of that type, and "
            f"{table.file_name} has {len(names)} ({shorten(names) or 'none'}): choose them with --features, in the "
            "order that it has learnt"
        )

    dealt = {}
    for tensor in tensors:
        width = wanted[tensor.name] or 1
        dealt[tensor.name], names = names[:width], names[width:]

    return dealt


def _simplify(name: str) -> str:
    return re.sub(r"\W+", "_", name).strip("_").casefold()


def _is_text(column: pl.Series) -> bool:
    return column.dtype in (pl.String, pl.Categorical, pl.Enum)


def _join(tensor: Tensor, columns: list[Column]) -> NDArray[Any]:
    """Returns the values of columns as an input takes them, `(n_rows, n_columns)` or `(n_rows,)`."""
    values = np.stack([each.given for each in columns], axis=1)
    if tensor.element == TensorProto.STRING:
        joined = values.astype(np.object_)
    else:
        with np.errstate(invalid="ignore", over="ignore"):
            joined = values.astype(helper.tensor_dtype_to_np_dtype(tensor.element))

    return joined[:, 0] if tensor.axes is not None and len(tensor.axes) == 1 else joined
