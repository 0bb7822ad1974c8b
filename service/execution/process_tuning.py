"""Everything that is changed for the whole process stands here, each with its reason and its figure."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from service.models.runtime.process_memory import release_freed

SWITCH_S = 0.0005
"""A thread in the background keeps the event loop from running for this long at most; Python's own value is 5 ms."""
GC_THRESHOLDS = (50_000, 20, 50)
"""A body of many rows is many lists: to look for garbage among them would be most of the cost of reading it.

What gathers meanwhile is looked for five times a second (`garbage`).
"""


def set_environment() -> None:
    """Keeps numpy to one thread: it only looks through rows here, and its threads would wait for each other.

    It keeps gRPC from a line for each client that fails at TLS. This must be called before both are imported.
    """
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@contextmanager
def without_collections() -> Iterator[None]:
    """Looks for no garbage while hundreds of modules are imported, which leave little: a tenth of that time.

    What they leave is in use as long as the process, and is kept out of the looks while models are loaded, which are as
    rare as those while requests are answered: the last of them, which the start waits for, took 35 ms.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        gc.enable()


def settle_memory() -> None:
    """Keeps what is loaded out of later collections, and gives back what loading freed; 70 MB less with 44 models."""
    gc.set_threshold(*GC_THRESHOLDS)
    gc.collect()
    gc.freeze()
    release_freed()


def switch_threads_often() -> None:
    """Lets the event loop wait for a thread in the background for half a millisecond at most."""
    sys.setswitchinterval(SWITCH_S)
