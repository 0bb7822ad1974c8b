"""The journal's open file is watched: it must be the one that its path names, and only SQLite may have written it.

A file that was deleted goes on taking what is written into it, and nobody ever reads that. So the path is looked at
before what is in the file counts as accepted. A look takes 20 us.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import struct
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from service.live.journal.storage import schema, wal
from service.live.journal.storage.problems import JournalLost, JournalUnusable, explain

MAIN = "the journal's file"
_BESIDE = {
    "-wal": "the journal's write-ahead log (-wal)",
    "-shm": "the index of the journal's write-ahead log (-shm)",
}
_HEADER_BYTES = 100
_APPLICATION = slice(68, 72)
_MAGIC_AND_PAGE_SIZE = slice(0, 18)
_SHARED_LOCK = (0x40000002, 510)
"""These bytes of a database file SQLite locks, to be alone with it: https://sqlite.org/lockingv3.html."""
_DATABASE, _LOG, _INDEX = range(3)
"""The three files are opened in this order: the database, SQLite's log beside it, and that log's index."""
_CHECKPOINT_LOOKS = 10
_CHECKPOINT_LOOK_S = 0.025


class Identity(NamedTuple):
    """An identity tells one file from another of the same name."""

    device: int
    inode: int


class PreparedFile(NamedTuple):
    """The file that the server began with; `journal_id` is empty where it could not be made into a journal yet."""

    identity: Identity
    journal_id: str


class _Part(NamedTuple):
    """A _Part is one of the three files, whose descriptor stays open: closing one would give up SQLite's locks."""

    words: str
    path: Path
    identity: Identity
    descriptor: int


def identify(path: Path, words: str = MAIN) -> Identity:
    """Returns which file is at a path; raises JournalLost without one, and JournalUnusable where that is unknown."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise JournalLost(
            f"{words} was deleted or moved while the server runs"
        ) from error
    except OSError as error:
        raise JournalUnusable(
            f"{words} cannot be looked at: {error.strerror}"
        ) from error

    return Identity(found.st_dev, found.st_ino)


class JournalFile:
    """A JournalFile is the open file that a path names, `begun` where a server has begun it; it raises JournalUnusable.

    Only one thread may use it, but for `check_names`.
    """

    def __init__(self, path: Path, *, begun: PreparedFile | None) -> None:
        if begun is not None:
            _check_begun(path, begun)
        if os.access(path, os.F_OK) and not os.access(path, os.W_OK):
            raise JournalUnusable(f"{MAIN} cannot be written to: its permissions")

        self._path = path
        self._lock = threading.Lock()
        self._parts: list[_Part] = []
        may_make = begun is None or not begun.journal_id

        try:
            self.connection = schema.connect_unprepared(path, may_make=may_make)
        except sqlite3.Error as error:
            raise explain(error) from error

        try:
            self._parts.append(_open_part(MAIN, path))
            schema.prepare(self.connection, may_make=may_make)
            self._take_in(begun)
        except sqlite3.Error as error:
            self.close(is_sound=False)
            raise explain(error) from error
        except BaseException:
            self.close(is_sound=False)
            raise

    def check(self) -> None:
        """Raises JournalLost where the files are not those that were opened, or somebody else has written to them."""
        self.check_names()
        index = wal.read_index(self._parts[_INDEX].descriptor)
        self._check_header()
        if index is not None:
            self._check_log(index)
            self._check_changes(index)

    def check_names(self) -> None:
        """Raises JournalUnusable where the paths do not name the open files any more; any thread may call it."""
        # Else `close` gives up descriptors, and others take their numbers.
        with self._lock:
            if not self._parts:
                raise JournalUnusable(f"{MAIN} is closed")

            for part in self._parts:
                if identify(part.path, part.words) != part.identity:
                    raise JournalLost(
                        f"another file has taken the place of {part.words}"
                    )

            # SQLite would read beyond the end of a shorter index, which ends the process.
            shm = self._parts[_INDEX]
            if os.fstat(shm.descriptor).st_size < wal.MIN_INDEX_BYTES:
                raise JournalLost(f"{shm.words} was cut short")

    def close(self, *, is_sound: bool) -> None:
        """Closes the file; one that is not sound is left as it is, and so is its log."""
        with self._lock:
            if self._parts and not is_sound:
                _keep_from_checkpoint(self._parts[_DATABASE].descriptor)

            self.connection.close()
            for part in self._parts:
                os.close(part.descriptor)
            self._parts = []

    def _take_in(self, begun: PreparedFile | None) -> None:
        """Opens the three files, and looks through the whole database once."""
        main = self._path.resolve()  # as SQLite does to name the others
        for suffix, words in _BESIDE.items():
            self._parts.append(_open_part(words, Path(f"{main}{suffix}")))

        self._header = os.pread(self._parts[_DATABASE].descriptor, _HEADER_BYTES, 0)
        self._main_state = self._look_at_main()
        index = wal.read_index(self._parts[_INDEX].descriptor)
        self._progress = b"" if index is None else index.progress

        self.journal_id = self._check_content()
        if begun is not None and begun.journal_id not in ("", self.journal_id):
            raise JournalLost(f"another journal has taken the place of {MAIN}")

    def _check_content(self) -> str:
        """Returns the id in the file, as another connection reads it; raises JournalUnusable."""
        try:
            with closing(schema.connect_to_read(self._path)) as connection:
                schema.check_pages(connection)
                return schema.read_id(connection)
        except sqlite3.Error as error:
            raise explain(error) from error

    def _check_header(self) -> None:
        header = os.pread(self._parts[_DATABASE].descriptor, _HEADER_BYTES, 0)
        for part in (_MAGIC_AND_PAGE_SIZE, _APPLICATION):
            if header[part] != self._header[part]:
                raise JournalLost(f"{MAIN} was overwritten or cut short")

    def _check_log(self, index: wal.LogIndex) -> None:
        """Compares the log with its index, again where that changes meanwhile."""
        shm = self._parts[_INDEX].descriptor
        while not wal.fits(self._parts[_LOG].descriptor, index):
            latest = wal.read_index(shm)
            if latest == index:
                raise JournalLost(
                    f"{self._parts[_LOG].words} was overwritten or cut short"
                )
            if latest is None:
                return
            index = latest

    def _check_changes(self, index: wal.LogIndex) -> None:
        """Looks through the file where it has changed without a checkpoint, which alone writes to it."""
        before = self._main_state
        self._main_state = self._look_at_main()
        if self._main_state != before and self._progress == index.progress:
            progress = self._wait_for_checkpoint()
            if progress == index.progress and self._check_content() != self.journal_id:
                raise JournalLost(f"another journal was written over {MAIN}")
            self._progress = progress
        else:
            self._progress = index.progress

    def _wait_for_checkpoint(self) -> bytes:
        """Returns the progress of checkpoints once it moves, or soon: another process may be in the midst of one."""
        for _ in range(_CHECKPOINT_LOOKS):
            index = wal.read_index(self._parts[_INDEX].descriptor)
            if index is not None and index.progress != self._progress:
                return index.progress
            time.sleep(_CHECKPOINT_LOOK_S)

        return self._progress

    def _look_at_main(self) -> tuple[int, int]:
        found = os.fstat(self._parts[_DATABASE].descriptor)
        return found.st_mtime_ns, found.st_size


def _check_begun(path: Path, begun: PreparedFile) -> None:
    if identify(path) != begun.identity:
        raise JournalLost(f"another file has taken the place of {MAIN}")
    if begun.journal_id and path.stat().st_size == 0:
        raise JournalLost(f"{MAIN} was emptied")


def _open_part(words: str, path: Path) -> _Part:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise JournalUnusable(f"{words} cannot be opened: {error.strerror}") from error

    found = os.fstat(descriptor)
    return _Part(words, path, Identity(found.st_dev, found.st_ino), descriptor)


def _keep_from_checkpoint(descriptor: int) -> None:
    """Keeps SQLite from writing its log into the file when it closes it, by a lock that conflicts with its own."""
    command = getattr(fcntl, "F_OFD_SETLK", None)  # Linux has it
    if command is None:
        return

    start, length = _SHARED_LOCK
    lock = struct.pack("hhqqi4x", fcntl.F_RDLCK, os.SEEK_SET, start, length, 0)
    try:
        fcntl.fcntl(descriptor, command, lock)
    except OSError:
        return
