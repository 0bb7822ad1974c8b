"""Image files become pixels, and pixels become PNG or JPEG files.

This is the only module that knows Pillow and simplejpeg.
"""

from __future__ import annotations

import logging
import warnings
from io import SEEK_END, BytesIO
from math import isqrt
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from service.errors import InvalidRequest, TooLarge, VeredictoError
from service.models import cancellation
from service.models.images.budget import PixelBudget
from service.models.images.headers import (
    JPEG_END,
    JPEG_START,
    PNG_START,
    JpegScans,
    count_parts,
    count_scans,
    read_png_depth,
    strip_png,
)
from service.models.images.media_types import FORMATS, KINDS, KNOWN
from service.models.images.refusals import (
    check_type,
    describe_unknown,
    explain_broken,
    is_of_type,
)

logger = logging.getLogger(__name__)

# Sizes are checked here, with a limit that an operator can set.
Image.MAX_IMAGE_PIXELS = None
# Pillow warns of files that are odd but decode.
warnings.filterwarnings("ignore", module=r"PIL\.")


MAX_SIDE_PX = 65_535
"""This is JPEG's own limit; a longer image is nothing that anyone looks at."""
MAX_CONVERTED_PX = 4_000_000
STRIP_PX = 1_000_000
"""An image of more pixels is made smaller while it is converted, a strip of a million pixels at a time."""
LOADED_BYTES = {"JPEG": 0, "PNG": 4, "BMP": 4, "GIF": 2, "WEBP": 18}
CONVERTED_BYTES = 16
"""A pixel takes so many bytes while it is decoded, as was measured, and while it is converted."""
JPEG_FACTORS = (8, 4, 2, 1)
"""A JPEG is decoded with its sides divided by one of these."""
READ_BYTES = 8192
"""Decoders read so many bytes at a time, between which their work can be ended."""

ORIENTATION = 0x0112
UPRIGHT = 1
"""The EXIF orientation tag has this value in an image that need not be turned."""
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

Pixels = NDArray[np.uint8]


def encode_png(pixels: Pixels) -> bytes:
    """Returns RGB `pixels` `(height, width, 3)` as a PNG file."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    return file.getvalue()


def encode_jpeg(pixels: Pixels) -> bytes:
    """Returns RGB `pixels` `(height, width, 3)` as a JPEG file of quality 80, a small part of a photograph's PNG."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, format="JPEG", quality=80)
    return file.getvalue()


class _WatchedFile(BytesIO):
    """A file that a decoder reads in parts ends the decoding where it is no longer wanted."""

    def read(self, size: int | None = -1, /) -> bytes:
        cancellation.check()
        return super().read(size)


def decode(
    content: bytes, *, where: str, media_type: str, budget: PixelBudget, min_px: int
) -> Pixels:
    """Returns a JPEG, PNG, WebP, BMP or GIF (its first frame) as RGB `(height, width, 3)`, upright and on white.

    A large image is decoded at a part of its size, as long as both sides stay at least `min_px`. It raises
    InvalidRequest for what is no such image, or is not of the media type, and TooLarge for one that costs more than
    is left.
    """
    scans = count_scans(content) if content.startswith(JPEG_START) else None
    budget.take_parts(count_parts(content) if scans is None else scans.n_parts, where)
    if content.startswith(PNG_START):
        content = strip_png(content)
    size = None if scans is None else scans.plain_size
    # Of one by another name Pillow says first whether it is broken, or too large.
    if size is not None and is_of_type("JPEG", media_type):
        pixels = _decode_plain_jpeg(content, size, where, budget, min_px)
        if pixels is not None:
            return pixels

    try:
        with Image.open(_WatchedFile(content), formats=FORMATS) as image:
            budget.take(image.width * image.height, where)
            kind = KINDS.get(image.format or "", "")
            check_type(kind, media_type, where)
            _check_sides(image, where)
            return _decode_open(content, image, scans, where, budget, min_px)
    except VeredictoError:
        raise
    except UnidentifiedImageError:
        raise InvalidRequest(
            f"{where}: expected a {KNOWN} file, got {describe_unknown(content)}"
        ) from None
    except Exception as error:
        # Decoders meet broken files with errors of every kind.
        raise InvalidRequest(
            f"{where}: the image cannot be decoded: {explain_broken(error)}"
        ) from error


def _decode_plain_jpeg(
    content: bytes,
    size: tuple[int, int],
    where: str,
    budget: PixelBudget,
    min_px: int,
) -> Pixels | None:
    """Returns a JPEG's pixels without a look by Pillow, as `decode` does; None for a broken one, left to Pillow."""
    n_pixels = size[0] * size[1]
    budget.take(n_pixels, where)
    scale = min(size) // max(1, min_px)
    factor = next(each for each in JPEG_FACTORS if each <= max(1, scale))
    width, height = (-(-side // factor) for side in size)

    try:
        with budget.memory.reserve(CONVERTED_BYTES * width * height, where):
            pixels = _decode_strictly(content, width, height)
    except VeredictoError:
        raise
    except Exception:
        # Pillow decodes more broken files than simplejpeg, or says more of them.
        pixels = None

    if pixels is None:
        budget.give_back(n_pixels)
    return pixels


def _decode_open(
    content: bytes,
    image: Image.Image,
    scans: JpegScans | None,
    where: str,
    budget: PixelBudget,
    min_px: int,
) -> Pixels:
    """Returns the pixels of a file whose header was read, once there is memory to decode them."""
    kind = KINDS[image.format or ""]
    n_pixels = image.width * image.height
    kept_bytes = LOADED_BYTES[kind] * n_pixels
    lacks_end = False
    if scans is not None:
        budget.check_scans(scans.n_scans, n_pixels, where)
        image.draft(None, (min_px, min_px))
        kept_bytes = 2 * scans.n_components * n_pixels if scans.keeps_all else 0
        lacks_end = not scans.has_end and not scans.keeps_all

    elif kind == "PNG":
        _adapt_transparency(image, read_png_depth(content))

    factor = _find_factor(image, min_px)
    n_converted = image.width * image.height
    if kind != "JPEG":
        n_converted //= factor**2
    with budget.memory.reserve(kept_bytes + CONVERTED_BYTES * n_converted, where):
        if lacks_end:
            content = _add_end(content, image)
        pixels = _decode_upright_jpeg(content, image) if kind == "JPEG" else None
        return _convert_to_upright_rgb(image, factor) if pixels is None else pixels


def _find_factor(image: Image.Image, min_px: int) -> int:
    """Returns by what whole number the sides of a large image are divided; 1 for one that is small enough."""
    n_pixels = image.width * image.height
    wanted = isqrt(max(0, n_pixels - 1) // MAX_CONVERTED_PX) + 1
    shorter_px = min(image.width, image.height)
    allowed = shorter_px // max(1, min_px)

    return max(1, min(wanted, allowed))


def _check_sides(image: Image.Image, where: str) -> None:
    longest = max(image.size)
    if longest > MAX_SIDE_PX:
        raise TooLarge(
            f"{where}: a side of {longest} pixels is over the limit of {MAX_SIDE_PX}"
        )


def _add_end(content: bytes, image: Image.Image) -> bytes:
    """Returns a JPEG that lacks nothing but its end marker with that, which Pillow's decoder gets too.

    Browsers show such files, which some cameras write. One that lacks pixels as well stays as it is: libjpeg would make
    them grey. Of a progressive one nobody could tell.
    """
    whole = content + JPEG_END
    file: Any = getattr(image, "fp", None)
    try:
        is_whole = file is not None and _decode_strictly(whole, *image.size) is not None
    except Exception:
        return content
    if not is_whole:
        return content

    place = file.tell()
    file.seek(0, SEEK_END)
    file.write(JPEG_END)
    file.seek(place)

    return whole


def _decode_strictly(content: bytes, width: int, height: int) -> Pixels | None:
    """Returns a JPEG's pixels as they lie in the file; None for one of another size, and an error for a broken one."""
    # The size that is known was checked, so that another one is not decoded.
    found = simplejpeg.decode_jpeg_header(content, height, width)[:2]
    if found != (height, width):
        return None

    pixels: Pixels = simplejpeg.decode_jpeg(content, min_height=height, min_width=width)
    return pixels


def _decode_upright_jpeg(content: bytes, image: Image.Image) -> Pixels | None:
    """Returns the same pixels as Pillow in less time; None where the file is broken or needs more than decoding."""
    if image.mode not in ("RGB", "L"):
        return None

    try:
        if image.getexif().get(ORIENTATION, UPRIGHT) != UPRIGHT:
            return None

        return _decode_strictly(content, *image.size)
    except Exception:
        # Pillow decodes more broken files than simplejpeg, or says more of them.
        return None


def _convert_to_upright_rgb(image: Image.Image, factor: int) -> Pixels:
    """Returns the loaded image on white, both sides divided by `factor`, turned as its tag says."""
    image.decodermaxblock = READ_BYTES  # type: ignore[attr-defined]  # of every file's image
    image.load()

    try:
        turn = TURNS.get(image.getexif().get(ORIENTATION, UPRIGHT))
    except Exception:
        # Where the tag is broken the picture need not be.
        logger.debug("an orientation that cannot be read")
        turn = None

    pixels = _reduce(image, factor) if factor > 1 else _convert_to_rgb(image)
    if turn is None:
        return pixels

    return np.asarray(Image.fromarray(pixels).transpose(turn))


def _reduce(image: Image.Image, factor: int) -> Pixels:
    """Returns the mean of each square of `factor` pixels, made strip by strip, so that it takes little memory."""
    width, height = image.size
    n_rows = factor * max(1, STRIP_PX // (width * factor))
    strips = []
    for top in cancellation.watch(range(0, height, n_rows)):
        strip = image.crop((0, top, width, min(height, top + n_rows)))
        # A mode's own knowledge of what is transparent goes along.
        strip.info = image.info
        rgb = Image.fromarray(_convert_to_rgb(strip))
        strips.append(np.asarray(rgb.reduce(factor)))

    return np.concatenate(strips)


def _convert_to_rgb(image: Image.Image) -> Pixels:
    # These modes have 16 bits.
    if image.mode.startswith("I"):
        deep = np.asarray(image)
        wide = deep.astype(np.float32) * np.float32(255 / 65535)
        grey = np.rint(np.clip(wide, 0, 255)).astype(np.uint8)
        grey[deep == image.info.get("transparency", -1)] = 255
        return np.repeat(grey[:, :, None], 3, axis=2)

    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))

    return np.asarray(image.convert("RGB"))


def _adapt_transparency(image: Image.Image, depth: int) -> None:
    """Changes the transparent colour of a PNG of so many bits a sample to the depth that its pixels are decoded to."""
    key = image.info.get("transparency")
    if isinstance(key, tuple) and depth == 16:
        image.info["transparency"] = tuple(value >> 8 for value in key)
    elif isinstance(key, int) and image.mode == "L" and depth in (2, 4):
        image.info["transparency"] = key * 255 // (2**depth - 1)


def shrink(pixels: Pixels, max_px: int) -> Pixels:
    """Returns the image, made smaller where its longer side exceeds `max_px`."""
    height, width, _ = pixels.shape
    if max(height, width) <= max_px:
        return pixels

    share = max_px / max(height, width)
    size = max(1, round(width * share)), max(1, round(height * share))

    return np.asarray(Image.fromarray(pixels).resize(size))


def resize_map(
    values: NDArray[np.float32], size: tuple[int, int]
) -> NDArray[np.float32]:
    """Returns a map `(rows, columns)` of another size, (width, height), smoothed by cubic curves."""
    image = Image.fromarray(values.astype(np.float32))
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC))
