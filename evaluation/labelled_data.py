"""Rows with their true classes: a table with a column of labels, or a folder with a folder of images for each class."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.table import Table, Value, read_table
from model_card import Card, Feature, FeatureInput
from service.errors import Unusable
from service.models.images import ImageFile

MISSING = ("", "NA", "N/A", "na", "n/a", "NaN", "nan", "null", "NULL", "?")
IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif")


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """`truth` `(n_rows,)` are indices of classes, `places` says where each row is from.

    `fingerprint` is the SHA-256 of the file, or of the images' names and contents. `notes` is what was passed over.
    """

    source: str
    fingerprint: str
    places: list[str]
    truth: NDArray[np.int64]
    rows: list[Any] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def batch(self, start: int, stop: int) -> list[Any]:
        """Rows as `/compare` takes them; image files are read now."""
        if self.files:
            return [ImageFile(path.read_bytes(), "") for path in self.files[start:stop]]
        return self.rows[start:stop]


def read_labelled(path: Path, card: Card, *, label: str | None) -> Labelled:
    """What models with such a card can be judged on; raises Unusable, which says what would work."""
    if not path.exists():
        raise Unusable(f"{path}: there is no such file or folder")

    takes_rows = isinstance(card.input, FeatureInput)
    if path.is_dir() == takes_rows:
        expected = (
            "a table, CSV or Parquet"
            if takes_rows
            else "a folder with a folder of images for each class"
        )
        raise Unusable(
            f"{path.name}: {card.task} takes {expected}, got a {'folder' if takes_rows else 'file'}"
        )

    return _read_rows(path, card, label) if takes_rows else _read_folder(path, card)


def _read_rows(path: Path, card: Card, label: str | None) -> Labelled:
    assert isinstance(card.input, FeatureInput)
    table = read_table(path)
    features = card.input.features
    label, others = _find_label(
        table, [each.name for each in features], label, path.name
    )
    columns = [table.columns.index(each.name) for each in features]
    rows = [
        {
            feature.name: _read_value(row[column], feature, f"{path.name}, {place}")
            for feature, column in zip(features, columns, strict=True)
        }
        for row, place in zip(table.rows, table.places, strict=True)
    ]
    labels = [str(row[table.columns.index(label)]) for row in table.rows]

    return Labelled(
        source=path.name,
        fingerprint=f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}",
        places=table.places,
        truth=_index(
            labels,
            card,
            [f"{path.name}, {place}: column {label!r}" for place in table.places],
        ),
        rows=rows,
        notes=[f"columns that are no features are passed over: {', '.join(others)}"]
        if others
        else [],
    )


def _find_label(
    table: Table, features: list[str], label: str | None, where: str
) -> tuple[str, list[str]]:
    """The column of labels, the named one or the only one that is no feature, and the further columns."""
    missing = [name for name in features if name not in table.columns]
    if missing:
        shown = ", ".join(repr(name) for name in missing[:5]) + (
            ", ..." if len(missing) > 5 else ""
        )
        raise Unusable(f"{where}: expected a column for each feature, missing: {shown}")

    others = [name for name in table.columns if name not in features]
    if label is None and len(others) == 1:
        return others[0], []

    if label not in others:
        there = ", ".join(repr(name) for name in others) or "none"
        got = "none was named" if label is None else f"got {label!r}"
        raise Unusable(
            f"{where}: expected --label COLUMN, {got}; columns that are no features: {there}"
        )

    return label, [name for name in others if name != label]


def _read_value(value: Value, feature: Feature, where: str) -> Value:
    """As a request has it: a number, a category's name, or None for a missing value that the graph imputes."""
    if (
        value is None
        or value in MISSING
        or (isinstance(value, float) and math.isnan(value))
    ):
        if feature.imputed is None:
            raise Unusable(
                f"{where}: feature {feature.name!r} is missing; these models were not taught to do without"
            )
        return None

    if feature.values:
        if str(value) not in feature.values:
            raise Unusable(
                f"{where}: feature {feature.name!r} expects one of {', '.join(feature.values)}, got {value!r}"
            )
        return str(value)

    try:
        number = float(value)
    except ValueError:
        raise Unusable(
            f"{where}: feature {feature.name!r} expects a number, got {value!r}"
        ) from None

    if not math.isfinite(number):
        raise Unusable(
            f"{where}: feature {feature.name!r} expects a finite number, got {value!r}"
        )

    return number


def _read_folder(path: Path, card: Card) -> Labelled:
    """`path/<class>/<image>`; what is hidden, and files that are no images by their ending, are passed over."""
    folders = sorted(
        each
        for each in path.iterdir()
        if each.is_dir() and not each.name.startswith(".")
    )
    found = [
        each
        for folder in folders
        for each in sorted(folder.iterdir())
        if not each.name.startswith(".")
    ]
    files = [each for each in found if each.suffix.lower() in IMAGE_ENDINGS]
    if not files:
        raise Unusable(
            f"{path.name}: expected a folder of images for each class of {card.task}, got no image"
        )

    places = [f"{each.parent.name}/{each.name}" for each in files]
    digest = hashlib.sha256()

    for place, each in zip(places, files, strict=True):
        digest.update(
            f"{place}\0{hashlib.sha256(each.read_bytes()).hexdigest()}\n".encode()
        )

    passed = len(found) - len(files)

    return Labelled(
        source=path.name,
        fingerprint=f"sha256:{digest.hexdigest()}",
        places=places,
        truth=_index(
            [each.parent.name for each in files],
            card,
            [f"{path.name}: the folder"] * len(files),
        ),
        files=files,
        notes=[
            f"{passed} files whose ending is none of {', '.join(IMAGE_ENDINGS)} are passed over"
        ]
        if passed
        else [],
    )


def _index(labels: list[str], card: Card, wheres: list[str]) -> NDArray[np.int64]:
    assert card.classes is not None
    index = {name: position for position, name in enumerate(card.classes)}

    for label, where in zip(labels, wheres, strict=True):
        if label not in index:
            known = ", ".join(card.classes[:20]) + (
                ", ..." if len(card.classes) > 20 else ""
            )
            raise Unusable(
                f"{where} expects a class of {card.task}, got {label!r}; classes: {known}"
            )

    return np.array([index[label] for label in labels], dtype=np.int64)
