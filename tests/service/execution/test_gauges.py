"""Gauges are read once a second, whatever became of the reading before."""

from __future__ import annotations

import asyncio
import os
import resource
from pathlib import Path

import pytest

from service.execution import gauges


def test_a_reading_that_fails_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that raised an error would else have been the last, and every gauge would show for ever what it showed."""
    read: list[float] = []

    def fail_at_first() -> float:
        read.append(1.0)
        if len(read) == 2:
            raise OSError("no descriptor is left")
        return 1.0

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        refresher = gauges.Refresher()
        await refresher.start()
        async with asyncio.timeout(60):
            while len(read) < 3:
                await asyncio.sleep(0.01)
        await refresher.stop()

    monkeypatch.setattr(gauges, "REFRESH_S", 0.01)
    monkeypatch.setattr(gauges, "_readers", {})
    gauges.watch("in_flight", fail_at_first)
    asyncio.run(run())

    assert len(read) >= 3


def open_all() -> list[int]:
    """Opens files until no descriptor is left."""
    opened: list[int] = []
    while True:
        try:
            opened.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            return opened


def test_open_files_are_counted_where_none_can_be_opened() -> None:
    """Their number is the limit then, which it takes a file to find out otherwise."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = max(int(each.name) for each in Path("/proc/self/fd").iterdir()) + 10
    opened: list[int] = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        opened = open_all()
        assert gauges._count_open_files() == limit
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for each in opened:
            os.close(each)
