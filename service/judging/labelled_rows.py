"""Rows with their true classes, wherever they are from, are checked against the card of models that they are for."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model_card import Card, Feature
from service.errors import EvaluationError
from service.judging.row_hashes import NOTHING, Hashes
from service.models.images.media_types import ImageFile
from service.models.row_columns import Column, describe_missing
from tables.plain_columns import find_spelling
from verdict.grouping import EACH_BY_ITSELF, Grouping
from verdict.slicing import Slicing

NAME_LABEL = "--label COLUMN"
KEEP_LEARNT = "--keep-learnt"
"""A command has these words for its options; a request has others."""

Value = float | str | None


@dataclass(frozen=True, kw_only=True)
class LabelledData:
    """`truth` `(n_rows,)` are indices of classes, -1 where it is not known; `places` says where each row is from.

    `fingerprint` is the SHA-256 of the file, or of the images' names and contents, `data_set` that of the rows as
    training takes it, None of images. `notes` is what was passed over. `learnt` has a hash for each row that models
    were learnt from, of which `n_learnt` are left out: all of them, or none where such rows are judged too. `dates` are
    columns whose parts the rows have.
    """

    source: str
    fingerprint: str
    places: list[str]
    truth: NDArray[np.int64]
    rows: list[Any] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    grouping: Grouping = EACH_BY_ITSELF
    slicings: Sequence[Slicing] = ()
    data_set: str | None = None
    learnt: Hashes = field(default_factory=lambda: NOTHING)
    n_learnt: int = 0
    dates: Sequence[str] = ()

    def batch(self, start: int, stop: int) -> list[Any]:
        """Returns rows as `/compare` takes them; image files are read now."""
        if self.files:
            return [ImageFile(path.read_bytes(), "") for path in self.files[start:stop]]
        return self.rows[start:stop]


class JudgedRows(NamedTuple):
    """Rows of the indices `kept` are judged; `learnt` has a hash for each row that models were learnt from."""

    kept: list[int]
    learnt: Hashes
    n_left_out: int


def leave_out_learnt(
    hashes: Hashes,
    learnt: Hashes,
    where: str,
    keep: str = KEEP_LEARNT,
    *,
    keeps_learnt: bool,
) -> JudgedRows:
    """Leaves out rows that models were learnt from unless they are kept; raises EvaluationError where none is left."""
    found = hashes[np.isin(hashes, learnt)]
    if keeps_learnt:
        return JudgedRows(list(range(len(hashes))), found, 0)
    return JudgedRows(find_unlearnt(hashes, learnt, where, keep), found, len(found))


def find_unlearnt(
    hashes: Hashes, learnt: Hashes, where: str, keep: str = KEEP_LEARNT
) -> list[int]:
    """Returns the indices of the rows that no model was learnt from; raises EvaluationError where there is none."""
    new: list[int] = np.flatnonzero(~np.isin(hashes, learnt)).tolist()
    if not new:
        raise EvaluationError(
            f"{where}: these models were learnt from all of its {len(hashes)} rows, which says nothing of others: "
            f"give other rows, or judge these with {keep}"
        )

    return new


def note_passed_over(
    columns: list[str], unfit: dict[int, str], *, n_without_label: int
) -> list[str]:
    """Returns sentences on columns and rows that models are not asked for."""
    notes = note_set_aside("rows", unfit)
    if columns:
        notes.append(
            f"columns that are no features are passed over by models, and part the rows: {', '.join(columns)}"
        )
    if n_without_label:
        notes.append(f"rows without a label are passed over: {n_without_label}")

    return notes


def note_set_aside(what: str, unfit: dict[int, str]) -> list[str]:
    """Returns a sentence that counts the rows or images of `unfit`, with the reason of the first; none for none."""
    if not unfit:
        return []
    return [
        f"{what} that the models cannot be asked are set aside: {len(unfit)}; the first is {unfit[min(unfit)]}"
    ]


def find_fit_images(
    places: Sequence[str], unfit: dict[int, str], where: str
) -> tuple[list[int], list[str]]:
    """Returns the indices of the images that models can be asked for, and what is said of the others.

    It raises EvaluationError where there is none.
    """
    reasons = {
        index: f"{where}, {places[index]}: {reason}" for index, reason in unfit.items()
    }
    fit = [index for index in range(len(places)) if index not in unfit]
    if not fit:
        raise EvaluationError(reasons[min(reasons)])

    return fit, note_set_aside("images", reasons)


def find_label(
    columns: list[str],
    features: list[str],
    label: str | None,
    where: str,
    option: str = NAME_LABEL,
) -> tuple[str, list[str]]:
    """Returns the column of labels, the named one or the only one that is no feature, and the further columns."""
    missing = [name for name in features if name not in columns]
    if missing:
        shown = describe_missing(missing, columns)
        raise EvaluationError(
            f"{where}: expected a column for each feature, missing: {shown}"
        )

    others = [name for name in columns if name not in features]
    if label is None and len(others) == 1:
        return others[0], []

    if label not in others:
        there = ", ".join(repr(name) for name in others) or "none"
        got = "none was named" if label is None else f"got {label!r}"
        raise EvaluationError(
            f"{where}: expected {option}, {got}; columns that are no features: {there}"
        )

    return label, [name for name in others if name != label]


def read_value(value: Value, feature: Column, where: str) -> Value:
    """Returns a number, a category's name, a text, or None for a missing value that the graph imputes."""
    if not isinstance(feature, Feature):
        return None if value is None else str(value)

    if value is None:
        if feature.imputed is None:
            raise EvaluationError(
                f"{where}: feature {feature.name!r} is missing; these models were not taught to do without"
            )
        return None

    if feature.values:
        name = value
        if isinstance(value, str):
            name = find_spelling(value, feature.values)
        if name not in feature.values:
            raise EvaluationError(
                f"{where}: feature {feature.name!r} expects one of {', '.join(feature.values)}, got {value!r}"
            )
        return name

    try:
        number = float(value)
    except ValueError:
        raise EvaluationError(
            f"{where}: feature {feature.name!r} expects a number, got {value!r}"
        ) from None

    if not math.isfinite(number):
        raise EvaluationError(
            f"{where}: feature {feature.name!r} expects a finite number, got {str(value)!r}"
        )

    return number


def explain_odd_date(where: str, name: str, got: str) -> str:
    """Returns why a row is set aside whose text is no date as those of its column."""
    return f"{where}: feature {name!r} expects a date, as '2024-12-31', got {got!r}"


def fingerprint_images(places: list[str], hashes: list[str]) -> str:
    """Returns the SHA-256 of the images' names and contents."""
    digest = hashlib.sha256()
    for place, content in zip(places, hashes, strict=True):
        digest.update(f"{place}\0{content}\n".encode())

    return f"sha256:{digest.hexdigest()}"


def index_labels(
    labels: Sequence[str], card: Card, locations: Sequence[str]
) -> NDArray[np.int64]:
    """Returns the indices of classes; raises EvaluationError, which says where one is none of the card's."""
    assert card.classes is not None
    index = {name: position for position, name in enumerate(card.classes)}

    names = [find_spelling(label, index) for label in labels]
    for label, name, where in zip(labels, names, locations, strict=True):
        if name not in index:
            known = ", ".join(card.classes[:20]) + (
                ", ..." if len(card.classes) > 20 else ""
            )
            raise EvaluationError(
                f"{where} expects a class of {card.task}, got {label!r}; classes: {known}"
            )

    return np.array([index[name] for name in names], dtype=np.int64)
