"""A link reads what the supervisor says from its first message on, whatever that is."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.server import ROOT

PROGRAM = """
import sys, threading
from service.processes.channel import Channel
from service.processes.link import Link

ours, theirs = Channel.make_pair()
for kind in sys.argv[1:]:
    ours.send(kind)
link = Link(Channel(theirs))
print("begun", flush=True)
link.start()
threading.Event().wait()
"""


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        (("close",), ""),
        (("drain", "close"), ""),
        (("begin", "close"), "begun\n"),
        (("begin", "drain", "close"), "begun\n"),
    ],
    ids=["close", "drain", "begin", "all"],
)
def test_a_worker_that_is_told_to_end_before_it_serves_ends_in_order(
    kinds: tuple[str, ...], said: str
) -> None:
    """A server that is stopped while it starts leaves no traceback, and waits for none of its workers in vain."""
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, *kinds],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (finished.returncode, finished.stdout, finished.stderr) == (0, said, "")
