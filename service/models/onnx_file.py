"""An ONNX file is read here as far as its operators tell whether a run's time depends on the values that it is given.

The file is a Protocol Buffers message, of which only names are read: onnx itself is too large to serve with.
"""

from __future__ import annotations

from collections.abc import Iterator

# The numbers of fields in onnx.proto.
_GRAPH = 7
_FUNCTIONS = 25
_GRAPH_NODE = 1
_GRAPH_INITIALIZER = 5
_FUNCTION_NODE = 7
_TENSOR_NAME = 8
_NODE_INPUT = 1
_NODE_OUTPUT = 2
_NODE_OPERATOR = 4
_NODE_DOMAIN = 7

_VARINT = 0
_FIXED64 = 1
_BYTES = 2
_FIXED32 = 5

KNOWN_DOMAINS = (b"", b"ai.onnx", b"ai.onnx.ml")
CONTROL_FLOW = frozenset({b"If", b"Loop", b"Scan", b"SequenceMap"})
DATA_DEPENDENT = frozenset(
    {b"Compress", b"NonMaxSuppression", b"NonZero", b"StringSplit", b"Unique"}
)
SIZED_BY_INPUT = frozenset(
    {
        b"CenterCropPad",
        b"ConstantOfShape",
        b"Expand",
        b"MaxUnpool",
        b"OneHot",
        b"Pad",
        b"Range",
        b"Reshape",
        b"Resize",
        b"Slice",
        b"Tile",
        b"TopK",
        b"Upsample",
    }
)
"""These operators take a size as an input after their first; a size that is a constant is no matter."""
ALL_INPUTS_ARE_SIZES = frozenset({b"ConstantOfShape", b"Range"})


def depends_on_values(content: bytes) -> bool:
    """Returns whether the time of a run may depend on values; True for a file that cannot be read so far."""
    try:
        return _depends_on_values(memoryview(content))
    except (IndexError, ValueError):
        return True


def _depends_on_values(content: memoryview) -> bool:
    for number, part in _read_fields(content):
        if number == _GRAPH and _is_unbounded(part, _GRAPH_NODE):
            return True
        if number == _FUNCTIONS and _is_unbounded(part, _FUNCTION_NODE):
            return True

    return False


def _is_unbounded(part: memoryview, node_number: int) -> bool:
    """Returns whether any node of a graph or function may take as long as a value says."""
    constants = {b""}
    sizes: list[bytes] = []
    for number, each in _read_fields(part):
        if number == _GRAPH_INITIALIZER and node_number == _GRAPH_NODE:
            constants |= set(_read_texts(each, _TENSOR_NAME))
        elif number == node_number:
            inputs, outputs, operator, domain = _read_node(each)
            if domain not in KNOWN_DOMAINS or operator in CONTROL_FLOW | DATA_DEPENDENT:
                return True

            if operator == b"Constant":
                constants |= set(outputs)
            elif operator in ALL_INPUTS_ARE_SIZES:
                sizes += inputs
            elif operator in SIZED_BY_INPUT:
                sizes += inputs[1:]

    return not constants.issuperset(sizes)


def _read_node(
    node: memoryview,
) -> tuple[list[bytes], list[bytes], bytes, bytes]:
    """Returns a node's inputs, outputs, operator and the operator's domain."""
    inputs: list[bytes] = []
    outputs: list[bytes] = []
    operator = domain = b""
    for number, each in _read_fields(node):
        if number == _NODE_INPUT:
            inputs.append(bytes(each))
        elif number == _NODE_OUTPUT:
            outputs.append(bytes(each))
        elif number == _NODE_OPERATOR:
            operator = bytes(each)
        elif number == _NODE_DOMAIN:
            domain = bytes(each)

    return inputs, outputs, operator, domain


def _read_texts(message: memoryview, wanted: int) -> Iterator[bytes]:
    return (bytes(each) for number, each in _read_fields(message) if number == wanted)


def _read_fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yields the number and the content of each field that has a length; raises ValueError for what is no message."""
    place = 0
    while place < len(message):
        tag, place = _read_varint(message, place)
        kind = tag & 7
        if kind == _VARINT:
            _, place = _read_varint(message, place)
        elif kind == _FIXED64:
            place += 8
        elif kind == _FIXED32:
            place += 4
        elif kind == _BYTES:
            length, place = _read_varint(message, place)
            if place + length > len(message):
                raise ValueError("a field is longer than its message")
            yield tag >> 3, message[place : place + length]
            place += length
        else:
            raise ValueError(f"a field of the unknown kind {kind}")


def _read_varint(message: memoryview, place: int) -> tuple[int, int]:
    """Returns a number of 7 bits a byte, the lowest first, and the place after it."""
    value = shift = 0
    while True:
        byte = message[place]
        value |= (byte & 127) << shift
        place += 1
        if byte < 128:
            return value, place
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
