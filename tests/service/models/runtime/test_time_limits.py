"""One thread ends what lasts too long, also after it was stopped and in a process that was forked."""

from __future__ import annotations

import subprocess
import sys
from threading import Event, active_count

from service.models.runtime.time_limits import TimeLimits
from tests.support.server import ROOT

LIMIT_S = 60
LONG_S = 3600
IN_A_FORK = """
import os
from threading import Event
from service.models.runtime import time_limits

with time_limits.limit_time(3600, print):
    time_limits.stop()
    pid = os.fork()
    if pid == 0:
        ended = Event()
        with time_limits.limit_time(0.01, ended.set):
            os._exit(0 if ended.wait(60) else 1)
    raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def test_what_lasts_too_long_is_ended() -> None:
    """A limit that comes after a longer one is not late by it."""
    limits = TimeLimits()
    ended = Event()
    with limits.limit(LONG_S, ended.clear), limits.limit(0.01, ended.set):
        assert ended.wait(LIMIT_S)
    limits.stop()


def test_what_ends_in_time_is_not_ended() -> None:
    """A limit whose block has ended does nothing, where two are over at the same time."""
    limits = TimeLimits()
    ended, later = Event(), Event()
    with limits.limit(0.05, later.set):
        with limits.limit(0.05, ended.set):
            pass
        assert later.wait(LIMIT_S)
    limits.stop()

    assert not ended.is_set()


def test_a_stopped_thread_is_gone_and_the_next_limit_starts_another() -> None:
    """A fork takes no thread along, so one is stopped before it and the next limit starts another."""
    n_before = active_count()
    limits = TimeLimits()
    with limits.limit(LONG_S, print):
        assert active_count() == n_before + 1
        limits.stop()
        assert active_count() == n_before

    ended = Event()
    with limits.limit(0.01, ended.set):
        assert ended.wait(LIMIT_S)
    limits.stop()


def test_a_forked_process_has_limits_of_its_own() -> None:
    """The limits of the process that it was forked from stay there."""
    found = subprocess.run([sys.executable, "-c", IN_A_FORK], cwd=ROOT)
    assert found.returncode == 0
