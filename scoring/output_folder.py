"""This module keeps the folder that a run writes into for that run alone, and tidy."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.errors import EvaluationError

LOCK = ".lock"


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
