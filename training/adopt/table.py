"""This module reads a labelled table and finds which of its columns each input of a foreign graph takes."""

from __future__ import annotations

import re
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
from training.adopt.categories import find_categories
from training.adopt.foreign import FLOATS, TEXT, WHOLE, ForeignGraph, Tensor
from training.adopt.refusal import AdoptionError, shorten


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column is a feature: `codes` `(n_rows,)` as our graph takes them, `given` as the foreign one does.

    Categories have their names in `values`, and their index for a code; what is missing is NaN in `codes`. Names of
    the table that the graph's encoder has not learnt are `unknown`.
    """

    name: str
    codes: NDArray[np.float32]
    given: NDArray[Any]
    values: tuple[str, ...] | None = None
    is_text: bool = False
    is_imputed: bool = False
    unknown: tuple[str, ...] = ()


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
        _read_column(
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


def _read_column(
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
    unknown = tuple(sorted(seen - set(known)))
    values = (*known, *unknown)
    codes = {value: code for code, value in enumerate(values)}

    return Column(
        name=column.name,
        codes=np.array([codes.get(name or "", np.nan) for name in names], np.float32),
        given=np.array([name or "" for name in names], dtype=np.object_),
        values=values,
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


def _join(tensor: Tensor, columns: list[Column]) -> NDArray[Any]:
    """Returns the values of columns as an input takes them, `(n_rows, n_columns)` or `(n_rows,)`."""
    values = np.stack([each.given for each in columns], axis=1)
    if tensor.element == TensorProto.STRING:
        joined = values.astype(np.object_)
    else:
        with np.errstate(invalid="ignore", over="ignore"):
            joined = values.astype(helper.tensor_dtype_to_np_dtype(tensor.element))

    return joined[:, 0] if tensor.axes is not None and len(tensor.axes) == 1 else joined
