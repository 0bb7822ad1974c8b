"""A closed loop has the figures that wrk has, of a server whose delays are known."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from loadtest.__main__ import main
from loadtest.result import read
from tests.support.raw_server import run_server

CALLERS = 16
DURATION_S = 3
UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def run_wrk(url: str) -> dict[str, float]:
    """Returns wrk's rate, and its percentiles in milliseconds."""
    command = ["wrk", "-t1", f"-c{CALLERS}", f"-d{DURATION_S}s", "--latency", url]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate = re.search(r"Requests/sec: +([\d.]+)", output)
    found = re.findall(r"^ +(50|90)% +([\d.]+)(us|ms|s)$", output, re.MULTILINE)
    assert rate is not None
    assert len(found) == 2

    percentiles = {
        f"p{name}": float(text) * UNITS_MS[unit] for name, text, unit in found
    }

    return {"rate": float(rate[1]), **percentiles}


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_rates_and_percentiles_are_those_of_wrk(
    tmp_path: Path,
) -> None:
    """A server that answers after 40 ms, and each fifth time after 120 ms, has the same figures for both.

    They agree to some percent on a machine that has nothing else to do; a busy one is given more room.
    """
    output = tmp_path / "result.json"
    with run_server() as url:
        address = f"{url}/later"
        words = ("--url", address, "--concurrency", str(CALLERS))
        assert (
            main([*words, "--duration", str(DURATION_S), "--output", str(output)]) == 0
        )
        theirs = run_wrk(address)

    document = read(output)
    ours = {"rate": document["rate"], **document["latency_ms"]}
    for name, value in theirs.items():
        assert ours[name] == pytest.approx(value, rel=0.25), name
