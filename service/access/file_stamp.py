"""A stamp tells whether a file has changed since it was read."""

from __future__ import annotations

from pathlib import Path


def stamp_file(path: Path) -> tuple[int, ...]:
    """Returns what of a file changes whenever it is written or replaced; nothing where it is not there."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_dev, found.st_size, found.st_mtime_ns
