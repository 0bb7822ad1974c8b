"""The cost of decoding an image file is read from its markers and chunks, before anything is decoded."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from service.contract.limits import MAX_IMAGE_PARTS

JPEG_START = b"\xff\xd8"
JPEG_END = b"\xff\xd9"
PNG_START = b"\x89PNG\r\n\x1a\n"
GIF_STARTS = (b"GIF87a", b"GIF89a")
_GIF_HEADER_BYTES = 13
_GIF_IMAGE = 0x2C
_GIF_EXTENSION = 0x21
_HAS_PALETTE = 0x80
_PALETTE_SIZE = 0x07
_RIFF_HEADER_BYTES = 12
MAX_PNG_TEXT_BYTES = 64_000
"""A longer text in a PNG is passed over; a shorter one may say how the image is turned."""

_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""A marker in data of a scan: 0 stands after an 0xff of the data, and 0xd0 to 0xd7 are restarts.

More of 0xff may stand before it. A pattern that took them too would not begin with plain text, which is found quickly.
"""
_END = 0xD9
_SCAN = 0xDA
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL = frozenset({0xC0, 0xC1, 0xC9})
_PLAIN = frozenset({0xC0, 0xC4, 0xDA, 0xDB, 0xDD, 0xE0, 0xFE, _END})
"""A file with no other markers is baseline, upright and in the colours that JFIF has."""
_BITS = 8
_WITHOUT_LENGTH = frozenset({0x01, 0xD8, *range(0xD0, 0xD8)})
_FRAME = struct.Struct(">BHHB")
_KEPT_CHUNKS = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"eXIf"})


_OTHER_KINDS = {
    re.compile(rb".{4}ftyp(?:hei[cxms]|hev[cxms]|mif1|msf1)", re.DOTALL): (
        "a HEIC file, as telephones write it"
    ),
    re.compile(rb".{4}ftypavi[fs]", re.DOTALL): "an AVIF file",
    re.compile(rb"II\*\0|MM\0\*"): "a TIFF file",
    re.compile(rb"%PDF-"): "a PDF file",
    re.compile(
        rb"(?:\xef\xbb\xbf)?\s*<"
    ): "text in angle brackets, as SVG and HTML are",
    re.compile(rb"iVBORw0KGgo|/9j/|R0lGOD|UklGR"): "an image in base64 once more",
}
"""Files that people take for images that are taken here are known by their beginnings."""
_SIGNATURES = {
    re.compile(rb"\x89PNG\r\n\x1a\n"): "PNG",
    re.compile(rb"\xff\xd8\xff"): "JPEG",
    re.compile(rb"GIF8[79]a"): "GIF",
    re.compile(rb"RIFF.{4}WEBP", re.DOTALL): "WebP",
}
"""Files that begin so, and are not decoded all the same, are broken; two letters alone, as BMP has, say nothing."""


class JpegScans(NamedTuple):
    """A JPEG has its pixels in so many scans; `keeps_all` is true where all scans are kept until the last is read.

    `has_end` is false where no marker says that the picture ends. `n_parts` counts its segments, and ahead of its scans
    bytes between them too, which Pillow takes one by one in 20 us; no more than one too many are followed.
    """

    n_scans: int
    n_components: int
    keeps_all: bool
    has_end: bool
    n_parts: int
    plain_size: tuple[int, int] | None = None
    """The width and the height of a picture whose markers say all that there is to know of it."""


def name_kind(content: bytes) -> str | None:
    """Returns what a file is that is not decoded here, None for one that is not known."""
    for beginning, name in _OTHER_KINDS.items():
        if beginning.match(content):
            return name

    return None


def name_signature(content: bytes) -> str | None:
    """Returns which of the formats that are decoded here a file begins as, None for one that begins as none of them."""
    for signature, name in _SIGNATURES.items():
        if signature.match(content):
            return name

    return None


def count_scans(content: bytes) -> JpegScans:
    """Returns the scans of the first picture of a JPEG, as far as its markers can be followed."""
    n_scans = 0
    n_components = 3
    n_parts = 0
    is_sequential = True
    # Without a marker at once it is no JPEG for Pillow.
    is_plain = content[len(JPEG_START) : len(JPEG_START) + 1] == b"\xff"
    has_end = False
    frames: list[bytes] = []

    for marker, place, n_so_far in _walk_markers(content):
        n_parts = n_so_far
        is_plain = is_plain and marker in _PLAIN
        has_end = marker == _END
        if marker == _SCAN:
            n_scans += 1
        elif marker in _FRAMES:
            n_components = content[place + 7] if place + 7 < len(content) else 3
            is_sequential = marker in _SEQUENTIAL
            frames.append(content[place + 2 : place + 8])

    keeps_all = not is_sequential or n_scans > 1
    is_plain = is_plain and has_end and n_scans == 1 and len(frames) == 1
    plain_size = _read_plain_size(frames[0]) if is_plain else None

    return JpegScans(n_scans, n_components, keeps_all, has_end, n_parts, plain_size)


def _walk_markers(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Yields the markers of the first picture of a JPEG, each with where its segment begins and how many parts
    there are up to it; last comes the marker of the end, or 0 where none can be followed to it.
    """
    place = len(JPEG_START)
    n_parts = 0
    has_scan = False

    while n_parts <= MAX_IMAGE_PARTS:
        found = _MARKER.search(content, place)
        if found is None:
            yield 0, place, n_parts + (0 if has_scan else len(content) - place)
            return

        n_parts += 1 if has_scan else 1 + found.start() - place
        marker = content[found.end() - 1]
        place = found.end()
        yield marker, place, n_parts
        if marker == _END:
            return
        if marker in _WITHOUT_LENGTH:
            continue

        has_scan = has_scan or marker == _SCAN
        place += max(2, int.from_bytes(content[place : place + 2], "big"))


def _read_plain_size(frame: bytes) -> tuple[int, int] | None:
    """Returns width and height of a frame's header, six bytes; None where it is none of 8 bits in grey or colours."""
    if len(frame) < _FRAME.size:
        return None

    n_bits, height, width, n_components = _FRAME.unpack(frame)
    is_usual = n_bits == _BITS and n_components in (1, 3) and height and width
    return (width, height) if is_usual else None


def strip_png(content: bytes) -> bytes:
    """Returns a PNG without what lies beside its pixels: profiles, long texts, and further frames of an animation.

    A file that has none of these, or whose chunks cannot be followed, is returned as it is.
    """
    kept = [PNG_START]
    is_stripped = False
    for name, chunk in _read_chunks(content):
        if name in _KEPT_CHUNKS or _is_short_text(name, chunk):
            kept.append(chunk)
        else:
            is_stripped = True
            if not name[:1].islower():
                # A chunk that matters and is not known is the decoder's to refuse.
                return content

    return b"".join(kept) if is_stripped else content


def read_png_depth(content: bytes) -> int:
    """Returns the bits of a sample of a PNG."""
    return content[24]


def _read_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yields the name of each chunk, and the whole chunk."""
    place = len(PNG_START)
    while place + 8 <= len(content):
        length, name = struct.unpack_from(">I4s", content, place)
        end = place + 12 + length
        yield name, content[place:end]
        if name == b"IEND":
            return
        place = end


def _is_short_text(name: bytes, chunk: bytes) -> bool:
    """Returns whether a chunk is a text in UTF-8 that is not compressed."""
    if name != b"iTXt" or len(chunk) > MAX_PNG_TEXT_BYTES:
        return False
    flag = chunk.find(b"\0", 8) + 1
    return chunk[flag : flag + 1] == b"\0"


def count_parts(content: bytes) -> int:
    """Returns how many chunks a PNG or a WebP has, or blocks a GIF ahead of its first image; of others 0.

    No more than one too many are followed.
    """
    if content.startswith(PNG_START):
        parts = _walk_chunks(content, len(PNG_START), ">I", 12)
    elif content.startswith(GIF_STARTS):
        parts = _walk_blocks(content)
    elif content.startswith(b"RIFF"):
        parts = _walk_chunks(content, _RIFF_HEADER_BYTES, "<4xI", 8)
    else:
        return 0

    return sum(1 for _ in islice(parts, MAX_IMAGE_PARTS + 1))


def _walk_chunks(
    content: bytes, place: int, layout: str, own_bytes: int
) -> Iterator[int]:
    """Yields where each chunk begins, whose length lies as `layout` says, beside so many bytes of its own."""
    while place + own_bytes <= len(content):
        yield place
        (length,) = struct.unpack_from(layout, content, place)
        place += own_bytes + length
        if layout.startswith("<"):
            # A chunk of RIFF has an even length.
            place += length % 2


def _walk_blocks(content: bytes) -> Iterator[int]:
    """Yields where each block of a GIF begins, and each byte that belongs to none, up to its first image."""
    place = _GIF_HEADER_BYTES
    if place <= len(content) and content[10] & _HAS_PALETTE:
        place += 3 * 2 ** ((content[10] & _PALETTE_SIZE) + 1)

    while place < len(content) and content[place] != _GIF_IMAGE:
        yield place
        if content[place] != _GIF_EXTENSION:
            place += 1
            continue

        place += 2
        while place < len(content) and content[place]:
            yield place
            place += 1 + content[place]
        place += 1
