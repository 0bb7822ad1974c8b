"""Images as files, for tests that send them."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from PIL import Image


def encode(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, format=kind, **options)
    return file.getvalue()
