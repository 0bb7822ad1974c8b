"""Rows of a request to the images that a graph takes."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service import images
from service.errors import InvalidRequest
from service.forms import ImageFile
from service.images import Pixels

KEPT = 2
"""Times the size that the graph brings an image to: a large JPEG need not be decoded any larger."""


def are_files(rows: Any) -> bool:
    """Whether the rows came as image files, and not in JSON."""
    return isinstance(rows, list) and bool(rows) and isinstance(rows[0], ImageFile)


def decode_rows(rows: Any, *, model: str, size_px: int, most_pixels: int) -> list[Pixels]:
    """Each row's image, RGB `(height, width, 3)`, for a graph that brings images to `size_px`.

    Raises InvalidRequest that names the row, and TooLarge where the images have too many pixels together.
    """
    if not len(rows):
        raise InvalidRequest("inputs: expected at least one image, got none")
    decoded, room = [], most_pixels
    for where, file in _read(rows, model):
        pixels = images.decode(
            file.content, where=where, media_type=file.media_type, most_pixels=most_pixels, least_px=KEPT * size_px
        )
        room -= pixels.shape[0] * pixels.shape[1]
        if room < 0:
            images.check_size(most_pixels - room, "inputs", most_pixels)
        decoded.append(pixels)
    return decoded


def split(pixels: NDArray[np.uint8], *, most_pixels: int) -> list[Pixels]:
    """The images of an array `(n_images, height, width, 3)`; raises InvalidRequest where it has none, and TooLarge."""
    if not pixels.size:
        raise InvalidRequest(f"expected images of at least one pixel, got shape {list(pixels.shape)}")
    images.check_size(pixels.size // 3, "inputs", most_pixels)
    return list(pixels)


def _read(rows: Iterable[Any], model: str) -> Iterator[tuple[str, ImageFile]]:
    for index, row in enumerate(rows):
        where = f"inputs[{index}]"
        if isinstance(row, ImageFile):
            yield where, row
            continue
        if not isinstance(row, dict) or list(row) != ["b64"] or not isinstance(row["b64"], str):
            raise InvalidRequest(
                f'{where}: {model} takes images: expected {{"b64": "<base64 of a {images.KNOWN} file>"}}, got '
                f"{_name(row)}"
            )
        try:
            yield where, ImageFile(b64decode(row["b64"], validate=True), "")
        except (binascii.Error, ValueError) as error:
            raise InvalidRequest(f"{where}: 'b64' is not base64: {error}") from error


def _name(row: Any) -> str:
    if isinstance(row, dict):
        return f"an object with {', '.join(repr(name[:40]) for name in list(row)[:5]) or 'nothing'}"
    return f"a list of {len(row)} values"
