"""Protobuf's wire format is read here field by field, without a copy and without trust in what it says of itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.errors import ModelRefused
from service.models.parsing.onnx_fields import (
    ATTRIBUTE_FLOATS,
    ATTRIBUTE_INTS,
    ATTRIBUTE_STRINGS,
)
from service.models.parsing.value_runs import (
    FLOAT_TAG,
    INT_TAG,
    LEAF,
    RUNS,
    TEXT_TAG,
    are_tagged_varints,
    decode_tagged_varints,
    find_leaves,
    is_all_modes,
    list_texts,
)

MAX_FIELDS = 10_000_000

_VARINT = 0
_FIXED64 = 1
_BYTES = 2
_FIXED32 = 5
"""The kinds of fields: https://protobuf.dev/programming-guides/encoding."""
_TAGGED_FLOAT = np.dtype([("tag", "u1"), ("value", "<f4")])
MIN_WHOLE_BYTES = 512
MAX_WHOLE_BYTES = 8 * 1024 * 1024
"""Of a run of so many bytes numpy looks at all at once, which takes a fifth of the time and eight times the memory."""
_TYPE_AT_END = b"\xa0\x01"
"""An attribute's type, the last of its fields as they are written, begins so; its value is one byte more."""


class Field(NamedTuple):
    """A field of a message is a number, or a place in the file from `start` to `end`."""

    number: int
    value: int
    start: int
    end: int
    is_number: bool


_RUN = -1
"""A run of values that each have a tag of their own is a field of this number, which no file can have."""
_new = tuple.__new__


class WireReader:
    """A wire reader yields the fields of messages within one file, of which it reads at most so many."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._n_fields = 0
        self._whole_runs: dict[int, tuple[int, int]] = {}
        """A long run stands here by where its attribute ends: it is looked through once, and then known."""

    def fields(self, start: int, end: int) -> Iterator[Field]:
        """Yields the fields of a message; raises ModelRefused where sizes and bytes do not agree.

        Nearly all tags and lengths are one byte, which is read without a call.
        """
        content = self._content
        place = start
        while place < end:
            self._n_fields += 1
            if self._n_fields > MAX_FIELDS:
                raise ModelRefused(f"it has more than {MAX_FIELDS} fields")

            tag = content[place]
            place += 1
            if tag >= 0x80:
                tag, place = self._read_varint(place - 1, end)

            kind = tag & 7
            value = first = place
            if kind == _BYTES:
                if place < end and content[place] < 0x80:
                    value = content[place]
                    first = place + 1
                else:
                    value, first = self._read_varint(place, end)
                place = first + value
            elif kind == _VARINT:
                value, place = self._read_varint(place, end)
            elif kind in (_FIXED32, _FIXED64):
                place += 4 if kind == _FIXED32 else 8
            else:
                raise ModelRefused(
                    f"onnxruntime cannot load it: it is no ONNX file: byte {place} begins no field that protobuf has"
                )

            if place > end:
                raise _not_whole(first, place, end)

            # What `Field` does with five arguments this does in half the time.
            yield _new(Field, (tag >> 3, value, first, place, kind == _VARINT))

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

    def read_text(self, message: Field, number: int) -> str:
        """Returns the text of a message's field of this number; an empty one where it has none."""
        texts = [
            self.text(each)
            for each in self.fields(message.start, message.end)
            if each.number == number
        ]
        return texts[-1] if texts else ""

    def has(self, each: Field, content: bytes) -> bool:
        """Returns whether these bytes are anywhere in a field."""
        return self._content.find(content, each.start, each.end) >= 0

    def fields_but_values(self, attribute: Field) -> Iterator[Field]:
        """Yields the fields of an attribute, without its numbers and short texts."""
        for each in self._walk(attribute):
            if each.number != _RUN:
                yield each

    def _walk(self, attribute: Field) -> Iterator[Field]:
        """Yields the fields of an attribute, each run of values as one of the number `_RUN` whose value is the tag."""
        start = attribute.start
        while start < attribute.end:
            tag = self._content[start]
            end = start
            if tag in RUNS:
                end = self._find_run_end(start, attribute.end, tag)

            if end > start:
                each = Field(_RUN, tag, start, end, is_number=False)
            else:
                each = next(self.fields(start, attribute.end))
            start = each.end
            yield each

    def _find_run_end(self, start: int, end: int, tag: int) -> int:
        """Returns where a run of values ends that begins here, which is where it begins where there is none."""
        if end - start >= MIN_WHOLE_BYTES:
            # At most once for each attribute, however many runs a broken file has in it.
            if end not in self._whole_runs:
                self._whole_runs[end] = start, self._find_whole_run(start, end, tag)
            known_start, known_end = self._whole_runs[end]
            if known_start == start < known_end:
                return known_end

        run = RUNS[tag].match(self._content, start, end)

        return run.end() if run else start

    def _find_whole_run(self, start: int, end: int, tag: int) -> int:
        """Returns the end of a run that is all of an attribute from here but its type; `start` where it is not."""
        if self._content.startswith(_TYPE_AT_END, end - 3, end):
            end -= 3
        if end - start > MAX_WHOLE_BYTES:
            return start

        data = np.frombuffer(self._content, np.uint8, end - start, start)
        if tag == FLOAT_TAG:
            has_whole_floats = len(data) % 5 == 0
            is_whole = has_whole_floats and bool((data[::5] == tag).all())
        elif tag == INT_TAG:
            is_whole = are_tagged_varints(data)
        else:
            is_whole = is_all_modes(self._content, start, end)

        return end if is_whole else start

    def values(self, attribute: Field) -> NDArray[np.int64]:
        """Returns the whole numbers of an attribute; a run of them is one step, as it is where they are left out."""
        parts = [np.zeros(0, np.int64)]
        for each in self._walk(attribute):
            if each.number == ATTRIBUTE_INTS:
                parts.append(np.array(self.integers(each), dtype=np.int64))
            elif each.number == _RUN and each.value == INT_TAG:
                parts.append(decode_tagged_varints(self.content(each)))

        return np.concatenate(parts)

    def floats(self, attribute: Field) -> NDArray[np.float32]:
        """Returns the float32 numbers of an attribute, which stand there one by one, each with its tag, or packed."""
        parts = [np.zeros(0, np.float32)]
        for each in self._walk(attribute):
            if each.number == ATTRIBUTE_FLOATS:
                content = self.content(each)
                parts.append(np.frombuffer(content, "<f4", len(content) // 4))
            elif each.number == _RUN and each.value == FLOAT_TAG:
                parts.append(np.frombuffer(self.content(each), _TAGGED_FLOAT)["value"])

        return np.concatenate(parts)

    def content(self, each: Field) -> bytes:
        """Returns the bytes of a field."""
        return self._content[each.start : each.end]

    def texts(self, attribute: Field) -> list[bytes]:
        """Returns the texts of an attribute, as the bytes that they are."""
        texts: list[bytes] = []
        for each in self._walk(attribute):
            if each.number == ATTRIBUTE_STRINGS:
                texts.append(self.content(each))
            elif each.number == _RUN and each.value == TEXT_TAG:
                texts += list_texts(self.content(each))

        return texts

    def are_leaves(self, attribute: Field) -> NDArray[np.bool_]:
        """Returns which texts of an attribute say that a node of a tree is a leaf, as all of `texts` would show."""
        parts = [np.zeros(0, np.bool_)]
        for each in self._walk(attribute):
            if each.number == ATTRIBUTE_STRINGS:
                parts.append(np.array([self.content(each) == LEAF]))
            elif each.number == _RUN and each.value == TEXT_TAG:
                are_modes = self._whole_runs.get(attribute.end) == each[2:4]
                parts.append(find_leaves(self.content(each), are_modes=are_modes))

        return np.concatenate(parts)

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


def _not_whole(first: int, place: int, end: int) -> ModelRefused:
    """Returns the error of a field that goes on beyond what it is in."""
    return ModelRefused(
        f"onnxruntime cannot load it: it is no whole ONNX file: the field at byte {first} "
        f"ends at byte {place}, what it is in at byte {end}"
    )


def _sign(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value
