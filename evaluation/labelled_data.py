"""Labelled rows are read from a table with a column of labels, or from a folder of images for each class."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.feature_table import note_readings, read_asked, read_feature_table
from evaluation.image_folders import ENDINGS, list_images
from evaluation.image_hashes import hash_images
from model_card import Card, FeatureInput
from service.errors import EvaluationError
from service.judging.labelled_rows import (
    JudgedRows,
    LabelledData,
    find_fit_images,
    find_label,
    fingerprint_images,
    index_labels,
    leave_out_learnt,
)
from service.judging.row_hashes import (
    NOTHING,
    Hashes,
    fingerprint_rows,
    hash_feature_rows,
)
from service.models.row_columns import choose_columns, find_dates
from verdict.grouping import find_groups
from verdict.slicing import slice_columns

if TYPE_CHECKING:
    import polars as pl

    from tables.reader import Table

LearntRowFilter = Callable[[Hashes], JudgedRows]


def read_labelled(
    path: Path,
    card: Card,
    *,
    label: str | None,
    group: str | None = None,
    joins_equal: bool = True,
    learnt: Hashes = NOTHING,
    keeps_learnt: bool = False,
) -> LabelledData:
    """Returns what models with such a card can be judged on; raises EvaluationError, which says what would work.

    `group` is the column whose equal values mean that rows belong together; equal rows do so unless it is said. Rows
    whose hash is among those of `learnt` are left out unless they are kept.
    """
    takes_rows = isinstance(card.input, FeatureInput)
    _check_kind(path, card, takes_rows=takes_rows)
    keep_unlearnt = partial(
        leave_out_learnt, learnt=learnt, where=path.name, keeps_learnt=keeps_learnt
    )
    if takes_rows:
        return _read_rows(
            path,
            card,
            label,
            group,
            joins_equal=joins_equal,
            keep_unlearnt=keep_unlearnt,
        )
    if group is not None:
        raise EvaluationError(
            f"--group: expected a table with a column {group!r}, got a folder of images"
        )

    return _read_folder(
        path,
        card,
        joins_equal=joins_equal,
        keep_unlearnt=keep_unlearnt,
    )


def _check_kind(path: Path, card: Card, *, takes_rows: bool) -> None:
    """Raises EvaluationError unless there is a file for models that take rows, or a folder for those of images."""
    if not path.exists():
        raise EvaluationError(f"{path}: there is no such file or folder")

    if path.is_dir() == takes_rows:
        expected = (
            "a table, CSV or Parquet"
            if takes_rows
            else "a folder with a folder of images for each class"
        )
        raise EvaluationError(
            f"{path.name}: {card.task} takes {expected}, got a {'folder' if takes_rows else 'file'}"
        )


def _read_rows(
    path: Path,
    card: Card,
    label: str | None,
    group: str | None,
    *,
    joins_equal: bool,
    keep_unlearnt: LearntRowFilter,
) -> LabelledData:
    assert isinstance(card.input, FeatureInput)
    table = read_feature_table(path, card.input.features, card.classes or ())
    features = choose_columns(card.input.features, table.frame.columns)
    feature_names = [each.name for each in features]
    members = _read_members(table, group, path.name)
    dates = [each.name for each in find_dates(card.input.features)]
    names = _leave_out(table.frame.columns, {group, *dates}, {label, *feature_names})
    label, others = find_label(names, feature_names, label, path.name)
    rows, notes = read_asked(table, features, label, others, path.name)
    locations = [f"{path.name}, {place}: column {label!r}" for place in rows.places]
    truth = index_labels(rows.labels, card, locations)
    asked = rows.name_values(feature_names)
    judged = keep_unlearnt(hash_feature_rows(asked, card))
    left = rows.take(judged.kept)

    return LabelledData(
        source=path.name,
        fingerprint=f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}",
        places=left.places,
        truth=truth[judged.kept],
        rows=[asked[index] for index in judged.kept],
        data_set=fingerprint_rows(asked, truth, card),
        notes=[*note_readings(table, card.input.features), *notes],
        grouping=left.find_groups(members, column=group, joins_equal=joins_equal),
        slicings=slice_columns(
            dict(zip(feature_names, left.columns, strict=True))
            | _read_others(left.frame, others)
        ),
        learnt=judged.learnt,
        n_learnt=judged.n_left_out,
    )


def _leave_out(
    names: list[str], passed: set[str | None], kept: set[str | None]
) -> list[str]:
    return [each for each in names if each not in passed or each in kept]


def _read_members(
    table: Table, group: str | None, where: str
) -> list[str | None] | None:
    """Returns the value of the column of groups in each row, None without such a column."""
    from tables.reader import name_values

    if group is None:
        return None
    if group not in table.frame.columns:
        known = ", ".join(repr(name) for name in table.frame.columns)
        raise EvaluationError(
            f"{where}: --group: expected one of its columns, {known}, got {group!r}"
        )

    return name_values(table.frame[group])


def _read_others(frame: pl.DataFrame, names: list[str]) -> dict[str, list[Any]]:
    """Returns columns that are no features: numbers as numbers, all else by name."""
    from tables.reader import name_values

    return {
        name: frame[name].to_list()
        if frame[name].dtype.is_numeric()
        else name_values(frame[name])
        for name in names
    }


def _read_folder(
    path: Path, card: Card, *, joins_equal: bool, keep_unlearnt: LearntRowFilter
) -> LabelledData:
    """`path/<class>/<image>`; what is hidden, and files that are no images by their ending, are passed over.

    Images that cannot be decoded are set aside.
    """
    assert card.classes is not None
    found = list_images(path, card.classes)
    if not found.files:
        raise EvaluationError(
            f"{path.name}: expected a folder of images for each class of {card.task}, got no image"
        )

    names = [each.relative_to(path).as_posix() for each in found.files]
    truth = index_labels(
        found.classes, card, [f"{path.name}: the folder"] * len(found.files)
    )
    hashed = hash_images(found.files)
    fit, notes = find_fit_images(names, hashed.unfit, path.name)
    judged = keep_unlearnt(hashed.hashes[fit])
    kept = [fit[index] for index in judged.kept]
    files = [found.files[index] for index in kept]
    classes = [found.classes[index] for index in kept]
    places = [names[index] for index in kept]
    hashes = [hashlib.sha256(each.read_bytes()).hexdigest() for each in files]

    return LabelledData(
        source=path.name,
        fingerprint=fingerprint_images(places, hashes),
        places=places,
        truth=truth[kept],
        files=files,
        notes=notes + _note_passed_files(found.n_passed),
        grouping=find_groups(
            list(zip(classes, hashes, strict=True)), joins_equal=joins_equal
        ),
        learnt=judged.learnt,
        n_learnt=judged.n_left_out,
    )


def _note_passed_files(n_files: int) -> list[str]:
    if not n_files:
        return []
    return [
        f"{n_files} files whose ending is none of {', '.join(ENDINGS)} are passed over"
    ]
