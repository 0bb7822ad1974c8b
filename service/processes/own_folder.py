"""A server has a folder for temporary files of its own, and removes those of servers that were killed.

It holds copies of all models. A server that is killed leaves it, and a machine that starts the next one each time would
be full some day.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

from service.errors import SettingsError

PREFIX = "veredicto-"
LOCK = "lock"
"""This file of the folder is locked as long as any process of its server lives, however it ends."""


class OwnFolder(NamedTuple):
    """A folder is its server's own while any process has this descriptor open."""

    path: Path
    descriptor: int


def make_own_folder() -> OwnFolder:
    """Returns a new folder; raises SettingsError where there can be none."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        hidden = folder / f".{LOCK}"
        descriptor = os.open(hidden, os.O_CREAT | os.O_RDWR, 0o600)
        # It is locked before it has the name by which another server finds it.
        _lock(descriptor)
        hidden.rename(folder / LOCK)
    except OSError as error:
        raise SettingsError(
            f"expected a writable folder for temporary files, found none ({error.strerror}): "
            "name one in TMPDIR, such as an emptyDir of the pod"
        ) from error

    return OwnFolder(folder, descriptor)


def remove_left_folders() -> int:
    """Removes the folders that servers of this user have left; returns how many."""
    n_removed = 0
    for lock in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{LOCK}"):
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
        except OSError:
            continue

        try:
            if lock.parent.lstat().st_uid == os.geteuid() and _lock(descriptor):
                shutil.rmtree(lock.parent, ignore_errors=True)
                n_removed += 1
        except OSError:
            # Another server that starts has just removed it.
            continue
        finally:
            os.close(descriptor)

    return n_removed


def _lock(descriptor: int) -> bool:
    """Locks a file that no other process has locked; returns whether that worked."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
