"""Tensors of a request are checked against the inputs of a graph, and become what it takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.contract.codec import decode_base64
from service.errors import InvalidRequest
from service.models.datatypes import BY_SESSION, BYTES, DATATYPES, Datatype
from service.models.graph import Graph
from service.models.images.media_types import ImageFile
from service.models.session import TensorInfo

MAX_AXES = 32
"""A shape has at most this many axes: their product is looked at before they are compared with the graph's."""
MAX_AXIS_LENGTH = 2**63 - 1
Tensor = NDArray[Any] | list[ImageFile]


class InputSpec(NamedTuple):
    """An input of a request fits the graph but for its values, which are not read yet; errors name it by `where`."""

    name: str
    datatype: Datatype
    shape: Sequence[int]
    where: str


def check_inputs(graph: Graph, names: Iterable[str]) -> None:
    """Raises InvalidRequest where one of the named inputs comes twice, or one of the graph's is missing."""
    given: set[str] = set()
    for name in names:
        if name in given:
            raise InvalidRequest(f"input {name[:100]!r} comes twice")
        given.add(name)

    missing = [name for name in graph.inputs if name not in given]
    if missing:
        known = ", ".join(graph.inputs)
        raise InvalidRequest(
            f"missing input {missing[0]!r}; inputs of {graph.name}: {known}"
        )


def find_input(
    graph: Graph, name: str, shape: Sequence[int], datatype: str, index: int
) -> InputSpec:
    """Returns the graph's input that the tensor at `index` of a request is for; raises InvalidRequest."""
    where = f"inputs[{index}] {name[:100]!r}"
    info = graph.inputs.get(name)
    if info is None:
        known = ", ".join(graph.inputs)
        raise InvalidRequest(f"{where}: unknown input; inputs of {graph.name}: {known}")

    if len(shape) > MAX_AXES:
        raise InvalidRequest(
            f"{where}: expected a shape of at most {MAX_AXES} axes, got {len(shape)}"
        )

    if not all(0 <= length <= MAX_AXIS_LENGTH for length in shape):
        raise InvalidRequest(
            f"{where}: expected lengths from 0 to 2**63 - 1, got a shape that has others"
        )

    known_type = _check_type(graph, info, datatype, where)
    are_files = known_type.name == BYTES and graph.takes_images
    if not are_files:
        _check_shape(info, shape, where)

    return InputSpec(name, known_type, shape, where)


def convert_input(graph: Graph, spec: InputSpec, array: NDArray[Any]) -> Tensor:
    """Returns values as the graph takes them: an array, or the image files of a network of images."""
    if spec.datatype.name != BYTES:
        return array
    if not graph.takes_images:
        return decode_texts(array, spec.where)

    elements = array.reshape(-1).tolist()
    return [ImageFile(_decode_file(each, spec.where), "") for each in elements]


def find_datatype(info: TensorInfo) -> Datatype:
    """Returns a tensor's type; raises InvalidRequest for a type of onnxruntime's that the protocol does not know."""
    datatype = BY_SESSION.get(info.type)
    if datatype is None:
        raise InvalidRequest(
            f"{info.name!r} is {info.type} in the graph: the protocol has no such type"
        )

    return datatype


def decode_texts(array: NDArray[Any], where: str) -> NDArray[Any]:
    """Returns the elements of a BYTES tensor as onnxruntime's strings; raises InvalidRequest for what is not UTF-8."""
    elements = array.reshape(-1).tolist()
    try:
        texts = [
            each.decode() if isinstance(each, bytes) else each for each in elements
        ]
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{where}: expected texts in UTF-8: {error}") from error

    return np.array(texts, dtype=np.object_).reshape(array.shape)


def _check_type(graph: Graph, info: TensorInfo, datatype: str, where: str) -> Datatype:
    expected = find_datatype(info)
    if datatype == expected.name:
        return expected
    if datatype == BYTES and graph.takes_images:
        return DATATYPES[BYTES]

    also = " (or BYTES, of image files)" if graph.takes_images else ""
    raise InvalidRequest(
        f"{where}: expected datatype {expected.name}{also}, got {datatype[:40]!r}"
    )


def _check_shape(info: TensorInfo, shape: Sequence[int], where: str) -> None:
    if not info.is_ranked:
        return

    fits = len(shape) == len(info.shape) and all(
        fixed in (-1, given) for fixed, given in zip(info.shape, shape, strict=True)
    )
    if not fits:
        raise InvalidRequest(
            f"{where}: expected shape {list(info.shape)}, -1 for any length, got {list(shape)}"
        )


def _decode_file(element: Any, where: str) -> bytes:
    """Returns an image file, which is bytes as it is and base64 in JSON; raises InvalidRequest."""
    if isinstance(element, bytes):
        return element

    try:
        return decode_base64(element)
    except ValueError as error:
        raise InvalidRequest(
            f"{where}: expected image files in base64: {error}"
        ) from error
