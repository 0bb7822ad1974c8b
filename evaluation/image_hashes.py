"""Hashes of the images in a folder tell which of them a model was trained on, and which cannot be asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from service.judging import row_hashes
from service.judging.row_hashes import HashedImages


def hash_images(files: Sequence[Path]) -> HashedImages:
    """Returns the hash of each image's pixels, 0 for one that is refused where it is asked for, or cannot be read."""
    unread: dict[int, str] = {}
    found = row_hashes.hash_images(_read(files, unread))

    return HashedImages(found.hashes, found.unfit | unread)


def _read(files: Sequence[Path], unread: dict[int, str]) -> Iterator[bytes]:
    """Yields what is in each file; nothing of one that cannot be read, whose reason is added to `unread`."""
    for index, path in enumerate(files):
        content = b""
        try:
            content = path.read_bytes()
        except OSError as error:
            unread[index] = f"it cannot be read: {error.strerror}"

        yield content
