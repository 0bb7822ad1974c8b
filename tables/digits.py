"""Digits and marks of other scripts, as in Arabic, Hindi or full-width Japanese, are written as those of ASCII."""

from __future__ import annotations

import re

_ZEROS = (
    *(0x0660, 0x06F0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6),
    *(0x0D66, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x17E0, 0x1810, 0xFF10),
)
"""Ten digits of a script follow each other: Arabic, Persian, Devanagari, Bengali and others up to full-width ones."""
_MARKS = {
    "٫": ".",
    "٬": ",",
    "٪": "%",
    "．": ".",
    "，": ",",
    "－": "-",
    "＋": "+",
    "−": "-",
    "％": "%",
    "／": "/",
    "：": ":",
}
ASCII_OF = {
    **{chr(zero + digit): str(digit) for zero in _ZEROS for digit in range(10)},
    **_MARKS,
}
OTHER_DIGIT = "[" + "".join(f"{chr(zero)}-{chr(zero + 9)}" for zero in _ZEROS) + "]"
_OTHER_DIGIT = re.compile(OTHER_DIGIT)
_TABLE = str.maketrans(ASCII_OF)


def write_ascii_digits(text: str) -> str:
    """Returns a text with the digits and marks of ASCII, where it has digits of another script."""
    if text.isascii() or not _OTHER_DIGIT.search(text):
        return text
    return text.translate(_TABLE)
