"""Coverage-guided fuzzing runs, if shortly: `make fuzz` takes its time."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

from tests.support.decoders import NAMES
from tests.support.server import ROOT

N_RUNS = 2000
pytestmark = [
    pytest.mark.skipif(find_spec("atheris") is None, reason="atheris has no wheel"),
    pytest.mark.slow,
]


def fuzz(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.fuzz", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_every_decoder_is_listed() -> None:
    """The command lists its decoders where it gets no name, and they are those that are tried here."""
    finished = fuzz()
    assert sorted(finished.stdout.split()) == sorted(NAMES)
    assert finished.returncode == 0


@pytest.mark.soak  # a search at random: what it finds one day must not fail another change
@pytest.mark.parametrize("name", NAMES)
def test_a_short_run_finds_nothing(name: str) -> None:
    """Some seconds of changed requests are all decoded or refused."""
    finished = fuzz(name, "--seconds", "2", "--runs", str(N_RUNS))
    assert finished.returncode == 0, finished.stderr[-3000:]
    assert "stat::number_of_executed_units" in finished.stderr
