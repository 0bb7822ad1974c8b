"""A stamp tells whether a file has changed since it was read."""

from __future__ import annotations

from pathlib import Path


def stamp_file(path: Path) -> tuple[int, ...]:
    """Returns what of a file changes whenever it is written or replaced; nothing where it is not there.

    A copy with the time of its source is told by that of its change, which nobody can set.
    """
    try:
        found = path.stat()
    except OSError:
        return ()
    times = found.st_mtime_ns, found.st_ctime_ns
    return found.st_ino, found.st_dev, found.st_size, *times
