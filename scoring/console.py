"""A run tells a person here how far it is, and at its end what came of it."""

from __future__ import annotations

import sys
from time import monotonic

from cli.output import write_note

EVERY_S = 0.5
EVERY_LINE_S = 10.0
"""So often a line is written where there is no terminal, as in a log."""


class Progress:
    """Writes on stderr how many blocks and rows are done: in place on a terminal, else a line now and then."""

    def __init__(self, *, n_blocks: int) -> None:
        self._n_blocks = n_blocks
        self._blocks = self._rows = self._set_aside = 0
        self._started = self._told = monotonic()

    def count(self, counted: dict[str, int]) -> None:
        """Counts a block that is done."""
        self._blocks += 1
        self._rows += counted["rows"]
        self._set_aside += counted["set_aside"]
        now = monotonic()
        every_s = EVERY_S if sys.stderr.isatty() else EVERY_LINE_S
        if now - self._told >= every_s:
            self._told = now
            self._tell()

    def end(self) -> None:
        """Writes the last state."""
        if self._blocks:
            self._tell()
            if sys.stderr.isatty():
                sys.stderr.write("\n")

    def _tell(self) -> None:
        rate = self._rows / max(1e-3, monotonic() - self._started)
        text = (
            f"{self._blocks:,} of {self._n_blocks:,} blocks, {self._rows:,} rows, {rate:,.0f} rows/s"
            f", {self._set_aside:,} set aside"
        )
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{text}")
            sys.stderr.flush()
        else:
            write_note(text)
