"""A closed loop has the figures that wrk and h2load have, of a server whose delays are known."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from loadtest.__main__ import main
from loadtest.result import read
from tests.support.raw_server import run_server

CALLERS = 16
DURATION_S = 3
UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}
PERCENTILES = {"p50": 0.5, "p90": 0.9}


def run(*words: str) -> str:
    """Returns what a command writes on stdout."""
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def read_rate(pattern: str, output: str) -> float:
    """Returns the number that the pattern's group finds."""
    found = re.search(pattern, output)
    assert found is not None
    return float(found[1])


def run_wrk(url: str, _: Path) -> dict[str, float]:
    """Returns wrk's rate, and its percentiles in milliseconds."""
    output = run("wrk", "-t1", f"-c{CALLERS}", f"-d{DURATION_S}s", "--latency", url)
    found = re.findall(r"^ +(50|90)% +([\d.]+)(us|ms|s)$", output, re.MULTILINE)
    percentiles = {
        f"p{name}": float(text) * UNITS_MS[unit] for name, text, unit in found
    }
    assert percentiles.keys() == PERCENTILES.keys()

    return {"rate": read_rate(r"Requests/sec: +([\d.]+)", output), **percentiles}


def run_h2load(url: str, folder: Path) -> dict[str, float]:
    """Returns h2load's rate, and percentiles in milliseconds of the requests in its log."""
    log = folder / "h2load.log"
    words = ("--h1", "-t1", f"-c{CALLERS}", f"-D{DURATION_S}", f"--log-file={log}")
    output = run("h2load", *words, url)
    lines = log.read_text().splitlines()
    latencies_us = np.array([int(line.split("\t")[2]) for line in lines])

    return {
        "rate": read_rate(r"finished in \S+, ([\d.]+) req/s", output),
        **{
            name: float(np.quantile(latencies_us, share)) / 1000
            for name, share in PERCENTILES.items()
        },
    }


@pytest.mark.parametrize(
    ("tool", "run_tool"), [("wrk", run_wrk), ("h2load", run_h2load)]
)
def test_rates_and_percentiles_are_those_of_other_tools(
    tmp_path: Path, tool: str, run_tool: Callable[[str, Path], dict[str, float]]
) -> None:
    """A server that answers after 40 ms, and each fifth time after 120 ms, has the same figures for both.

    They agree to some percent on a machine that has nothing else to do; a busy one is given more room.
    """
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")

    output = tmp_path / "result.json"
    with run_server() as url:
        address = f"{url}/later"
        words = ("--url", address, "--concurrency", str(CALLERS))
        assert (
            main([*words, "--duration", str(DURATION_S), "--output", str(output)]) == 0
        )
        theirs = run_tool(address, tmp_path)

    document = read(output)
    ours = {"rate": document["rate"], **document["latency_ms"]}
    for name, value in theirs.items():
        assert ours[name] == pytest.approx(value, rel=0.25), name
