"""What a server's processes take: processor time and memory, from Linux' /proc."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_PARENT = 1
_USER = 11
_SYSTEM = 12
_STARTED = 19
"""Places in /proc/PID/stat after the name."""


@dataclass(frozen=True)
class Member:
    """A process; its start tells it from a later one with the same number."""

    pid: int
    started: str

    def kill(self) -> None:
        """Ends it, if it still is this process."""
        stat = _stat(self.pid)
        if stat and stat[_STARTED] == self.started:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


@dataclass(frozen=True)
class Tree:
    """A process and all that come from it."""

    root: int

    def members(self) -> list[Member]:
        """All that run now."""
        stats = {int(path.name): _stat(int(path.name)) for path in PROC.glob("[0-9]*")}
        found = []
        waiting = [self.root]

        while waiting:
            pid = waiting.pop()
            stat = stats.get(pid)
            if stat:
                found.append(Member(pid, stat[_STARTED]))
                waiting += [
                    each
                    for each, its in stats.items()
                    if its and int(its[_PARENT]) == pid
                ]

        return found

    def cpu_s(self) -> float:
        """Seconds of processor that they have used so far, in user mode and in the kernel."""
        stats = [_stat(member.pid) for member in self.members()]
        ticks = sum(int(stat[_USER]) + int(stat[_SYSTEM]) for stat in stats if stat)
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory_mib(self) -> float:
        """Proportional set size: what processes share counts once."""
        return sum(_pss_kib(member.pid) for member in self.members()) / 1024


def _stat(pid: int) -> list[str]:
    """The fields after the name, which may have anything in it; empty where the process has ended."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _pss_kib(pid: int) -> int:
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
