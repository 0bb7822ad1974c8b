"""A merge leaves one file, whatever an earlier one that was killed had left."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from service.live.journal.merging.new_file import make_beside
from tests.conftest import ROOT

KILLED = """
import os, signal, sys
from pathlib import Path
from service.live.journal.merging.new_file import make_beside
from service.live.journal.storage import schema

with make_beside(Path(sys.argv[1])) as beside:
    connection = schema.connect(beside)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO tasks (number, name) VALUES (1, 'colour')")
    os.kill(os.getpid(), signal.SIGKILL)
"""
"""A merge is killed while it writes."""


def list_names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_what_a_killed_merge_has_left_is_removed_by_the_next(tmp_path: Path) -> None:
    """Its file goes with the logs beside it, under whatever name the next one writes; other files stay."""
    (tmp_path / ".all.db.1.tmp").write_text("of another program")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path / "all.db"], cwd=ROOT, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    left = [each for each in list_names(tmp_path) if ".merge.tmp" in each]
    assert len(left) == 3

    with make_beside(tmp_path / "other.db") as beside:
        beside.write_text("whole")
        beside.replace(tmp_path / "other.db")

    assert list_names(tmp_path) == [".all.db.1.tmp", "other.db"]


def test_the_file_of_a_merge_that_is_under_way_stays(tmp_path: Path) -> None:
    """Another merge into the same folder removes its own alone."""
    with make_beside(tmp_path / "all.db") as first:
        first.write_text("half")
        with make_beside(tmp_path / "all.db") as second:
            assert second != first
            second.write_text("half")

        assert list_names(tmp_path) == [first.name]

    assert list_names(tmp_path) == []
