"""A file of one process's counts is mapped into memory once it has all of its blocks, or is kept in memory alone.

`prometheus_client` maps files that have no blocks yet, and a write to such a page of a full disk ends the process
(SIGBUS).
"""

from __future__ import annotations

import errno
import functools
import json
import logging
import mmap
import os
import struct
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from weakref import WeakSet

from prometheus_client import multiprocess, values
from prometheus_client.mmap_dict import MmapedDict

logger = logging.getLogger(__name__)

INITIAL_BYTES = 1 << 16
_HEADER_BYTES = 8
IsDropped = Callable[[str, dict[str, str]], bool]
"""It is told a metric's name and the labels of a series."""
Value = tuple[float, float]
"""A value and the time when it was set, which is 0 for counts."""

in_memory: dict[str, AllocatedFile] = {}
"""Files that could not be written stand here by their paths."""
open_files: WeakSet[AllocatedFile] = WeakSet()


class AllocatedFile(MmapedDict):
    """These are the values of one kind of one process, in a file that has all of its blocks, or else in memory."""

    _f: Any
    _m: Any

    def __init__(self, filename: str, read_mode: bool = False) -> None:  # noqa: FBT001, FBT002  # its signature
        self._fname = filename
        self._guard = threading.Lock()
        self._positions: dict[str, int] = {}
        self._f = self._m = None
        try:
            self._open(is_read_only=read_mode)
        except OSError as error:
            if read_mode:
                raise
            self._keep_in_memory(INITIAL_BYTES, error)

        self._read_positions()
        if not read_mode:
            open_files.add(self)

    def read_value(self, key: str) -> Any:
        """Returns a value and its time, which is there from here on."""
        with self._guard:
            return super().read_value(key)

    def write_value(self, key: str, value: float, timestamp: float) -> None:
        """Writes a value and its time."""
        with self._guard:
            super().write_value(key, value, timestamp)

    def drop(self, is_dropped: IsDropped) -> None:
        """Drops series, by a new file in place of the old one; what is kept in memory stays as it is."""
        with self._guard:
            if self._f is None:
                return

            kept = keep_series(self._read_all_values(), is_dropped)
            if len(kept) == len(self._positions):
                return

            fresh = replace_file(Path(self._fname), kept)
            self._f.close()
            self._f, self._m = fresh._f, fresh._m
            self._capacity, self._used = fresh._capacity, fresh._used
            self._positions = fresh._positions
            open_files.discard(fresh)

    def _open(self, *, is_read_only: bool) -> None:
        flags = os.O_RDONLY if is_read_only else os.O_RDWR | os.O_CREAT
        descriptor = os.open(self._fname, flags, 0o600)
        n_bytes = os.fstat(descriptor).st_size
        try:
            self._capacity = max(n_bytes, INITIAL_BYTES)
            if not is_read_only:
                _allocate(descriptor, self._capacity)
            access = mmap.ACCESS_READ if is_read_only else mmap.ACCESS_WRITE
            self._m = mmap.mmap(descriptor, self._capacity, access=access)
        except BaseException:
            if not is_read_only and not n_bytes:
                # A new file without its blocks has nothing to say.
                Path(self._fname).unlink(missing_ok=True)
            os.close(descriptor)
            raise
        self._f = os.fdopen(descriptor, "rb" if is_read_only else "r+b")

    def _read_positions(self) -> None:
        self._used = int.from_bytes(self._m[:4], "little")
        if self._used == 0:
            self._set_used(_HEADER_BYTES)
        for key, _, _, position in self._read_all_values():
            self._positions[key] = position

    def _set_used(self, n_bytes: int) -> None:
        self._used = n_bytes
        if not (self._f is not None and self._f.mode == "rb"):
            self._m[:4] = n_bytes.to_bytes(4, "little")

    def _init_value(self, key: str) -> None:
        # The longest entry is its key, padded, and 20 bytes more.
        while self._used + len(key.encode()) + 32 > self._capacity:
            self._grow()
        super()._init_value(key)

    def _grow(self) -> None:
        """Doubles the room, in the file where the disk has it."""
        more = self._capacity
        if self._f is not None:
            try:
                _allocate(self._f.fileno(), self._capacity + more)
                self._m = mmap.mmap(self._f.fileno(), self._capacity + more)
            except OSError as error:
                self._keep_in_memory(self._capacity + more, error)
        else:
            self._keep_in_memory(self._capacity + more, None)
        self._capacity += more

    def _keep_in_memory(self, n_bytes: int, error: OSError | None) -> None:
        """Moves the values to memory, where this process alone sees them from here on."""
        if error is not None:
            _say_once(error.strerror)

        memory = mmap.mmap(-1, n_bytes)
        if self._m is not None:
            memory[: len(self._m)] = self._m[:]
        if self._f is not None:
            self._f.close()
        if self._m is None:
            self._capacity = n_bytes
        self._f = None
        self._m = memory
        in_memory[self._fname] = self

    @staticmethod
    def read_all_values_from_file(filename: str) -> Any:
        """Yields the values of a file, or of what stands in its place in memory."""
        kept = in_memory.get(filename)
        if kept is not None:
            return iter(list(kept._read_all_values()))
        return iter(read_values(filename))

    def close(self) -> None:
        """Closes the file and the map of it; the library does so in a process that was forked."""
        open_files.discard(self)
        if in_memory.get(self._fname) is self:
            del in_memory[self._fname]
        if self._m is not None:
            self._m.close()
            self._m = None
        if self._f is not None:
            self._f.close()
            self._f = None


def read_values(filename: str) -> list[Any]:
    """Returns the values of a file, as far as it can be read: one that found no room, or is damaged, may have none."""
    found = []
    try:
        for each in MmapedDict.read_all_values_from_file(filename):
            json.loads(each[0])
            found.append(each)
    except (struct.error, RuntimeError, ValueError) as error:
        logger.debug("a file of metrics ends too soon: %s", error)

    return found


@functools.cache
def _say_once(reason: str) -> None:
    """Logs that there is no room, for this process and this reason once."""
    logger.warning(
        "metrics of this process are kept in its memory, and others do not show them: %s",
        reason,
    )


def _allocate(descriptor: int, n_bytes: int) -> None:
    """Gives a file all of its blocks, and keeps what is in it; raises OSError where the disk has no room."""
    try:
        os.posix_fallocate(descriptor, 0, n_bytes)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
            raise
        content = os.pread(descriptor, n_bytes, 0)
        os.pwrite(descriptor, content.ljust(n_bytes, b"\0"), 0)


def keep_series(entries: Iterable[Any], is_dropped: IsDropped) -> dict[str, Value]:
    """Returns the values of the series that are not dropped."""
    kept: dict[str, Value] = {}
    for key, value, seen, _ in entries:
        metric, _, labels, _ = json.loads(key)
        if not is_dropped(metric, labels):
            kept[key] = value, seen

    return kept


def replace_file(path: Path, kept: dict[str, Value]) -> AllocatedFile:
    """Replaces a file by one of these values, which is returned; raises OSError where the disk has no room for it."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    file = AllocatedFile(str(fresh))
    for key, (value, seen) in kept.items():
        file.write_value(key, value, seen)
    if in_memory.pop(str(fresh), None) is not None:
        file.close()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    fresh.replace(path)
    file._fname = str(path)

    return file


def install() -> None:
    """Makes files of metrics that are opened from here on allocated ones."""
    for each in (values, multiprocess):
        vars(each)["MmapedDict"] = AllocatedFile
