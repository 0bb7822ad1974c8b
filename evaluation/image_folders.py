"""Labelled images are read from a folder that has a folder of images for each class."""

from __future__ import annotations

import hashlib
from pathlib import Path

from evaluation.image_hashes import hash_images
from model_card import Card
from service.errors import EvaluationError
from service.judging.labelled_rows import (
    JudgedRows,
    LabelledData,
    LearntRowFilter,
    fingerprint_images,
    index_labels,
)
from service.judging.row_hashes import NOTHING
from verdict.grouping import find_groups

IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif")


def read_folder(
    path: Path, card: Card, *, joins_equal: bool, keep_unlearnt: LearntRowFilter | None
) -> LabelledData:
    """`path/<class>/<image>`; what is hidden, and files that are no images by their ending, are passed over."""
    found = _list_files(path)
    files = [each for each in found if each.suffix.lower() in IMAGE_ENDINGS]
    if not files:
        raise EvaluationError(
            f"{path.name}: expected a folder of images for each class of {card.task}, got no image"
        )

    passed = len(found) - len(files)
    judged = JudgedRows(list(range(len(files))), NOTHING, 0)
    if keep_unlearnt is not None:
        judged = keep_unlearnt(hash_images(files))
    files = [files[index] for index in judged.kept]
    places = [f"{each.parent.name}/{each.name}" for each in files]
    hashes = [hashlib.sha256(each.read_bytes()).hexdigest() for each in files]
    contents = [(each.parent.name, of) for each, of in zip(files, hashes, strict=True)]
    notes = [
        f"{passed} files whose ending is none of {', '.join(IMAGE_ENDINGS)} are passed over"
    ]

    return LabelledData(
        source=path.name,
        fingerprint=fingerprint_images(places, hashes),
        places=places,
        truth=index_labels(
            [each.parent.name for each in files],
            card,
            [f"{path.name}: the folder"] * len(files),
        ),
        files=files,
        notes=notes if passed else [],
        grouping=find_groups(contents, joins_equal=joins_equal),
        learnt=judged.learnt,
        n_learnt=judged.n_left_out,
    )


def _list_files(path: Path) -> list[Path]:
    """Returns the files in folders, in the order of names, without hidden ones."""
    folders = sorted(
        each
        for each in path.iterdir()
        if each.is_dir() and not each.name.startswith(".")
    )
    return [
        each
        for folder in folders
        for each in sorted(folder.iterdir())
        if not each.name.startswith(".")
    ]
