"""Protobuf's wire format is read here field by field, without a copy and without trust in what it says of itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.errors import ModelRefused

MAX_FIELDS = 10_000_000

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FLOATS = re.compile(rb"(?:\x3d.{4})++", re.DOTALL)
_INTS = re.compile(rb"(?:\x40[\x80-\xff]{0,9}[\x00-\x7f])++")
_ONE_SHORT_TEXT = (
    rb"\x4a(?:"
    + b"|".join(
        b"\\x%02x.{%d}" % (n_bytes, n_bytes)
        for n_bytes in (10, 4, *range(4), *range(5, 10), *range(11, 20))
    )
    + rb")"
)
_SHORT_TEXT = re.compile(_ONE_SHORT_TEXT, re.DOTALL)
_SHORT_TEXTS = re.compile(rb"(?:%b)++" % _ONE_SHORT_TEXT, re.DOTALL)
_FLOATS_NUMBER, _INTS_NUMBER, _TEXTS_NUMBER = 7, 8, 9
_TAGGED_FLOAT = np.dtype([("tag", "u1"), ("value", "<f4")])
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
        """Returns a text; raises ModelRefused for one that is no UTF-8, which onnxruntime loads and Python cannot name.

        Its wrapper takes the error for one of the device, says so on the terminal, and loads the file once more.
        """
        content = self._content[each.start : each.end]
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise ModelRefused(
                f"a name in it, {content[:100]!r}, is no UTF-8"
            ) from None

    def has(self, each: Field, content: bytes) -> bool:
        """Returns whether these bytes are anywhere in a field."""
        return self._content.find(content, each.start, each.end) >= 0

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

    def values(self, attribute: Field) -> NDArray[np.int64]:
        """Returns the whole numbers of an attribute; a run of them is one step, as it is where they are left out."""
        start = attribute.start
        parts: list[NDArray[np.int64]] = []
        while start < attribute.end:
            run = _INTS.match(self._content, start, attribute.end)
            if run:
                # Tags and numbers take turns, and each ends with a byte under 128.
                parts.append(_decode_varints(run[0])[1::2])
                start = run.end()
                continue

            each = next(self.fields(start, attribute.end))
            start = each.end
            if each.number == _INTS_NUMBER:
                parts.append(np.array(self.integers(each), dtype=np.int64))

        return np.concatenate([np.zeros(0, np.int64), *parts])

    def floats(self, attribute: Field) -> NDArray[np.float32]:
        """Returns the float32 numbers of an attribute, which stand there one by one, each with its tag, or packed."""
        start = attribute.start
        parts: list[NDArray[np.float32]] = []
        while start < attribute.end:
            run = _FLOATS.match(self._content, start, attribute.end)
            if run:
                parts.append(np.frombuffer(run[0], _TAGGED_FLOAT)["value"])
                start = run.end()
                continue

            each = next(self.fields(start, attribute.end))
            start = each.end
            if each.number == _FLOATS_NUMBER:
                n_whole = (each.end - each.start) // 4
                parts.append(
                    np.frombuffer(self._content, "<f4", n_whole, offset=each.start)
                )

        return np.concatenate([np.zeros(0, np.float32), *parts])

    def content(self, each: Field) -> bytes:
        """Returns the bytes of a field."""
        return self._content[each.start : each.end]

    def texts(self, attribute: Field) -> list[bytes]:
        """Returns the texts of an attribute, as the bytes that they are."""
        start = attribute.start
        texts: list[bytes] = []
        while start < attribute.end:
            run = _SHORT_TEXTS.match(self._content, start, attribute.end)
            if run:
                # The length stands in the second byte of each.
                texts += [text[2:] for text in _SHORT_TEXT.findall(run[0])]
                start = run.end()
                continue

            each = next(self.fields(start, attribute.end))
            start = each.end
            if each.number == _TEXTS_NUMBER:
                texts.append(self._content[each.start : each.end])

        return texts

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


def _decode_varints(content: bytes) -> NDArray[np.int64]:
    """Returns the numbers that stand one after the other in these bytes."""
    data = np.frombuffer(content, dtype=np.uint8)
    ends = np.flatnonzero(data < 0x80)
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    numbers = np.zeros(len(ends), dtype=np.uint64)
    for place in range(int(lengths.max(initial=0))):
        is_long = lengths > place
        bits = (data[starts[is_long] + place] & 0x7F).astype(np.uint64)
        numbers[is_long] |= bits << np.uint64(min(7 * place, 63))

    return numbers.view(np.int64)


def _sign(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value
