"""The journal's file is made before workers start; each of them, however late it starts, uses this file or none.

Which file that is stands in the environment, which workers inherit: a worker that is started again after the file was
deleted would else make a new one, while its fellows refuse feedback.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path

from service.errors import SettingsError
from service.live.journal.storage.file import (
    Identity,
    JournalFile,
    PreparedFile,
    identify,
)
from service.live.journal.storage.problems import JournalUnusable, WrongFile

VARIABLE = "_VEREDICTO_JOURNAL_FILE"
_MAY_PASS = (errno.ENOSPC, errno.EDQUOT)
_DATABASE_SUFFIXES = ("", ".db", ".db3", ".journal", ".sqlite", ".sqlite3")
"""A text under another name is a slip in the setting, under one of these a journal that somebody has overwritten."""
_LOOKED_AT_BYTES = 4096


def prepare_file(path: Path) -> None:
    """Makes the file where there is none, and tells the workers which it is; raises SettingsError for a wrong path.

    What may pass (a lock, a full disk) and what a person must look at (a damaged file, a later schema) does not keep
    the server from starting: workers say it and refuse feedback.
    """
    _make(path)
    if os.access(path, os.F_OK) and not path.is_file():
        raise _refuse(path, "expected a file, got something else")
    if path.suffix not in _DATABASE_SUFFIXES and _is_text(path):
        raise _refuse(path, "it cannot be used: file is not a database but a text")

    journal_id = ""
    try:
        file = JournalFile(path, begun=None)
        journal_id = file.journal_id
        file.close(is_sound=True)
    except WrongFile as error:
        raise _refuse(path, str(error)) from error
    except JournalUnusable:
        pass  # the workers say it

    _tell_workers(path, journal_id)


def read_prepared_file(environment: Mapping[str, str]) -> PreparedFile | None:
    """Returns the file that was made before this worker started; None in a process that no server has started."""
    words = environment.get(VARIABLE, "").split(":")
    if len(words) != 3:
        return None
    return PreparedFile(Identity(int(words[0]), int(words[1])), words[2])


def _make(path: Path) -> None:
    """Makes an empty file where there is none; raises SettingsError where waiting would not let it be made."""
    try:
        path.touch()
    except OSError as error:
        if error.errno not in _MAY_PASS and not os.access(path, os.F_OK):
            raise _refuse(
                path,
                f"it cannot be made: {error.strerror}; it must lie in a folder that is there and can be written to",
            ) from error


def _tell_workers(path: Path, journal_id: str) -> None:
    os.environ.pop(VARIABLE, None)
    try:
        identity = identify(path)
    except JournalUnusable:
        return

    os.environ[VARIABLE] = f"{identity.device}:{identity.inode}:{journal_id}"


def _is_text(path: Path) -> bool:
    """Returns whether the file is somebody's text, which no damage makes of a journal."""
    try:
        with path.open("rb") as file:
            start = file.read(_LOOKED_AT_BYTES)
        start[:-4].decode()
    except (OSError, UnicodeDecodeError):
        return False

    return bool(start) and min(start) >= ord("\t")


def _refuse(path: Path, reason: str) -> SettingsError:
    return SettingsError(f"VEREDICTO_JOURNAL: {path.name}: {reason}")
