"""A fork server loads the models once, and is forked to a worker whenever the supervisor orders one.

It has one thread, which is looked at before each fork: what a second one held would be held in the worker for good. So
sessions must have no threads of their own, and the channel to the supervisor is not read while nothing is forked.
"""

from __future__ import annotations

import logging
import os
import socket
from pathlib import Path
from time import monotonic, sleep

from service.execution import process_tuning
from service.models.runtime import time_limits
from service.observability.logs import configure_logging
from service.processes.fork_server import (
    FORK_SERVER_NAME,
    WORKER_NAME,
    end_with_parent,
    name_process,
)
from service.processes.link import CHANNEL_VARIABLE, find_link, open_link
from service.server import composition

logger = logging.getLogger(__name__)

_TASKS = Path("/proc/self/task")
MAX_ENDING_S = 1.0
"""A thread that was joined is among the system's for a while yet, on a busy machine for milliseconds."""
_LOOK_AGAIN_S = 0.001
_MAX_ORDER_BYTES = 64


def wait_to_be_forked(descriptor: int) -> None:
    """Loads the models and waits for orders; it returns in each worker that is forked, and nowhere else."""
    name_process(FORK_SERVER_NAME)
    # It does not read its channel while it loads, and would not hear that its supervisor is gone.
    end_with_parent()
    configure_logging(composition.settings)
    link = open_link()
    assert link is not None
    is_shared = composition.load_ahead(link)
    process_tuning.settle_memory()
    time_limits.stop()
    can_fork = is_shared and has_one_thread()
    if is_shared and not can_fork:
        logger.warning("each worker loads the models itself: %s", _say_why())
    link.send("loaded", can_fork=can_fork)

    with socket.socket(fileno=descriptor) as orders:
        while True:
            _, found, *_ = socket.recv_fds(orders, _MAX_ORDER_BYTES, 1)
            if not found:
                # The supervisor has ended.
                os._exit(0)

            pid = _fork() if has_one_thread() else 0
            if pid is None:
                break
            os.close(found[0])
            orders.send(str(pid).encode())

    link.close()
    os.environ[CHANNEL_VARIABLE] = str(found[0])
    find_link.cache_clear()


def has_one_thread() -> bool:
    """Returns whether this is the process's only thread, once those that are ending have had time to.

    Where the system does not say so, as in a root folder of its own without /proc, it may have others.
    """
    if not _TASKS.exists():
        return False

    until_s = monotonic() + MAX_ENDING_S
    while len(list(_TASKS.iterdir())) > 1:
        if monotonic() > until_s:
            return False
        sleep(_LOOK_AGAIN_S)

    return True


def _say_why() -> str:
    return "a library has threads" if _TASKS.exists() else "there is no /proc"


def _fork() -> int | None:
    """Returns the process id of a worker, 0 where there is none, and None in the worker itself.

    The process between both ends at once, so that the worker becomes the supervisor's.
    """
    reading, writing = os.pipe()
    try:
        between = os.fork()
    except OSError:
        os.close(reading)
        os.close(writing)
        return 0

    if between == 0:
        os.close(reading)
        try:
            pid = os.fork()
        except OSError:
            os._exit(1)
        if pid:
            os.write(writing, str(pid).encode())
            os._exit(0)
        os.close(writing)
        os.setsid()
        name_process(WORKER_NAME)
        return None

    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        text = pipe.read()
    os.waitpid(between, 0)

    return int(text or 0)
