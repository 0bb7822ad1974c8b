"""Images of class folders are listed with their classes, as training takes a folder."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ENDINGS = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".gif")
NO_CLASSES = ("__MACOSX", "@eaDir")
"""Computers keep these folders for themselves, with small copies of images in them."""


class FoundImages(NamedTuple):
    """The images and their classes, in the order of names, and how many other files there are."""

    files: list[Path]
    classes: list[str]
    n_passed: int


def list_images(root: Path, known: Sequence[str]) -> FoundImages:
    """Returns the images below a folder, without hidden ones.

    The class is the first folder of an image's path that is called as one that is known, so that folders around the
    classes and within them do not count; it is the first folder of all where none is. An accent is the same letter
    however a system writes it.
    """
    class_of = name_folders(known)
    files, classes, n_passed = [], [], 0
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        if is_hidden(parts) or len(parts) == 1 or not path.is_file():
            continue
        if path.suffix.lower() not in ENDINGS:
            n_passed += 1
            continue

        files.append(path)
        classes.append(find_class(parts[:-1], class_of) or parts[0])

    return FoundImages(files, classes, n_passed)


def is_hidden(parts: Sequence[str]) -> bool:
    """Tells whether a file with these folders and this name is one that people do not see."""
    return any(part.startswith(".") or part in NO_CLASSES for part in parts)


def name_folders(known: Sequence[str]) -> dict[str, str]:
    """Returns the class of each name that a folder of one may have."""
    return {_compose(each): each for each in known}


def find_class(folders: Sequence[str], class_of: Mapping[str, str]) -> str | None:
    """Returns the class that the first of these folders is called as, None where none is."""
    names = [_compose(each) for each in folders]
    return next((class_of[each] for each in names if each in class_of), None)


def _compose(name: str) -> str:
    """Returns a name with its accents as most programs write them; those of macOS take letters apart."""
    return unicodedata.normalize("NFC", name)
