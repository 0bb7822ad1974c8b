"""Workers keep their counts for each other in files of one folder.

Files of workers that are gone are merged to one, so that a scrape does not read more with every worker that dies.
"""

from __future__ import annotations

import fcntl
import functools
import glob
import logging
import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from prometheus_client import multiprocess, values
from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import mmap_key

from service.execution.allocated_file import (
    AllocatedFile,
    IsDropped,
    Value,
    in_memory,
    keep_series,
    open_files,
    read_values,
    replace_file,
)

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
_LOCK = "lock"


def find_folder() -> str | None:
    """Returns the folder in which the workers of this server share their counts; None for a single process."""
    return os.environ.get(FOLDER)


def collect(folder: str) -> list[Metric]:
    """Returns the sums over all workers, living and dead; files of dead ones are merged first."""
    merge_dead_workers(folder)
    with _lock(folder, fcntl.LOCK_SH):
        files = set(glob.glob(os.path.join(folder, "*.db")))  # noqa: PTH118, PTH207  # as the library names them
        found = multiprocess.MultiProcessCollector.merge(
            sorted(files | in_memory.keys())
        )
        return list(found)


class SummingCollector:
    """This collector sums what all workers have counted."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        """Yields each metric; a histogram's buckets come first, as the format has them."""
        for metric in collect(self._folder):
            if metric.type == "histogram":
                metric.samples.sort(key=_order_sample)
            yield metric


def _order_sample(sample: Any) -> tuple[Any, ...]:
    labels = {name: value for name, value in sample.labels.items() if name != "le"}
    bound = float(sample.labels.get("le", 0))
    places = [sample.name.endswith(kind) for kind in ("_bucket", "_count", "_sum")]
    place = places.index(True) if True in places else len(places)

    return sorted(labels.items()), place, bound


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
        _say_once("cannot merge metrics of dead workers", error.strerror)


@functools.cache
def _say_once(what: str, reason: str) -> None:
    """Logs that something cannot be done, for each reason once: there may be a scrape every second."""
    logger.warning("%s: %s", what, reason)


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

    merged: dict[str, Value] = {}
    target = path.with_name(f"{kind}_{DEAD}.db")
    for each in (target, path):
        if each.is_file():
            for key, value, seen, _ in read_values(str(each)):
                merged[key] = _join(kind, merged.get(key), (value, seen))

    replace_file(target, merged).close()
    path.unlink()


def _join(kind: str, old: Value | None, new: Value) -> Value:
    """Returns what two workers' values come to: the sum of counts, the later of two gauges."""
    if old is None:
        return new
    if kind.startswith("gauge"):
        return max(old, new, key=lambda each: each[1])
    return old[0] + new[0], 0.0


def drop_series(is_dropped: IsDropped) -> None:
    """Drops series from the files of this process and of dead ones; other processes see to their own."""
    folder = find_folder()
    if folder is None:
        return

    try:
        with _lock(folder, fcntl.LOCK_EX):
            for file in list(open_files):
                file.drop(is_dropped)
            for path in Path(folder).glob(f"*_{DEAD}.db"):
                found = read_values(str(path))
                replace_file(path, keep_series(found, is_dropped)).close()
    except OSError as error:
        # They are shown for longer.
        _say_once("cannot drop series of retired models", error.strerror)


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
        _unwritten[path, key] += 1
        file = AllocatedFile(path)
        for _, each in (known := [found for found in _unwritten if found[0] == path]):
            value, _ = file.read_value(each)
            file.write_value(each, value + _unwritten[path, each], 0.0)
        is_written = path not in in_memory
        file.close()
        if is_written:
            for found in known:
                del _unwritten[found]


_events = threading.Lock()
_unwritten: Counter[tuple[str, str]] = Counter()
"""Events that found no room in their file are written with the next one, by path and key."""


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
