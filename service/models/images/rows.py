"""Rows of a request, image files or base64 in JSON, become the pixels that a graph takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.contract.codec import decode_base64
from service.errors import InvalidRequest
from service.models import cancellation
from service.models.images.budget import MAX_DECODING_BYTES, PixelBudget, check_size
from service.models.images.image_codec import Pixels, decode
from service.models.images.media_types import KNOWN, ImageFile

ENCODED = "b64"
MIN_JPEG_SCALE = 2
"""A large JPEG is decoded to at least this many times the side that the graph resizes it to, and no larger."""


def are_files(rows: Any) -> bool:
    """Returns whether the rows came as image files and not in JSON."""
    return isinstance(rows, list) and bool(rows) and isinstance(rows[0], ImageFile)


def has_encoded_image(rows: Any) -> bool:
    """Returns whether any row of JSON is an object with the key of an image in base64."""
    return isinstance(rows, list) and any(
        isinstance(row, dict) and ENCODED in row for row in rows
    )


def decode_rows(
    rows: Any,
    *,
    model: str,
    size_px: int,
    max_pixels: int,
    max_decoding_bytes: int = MAX_DECODING_BYTES,
) -> list[Pixels]:
    """Returns each row's image, RGB `(height, width, 3)`, for a graph that resizes images to `size_px`.

    It raises InvalidRequest, which names the row, and TooLarge where the images have too many pixels together.
    """
    if not len(rows):
        raise InvalidRequest("inputs: expected at least one image, got none")

    budget = PixelBudget(max_pixels, max_decoding_bytes)
    return [
        decode(
            file.content,
            where=where,
            media_type=file.media_type,
            budget=budget,
            min_px=MIN_JPEG_SCALE * size_px,
        )
        for where, file in _read(rows, model)
    ]


def split(pixels: NDArray[np.uint8], *, max_pixels: int) -> list[Pixels]:
    """Returns the images of an array `(n_images, height, width, 3)`; raises InvalidRequest for none, and TooLarge."""
    if not pixels.size:
        raise InvalidRequest(
            f"expected images of at least one pixel, got shape {list(pixels.shape)}"
        )

    check_size(pixels.size // 3, "inputs", max_pixels)
    return list(pixels)


def _read(rows: Iterable[Any], model: str) -> Iterator[tuple[str, ImageFile]]:
    for index, row in enumerate(rows):
        cancellation.check()
        where = f"inputs[{index}]"
        if isinstance(row, ImageFile):
            yield where, row
            continue

        is_encoded = isinstance(row, dict) and list(row) == [ENCODED]
        if not is_encoded or not isinstance(row[ENCODED], str):
            raise InvalidRequest(
                f'{where}: {model} takes images: expected {{"b64": "<base64 of a {KNOWN} file>"}}, got '
                f"{_describe(row)}"
            )

        try:
            content = decode_base64(row[ENCODED])
        except ValueError as error:
            raise InvalidRequest(f"{where}: 'b64' is not base64: {error}") from error

        yield where, ImageFile(content, "")


def _describe(row: Any) -> str:
    if not isinstance(row, dict):
        return f"a list of {len(row)} values"

    names = [repr(name[:40]) for name in list(row)[:5]]
    return f"an object with {', '.join(names) or 'nothing'}"
