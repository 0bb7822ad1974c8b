"""Image files have a media type each; a few formats are decoded here."""

from __future__ import annotations

from typing import NamedTuple


class ImageFile(NamedTuple):
    """An image file has its bytes as they came, and the media type that the client states."""

    content: bytes
    media_type: str


MEDIA_TYPES = {
    "image/jpeg": "JPEG",
    "image/jpg": "JPEG",
    "image/pjpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
    "image/bmp": "BMP",
    "image/x-ms-bmp": "BMP",
    "image/gif": "GIF",
}
TAKEN_TYPES = ("image/jpeg", "image/png", "image/webp", "image/bmp", "image/gif")
"""Messages and documents name the formats by these usual media types."""
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")
KNOWN = "JPEG, PNG, WebP, BMP or GIF"
KINDS = {each: each for each in FORMATS} | {"MPO": "JPEG"}
"""A JPEG with a second picture, as telephones write it, is decoded as the JPEG that it is."""
