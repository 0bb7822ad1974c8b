"""The files in which workers keep their counts for each other: one that the disk has no room for is kept in memory.

`prometheus_client` maps files that have no blocks yet, and a write to such a page of a full disk ends the process
(SIGBUS). Here each file is given its blocks before it is mapped. Files of workers that are gone are merged to one, so
that a scrape does not read more with every worker that dies.
"""

from __future__ import annotations

import errno
import fcntl
import glob
import json
import logging
import mmap
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakSet

from prometheus_client import multiprocess, values
from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict, mmap_key

logger = logging.getLogger(__name__)

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
DEAD = "0"
"""The merged files of dead workers have this in place of a process id."""
SUPERVISOR = "supervisor"


class Event(NamedTuple):
    """An event of the supervisor's is counted under this name, by one label."""

    name: str
    label: str
    sentence: str


RESTARTS = Event(
    "veredicto_worker_restarts", "reason", "Workers that were replaced, by reason"
)
RELOADS = Event(
    "veredicto_reloads", "outcome", "Looks at a changed model folder, by outcome"
)
INITIAL_BYTES = 1 << 16
_LOCK = "lock"
_HEADER_BYTES = 8

IsDropped = Callable[[str, dict[str, str]], bool]
"""It is told a metric's name and the labels of a series."""
_Value = tuple[float, float]
"""A value and the time when it was set, which is 0 for counts."""

_in_memory: dict[str, AllocatedFile] = {}
"""Files that could not be written stand here by their paths."""
_open_files: WeakSet[AllocatedFile] = WeakSet()


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
            _open_files.add(self)

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

            kept = _keep(self._read_all_values(), is_dropped)
            if len(kept) == len(self._positions):
                return

            fresh = _replace(Path(self._fname), kept)
            self._f.close()
            self._f, self._m = fresh._f, fresh._m
            self._capacity, self._used = fresh._capacity, fresh._used
            self._positions = fresh._positions
            _open_files.discard(fresh)

    def _open(self, *, is_read_only: bool) -> None:
        flags = os.O_RDONLY if is_read_only else os.O_RDWR | os.O_CREAT
        descriptor = os.open(self._fname, flags, 0o600)
        try:
            n_bytes = os.fstat(descriptor).st_size
            self._capacity = max(n_bytes, INITIAL_BYTES)
            if not is_read_only:
                _allocate(descriptor, self._capacity)
            access = mmap.ACCESS_READ if is_read_only else mmap.ACCESS_WRITE
            self._m = mmap.mmap(descriptor, self._capacity, access=access)
        except BaseException:
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
        if error is not None and not _in_memory:
            logger.warning(
                "metrics of this worker are kept in its memory, and other workers do not show them: %s",
                error.strerror,
            )

        memory = mmap.mmap(-1, n_bytes)
        if self._m is not None:
            memory[: len(self._m)] = self._m[:]
        if self._f is not None:
            self._f.close()
        if self._m is None:
            self._capacity = n_bytes
        self._f = None
        self._m = memory
        _in_memory[self._fname] = self

    @staticmethod
    def read_all_values_from_file(filename: str) -> Any:
        """Yields the values of a file, or of what stands in its place in memory."""
        kept = _in_memory.get(filename)
        if kept is not None:
            return iter(list(kept._read_all_values()))
        return MmapedDict.read_all_values_from_file(filename)

    def close(self) -> None:
        """Closes the file and the map of it."""
        _open_files.discard(self)
        if self._m is not None:
            self._m.close()
            self._m = None
        if self._f is not None:
            self._f.close()
            self._f = None


def _allocate(descriptor: int, n_bytes: int) -> None:
    """Gives a file all of its blocks, and keeps what is in it; raises OSError where the disk has no room."""
    try:
        os.posix_fallocate(descriptor, 0, n_bytes)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
            raise
        content = os.pread(descriptor, n_bytes, 0)
        os.pwrite(descriptor, content.ljust(n_bytes, b"\0"), 0)


def install() -> None:
    """Makes files of metrics that are opened from here on allocated ones."""
    for each in (values, multiprocess):
        vars(each)["MmapedDict"] = AllocatedFile


def find_folder() -> str | None:
    """Returns the folder in which the workers of this server share their counts; None for a single process."""
    return os.environ.get(FOLDER)


def collect(folder: str) -> list[Metric]:
    """Returns the sums over all workers, living and dead; files of dead ones are merged first."""
    merge_dead_workers(folder)
    with _lock(folder, fcntl.LOCK_SH):
        files = set(glob.glob(os.path.join(folder, "*.db")))  # noqa: PTH118, PTH207  # as the library names them
        found = multiprocess.MultiProcessCollector.merge(
            sorted(files | _in_memory.keys())
        )
        return list(found)


def merge_dead_workers(folder: str | None = None) -> None:
    """Adds the counts of workers that are gone to one file for each kind, and forgets their gauges."""
    folder = folder or find_folder()
    if folder is None or not any(_find_dead(folder)):
        return

    try:
        with _lock(folder, fcntl.LOCK_EX):
            for path in list(_find_dead(folder)):
                _merge(path)
    except OSError as error:
        # They are still counted where they are.
        logger.warning("cannot merge metrics of dead workers: %s", error.strerror)


def _find_dead(folder: str) -> Iterator[Path]:
    """Yields the files of processes that are not there any more."""
    for path in Path(folder).glob("*.db"):
        pid = path.stem.rpartition("_")[2]
        if pid.isdecimal() and pid != DEAD and not _is_alive(int(pid)):
            yield path


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass

    # A dead child that nobody has waited for yet counts nothing more.
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return True
    return state not in ("Z", "X")


def _merge(path: Path) -> None:
    kind = path.stem.rpartition("_")[0]
    if kind.startswith("gauge_live"):
        path.unlink()
        return

    merged: dict[str, _Value] = {}
    target = path.with_name(f"{kind}_{DEAD}.db")
    for each in (target, path):
        if each.is_file():
            for key, value, seen, _ in MmapedDict.read_all_values_from_file(str(each)):
                merged[key] = _join(kind, merged.get(key), (value, seen))

    _replace(target, merged).close()
    path.unlink()


def _join(kind: str, old: _Value | None, new: _Value) -> _Value:
    """Returns what two workers' values come to: the sum of counts, the later of two gauges."""
    if old is None:
        return new
    if kind.startswith("gauge"):
        return max(old, new, key=lambda each: each[1])
    return old[0] + new[0], 0.0


def _keep(entries: Iterable[Any], is_dropped: IsDropped) -> dict[str, _Value]:
    """Returns the values of the series that are not dropped."""
    kept: dict[str, _Value] = {}
    for key, value, seen, _ in entries:
        metric, _, labels, _ = json.loads(key)
        if not is_dropped(metric, labels):
            kept[key] = value, seen

    return kept


def _replace(path: Path, kept: dict[str, _Value]) -> AllocatedFile:
    """Replaces a file by one of these values, which is returned; raises OSError where the disk has no room for it."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    file = AllocatedFile(str(fresh))
    for key, (value, seen) in kept.items():
        file.write_value(key, value, seen)
    if _in_memory.pop(str(fresh), None) is not None:
        file.close()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    fresh.replace(path)
    file._fname = str(path)

    return file


def drop_series(is_dropped: IsDropped) -> None:
    """Drops series from the files of this process and of dead ones; other processes see to their own."""
    folder = find_folder()
    if folder is None:
        return

    try:
        with _lock(folder, fcntl.LOCK_EX):
            for file in list(_open_files):
                file.drop(is_dropped)
            for path in Path(folder).glob(f"*_{DEAD}.db"):
                found = MmapedDict.read_all_values_from_file(str(path))
                _replace(path, _keep(found, is_dropped)).close()
    except OSError as error:
        # They are shown for longer.
        logger.warning("cannot drop series of retired models: %s", error.strerror)


def forget_children(metric: Any, models: set[tuple[str, str]]) -> None:
    """Forgets what a metric has of these models, whose name and version are its first two labels."""
    with metric._lock:
        found = [labels for labels in metric._metrics if labels[:2] in models]
        gone = {id(metric._metrics.pop(labels)._value) for labels in found}

    known = _find_known_values()
    known[:] = [each for each in known if id(each) not in gone]


def _find_known_values() -> list[Any]:
    """Returns the library's list of all values of this process, which it keeps for the case of a fork."""
    made = values.ValueClass.__init__
    cells = dict(zip(made.__code__.co_freevars, made.__closure__ or (), strict=True))
    cell = cells.get("values")
    return [] if cell is None else cell.cell_contents


def count_event(event: Event, word: str, folder: str | None = None) -> None:
    """Counts an event in the supervisor; `word` is one of a few, the value of its label."""
    folder = folder or find_folder()
    if folder is None:
        return

    path = str(Path(folder) / f"counter_{SUPERVISOR}.db")
    name, label, sentence = event
    key = mmap_key(name, f"{name}_total", [label], [word], sentence)
    with _events:
        file = AllocatedFile(path)
        value, _ = file.read_value(key)
        file.write_value(key, value + 1, 0.0)
        file.close()
        _in_memory.pop(path, None)


_events = threading.Lock()


@contextmanager
def _lock(folder: str, kind: int) -> Iterator[None]:
    """Holds the folder's lock, so that no scrape meets a file that is being merged; one without room needs none."""
    try:
        descriptor = os.open(Path(folder) / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        yield
        return

    try:
        fcntl.flock(descriptor, kind)
        yield
    finally:
        os.close(descriptor)
