"""Images of class folders are listed with their classes, as training takes a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ENDINGS = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".gif")


class FoundImages(NamedTuple):
    """The images and their classes, in the order of names, and how many other files there are."""

    files: list[Path]
    classes: list[str]
    n_passed: int


def list_images(root: Path, known: Sequence[str]) -> FoundImages:
    """Returns the images below a folder, without hidden ones.

    The class is the first folder of an image's path that is called as one that is known, so that folders around the
    classes and within them do not count; it is the first folder of all where none is.
    """
    files, classes, n_passed = [], [], 0
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        is_hidden = any(part.startswith(".") for part in parts)
        if is_hidden or len(parts) == 1 or not path.is_file():
            continue
        if path.suffix.lower() not in ENDINGS:
            n_passed += 1
            continue

        files.append(path)
        classes.append(next((each for each in parts[:-1] if each in known), parts[0]))

    return FoundImages(files, classes, n_passed)
