"""Gauges show how a worker is doing: each is read by a function of whoever knows, once a second and when scraped."""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from prometheus_client import Gauge

from service.execution import metric_files
from service.models.runtime.process_memory import read_memory_bytes

REFRESH_S = 1.0
Reading = float | Mapping[tuple[str, ...], float]
"""A gauge has one value, or one for each of its labels' values."""


class _Description(NamedTuple):
    sentence: str
    mode: Any = "livesum"
    labels: tuple[str, ...] = ()


_MODEL = ("model", "version")
_EACH = "liveall"
"""These are shown for each worker, by its process id."""
GAUGES: dict[str, _Description] = {
    "in_flight": _Description("Requests that are being answered"),
    "queue_rows": _Description("Rows that wait for a run", labels=_MODEL),
    "threads_busy": _Description("Threads that run a model or decode a request"),
    "threads_stuck": _Description("Threads whose work is past its deadline"),
    "connections": _Description("Open connections of clients over HTTP"),
    "ready": _Description("Whether all workers are ready", "livemin"),
    "refused_files": _Description(
        "Files of the model folder that cannot be served", "livemax"
    ),
    "process_resident_memory_bytes": _Description("Resident memory", _EACH),
    "process_cpu_seconds": _Description("Processor time since the start", _EACH),
    "process_open_files": _Description("Open file descriptors", _EACH),
}
"""Each gauge is `veredicto_<name>`."""

_readers: dict[str, Callable[[], Reading]] = {}
_shown: dict[str, Gauge] = {}


def watch(name: str, read: Callable[[], Reading]) -> None:
    """Makes the gauge of this name, which `GAUGES` has, show what the function returns; the last one counts."""
    sentence, mode, labels = GAUGES[name]
    if name not in _shown:
        _shown[name] = Gauge(
            f"veredicto_{name}", sentence, labels, multiprocess_mode=mode
        )
    _readers[name] = read


def refresh() -> None:
    """Reads all gauges; only the event loop may call it."""
    for name, read in _readers.items():
        reading = read()
        if isinstance(reading, Mapping):
            _show_labelled(name, reading)
        else:
            _shown[name].set(reading)


def _show_labelled(name: str, reading: Mapping[tuple[str, ...], float]) -> None:
    """Shows one value for each label; one that is not read any more is 0, as one that waits for nothing."""
    gauge = _shown[name]
    known = _known_labels.setdefault(name, set())
    for labels in known - reading.keys():
        gauge.labels(*labels).set(0)
    for labels, value in reading.items():
        gauge.labels(*labels).set(value)

    known.update(reading)


_known_labels: dict[str, set[tuple[str, ...]]] = {}


def forget(models: set[tuple[str, str]]) -> None:
    """Shows nothing more of these models, each a name and a version; only the event loop may call it."""
    for name, known in _known_labels.items():
        if GAUGES[name].labels == _MODEL:
            known -= models
            metric_files.forget_children(_shown[name], models)


def show_build(**versions: str) -> None:
    """Shows the versions that this server is built of, as the labels of a value that is always 1."""
    build = Gauge(
        "veredicto_build_info",
        "The versions of what serves",
        list(versions),
        multiprocess_mode="livemax",
    )
    build.labels(**versions).set(1)


def watch_process() -> None:
    """Shows what this process takes of the machine."""
    watch("process_cpu_seconds", _read_cpu_s)
    if Path("/proc/self/statm").exists():
        watch("process_resident_memory_bytes", read_memory_bytes)
        watch("process_open_files", _count_open_files)


def _count_open_files() -> int:
    try:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # it is read each second
    except OSError:
        # No descriptor is left to look with.
        return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _read_cpu_s() -> float:
    times = os.times()
    return times.user + times.system


class Refresher:
    """The refresher reads the gauges once a second from the server's start to its end."""

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Reads them for the first time, so that even a worker without requests has them."""
        self._refresh()

    async def stop(self) -> None:
        """Ends the reading."""
        if self._timer is not None:
            self._timer.cancel()
        refresh()

    def _refresh(self) -> None:
        # One that fails once is read again.
        self._timer = asyncio.get_running_loop().call_later(REFRESH_S, self._refresh)
        refresh()
