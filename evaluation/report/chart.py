"""A chart as SVG that takes its colours from the page: axes with names, lines, points, bars. Standard library."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH = 360
HEIGHT = 300
LEFT = 64
RIGHT = 20
TOP = 12
BOTTOM = 44
"""Space around the plot, in units of the picture, which are pixels where it is shown at its own size."""
LINE = 13
"""Height of a line of text."""

Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Axis:
    """From `low` to `high`; `log`: in powers of ten, both ends above 0. `rows` are names at 0, 1, ..."""

    name: str
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    percent: bool = False
    rows: tuple[str, ...] = ()

    def place(self, value: float) -> float:
        """Share of the way from one end to the other, cut at both."""
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return min(1.0, max(0.0, share))

    def ticks(self) -> list[float]:
        """Three to seven round numbers, of a logarithmic axis 1, 2 and 5 times powers of ten where those are few."""
        if self.rows:
            return [float(row) for row in range(len(self.rows))]

        if self.log:
            first = math.floor(math.log10(self.low))
            last = math.ceil(math.log10(self.high))
            factors = (1, 2, 5) if last - first <= 2 else (1,)
            found = [
                factor * 10.0**power
                for power in range(first, last + 1)
                for factor in factors
            ]

            return [tick for tick in found if self.low <= tick <= self.high]

        step = _round_step((self.high - self.low) / 5)
        first = math.ceil(self.low / step - 1e-9)

        return [
            step * each
            for each in range(first, math.floor(self.high / step + 1e-9) + 1)
        ]

    def write(self, tick: float) -> str:
        """A number, or the name of a row, as the axis shows it."""
        if self.rows:
            return self.rows[round(tick)]
        if self.percent:
            return f"{100 * tick:.4g} %"
        if tick >= 1_000_000:
            return f"{tick / 1_000_000:g}M"

        return f"{tick / 1000:g}k" if tick >= 10_000 else f"{tick:.4g}"


@dataclass(kw_only=True)
class Chart:
    """Marks are drawn in the order in which they are added; `title` is what a screen reader says."""

    title: str
    x: Axis
    y: Axis
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    marks: list[str] = field(default_factory=list)

    def at(self, point: Point) -> Point:
        """Values to places in the picture."""
        across = self.left + self.x.place(point[0]) * (self.width - self.left - RIGHT)
        up = (
            self.height - BOTTOM - self.y.place(point[1]) * (self.height - TOP - BOTTOM)
        )
        return across, up

    def add_line(self, points: Iterable[Point], style: str) -> None:
        """A line through the points; `style` are classes of the page's style sheet."""
        places = " ".join(
            f"{across:.1f},{up:.1f}" for across, up in map(self.at, points)
        )
        self.marks.append(f'<polyline class="{style}" points="{places}"/>')

    def add_point(
        self, point: Point, style: str, *, radius: float = 4, tip: str = ""
    ) -> None:
        across, up = self.at(point)
        title = f"<title>{escape(tip)}</title>" if tip else ""
        self.marks.append(
            f'<circle class="{style}" cx="{across:.1f}" cy="{up:.1f}" r="{radius:.1f}">{title}</circle>'
        )

    def add_text(
        self,
        point: Point,
        text: str,
        *,
        anchor: str = "start",
        style: str = "",
        shift: Point = (0, 0),
    ) -> None:
        """`shift` moves it, in units of the picture, to the right and down."""
        across, up = self.at(point)
        self.marks.append(
            _write(across + shift[0], up + shift[1], text, anchor=anchor, style=style)
        )

    def add_labels(self, labels: Sequence[tuple[Point, str]]) -> None:
        """A name beside each point, moved up or down where names would lie on one another, and left at the edge."""
        taken: list[tuple[float, float, float]] = []
        for point, text in sorted(labels, key=lambda each: self.at(each[0])[1]):
            across, up = self.at(point)
            length = 6.6 * len(text)
            is_left = across + 8 + length > self.width - 2
            start = across - 8 - length if is_left else across + 8

            while any(
                abs(up - y) < LINE and start < end and start + length > begin
                for begin, end, y in taken
            ):
                up += LINE / 2

            taken.append((start, start + length, up))
            anchor = "end" if is_left else "start"
            self.marks.append(
                _write(
                    across + (-8 if is_left else 8),
                    up + 4,
                    text,
                    anchor=anchor,
                    style="over",
                )
            )

    def draw(self) -> str:
        """The picture."""
        size = f'viewBox="0 0 {self.width} {self.height}"'
        inside = "".join((*self._draw_grid(), *self.marks))
        return (
            f'<svg {size} role="img" aria-label="{escape(self.title)}">{inside}</svg>'
        )

    def _draw_grid(self) -> Iterable[str]:
        bottom = self.height - BOTTOM
        right = self.width - RIGHT
        for tick in self.x.ticks():
            across = self.at((tick, self.y.low))[0]
            yield f'<path class="grid" d="M{across:.1f} {TOP}V{bottom}"/>'
            yield _write(
                across, bottom + 16, self.x.write(tick), anchor="middle", style="tick"
            )

        for tick in self.y.ticks():
            up = self.at((self.x.low, tick))[1]
            yield f'<path class="grid" d="M{self.left} {up:.1f}H{right}"/>'
            yield _write(
                self.left - 6, up + 4, self.y.write(tick), anchor="end", style="tick"
            )

        yield f'<path class="axis" d="M{self.left} {TOP}V{bottom}H{right}"/>'
        yield _write(
            (self.left + right) / 2,
            self.height - 8,
            self.x.name,
            anchor="middle",
            style="name",
        )
        if self.y.name:
            middle = (TOP + bottom) / 2
            yield (
                f'<text class="name" text-anchor="middle" transform="translate(12 {middle:.0f}) rotate(-90)">'
                f"{escape(self.y.name)}</text>"
            )


def span(
    values: Sequence[float], *, log: bool = False, room: float = 0.1
) -> tuple[float, float]:
    """Ends of an axis that hold all values, with some room beside them."""
    low = min(values)
    high = max(values)
    if log:
        factor = max(high / low, 2.0) ** room
        return low / factor, high * factor

    apart = max(high - low, 0.01)

    return low - room * apart, high + room * apart


def _round_step(step: float) -> float:
    """The next of 1, 2, 2.5, 5 and 10 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(
        factor * power
        for factor in (1, 2, 2.5, 5, 10)
        if factor * power >= step * 0.999
    )


def _write(across: float, up: float, text: str, *, anchor: str, style: str = "") -> str:
    return f'<text class="{style}" text-anchor="{anchor}" x="{across:.1f}" y="{up:.1f}">{escape(text)}</text>'
