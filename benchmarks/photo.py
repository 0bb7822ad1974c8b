"""Draws a photograph that has plausible content for a decoder, neither noise nor a flat surface."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIZE_PX = (500, 375)
QUALITY = 90
SEED = 0


def make_photo() -> bytes:
    """Returns a JPEG of 500 x 375 pixels: a car on a road under a clouded sky, with the grain of a camera."""
    width, height = SIZE_PX
    random = np.random.default_rng(SEED)
    image = Image.fromarray(_draw_sky(random))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 250, width, height), fill=(92, 90, 88))
    for left in range(0, width, 70):
        draw.rectangle((left, 335, left + 38, 342), fill=(225, 222, 205))

    draw.polygon([(130, 180), (180, 118), (320, 118), (372, 180)], fill=(150, 24, 28))
    draw.polygon([(150, 178), (188, 128), (246, 128), (246, 178)], fill=(60, 78, 92))
    draw.polygon([(256, 178), (256, 128), (312, 128), (350, 178)], fill=(60, 78, 92))
    draw.rounded_rectangle((70, 178, 435, 258), radius=26, fill=(178, 30, 34))
    draw.rectangle((74, 226, 432, 234), fill=(120, 18, 22))
    for middle in (150, 355):
        draw.ellipse((middle - 42, 216, middle + 42, 300), fill=(22, 22, 24))
        draw.ellipse((middle - 22, 236, middle + 22, 280), fill=(168, 170, 174))

    draw.ellipse((404, 196, 430, 214), fill=(244, 240, 205))
    soft = np.asarray(image.filter(ImageFilter.GaussianBlur(1.2))).astype(np.float32)
    grain = random.normal(scale=4.0, size=(height, width, 1)) + random.normal(
        scale=1.5, size=(height, width, 3)
    )
    pixels = np.clip(soft + grain, 0, 255).astype(np.uint8)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=QUALITY)

    return file.getvalue()


def _draw_sky(random: np.random.Generator) -> np.ndarray:
    """Returns clouds `(height, width, 3)`: the sum of blurred noise at several sizes over a gradient."""
    width, height = SIZE_PX
    clouds = np.zeros((height, width), dtype=np.float32)

    for cells in (4, 8, 16, 32, 64):
        coarse = Image.fromarray(random.random((cells, cells)).astype(np.float32))
        clouds += (
            np.asarray(coarse.resize(SIZE_PX, Image.Resampling.BICUBIC)) / cells**0.6
        )

    clouds = (clouds - clouds.min()) / (clouds.max() - clouds.min())
    fall = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    channels = [
        low + 70 * clouds + rise * fall
        for low, rise in ((96, 60), (132, 40), (178, 10))
    ]
    pixels: np.ndarray = np.clip(np.stack(channels, axis=2), 0, 255).astype(np.uint8)

    return pixels
