"""Draws a photograph that has plausible content for a decoder, neither noise nor a flat surface."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIZE_PX = (500, 375)
QUALITY = 90
SEED = 0
ROAD_TOP_PX = 250
BLUR_PX = 1.2
GREY_GRAIN = 4.0
COLOUR_GRAIN = 1.5
"""The grain of a camera has these standard deviations: one for all channels of a pixel, and one for each."""

ASPHALT = (92, 90, 88)
LANE_MARK = (225, 222, 205)
ROOF = (150, 24, 28)
WINDOW = (60, 78, 92)
BODY = (178, 30, 34)
SILL = (120, 18, 22)
TYRE = (22, 22, 24)
RIM = (168, 170, 174)
HEADLIGHT = (244, 240, 205)


def make_photo() -> bytes:
    """Returns a JPEG of 500 x 375 pixels: a car on a road under a clouded sky, with the grain of a camera."""
    random = np.random.default_rng(SEED)
    image = Image.fromarray(_draw_sky(random))
    draw = ImageDraw.Draw(image)
    _draw_road(draw)
    _draw_car(draw)
    pixels = _add_grain(image.filter(ImageFilter.GaussianBlur(BLUR_PX)), random)

    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=QUALITY)

    return file.getvalue()


def _draw_sky(random: np.random.Generator) -> np.ndarray:
    """Returns clouds `(height, width, 3)`: the sum of blurred noise at several sizes over a gradient."""
    width, height = SIZE_PX
    clouds = np.zeros((height, width), dtype=np.float32)

    for cells in (4, 8, 16, 32, 64):
        noise = random.random((cells, cells)).astype(np.float32)
        coarse = Image.fromarray(noise)
        smooth = coarse.resize(SIZE_PX, Image.Resampling.BICUBIC)
        clouds += np.asarray(smooth) / cells**0.6

    clouds = (clouds - clouds.min()) / (clouds.max() - clouds.min())
    fall = np.linspace(0, 1, height, dtype=np.float32)[:, None]

    red = 96 + 70 * clouds + 60 * fall
    green = 132 + 70 * clouds + 40 * fall
    blue = 178 + 70 * clouds + 10 * fall
    channels = np.stack([red, green, blue], axis=2)
    pixels: np.ndarray = np.clip(channels, 0, 255).astype(np.uint8)

    return pixels


def _draw_road(draw: ImageDraw.ImageDraw) -> None:
    """Draws asphalt to the lower edge, and a broken line along it."""
    width, height = SIZE_PX
    draw.rectangle((0, ROAD_TOP_PX, width, height), fill=ASPHALT)

    for left in range(0, width, 70):
        right = left + 38
        draw.rectangle((left, 335, right, 342), fill=LANE_MARK)


def _draw_car(draw: ImageDraw.ImageDraw) -> None:
    """Draws a red car that is seen from its side."""
    roof = [(130, 180), (180, 118), (320, 118), (372, 180)]
    rear_window = [(150, 178), (188, 128), (246, 128), (246, 178)]
    front_window = [(256, 178), (256, 128), (312, 128), (350, 178)]
    draw.polygon(roof, fill=ROOF)
    draw.polygon(rear_window, fill=WINDOW)
    draw.polygon(front_window, fill=WINDOW)

    draw.rounded_rectangle((70, 178, 435, 258), radius=26, fill=BODY)
    draw.rectangle((74, 226, 432, 234), fill=SILL)

    for middle in (150, 355):
        tyre = (middle - 42, 216, middle + 42, 300)
        rim = (middle - 22, 236, middle + 22, 280)
        draw.ellipse(tyre, fill=TYRE)
        draw.ellipse(rim, fill=RIM)

    draw.ellipse((404, 196, 430, 214), fill=HEADLIGHT)


def _add_grain(image: Image.Image, random: np.random.Generator) -> np.ndarray:
    """Returns the image's pixels `(height, width, 3)` with normally distributed grain on them."""
    width, height = SIZE_PX
    soft = np.asarray(image).astype(np.float32)
    grey = random.normal(scale=GREY_GRAIN, size=(height, width, 1))
    coloured = random.normal(scale=COLOUR_GRAIN, size=(height, width, 3))
    grained = soft + (grey + coloured)
    pixels: np.ndarray = np.clip(grained, 0, 255).astype(np.uint8)

    return pixels
