"""A merged journal is written beside its place; what a merge that was killed had begun is removed by the next one."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

SUFFIX = ".merge.tmp"
"""No file of another program ends so, and with the logs of SQLite behind it."""
_LOGS = ("", "-wal", "-shm")


@contextmanager
def make_beside(out: Path) -> Iterator[Path]:
    """Gives a path beside `out` that is free, where whoever has written a file gives it the name `out`.

    What is left there is removed at the end. It raises OSError where there is no such folder.
    """
    descriptor = os.open(out.parent, os.O_RDONLY)
    try:
        _remove_leftovers(out.parent, descriptor)
        beside = out.with_name(f".{out.name}.{token_hex(4)}{SUFFIX}")
        try:
            yield beside
        finally:
            for log in _LOGS:
                beside.with_name(beside.name + log).unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _remove_leftovers(folder: Path, descriptor: int) -> None:
    """Removes the files of merges that were killed, unless another merge is under way in this folder.

    Every merge shares the lock of the folder until it ends, in whatever way. Where a file system has no such locks,
    as some networks', nothing is removed.
    """
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for log in _LOGS:
            for path in folder.glob(f".*{SUFFIX}{log}"):
                path.unlink(missing_ok=True)

    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_SH)
