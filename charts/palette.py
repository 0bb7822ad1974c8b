"""All charts take their colours, markers and dashes from here, on a light ground and on a dark one.

People of any colour vision tell the eight colours of series apart, and so does a grey print, since no two are equally
light. Each stands out from its ground by a contrast of 3 or more, as WCAG 2.2 asks of graphics (1.4.11).
"""

from __future__ import annotations

from dataclasses import dataclass

LIGHT = {
    "ground": "#ffffff",
    "line": "#d8dce1",
    "quiet": "#5a6068",
    "text": "#1c1e21",
    "c0": "#005d99",
    "c1": "#c17801",
    "c2": "#1e8f5c",
    "c3": "#962a00",
    "c4": "#0a96f5",
    "c5": "#d011b8",
    "c6": "#454745",
}
"""Colours by the name that they have in a page's style sheet, where `--c0` is the first series'."""
DARK = {
    "ground": "#15171a",
    "line": "#3a3f46",
    "quiet": "#a2a9b2",
    "text": "#f2f4f7",
    "c0": "#1f97e0",
    "c1": "#ffbe2e",
    "c2": "#2af59e",
    "c3": "#ff8a60",
    "c4": "#4dc8ff",
    "c5": "#a5649f",
    "c6": "#a09a92",
}
GROUND, LINE, QUIET, TEXT = (
    LIGHT[name] for name in ("ground", "line", "quiet", "text")
)
BLUE, ORANGE, GREEN, VERMILLION, SKY, PURPLE, GREY = (
    LIGHT[f"c{number}"] for number in range(7)
)
PALETTE = (BLUE, ORANGE, GREEN, VERMILLION, SKY, PURPLE, TEXT, GREY)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES: tuple[tuple[float, ...], ...] = ((), (6, 2), (1.5, 1.5), (6, 1.5, 1.5, 1.5))
"""Lengths drawn and left out, in widths of the line; the first is drawn through."""


@dataclass(frozen=True, kw_only=True)
class SeriesStyle:
    """A series is told from the others by its colour, and without colours by its marker and its dashes."""

    colour: str
    marker: str
    dashes: tuple[float, ...]


def style_series(number: int) -> SeriesStyle:
    """Returns the look of a series by its place; no two of the first 32 look alike, with or without colours."""
    turn, place = divmod(number, len(PALETTE))
    return SeriesStyle(
        colour=PALETTE[place],
        marker=MARKERS[(place + turn) % len(MARKERS)],
        dashes=DASHES[(place + 2 * turn) % len(DASHES)],
    )


def write_css() -> str:
    """Returns the colours as variables of a style sheet, those of a dark ground where a reader prefers one."""
    light, dark = (
        "".join(f"--{name}:{colour};" for name, colour in colours.items())
        for colours in (LIGHT, DARK)
    )
    return f":root{{{light}}}@media (prefers-color-scheme: dark){{:root{{{dark}}}}}"
