"""Threads that allocate at the same time share the allocator's arenas."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.server import ROOT

N_THREADS = 6
PROGRAM = """
import ctypes, sys, threading
from service.models.memory import limit_arenas
if {is_limited}:
    limit_arenas(1)
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
met = threading.Barrier({n_threads} + 1)
def allocate():
    libc.malloc(ctypes.c_size_t(10_000))
    met.wait()
    met.wait()
threads = [threading.Thread(target=allocate) for _ in range({n_threads})]
for each in threads:
    each.start()
met.wait()
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
met.wait()
"""


def count_arenas(*, is_limited: bool, **environment: str) -> int:
    """Returns how many arenas a process has, by the allocator's own account, whose threads have allocated."""
    inherited = {
        name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"
    }
    program = PROGRAM.format(is_limited=is_limited, n_threads=N_THREADS)
    found = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=inherited | environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return found.stdout.count("<heap nr=")


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc has arenas")
def test_threads_share_arenas() -> None:
    """Six threads have two arenas, where the allocator would make one for each, or as many as somebody has set."""
    assert count_arenas(is_limited=True) == 2
    assert count_arenas(is_limited=False) > 2
    assert count_arenas(is_limited=True, MALLOC_ARENA_MAX="3") == 3
