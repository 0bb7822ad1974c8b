"""This module makes distorted copies of small grey images: moved, slanted, turned, stretched, bent, thicker or thinner.

An image is looked at between its pixels, on a grid four times as fine, where a threshold decides what is ink.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MAX_GREY = 16.0
FINER = 4
MAX_SHIFT_PX = 0.5
MAX_SHEAR = 0.3
MAX_TURN = 0.12
MAX_STRETCH_ACROSS, MAX_STRETCH_DOWN = 0.12, 0.06
BEND_PX = 0.25
BEND_NODES = 4
"""Displacements have this standard deviation at 4 x 4 nodes, and are interpolated between them."""
MIN_THRESHOLD, MAX_THRESHOLD = 5.0, 11.0
"""Ink over a low threshold makes a thick stroke of the same image, over a high one a thin stroke."""
CONTRAST = 3.0

Floats = NDArray[np.float64]


def distort(
    images: NDArray[np.float32], generator: np.random.Generator
) -> NDArray[np.float32]:
    """Returns a copy of each image `(n_images, side, side)`, each distorted in its own way, in greys 0, 1, ... 16."""
    n_images, side, _ = images.shape
    fine = sample(images, *_place(n_images, side, generator))
    threshold = generator.uniform(MIN_THRESHOLD, MAX_THRESHOLD, (n_images, 1, 1))
    ink = np.clip((fine - threshold) * CONTRAST + MAX_GREY / 2, 0, MAX_GREY)
    blocks = ink.reshape(n_images, side, FINER, side, FINER)
    greys: NDArray[np.float32] = np.rint(blocks.mean(axis=(2, 4))).astype(np.float32)

    return greys


def sample(images: NDArray[np.float32], x: Floats, y: Floats) -> Floats:
    """Returns greys at places `(n_images, height, width)` in pixels, linear between centres; outside is no ink."""
    side = images.shape[1]
    padded = np.pad(images.astype(np.float64), ((0, 0), (1, 1), (1, 1)))
    x, y = (np.clip(each + 1, 0, side + 1 - 1e-6) for each in (x, y))
    left, top = x.astype(np.int64), y.astype(np.int64)
    right_share, low_share = x - left, y - top
    number = np.arange(len(images))[:, None, None]

    above = (1 - right_share) * padded[number, top, left]
    above += right_share * padded[number, top, left + 1]
    below = (1 - right_share) * padded[number, top + 1, left]
    below += right_share * padded[number, top + 1, left + 1]
    greys: Floats = (1 - low_share) * above + low_share * below

    return greys


def _place(
    n_images: int, side: int, generator: np.random.Generator
) -> tuple[Floats, Floats]:
    """Returns where each fine pixel of each copy looks in its image, x and y, in pixels."""
    n_fine = side * FINER
    middle = (side - 1) / 2
    line = (np.arange(n_fine) + 0.5) / FINER - 0.5 - middle
    y, x = np.meshgrid(line, line, indexing="ij")

    def draw(largest: float) -> Floats:
        return generator.uniform(-largest, largest, (n_images, 1, 1))

    turn, shear = draw(MAX_TURN), draw(MAX_SHEAR)
    across, down = 1 + draw(MAX_STRETCH_ACROSS), 1 + draw(MAX_STRETCH_DOWN)
    looked_x = (np.cos(turn) * x - np.sin(turn) * y + shear * y) * across
    looked_y = (np.sin(turn) * x + np.cos(turn) * y) * down
    bend_x, bend_y = _bend(n_images, n_fine, generator)

    return (
        looked_x + middle + draw(MAX_SHIFT_PX) + bend_x,
        looked_y + middle + draw(MAX_SHIFT_PX) + bend_y,
    )


def _bend(n_images: int, n_fine: int, generator: np.random.Generator) -> Floats:
    """Returns smooth displacements `(2, n_images, n_fine, n_fine)` in pixels."""
    nodes = generator.normal(0, BEND_PX, (2, n_images, BEND_NODES, BEND_NODES))
    places = np.linspace(0, BEND_NODES - 1, n_fine)
    shares = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(BEND_NODES)))
    bends: Floats = shares @ nodes @ shares.T
    return bends
