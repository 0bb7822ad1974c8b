"""Commands write to a person here: results on stdout, and notes on the work itself on stderr."""

from __future__ import annotations

import sys


def write_result(*lines: object) -> None:
    """Writes lines of the outcome on stdout."""
    for line in lines:
        sys.stdout.write(f"{line}\n")


def write_note(line: str) -> None:
    """Writes a line about the work itself on stderr."""
    sys.stderr.write(f"{line}\n")
