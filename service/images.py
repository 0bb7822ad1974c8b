"""Images as PNG, and many of them as one picture. The only module that knows Pillow."""

from __future__ import annotations

from io import BytesIO
from math import ceil, isqrt

import numpy as np
from numpy.typing import NDArray
from PIL import Image

GAP_PX = 2
CELL_PX = 64
"""Smaller images are enlarged to about this height in a grid, where there is room."""
GRID_PX = 4_000_000
"""Pixels of a grid above which images are not enlarged."""

Pixels = NDArray[np.uint8]


def encode_png(pixels: Pixels) -> bytes:
    """`pixels` is RGB `(height, width, 3)`."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    return file.getvalue()


def make_grid(images: Pixels) -> Pixels:
    """Images `(n_images, height, width, 3)` row by row in a near-square grid, on white, enlarged by whole pixels."""
    n_images, height, width, _ = images.shape
    room = isqrt(GRID_PX // (n_images * height * width))
    images = images.repeat(max(1, min(room, CELL_PX // height)), axis=1)
    images = images.repeat(images.shape[1] // height, axis=2)
    _, height, width, _ = images.shape
    columns = ceil(n_images**0.5)
    rows = ceil(n_images / columns)
    grid = np.full((rows * (height + GAP_PX) + GAP_PX, columns * (width + GAP_PX) + GAP_PX, 3), 255, dtype=np.uint8)
    for number, image in enumerate(images):
        top = GAP_PX + number // columns * (height + GAP_PX)
        left = GAP_PX + number % columns * (width + GAP_PX)
        grid[top : top + height, left : left + width] = image
    return grid
