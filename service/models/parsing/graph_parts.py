"""A file's graph is taken apart into its fields, and the file is written again with other fields in its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.models.parsing.onnx_fields import MODEL_GRAPH
from service.models.parsing.protobuf_wire import Field, WireReader

_BYTES = 2
"""A field whose length follows its number is of this kind: https://protobuf.dev/programming-guides/encoding."""


@dataclass(frozen=True, kw_only=True)
class GraphParts:
    """The parts of a file are its graph's fields, each with the place at which its tag begins, and what is around."""

    content: bytes
    start: int
    end: int
    fields: list[tuple[Field, int]]

    @classmethod
    def read(cls, wire: WireReader, content: bytes) -> GraphParts:
        """Returns the parts of a file that onnxruntime has loaded, or whose outline was read."""
        graph, start = next(
            part
            for part in _split(wire, 0, len(content))
            if part[0].number == MODEL_GRAPH
        )
        fields = _split(wire, graph.start, graph.end)
        return cls(content=content, start=start, end=graph.end, fields=fields)

    def cut(self, each: Field, start: int) -> memoryview:
        """Returns a field as it stands in the file, with its tag, and without a copy of what may be all weights."""
        return memoryview(self.content)[start : each.end]

    def write(self, fields: Sequence[bytes | memoryview]) -> bytes:
        """Returns the file with these fields as its graph, each of them with its tag."""
        whole = memoryview(self.content)
        head = _write_head(MODEL_GRAPH, sum(map(len, fields)))
        return b"".join((whole[: self.start], head, *fields, whole[self.end :]))


def write_field(number: int, parts: Sequence[bytes | memoryview]) -> bytes:
    """Returns a field of bytes, a text or a message in parts, with its tag and its length."""
    return b"".join((_write_head(number, sum(map(len, parts))), *parts))


def _write_head(number: int, n_bytes: int) -> bytes:
    return _write_varint(number << 3 | _BYTES) + _write_varint(n_bytes)


def _split(wire: WireReader, start: int, end: int) -> list[tuple[Field, int]]:
    """Returns the fields of a message, each with the place at which its tag begins."""
    fields = []
    for each in wire.fields(start, end):
        fields.append((each, start))
        start = each.end

    return fields


def _write_varint(value: int) -> bytes:
    written = bytearray()
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)

    return bytes(written)
