"""Held-out images of a task lie beside its models: some of them as PNG, and the hashes of all.

`TASK.held_out.json` is `{"hashes": BASE64, "images": [{"row": NUMBER, "png": BASE64}, ...]}`: the little-endian 64-bit
hashes of all held-out images in their order, and images by their number in it. The hashes have to be those that the
files of the task keep answers to, and each image has to have the hash of its number.
"""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from row_records import HeldOut, fingerprint_held_out, hash_rows
from service.contract.requests import Row
from service.errors import InvalidRequest, ModelRefused, VeredictoError
from service.models.images import image_codec
from service.models.images.budget import PixelBudget
from service.models.images.rows import ENCODED
from service.models.regular_files import read_file

SUFFIX = ".held_out.json"
MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_IMAGES = 100
MAX_PIXELS = 10_000_000
"""All images of a file have together at most so many."""


class KeptImage(msgspec.Struct):
    """An image is kept as PNG, with its number among the held-out ones."""

    row: int
    png: bytes


class HeldOutImages(msgspec.Struct):
    """`hashes` has eight bytes for each held-out image."""

    hashes: bytes
    images: list[KeptImage]


def read_images(path: Path, record: HeldOut) -> list[tuple[int, Row]]:
    """Returns numbers of held-out images, each with the row `{"b64": PNG}` that clients send.

    It raises InvalidRequest, which names the file and no folder, for one that is broken or has other images.
    """
    try:
        content = read_file(path, max_bytes=MAX_FILE_BYTES)
        found = msgspec.json.decode(content, type=HeldOutImages)
        hashes = np.frombuffer(found.hashes, dtype="<u8")
    except (ModelRefused, OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InvalidRequest(f"{path.name} cannot be read: {reason}") from None

    is_known = len(hashes) == len(record.truth)
    if not is_known or fingerprint_held_out(hashes, record.truth) != record.rows:
        raise InvalidRequest(
            f"{path.name}: its images are not the held-out images that the files of the task keep answers to; "
            "write it again by a training with --examples"
        )

    if len(found.images) > MAX_IMAGES:
        raise InvalidRequest(
            f"{path.name}: expected at most {MAX_IMAGES} images, got {len(found.images)}"
        )

    budget = PixelBudget(MAX_PIXELS)
    for number, kept in enumerate(found.images):
        _check(kept, hashes, f"{path.name}: images[{number}]", budget)

    return [
        (kept.row, {ENCODED: b64encode(kept.png).decode()}) for kept in found.images
    ]


def _check(
    kept: KeptImage,
    hashes: NDArray[np.uint64],
    where: str,
    budget: PixelBudget,
) -> None:
    """Raises InvalidRequest for an image that is none, or is not the one of its number."""
    try:
        pixels = image_codec.decode(
            kept.png, where=where, media_type="image/png", budget=budget, min_px=1
        )
    except VeredictoError as error:
        raise InvalidRequest(str(error)) from None

    is_there = 0 <= kept.row < len(hashes)
    if not is_there or hash_rows(pixels[None])[0] != hashes[kept.row]:
        raise InvalidRequest(f"{where}: it is not the held-out image {kept.row}")
