"""Pixels become pictures that people look at: images in a grid, or below each other, and heat maps over them."""

from __future__ import annotations

from math import ceil, isqrt

import numpy as np
from numpy.typing import NDArray

from service.models.images.image_codec import Pixels, resize_map, shrink

GAP_PX = 2
CELL_PX = 64
"""A smaller image is enlarged to about this height in a grid, where there is room."""
GRID_PX = 4_000_000
"""A grid of more pixels than this is not enlarged."""
MAX_HEAT_MAP_PX = 1024
"""The longer side of a heat map has at most this many pixels."""
MIN_HEAT_MAP_PX = 256
HEAT_COLOURS = (
    (48, 18, 120),
    (30, 120, 200),
    (40, 190, 130),
    (250, 210, 50),
    (220, 40, 30),
)
"""The colours rise from no weight to the highest; each is lighter or warmer than the one before."""


def make_grid(images: Pixels) -> Pixels:
    """Returns images `(n_images, height, width, 3)` in a near-square grid on white, enlarged by whole pixels."""
    images = _enlarge_cells(images)
    n_images, height, width, _ = images.shape
    n_columns = ceil(n_images**0.5)
    n_rows = ceil(n_images / n_columns)

    cell_height = height + GAP_PX
    cell_width = width + GAP_PX
    grid_height = n_rows * cell_height + GAP_PX
    grid_width = n_columns * cell_width + GAP_PX
    grid = np.full((grid_height, grid_width, 3), 255, dtype=np.uint8)

    for index, image in enumerate(images):
        row, column = divmod(index, n_columns)
        top = GAP_PX + row * cell_height
        left = GAP_PX + column * cell_width
        grid[top : top + height, left : left + width] = image

    return grid


def _enlarge_cells(images: Pixels) -> Pixels:
    """Returns images `(n_images, height, width, 3)` enlarged by whole pixels, as far as a grid has room for them."""
    n_images, height, width, _ = images.shape
    n_pixels = n_images * height * width
    room = isqrt(GRID_PX // n_pixels)
    wanted = CELL_PX // height
    times = max(1, min(room, wanted))

    return images.repeat(times, axis=1).repeat(times, axis=2)


def overlay_heat_map(
    pixels: Pixels, heat: NDArray[np.float32], *, middle: bool
) -> Pixels:
    """Returns a map `(rows, columns)` in colours over the image in grey; values below 0 show as no weight.

    With `middle` the map covers only the square in the image's middle.
    """
    pixels = shrink(_enlarge(pixels), MAX_HEAT_MAP_PX)
    height, width, _ = pixels.shape
    side = min(height, width)
    size = (side, side) if middle else (width, height)
    smooth = resize_map(heat, size)
    highest = max(float(smooth.max()), 1e-12)
    in_middle = np.clip(smooth / highest, 0, 1)

    n_rows, n_columns = in_middle.shape
    top = (height - n_rows) // 2
    left = (width - n_columns) // 2
    shares = np.zeros((height, width))
    shares[top : top + n_rows, left : left + n_columns] = in_middle

    colours = _colour(shares)
    grey = pixels.mean(axis=2, keepdims=True).repeat(3, axis=2)
    weight = 0.7 * shares[..., None] ** 0.5
    mixed = (1 - weight) * grey + weight * colours
    laid: Pixels = np.rint(mixed).astype(np.uint8)

    return laid


def _colour(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the colours `(height, width, 3)` of shares from 0 to 1 `(height, width)`."""
    stops = np.linspace(0, 1, len(HEAT_COLOURS))
    channels = np.array(HEAT_COLOURS).T
    coloured = [np.interp(shares, stops, channel) for channel in channels]

    return np.stack(coloured, axis=2)


def stack(pictures: list[Pixels]) -> Pixels:
    """Returns pictures of any size one below the other, on white."""
    width = max(each.shape[1] for each in pictures)
    rows = []

    for each in pictures:
        height, own_width, _ = each.shape
        row = np.full((height + GAP_PX, width, 3), 255, dtype=np.uint8)
        row[:height, :own_width] = each
        rows.append(row)

    return np.concatenate(rows)[:-GAP_PX]


def _enlarge(pixels: Pixels) -> Pixels:
    """Returns the image enlarged by whole pixels where its longer side is small."""
    times = max(1, MIN_HEAT_MAP_PX // max(pixels.shape[:2]))
    return pixels.repeat(times, axis=0).repeat(times, axis=1)
