"""The Makefile makes the command `veredicto` for a clone, whose packages no installer has put anywhere."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.documents import ROOT


def test_the_command_of_a_clone_runs_from_any_folder(tmp_path: Path) -> None:
    """The command takes the packages of the clone, not what is called alike in the folder that it is started from."""
    clone = tmp_path / "a clone"
    (clone / ".venv" / "bin").mkdir(parents=True)
    (clone / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (clone / ".venv" / "python.stamp").touch()
    (clone / "cli").symlink_to(ROOT / "cli")
    shutil.copy(ROOT / "Makefile", clone)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "cli.py").write_text("raise SystemExit('taken from here')\n")

    made = subprocess.run(["make", ".venv/bin/veredicto"], cwd=clone, check=False)
    command = clone / ".venv" / "bin" / "veredicto"
    said = subprocess.run(
        [command, "--help"], cwd=elsewhere, capture_output=True, text=True, check=False
    )

    assert made.returncode == 0
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith("usage: veredicto COMMAND")
