"""Memory has an end: that of the machine, or that of the group which the process is in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from service.models.runtime import process_memory
from service.models.runtime.process_memory import read_memory_limit_bytes
from tests.support.graphs import write_range
from tests.support.new_process import run_python

LIMIT_BYTES = 600_000_000


@pytest.fixture
def group(tmp_path: Path) -> Path:
    """The folder of a control group of version 2 has the limit of its memory."""
    (tmp_path / "memory.max").write_text(f"{LIMIT_BYTES}\n")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("memory.max", "600000000\n", LIMIT_BYTES),
        ("memory.max", "max\n", None),
        ("memory/memory.limit_in_bytes", "600000000\n", LIMIT_BYTES),
        ("memory/memory.limit_in_bytes", "9223372036854771712\n", None),
    ],
)
def test_the_limit_is_that_of_the_group_or_of_the_machine(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    text: str,
    expected: int | None,
) -> None:
    """Groups of both versions are read, and one without a limit has what the machine has."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    monkeypatch.setattr(process_memory, "CGROUP", tmp_path)

    assert read_memory_limit_bytes() == (expected or machine)


def test_a_run_beyond_the_limit_is_refused_and_the_next_is_made(group: Path) -> None:
    """A run of 800 MB fails where the group has 600, in place of ending the process, and one of 80 bytes is made."""
    path = write_range(group)
    program = f"""
from pathlib import Path
import numpy as np
from service.errors import Overloaded
from service.models.runtime import process_memory
from service.models.model import load_graph

process_memory.CGROUP = Path({str(group)!r})
graph = load_graph(Path({str(path)!r}), name="range")
try:
    graph.run(["numbers"], {{"end": np.array(100_000_000)}})
except Overloaded as error:
    print(error)
print(graph.run(["numbers"], {{"end": np.array(10)}})[0].sum())
"""

    assert run_python(program).splitlines() == [
        "range needs more memory for this run than there is",
        "45",
    ]
