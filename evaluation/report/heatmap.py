"""A confusion matrix as SVG that takes its colours from the page. Standard library."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

CELL = 34
MAX_HEATMAP_CLASSES = 20
"""Side of a cell; more classes would be too many to look at."""
HEAD = 20
MIN_LABEL_WIDTH = 44
MAX_LABEL_WIDTH = 150
LETTER = 7
"""Space for names, and what a letter of them takes."""
UPRIGHT = 4
LINE = 22
"""Letters of a name that fit under a column, and the height that they take."""
DARK = 0.55
"""Share from which the number on a cell is written in the colour of the page."""


def draw_confusion(confusion: list[list[int]], classes: Sequence[str]) -> str:
    """Rows are true classes, columns predicted ones; the stronger a cell, the larger its share of the true class."""
    left = measure(classes)
    side = CELL * len(classes)
    parts = [
        _write(left - 8, HEAD - 6, "true ↓", "end", "tick"),
        _write(left, HEAD - 6, "predicted →", "start", "tick"),
    ]

    for row, counts in enumerate(confusion):
        parts.append(
            _write(left - 8, HEAD + CELL * (row + 0.5) + 4, _cut(classes[row]), "end")
        )
        for column, count in enumerate(counts):
            style = "none" if not count else "hit" if row == column else "miss"
            parts += _draw_cell(
                left + CELL * column,
                HEAD + CELL * row,
                count,
                count / max(1, sum(counts)),
                style,
            )

    parts += [
        _name_column(left + CELL * (column + 0.5), HEAD + side, name)
        for column, name in enumerate(classes)
    ]
    below = LINE if max(map(len, classes)) <= UPRIGHT else left
    width = max(left + side + 4, left + 90)
    height = HEAD + side + below
    size = f'viewBox="0 0 {width} {height}" style="width:{width}px;max-width:100%"'

    return (
        f'<svg {size} role="img" aria-label="Confusion matrix">{"".join(parts)}</svg>'
    )


def _name_column(middle: float, bottom: int, name: str) -> str:
    """Below its column; a longer name is turned."""
    if len(name) <= UPRIGHT:
        return _write(middle, bottom + 16, name, "middle")
    place = f"translate({middle + 4:.0f} {bottom + 8}) rotate(-90)"
    return f'<text text-anchor="end" transform="{place}">{escape(_cut(name))}</text>'


def measure(names: Iterable[str]) -> int:
    """Width that the longest of these names takes, in units of a picture."""
    return min(
        MAX_LABEL_WIDTH,
        max(MIN_LABEL_WIDTH, 16 + LETTER * max(len(_cut(name)) for name in names)),
    )


def _draw_cell(
    left: float, top: float, count: int, share: float, style: str
) -> Iterable[str]:
    yield (
        f'<rect class="cell {style}" x="{left}" y="{top}" width="{CELL}" height="{CELL}" style="--share:{share:.3f}"/>'
    )
    if count:
        size = "small" if count >= 10_000 else ""
        ink = "on" if share > DARK else ""
        yield _write(
            left + CELL / 2,
            top + CELL / 2 + 4,
            str(count),
            "middle",
            f"{ink} {size}".strip(),
        )


def _write(across: float, up: float, text: str, anchor: str, style: str = "") -> str:
    return f'<text class="{style}" text-anchor="{anchor}" x="{across:.1f}" y="{up:.1f}">{escape(text)}</text>'


def _cut(name: str) -> str:
    most = (MAX_LABEL_WIDTH - 16) // LETTER
    return name if len(name) <= most else f"{name[: most - 1]}…"
