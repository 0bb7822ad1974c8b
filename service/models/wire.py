"""Protobuf's wire format is read here field by field, without a copy and without trust in what it says of itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from service.errors import ModelRefused

MAX_FIELDS = 10_000_000

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FLOATS = re.compile(rb"(?:\x3d.{4})++", re.DOTALL)
_INTS = re.compile(rb"(?:\x40[\x80-\xff]{0,9}[\x00-\x7f])++")
_SHORT_TEXTS = re.compile(
    rb"(?:\x4a(?:"
    + b"|".join(
        b"\\x%02x.{%d}" % (n_bytes, n_bytes)
        for n_bytes in (10, 4, *range(4), *range(5, 10), *range(11, 20))
    )
    + rb"))++",
    re.DOTALL,
)
_RUNS = {0x3D: _FLOATS, 0x40: _INTS, 0x4A: _SHORT_TEXTS}
"""The values of an attribute, each with a tag of its own, are one step: of a forest of 3 MB they took 180 ms.

The patterns never go back, for which they would keep a note of each value.
"""


class Field(NamedTuple):
    """A field of a message is a number, or a place in the file from `start` to `end`."""

    number: int
    value: int
    start: int
    end: int
    is_number: bool


class WireReader:
    """A wire reader yields the fields of messages within one file, of which it reads at most so many."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._n_fields = 0

    def fields(self, start: int, end: int) -> Iterator[Field]:
        """Yields the fields of a message; raises ModelRefused where sizes and bytes do not agree."""
        place = start
        while place < end:
            self._n_fields += 1
            if self._n_fields > MAX_FIELDS:
                raise ModelRefused(f"it has more than {MAX_FIELDS} fields")

            tag, place = self._read_varint(place, end)
            number, kind = tag >> 3, tag & 7
            value = first = place
            if kind == _VARINT:
                value, place = self._read_varint(place, end)
            elif kind == _BYTES:
                value, first = self._read_varint(place, end)
                place = first + value
            elif kind in (_FIXED32, _FIXED64):
                place += 4 if kind == _FIXED32 else 8
            else:
                raise ModelRefused(
                    f"onnxruntime cannot load it: it is no ONNX file: byte {place} begins no field that protobuf has"
                )

            if place > end:
                raise ModelRefused(
                    f"onnxruntime cannot load it: it is no whole ONNX file: the field at byte {first} "
                    f"ends at byte {place}, what it is in at byte {end}"
                )

            yield Field(number, value, first, place, kind == _VARINT)

    def _read_varint(self, place: int, end: int) -> tuple[int, int]:
        value = shift = 0
        content = self._content
        while place < end and shift < 70:
            byte = content[place]
            place += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, place
            shift += 7

        raise ModelRefused(
            f"onnxruntime cannot load it: it is no whole ONNX file: the number at byte {place} does not end"
        )

    def text(self, each: Field) -> str:
        return self._content[each.start : each.end].decode("utf-8", "replace")

    def fields_but_values(self, attribute: Field) -> Iterator[Field]:
        """Yields the fields of an attribute, without its numbers and short texts."""
        start = attribute.start
        while start < attribute.end:
            pattern = _RUNS.get(self._content[start])
            run = pattern and pattern.match(self._content, start, attribute.end)
            if run:
                start = run.end()
                continue

            each = next(self.fields(start, attribute.end))
            start = each.end
            yield each

    def integers(self, each: Field) -> list[int]:
        """Returns the numbers of a field, which may be one or, packed, several."""
        if each.is_number:
            return [_sign(each.value)]

        place = each.start
        numbers = []
        while place < each.end:
            number, place = self._read_varint(place, each.end)
            numbers.append(_sign(number))

        return numbers


def _sign(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value
