"""A person sees here how many rows all models have answered."""

from __future__ import annotations

import sys

from cli.output import write_note


class Progress:
    """Writes the rows done on stderr: in place on a terminal, else a line for each tenth."""

    def __init__(self) -> None:
        self._tenth = 0

    def __call__(self, done: int, of: int) -> None:
        text = f"{done:,} of {of:,} rows"
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{text}" + "\n" * (done == of))
            sys.stderr.flush()
        elif 10 * done // of > self._tenth:
            self._tenth = 10 * done // of
            write_note(text)
