"""The supervisor sees a worker as a process that was started, and as what was heard of it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol

from service.processes.channel import Channel, ChannelClosed
from service.processes.link import CHANNEL_VARIABLE
from service.processes.messages import ToProcess

MIN_START_S = 60.0
"""A process has at least this long to import what it needs, which a busy machine makes of two seconds."""

PROGRAM = "service.server.worker"
BENTOML_PROGRAM = "_bentoml_impl.worker.service"

logger = logging.getLogger(__name__)


class Process(Protocol):
    """A process as the supervisor sees it: `subprocess.Popen`, or one that was forked for it."""

    pid: int
    returncode: int | None

    def poll(self) -> int | None:
        """Returns the exit status, negative for a signal; None while the process runs."""
        ...

    def wait(self) -> int | None:
        """Waits for the end of the process, and returns its exit status."""
        ...

    def kill(self) -> None:
        """Ends the process at once."""
        ...


@dataclass(eq=False)
class Worker:
    """A worker is a process that was started; `loading` is the file that it reads at the moment."""

    number: int
    process: Process
    channel: Channel
    started_s: float
    heard_s: float
    has_begun: bool = False
    is_ready: bool = False
    is_stopped: bool = False
    loading: str | None = None
    is_in_doubt: bool = False
    """This is true where it loads other files too, so that an end of the process may be due to any of them."""
    why_killed: str | None = None

    def tell(self, kind: ToProcess, **fields: Any) -> None:
        """Sends a message to the worker, which may be gone."""
        try:
            self.channel.send(kind, **fields)
        except ChannelClosed:
            logger.debug("worker %d is gone", self.number)

    def notice_stop(self) -> None:
        """Notes that a signal has stopped the process, and says so once."""
        if not hasattr(os, "waitid") or self.process.returncode is not None:
            return

        options = os.WSTOPPED | os.WCONTINUED | os.WNOHANG
        try:
            found = os.waitid(os.P_PID, self.process.pid, options)
        except ChildProcessError:
            return

        if found is None:
            return

        self.is_stopped = found.si_code == os.CLD_STOPPED
        if self.is_stopped:
            logger.warning(
                "worker %d (pid %d) was stopped by a signal; it is replaced unless it goes on",
                self.number,
                self.process.pid,
            )

    def check_progress(
        self, now_s: float, *, max_still_s: float, load_s: float
    ) -> None:
        """Kills a worker that has said nothing for longer than it may."""
        if not self.has_begun:
            # It waits for its models.
            self.heard_s = now_s

        limit_s = max(MIN_START_S, load_s)
        if self.is_ready:
            limit_s = max_still_s
        elif self.loading is not None:
            limit_s = load_s

        if now_s - self.heard_s > limit_s and self.why_killed is None:
            doing = "said nothing" if self.is_ready else "did not become ready"
            self.why_killed = f"{doing} for {limit_s:g} s and was killed"
            self.process.kill()

    def describe_load(self) -> str:
        """Returns what it was loading, as the end of a sentence; nothing where it was not."""
        others = " and others" if self.is_in_doubt else ""
        return f" while it loaded {self.loading}{others}" if self.loading else ""

    def name_reason(self) -> str:
        """Returns in one word why this worker is replaced."""
        if self.why_killed is None:
            return "died"
        return "stopped" if self.is_stopped else "hung"


def start_worker(
    number: int,
    command: Sequence[str],
    *,
    descriptors: tuple[int, ...],
    folder: str,
    environment: Mapping[str, str],
) -> Worker:
    """Starts a process that accepts connections from the socket of the first descriptor, with a channel to it."""
    channel, theirs = Channel.make_pair()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **environment, CHANNEL_VARIABLE: str(theirs.fileno())},
        pass_fds=(*descriptors, theirs.fileno()),
        # An interrupt at the terminal goes to the supervisor, which ends the workers in order.
        start_new_session=True,
    )
    theirs.close()
    now_s = monotonic()

    return Worker(number, process, channel, now_s, now_s)


def make_worker_command(
    arguments: Sequence[str], *, target: str | None
) -> Callable[[int, int], list[str]]:
    """Returns what makes the command of a worker: our program for it, or BentoML's own for another `target`."""

    def command(descriptor: int, number: int) -> list[str]:
        listening = ("--fd", str(descriptor))
        if target is None:
            return [sys.executable, "-m", PROGRAM, *listening, *arguments]

        words = (target, *listening, "--worker-id", str(number))
        return [sys.executable, "-m", BENTOML_PROGRAM, *words, *arguments]

    return command
