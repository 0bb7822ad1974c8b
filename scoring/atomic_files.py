"""This module writes files that are there whole or not at all, whatever ends the process or the machine."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from service.errors import EvaluationError

LOCK = ".lock"


def write_file(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Writes a file under another name, waits for the disk, and gives it its name; a file of that name is replaced."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        if error.filename is None:  # as of a full disk
            error.filename = str(path)
        raise
    finally:
        beside.unlink(missing_ok=True)

    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Waits until the disk has the names of a folder's files."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_leftovers(folder: Path) -> None:
    """Removes what a process that was killed had begun to write."""
    for path in folder.glob(".*.tmp"):
        path.unlink(missing_ok=True)


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Holds the folder for this process alone, until it ends in whatever way; raises EvaluationError."""
    with (folder / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EvaluationError(
                f"--out {folder}: another run is writing there: wait for its end, or name another folder"
            ) from None
        yield
