"""A program in Python runs here in a process of its own, which has imported nothing yet."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

from tests.support.server import ROOT


def run_python(program: str, environment: Mapping[str, str] | None = None) -> str:
    """Returns what the program prints, without blanks at its ends; raises where it fails."""
    finished = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return finished.stdout.strip()
