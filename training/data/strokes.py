"""This module draws digits as a pen would, and fits strokes into a grid of 8 x 8 greys like those of the data set.

The data set's authors divided bitmaps of 32 x 32 into blocks of 4 x 4 and counted the dark pixels of each; so does
this module. A drawing is made as high as the grid, because theirs are, and is squeezed where it would be too wide.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

SIDE_PX = 8
BLOCK_PX = 4
PEN = 0.16
"""The pen's width is this share of the grid's side."""
MAX_WIDTH = 0.62
"""A drawing with its pen is at most this share of the grid's side wide."""
MIN_PEN, MAX_PEN = 0.12, 0.2
MIN_WIDTH_LIMIT, MAX_WIDTH_LIMIT = 0.55, 0.75
KEPT_SHARE = 0.3
"""So many of the drawings to learn from are fitted without squeezing them, as another page might do."""
FLATTEST = 4.0
"""What is more than so many times as wide as high, as a dash is, is not made as high as the grid."""

Floats = NDArray[np.float64]


def fit_strokes(
    strokes: list[Floats],
    *,
    pen: float = PEN,
    max_width: float = MAX_WIDTH,
    keeps_shape: bool = False,
) -> NDArray[np.float32]:
    """Returns greys from 0 to 16, row by row `(64,)`, of strokes: points `(n_points, 2)` each, x right and y down.

    The strokes are stretched down until they are, with the pen, as high as the grid, across by the same factor or by
    the one that makes them, with the pen, `max_width` wide, if that is smaller; and they are centred. With
    `keeps_shape` the smaller factor counts both ways, so that wide strokes are lower than the grid. A pixel of a grid
    four times as fine is dark where its centre is within half a pen of a stroke. A grey counts dark pixels.
    """
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    width, height = np.maximum(high - low, 1e-9)
    down = (1 - pen) / max(height, width / FLATTEST)
    across = min(down, (max_width - pen) / width)
    scale = np.array([across, across if keeps_shape else down])
    fitted = [(each - (low + high) / 2) * scale + 0.5 for each in strokes]
    starts = np.concatenate([each[: max(1, len(each) - 1)] for each in fitted])
    ends = np.concatenate([each[min(1, len(each) - 1) :] for each in fitted])
    n_fine = SIDE_PX * BLOCK_PX
    dark = measure_distances(n_fine, starts, ends) <= pen / 2
    blocks = dark.reshape(SIDE_PX, BLOCK_PX, SIDE_PX, BLOCK_PX)
    greys: NDArray[np.float32] = blocks.sum(axis=(1, 3)).astype(np.float32)

    return greys.reshape(-1)


def measure_distances(n_fine: int, starts: Floats, ends: Floats) -> Floats:
    """Returns how far each pixel's centre `(n_fine, n_fine)` is from the nearest segment; the grid's side is 1."""
    line = (np.arange(n_fine) + 0.5) / n_fine
    y, x = np.meshgrid(line, line, indexing="ij")
    centres = np.stack([x, y], axis=-1)[:, :, None]
    along = ends - starts
    lengths = np.maximum((along**2).sum(axis=1), 1e-12)
    shares = np.clip(((centres - starts) * along).sum(axis=3) / lengths, 0, 1)
    apart = centres - starts - shares[..., None] * along
    nearest: Floats = np.sqrt((apart**2).sum(axis=3).min(axis=2))

    return nearest


@lru_cache(maxsize=1)
def draw_digits(
    n_of_each: int, *, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Returns drawn digits `(n_drawings, 64)` and which digit each is; no two are drawn or fitted alike."""
    generator = np.random.default_rng(seed)
    target = np.tile(np.arange(len(SHAPES), dtype=np.int64), n_of_each)
    drawings = [
        fit_strokes(
            draw_digit(int(digit), generator),
            pen=generator.uniform(MIN_PEN, MAX_PEN),
            max_width=generator.uniform(MIN_WIDTH_LIMIT, MAX_WIDTH_LIMIT),
            keeps_shape=generator.random() < KEPT_SHARE,
        )
        for digit in target
    ]
    return np.stack(drawings), target


def draw_digit(digit: int, generator: np.random.Generator) -> list[Floats]:
    """Returns strokes of one of the digit's shapes, with each point moved, slanted, turned and made narrow or wide."""
    shape = SHAPES[digit][int(generator.integers(len(SHAPES[digit])))]
    slant, turn = generator.normal(0, 0.15), generator.normal(0, 0.08)
    width = generator.uniform(0.45, 0.95)
    slanting = np.array([[width, 0.0], [-slant, 1.0]])
    turning = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    strokes = []

    for points in shape:
        moved = read_points(points)
        moved += generator.normal(0, 0.04, moved.shape)
        strokes.append(round_corners(moved) @ slanting @ turning)

    return strokes


def round_corners(points: Floats, *, times: int = 2) -> Floats:
    """Returns points with each corner cut off so many times; ends stay (G. Chaikin, CGIP 3, 1974)."""
    for _ in range(times):
        start, end = points[:-1], points[1:]
        cut = np.stack([0.75 * start + 0.25 * end, 0.25 * start + 0.75 * end], axis=1)
        points = np.concatenate([points[:1], cut.reshape(-1, 2), points[-1:]])

    return points


def read_points(text: str) -> Floats:
    """Returns points `(n_points, 2)` of a text such as `50,0 50,100`, in hundredths."""
    return np.array([each.split(",") for each in text.split()], dtype=np.float64) / 100


def _ring(
    x: float, y: float, radius_x: float, radius_y: float, *, turn: float = 1.0
) -> str:
    """Returns points of a ring that starts at its top and goes left round, `turn` times, in hundredths."""
    angles = np.linspace(0, 2 * np.pi * turn, 13)
    return " ".join(
        f"{x - radius_x * np.sin(each):.1f},{y - radius_y * np.cos(each):.1f}"
        for each in angles
    )


SHAPES: tuple[tuple[tuple[str, ...], ...], ...] = (
    (
        (_ring(50, 50, 45, 50),),
        (_ring(50, 50, 38, 50, turn=1.06),),
        (_ring(50, 50, 42, 50, turn=0.93),),
    ),
    (
        ("50,0 50,100",),
        ("20,30 55,0 55,0 55,100",),
        ("30,15 50,0 50,0 50,100", "15,100 85,100"),
        ("10,40 60,0 60,0 60,100", "35,100 85,100"),
    ),
    (
        ("10,30 20,0 80,0 95,40 50,70 5,100 5,100 95,100",),
        ("10,15 50,-5 100,20 60,60 20,95 0,90 20,75 50,95 95,100",),
        ("10,5 60,0 95,25 10,100 10,100 95,97",),
    ),
    (
        ("10,10 50,-3 95,10 80,45 35,47 35,47 90,50 98,85 60,104 5,93",),
        ("10,0 90,0 90,0 40,40 40,40 100,50 90,95 45,103 5,90",),
        ("15,15 45,0 80,10 75,40 50,48 80,58 90,80 60,100 10,95",),
    ),
    (
        ("75,0 5,65 5,65 100,65", "72,2 72,100"),
        ("70,100 70,0 70,0 5,70 5,70 100,70",),
        ("20,0 10,55 10,55 95,55", "75,20 70,100"),
        ("10,0 10,50 10,50 85,50", "85,0 85,100"),
        ("40,0 0,60 0,60 95,60", "65,35 55,100"),
    ),
    (
        ("20,0 15,45 50,35 95,50 85,100 10,97", "20,0 90,0"),
        ("90,0 20,0 20,0 15,42 15,42 80,38 100,70 75,103 5,95",),
        ("85,3 30,5 15,40 60,45 90,65 75,95 35,103 10,90",),
    ),
    (
        ("80,0 30,25 2,70 25,105 75,103 98,70 60,50 10,72",),
        ("35,0 10,40 5,85 50,108 95,85 80,50 30,50 8,75",),
        ("85,10 60,-5 10,30 5,85 50,106 95,80 65,48 15,65",),
    ),
    (
        ("5,0 95,0 95,0 40,100",),
        ("5,0 95,0 95,0 45,100", "30,50 95,50"),
        ("5,20 8,0 95,0 95,0 60,50 50,100",),
        ("0,10 40,0 90,3 75,50 30,100",),
    ),
    (
        ("85,10 45,-5 10,20 50,48 92,75 50,108 8,75 50,48 90,20 70,0",),
        (_ring(50, 24, 33, 24), _ring(50, 74, 42, 26)),
        ("50,47 10,25 50,-8 90,25 50,47 5,75 50,109 95,75 50,47",),
    ),
    (
        ("85,15 50,-6 5,20 30,55 85,30 88,10 88,10 80,100",),
        (_ring(50, 26, 40, 26), "90,20 88,60 50,100"),
        ("90,20 50,-6 5,25 45,55 90,25 90,25 95,75 60,104 10,95",),
    ),
)
"""Each digit is drawn in one of several shapes, each of strokes through points in a square of side 1."""
