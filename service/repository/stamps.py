"""A stamp is a text that differs once files have changed, without reading any of them."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

MAX_DEPTH = 4
"""Weights may lie in folders beside their model; what lies deeper is not looked at."""
MAX_ENTRIES = 100_000
_SUFFIX = ".onnx"

_Status = tuple[object, ...]


def stamp_folder(path: Path) -> str:
    """Returns the stamp of all visible files in a folder."""
    return _digest(_walk(path, MAX_DEPTH))


def stamp_beside(path: Path) -> str:
    """Returns the stamp of what lies in a folder of models and is no model, such as weights and sums."""
    return _digest(
        each
        for each in _walk(path, MAX_DEPTH)
        if not (str(each[0]).endswith(_SUFFIX) and Path(str(each[0])).parent == path)
    )


def stamp_file(path: Path) -> str:
    """Returns the stamp of one file."""
    try:
        return _digest(iter([_show(os.fspath(path), path.stat())]))
    except OSError as error:
        return _digest(iter([(os.fspath(path), error.errno)]))


def _digest(statuses: Iterator[_Status]) -> str:
    found = hashlib.sha256()
    for each in islice(statuses, MAX_ENTRIES):
        found.update(repr(each).encode("utf-8", "backslashreplace"))

    return found.hexdigest()[:16]


def _walk(path: Path, depth: int) -> Iterator[_Status]:
    """Yields what tells each visible file from one that has taken its place, in order of the names."""
    try:
        with os.scandir(path) as scanned:
            entries = sorted(scanned, key=lambda each: each.name)
    except OSError as error:
        yield (os.fspath(path), error.errno)
        return

    for entry in entries:
        if entry.name.startswith("."):
            continue
        try:
            status = entry.stat()
        except OSError as error:
            yield (entry.path, error.errno)
            continue

        if not stat.S_ISDIR(status.st_mode):
            yield _show(entry.path, status)
        elif depth > 1:
            yield from _walk(Path(entry.path), depth - 1)


def _show(path: str, status: os.stat_result) -> _Status:
    """Returns what tells a file from another; a copy with its source's time has one of its change that nobody sets."""
    times = status.st_mtime_ns, status.st_ctime_ns
    return (path, status.st_dev, status.st_ino, status.st_size, *times)
