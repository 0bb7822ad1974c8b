"""A fork server is a process that has loaded all models and serves none: workers forked from it share its memory.

A worker that is forked is not the fork server's child but the supervisor's, which hears of its end as of any other's.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

from service.processes.channel import Channel
from service.processes.link import CHANNEL_VARIABLE
from service.processes.worker import Worker

NUMBER = 0
"""Workers are numbered from 1."""
FORK_LIMIT_S = 10.0
"""A fork server that has not forked a worker after this long is ended, and workers load the models themselves."""
FORK_SERVER_NAME = "fork-server"
WORKER_NAME = "worker"
"""`ps -o comm` shows these, since a process that is forked has the command line of the one that it is forked from."""
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_MAX_REPLY_BYTES = 32

logger = logging.getLogger(__name__)


class ForkedProcess:
    """A process that another one has forked for this one has what of `subprocess.Popen` the supervisor uses."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Returns the exit status, negative for a signal; None while the process runs."""
        return self._look(os.WNOHANG)

    def wait(self) -> int | None:
        """Waits for the end of the process, and returns its exit status."""
        return self._look(0)

    def kill(self) -> None:
        """Ends the process at once, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def _look(self, options: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, options)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


@dataclass(eq=False)
class ForkServer(Worker):
    """A fork server is started as a worker is; it forks workers once it has loaded the models, as long as it can."""

    orders: socket.socket | None = None
    has_loaded: bool = False
    can_fork: bool = False

    def check_progress(
        self, now_s: float, *, max_still_s: float, load_s: float
    ) -> None:
        """Kills a fork server that does not load its models; once it has, it says nothing more."""
        if not self.has_loaded:
            super().check_progress(now_s, max_still_s=max_still_s, load_s=load_s)

    def fork(self, number: int) -> Worker | None:
        """Returns a worker that has the models already, None where the fork server cannot make one any more."""
        if not self.can_fork or self.orders is None:
            return None

        channel, theirs = Channel.make_pair()
        try:
            socket.send_fds(self.orders, [b"fork"], [theirs.fileno()])
            pid = int(self.orders.recv(_MAX_REPLY_BYTES) or 0)
        except OSError:
            pid = 0
        finally:
            theirs.close()

        if not pid:
            channel.close()
            logger.warning(
                "the workers' fork server is ended: it cannot be copied any more"
            )
            self.can_fork = False
            self.process.kill()
            return None

        now_s = monotonic()

        return Worker(number, ForkedProcess(pid), channel, now_s, now_s)

    def end(self) -> None:
        """Ends the process, in which nothing is in flight."""
        self.process.kill()
        self.process.wait()
        if self.orders is not None:
            self.orders.close()


def start_fork_server(
    number: int,
    command: Sequence[str],
    *,
    descriptors: tuple[int, ...],
    folder: str,
    environment: Mapping[str, str],
) -> ForkServer:
    """Starts a fork server whose workers accept connections from the socket of the first descriptor."""
    channel, theirs = Channel.make_pair()
    orders, taken = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    orders.settimeout(FORK_LIMIT_S)
    process = subprocess.Popen(
        [*command, "--forks", str(taken.fileno())],
        cwd=folder,
        env={**os.environ, **environment, CHANNEL_VARIABLE: str(theirs.fileno())},
        pass_fds=(*descriptors, theirs.fileno(), taken.fileno()),
        start_new_session=True,
    )
    theirs.close()
    taken.close()
    now_s = monotonic()

    return ForkServer(number, process, channel, now_s, now_s, orders=orders)


def adopt_orphans() -> bool:
    """Makes this process the parent of what its children's children become; returns whether this system can."""
    if sys.platform != "linux":
        return False
    return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def name_process(name: str) -> None:
    """Names this process, in at most 15 bytes."""
    ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode(), 0, 0, 0)


def end_with_parent() -> None:
    """Has Linux end this process at once when its parent ends; what is forked from it does not inherit that."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
