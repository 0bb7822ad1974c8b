"""This module draws digits on a pad stroke by stroke, in shapes and by curves that are not those that models learn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.data.strokes import read_points

Floats = NDArray[np.float64]
Stroke = Floats
"""A Stroke is the points `(n_points, 2)` that a pen passed, x to the right and y down."""


def draw_digits(
    n_drawings: int, *, seed: int
) -> tuple[list[list[Stroke]], NDArray[np.int64]]:
    """Returns drawings, each a list of strokes in pixels of a pad, and the digit of each: all ten in turn."""
    generator = np.random.default_rng(seed)
    target = np.arange(n_drawings, dtype=np.int64) % 10
    return [draw_digit(int(digit), generator) for digit in target], target


def draw_digit(digit: int, generator: np.random.Generator) -> list[Stroke]:
    """Returns strokes of one of the digit's usual shapes, slanted, turned, stretched and shaken as a hand would."""
    shapes = SHAPES[digit]
    shape = shapes[int(generator.integers(len(shapes)))]
    slant, turn = generator.normal(0, 0.13), generator.normal(0, 0.07)
    size, aspect = generator.uniform(80, 200), generator.uniform(0.55, 0.95)
    corner = generator.uniform(10, 60, size=2)
    strokes = []

    for points in shape:
        moved = read_points(points)
        moved += generator.normal(0, 0.025, moved.shape)
        smooth = smooth_curve(moved) - 0.5
        slanted = smooth @ np.array([[aspect, 0.0], [-slant, 1.0]])
        rotation = np.array(
            [[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]
        )
        shaken = (slanted @ rotation + 0.5) * size + generator.normal(
            0, 0.7, size=smooth.shape
        )
        strokes.append(shaken + corner)

    return strokes


def smooth_curve(points: Floats, n_between: int = 6) -> Floats:
    """Returns a Catmull-Rom curve through the points; a point that stands twice in a row is a corner."""
    padded = np.concatenate([points[:1], points, points[-1:]])
    steps = np.linspace(0, 1, n_between, endpoint=False)[:, None]
    parts = []

    for before, start, end, after in zip(
        padded, padded[1:], padded[2:], padded[3:], strict=False
    ):
        parts.append(
            start
            + 0.5 * steps * (end - before)
            + steps**2 * (before - 2.5 * start + 2 * end - 0.5 * after)
            + 0.5 * steps**3 * (3 * start - before - 3 * end + after)
        )

    return np.concatenate([*parts, points[-1:]])


def _arc(
    x: float,
    y: float,
    across: float,
    down: float,
    *,
    start: float = -90,
    sweep: float = 360,
) -> str:
    """Returns points of an arc from an angle in degrees, where 0 is right and 90 is down."""
    angles = np.radians(start + np.linspace(0, sweep, 9))
    return " ".join(
        f"{x + across * np.cos(each):.1f},{y + down * np.sin(each):.1f}"
        for each in angles
    )


SHAPES: tuple[tuple[tuple[str, ...], ...], ...] = (
    (
        (_arc(50, 50, 42, 50),),
        (_arc(50, 50, 36, 50, start=-70, sweep=-350),),
        (_arc(50, 50, 46, 50, start=-110, sweep=-370),),
    ),
    (
        ("50,0 50,50 50,100",),
        ("25,25 40,14 55,0 55,0 55,50 55,100",),
        ("25,22 50,0 50,0 50,50 50,100", "20,100 50,100 80,100"),
    ),
    (
        ("12,25 25,6 50,0 78,8 86,28 70,52 40,78 10,100 10,100 50,99 92,100",),
        ("10,20 35,2 70,3 85,25 70,50 40,75 12,97 12,97 50,93 90,100",),
        ("15,20 40,0 75,8 80,35 55,70 20,95 8,85 25,78 50,92 90,98",),
    ),
    (
        ("12,12 40,0 75,6 82,25 65,43 40,47 40,47 70,52 88,72 72,95 40,100 10,90",),
        ("15,0 50,0 85,0 85,0 65,20 45,40 45,40 75,48 88,70 72,95 40,100 10,90",),
    ),
    (
        ("30,0 22,30 10,60 10,60 50,60 95,58", "70,25 68,60 66,100"),
        ("68,0 38,32 8,65 8,65 50,66 95,65", "68,0 68,50 68,100"),
        ("20,0 16,25 14,50 14,50 45,52 85,50", "80,0 80,50 78,100"),
    ),
    (
        (
            "20,0 18,22 15,45 15,45 45,38 78,48 86,70 72,93 40,100 10,92",
            "20,0 50,0 85,0",
        ),
        ("85,0 50,1 20,0 20,0 18,22 14,46 14,46 50,38 82,52 84,78 60,98 10,95",),
    ),
    (
        ("72,0 40,20 18,50 14,78 35,99 65,97 82,76 68,57 42,56 18,74",),
        ("55,0 30,25 15,55 20,88 50,100 80,88 80,65 52,53 20,68",),
    ),
    (
        ("10,2 50,0 90,0 90,0 65,45 42,100",),
        ("10,2 50,0 90,0 90,0 68,45 45,100", "30,52 60,50 90,48"),
        ("12,15 14,2 50,3 88,0 88,0 70,40 50,100",),
    ),
    (
        (
            "78,14 50,0 22,14 30,37 50,48 76,63 80,85 50,100 20,86 25,64 50,48 73,35 78,14",
        ),
        (_arc(50, 25, 30, 25), _arc(50, 74, 36, 26)),
    ),
    (
        ("80,20 55,0 22,10 16,32 40,48 72,38 82,15 82,15 80,55 74,100",),
        ("82,22 60,1 25,6 15,30 38,50 70,42 84,18 84,18 86,60 70,92 30,98",),
    ),
)
"""Each digit has the shapes that people draw, as points in a box of side 1; a point twice in a row is a corner."""
