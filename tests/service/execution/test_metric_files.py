"""Files of counts of processes that live and of processes that are gone, in a folder of the test's own."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.mmap_dict import mmap_key

from service.execution import allocated_file, metric_files
from service.execution.allocated_file import AllocatedFile
from service.execution.metric_files import (
    RESTARTS,
    collect,
    count_event,
    merge_dead_workers,
)

KEY = mmap_key("asked", "asked_total", ["route"], ["/predict"], "Requests")


def find_dead_pid() -> int:
    """Returns the id of a process that has ended and was waited for."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
        return process.pid


def write_count(folder: Path, pid: int | str, value: float) -> Path:
    """Writes the file of counts of a process."""
    path = folder / f"counter_{pid}.db"
    file = AllocatedFile(str(path))
    file.write_value(KEY, value, 0.0)
    file.close()
    return path


def read_sum(folder: Path, name: str) -> float:
    """Returns the sum of a metric over all processes."""
    return sum(
        sample.value
        for metric in collect(str(folder))
        for sample in metric.samples
        if sample.name == name
    )


def test_counts_of_dead_workers_are_kept_in_one_file(tmp_path: Path) -> None:
    """The sum stays as it was, and the files of two workers that are gone become one."""
    dead = [write_count(tmp_path, find_dead_pid(), value) for value in (3, 4)]
    before = sum((3, 4))

    merge_dead_workers(str(tmp_path))

    assert not any(path.exists() for path in dead)
    assert [path.name for path in tmp_path.glob("*.db")] == ["counter_0.db"]
    assert read_sum(tmp_path, "asked_total") == before

    write_count(tmp_path, find_dead_pid(), 5)
    assert read_sum(tmp_path, "asked_total") == before + 5


def test_restarts_are_counted_by_their_reason(tmp_path: Path) -> None:
    """The supervisor's counts stand beside the workers'."""
    for reason in ("died", "died", "hung"):
        count_event(RESTARTS, reason, str(tmp_path))

    assert read_sum(tmp_path, "veredicto_worker_restarts_total") == 3


def test_a_file_has_its_blocks_before_it_is_written(tmp_path: Path) -> None:
    """A disk that fills up later cannot end the process that writes into its map."""
    path = write_count(tmp_path, find_dead_pid(), 1)
    stat = path.stat()
    assert stat.st_blocks * 512 >= stat.st_size > 0


def test_without_room_counts_are_kept_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that cannot get its blocks leaves the process counting, and its counts in its own answers."""
    monkeypatch.setattr(allocated_file, "in_memory", {})
    path = str(tmp_path / "counter_1.db")
    with limit_files(1024):
        file = AllocatedFile(path)
        for number in range(2000):
            key = mmap_key(
                "asked", "asked_total", ["route"], [f"/{number}"], "Requests"
            )
            file.write_value(key, 1.0, 0.0)

        total = sum(
            value for _, value, _, _ in AllocatedFile.read_all_values_from_file(path)
        )

    assert total == 2000


@pytest.mark.parametrize("content", [b"", b"\0", bytes(8), b"\xff\xff\0\0" + bytes(60)])
@pytest.mark.parametrize("is_dead", [False, True])
def test_a_file_that_was_never_written_counts_nothing(
    tmp_path: Path, content: bytes, *, is_dead: bool
) -> None:
    """A worker that found no room, or none for all it wrote, spoils no scrape, whether it lives or not."""
    write_count(tmp_path, find_dead_pid(), 4)
    pid = find_dead_pid() if is_dead else os.getpid()
    (tmp_path / f"counter_{pid}.db").write_bytes(content)

    assert read_sum(tmp_path, "asked_total") == 4
    merge_dead_workers(str(tmp_path))
    assert read_sum(tmp_path, "asked_total") == 4


def test_a_file_without_room_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that finds no room leaves no empty file behind."""
    monkeypatch.setattr(allocated_file, "in_memory", {})
    with limit_files(1024):
        AllocatedFile(str(tmp_path / "counter_1.db"))

    assert not list(tmp_path.iterdir())


def test_counts_in_memory_end_with_their_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file in memory that is closed, as the library does after a fork, is read no more."""
    monkeypatch.setattr(allocated_file, "in_memory", {})
    monkeypatch.setattr(metric_files, "in_memory", allocated_file.in_memory)
    path = tmp_path / f"counter_{os.getpid()}.db"
    with limit_files(1024):
        file = AllocatedFile(str(path))
        file.write_value(KEY, 3.0, 0.0)
        assert read_sum(tmp_path, "asked_total") == 3
        file.close()
        assert read_sum(tmp_path, "asked_total") == 0


def test_events_that_found_no_room_are_counted_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Events are remembered while the disk is full, which is said once, and written with the first that has room."""
    allocated_file._say_once.cache_clear()
    with limit_files(1024):
        for reason in ("died", "died", "hung"):
            count_event(RESTARTS, reason, str(tmp_path))
    said = len(caplog.records)
    before = read_sum(tmp_path, "veredicto_worker_restarts_total")
    count_event(RESTARTS, "died", str(tmp_path))
    count_event(RESTARTS, "died", str(tmp_path))

    assert said == 1
    assert before == 0
    assert read_sum(tmp_path, "veredicto_worker_restarts_total") == 5


@contextmanager
def limit_files(n_bytes: int) -> Iterator[None]:
    """Lets no file of this process grow beyond a size, as on a disk without room."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
