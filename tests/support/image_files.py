"""Images become files here, for tests that send them."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from PIL import Image


def encode(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """Returns the bytes of an image file of this format; `options` are the format's."""
    file = BytesIO()
    image.save(file, format=kind, **options)
    return file.getvalue()


def picture(colour: str, size: tuple[int, int] = (20, 12), kind: str = "PNG") -> bytes:
    """Returns the bytes of an image file of one colour; `size` is (width, height)."""
    return encode(Image.new("RGB", size, colour), kind)
