"""This module reads processor time and memory of a server's processes from Linux' /proc."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_RUNNABLE = "R"
_PARENT = 1
_USER = 11
_SYSTEM = 12
_STARTED = 19
"""The fields of /proc/PID/stat count from the one after the name."""


@dataclass(frozen=True)
class Process:
    """A process; its start time tells it from a later one with the same id."""

    pid: int
    started: str

    def kill(self) -> None:
        """Kills the process, if its id still is that of this one."""
        stat = _read_stat(self.pid)
        if stat and stat[_STARTED] == self.started:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


@dataclass(frozen=True)
class ProcessTree:
    """A ProcessTree is a process and all its descendants."""

    root: int

    def members(self) -> list[Process]:
        """Returns the processes that run now."""
        stats = {
            int(path.name): _read_stat(int(path.name)) for path in PROC.glob("[0-9]*")
        }
        found = []
        waiting = [self.root]

        while waiting:
            pid = waiting.pop()
            stat = stats.get(pid)
            if stat:
                found.append(Process(pid, stat[_STARTED]))
                waiting += [
                    each
                    for each, its in stats.items()
                    if its and int(its[_PARENT]) == pid
                ]

        return found

    def cpu_s(self) -> float:
        """Returns the processor seconds that they have used so far, in user mode and in the kernel."""
        stats = [_read_stat(member.pid) for member in self.members()]
        ticks = sum(int(stat[_USER]) + int(stat[_SYSTEM]) for stat in stats if stat)
        return ticks / os.sysconf("SC_CLK_TCK")

    def is_computing(self) -> bool:
        """Returns whether any of their threads runs, or would if a processor were free."""
        return any(
            _read_fields(path)[:1] == [_RUNNABLE]
            for member in self.members()
            for path in (PROC / str(member.pid) / "task").glob("*/stat")
        )

    def memory_mib(self) -> float:
        """Returns the proportional set size, in which what processes share counts once."""
        return sum(_read_pss_kib(member.pid) for member in self.members()) / 1024


def _read_stat(pid: int) -> list[str]:
    """Returns the fields after the name, which may have anything in it; none where the process has ended."""
    return _read_fields(PROC / str(pid) / "stat")


def _read_fields(path: Path) -> list[str]:
    try:
        return path.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _read_pss_kib(pid: int) -> int:
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    for line in lines:
        if line.startswith("Pss:"):
            return int(line.split()[1])

    return 0
