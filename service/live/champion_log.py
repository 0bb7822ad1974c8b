"""The log of acts has promotions and roll-backs, one line of JSON each, in a file that is only ever added to.

The file is the state: a task's champion is the one that its last line names, in each worker and after each restart. A
line counts when it is whole and on the disk; what a crash or a full disk leaves of one is no line, and goes before the
next is written. Each line has the hash of the line before it, and the counts that its reason follows from.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, NamedTuple, NotRequired, TypedDict

from service.errors import SettingsError

ChangeKind = Literal["promotion", "roll-back"]
NEXT_LINE = b"\n"


class ServedVersion(TypedDict):
    """A version of a model answers for its task."""

    model: str
    version: str


class ChampionChange(TypedDict):
    """A line of the log; a promotion has the test, a roll-back the alarm that it follows from."""

    number: int
    time: str
    task: str
    act: ChangeKind
    before: ServedVersion
    after: ServedVersion
    because: str
    test: NotRequired[dict[str, Any]]
    alarm: NotRequired[dict[str, Any]]
    previous: str


class History(NamedTuple):
    """The acts of a log, in their order; `n_bytes` of the file are whole lines, `last_hash` is that of the last one."""

    acts: tuple[ChampionChange, ...] = ()
    n_bytes: int = 0
    last_hash: str = ""

    def find_champions(self) -> dict[str, str]:
        """Returns the names of the champions that acts have made, by task."""
        return {act["task"]: act["after"]["model"] for act in self.acts}

    def find_predecessor(self, task: str) -> ServedVersion | None:
        """Returns the champion before the promotion that stands, None where no promotion of the task stands."""
        promoted: list[ServedVersion] = []
        for act in self.acts:
            if act["task"] != task:
                continue
            if act["act"] == "promotion":
                promoted.append(act["before"])
            elif promoted:
                promoted.pop()

        return promoted[-1] if promoted else None

    def was_rolled_back(self, task: str, served: ServedVersion) -> bool:
        """Returns whether this version has been a champion that failed, which is not promoted again."""
        return any(
            act["task"] == task
            and act["act"] == "roll-back"
            and act["before"] == served
            for act in self.acts
        )


class FileState(NamedTuple):
    """Two states are equal only where the file has not been written to between them; all are 0 without a file."""

    inode: int = 0
    n_bytes: int = 0
    changed_ns: int = 0


class LogChanged(Exception):
    """Somebody else has written to the log since it was read: what was decided is to be decided anew."""


def read_state(path: Path) -> FileState:
    """Returns the state that the file is in; raises SettingsError where that cannot be told."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return FileState()
    except OSError as error:
        raise _refuse(path, f"it cannot be read: {error.strerror}") from error

    return FileState(found.st_ino, found.st_size, found.st_mtime_ns)


def read(path: Path) -> History:
    """Returns the acts of a log, none where there is no file; raises SettingsError for lines that are no acts."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return History()
    except OSError as error:
        raise _refuse(path, f"it cannot be read: {error.strerror}") from error

    return _parse(path, content)


def append(path: Path, history: History, act: ChampionChange) -> History:
    """Writes the next line for all others to follow, and returns the history with it.

    It raises LogChanged where the log is another than this history, and OSError where the line cannot be written: then
    nothing of it is in the file.
    """
    line = json.dumps(act, ensure_ascii=False, allow_nan=False).encode() + NEXT_LINE

    with _lock(path) as descriptor:
        content = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
        if _parse(path, content) != history:
            raise LogChanged

        os.ftruncate(descriptor, history.n_bytes)
        try:
            _write(descriptor, line)
        except BaseException:
            os.ftruncate(descriptor, history.n_bytes)
            raise

    return _add(history, act, line)


def check_file(path: Path) -> None:
    """Raises SettingsError where the log is not one, or cannot be added to."""
    read(path)
    try:
        with _lock(path):
            pass
    except OSError as error:
        raise _refuse(
            path,
            f"it cannot be written to: {error.strerror}; it must lie in a folder that is there",
        ) from error


@contextmanager
def _lock(path: Path) -> Iterator[int]:
    """Opens the file for one process alone; the system gives the lock back, whatever ends the process."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _write(descriptor: int, line: bytes) -> None:
    """Writes a line to the disk; raises OSError where not all of it is there."""
    n_written = os.write(descriptor, line)
    if n_written < len(line):
        # The next write says why.
        os.write(descriptor, line[n_written:])
    os.fsync(descriptor)


def _parse(path: Path, content: bytes) -> History:
    history = History()
    lines = content.split(NEXT_LINE)[:-1]

    for line in lines:
        number = len(history.acts) + 1
        try:
            act = json.loads(line)
            is_next = act["number"] == number
            is_next = is_next and act["previous"] == history.last_hash
            names = [act["task"], act["act"], act["before"]["model"]]
            names += [act["before"]["version"], act["after"]["model"]]
            is_act = all(isinstance(each, str) for each in names)
        except (ValueError, LookupError, TypeError) as error:
            raise _refuse(path, f"line {number} is no act: put it aside") from error
        if not (is_next and is_act):
            raise _refuse(
                path, f"line {number} does not follow the line before it: put it aside"
            )

        history = _add(history, act, line + NEXT_LINE)

    return history


def _add(history: History, act: ChampionChange, line: bytes) -> History:
    return History(
        (*history.acts, act),
        history.n_bytes + len(line),
        sha256(line.rstrip(NEXT_LINE)).hexdigest(),
    )


def _refuse(path: Path, reason: str) -> SettingsError:
    return SettingsError(f"VEREDICTO_ACTS: {path.name}: {reason}")
