"""A page of the documentation has a table that the code makes, between two markers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class GeneratedTable(NamedTuple):
    """A table is made anew between its two markers, which are lines of a page."""

    start: str
    end: str
    make: Callable[[], str]

    def replace_in(self, page: str) -> str:
        """Returns the page with the table of today; raises ValueError where a marker is missing."""
        before, start, rest = page.partition(self.start)
        _, end, after = rest.partition(self.end)
        if not start or not end:
            raise ValueError(
                f"expected {self.start!r} and after it {self.end!r} in the page"
            )

        return f"{before}{start}\n{self.make()}\n{end}{after}"

    def write(self, arguments: list[str]) -> None:
        """Rewrites the table of the page that is named; prints the table where none is."""
        if not arguments:
            sys.stdout.write(self.make() + "\n")
            return

        path = Path(arguments[0])
        page = self.replace_in(path.read_text(encoding="utf-8"))
        path.write_text(page, encoding="utf-8")


def make_table(titles: list[str], rows: list[list[str]]) -> str:
    """Returns a table in Markdown."""
    head, *lines = [f"| {' | '.join(cells)} |" for cells in (titles, *rows)]
    return "\n".join([head, "|---" * len(titles) + "|", *lines])
