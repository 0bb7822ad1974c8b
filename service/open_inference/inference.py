"""The Open Inference Protocol's inference: tensors in, tensors out, of any graph that onnxruntime runs.

How tensors come and go is not known here: `http.infer_body` and `grpc.infer_message` read and write them.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable, Iterable, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.contract.limits import Limits
from service.errors import InvalidRequest
from service.execution.run import Outputs, Run
from service.models import image_rows
from service.models.datatypes import BY_ARRAY, BY_SESSION, BYTES, DATATYPES, Datatype
from service.models.graph import Graph
from service.models.images import ImageFile
from service.models.session import TensorInfo
from service.open_inference.requests import Parameters

MAX_AXES = 32
"""Their product is looked at before they are compared with the graph's."""
MAX_AXIS_LENGTH = 2**63 - 1
Tensor = NDArray[Any] | list[ImageFile]
Feed = dict[str, Tensor]


class Wanted(NamedTuple):
    """An output that is asked for: whole, or as so many classes of each row; as bytes or as values."""

    name: str
    classes: Any = 0
    as_bytes: bool = False

    @classmethod
    def of(cls, name: str, parameters: Parameters, *, as_bytes: Any) -> Wanted:
        """As its parameters have it, and as bytes where they do not say but the request does."""
        return cls(
            name,
            parameters.get("classification", 0),
            bool(parameters.get("binary_data", as_bytes)),
        )


class Slot(NamedTuple):
    """An input that is as the graph has it, but for its values; errors name it by `where`."""

    name: str
    datatype: Datatype
    shape: Sequence[int]
    where: str


class Asked(NamedTuple):
    """What a request wants: outputs, their names in the graph, and how many classes of each row as texts."""

    wanted: Sequence[Wanted]
    names: list[str]
    n_classes: int


class Result(NamedTuple):
    """An output of an answer."""

    wanted: Wanted
    datatype: str
    array: NDArray[Any]

    @property
    def where(self) -> str:
        return f"output {self.wanted.name!r}"


class InferenceRequest(NamedTuple):
    """A request, decoded: its id, its tensors by name, and what it wants."""

    id: str
    feed: Feed
    asked: Asked


def plan(
    graph: Graph,
    request: InferenceRequest,
    limits: Limits,
    write: Callable[[list[Result]], Any],
) -> Run:
    """The run that a request asks for; `write` makes the answer. Raises InvalidRequest or TooLarge."""
    asked = request.asked
    inputs, n_rows = _prepare(graph, request.feed, limits)

    def finish(outputs: Outputs) -> Any:
        return write(
            [
                _make_result(graph, wanted, output)
                for wanted, output in zip(asked.wanted, outputs, strict=True)
            ]
        )

    n_texts = n_rows * asked.n_classes

    return Run(graph, asked.names, inputs, n_rows, finish, n_texts)


def ask(
    graph: Graph, inputs: Iterable[str], wanted: Sequence[Wanted], *, as_bytes: bool
) -> Asked:
    """Where no outputs are wanted by name, those that the metadata name, as bytes or as values.

    Raises InvalidRequest where one of these inputs or outputs comes twice, and where one is missing or unknown.
    """
    given: set[str] = set()
    for name in inputs:
        if name in given:
            raise InvalidRequest(f"input {name[:100]!r} comes twice")
        given.add(name)

    missing = [name for name in graph.inputs if name not in given]
    if missing:
        raise InvalidRequest(
            f"missing input {missing[0]!r}; inputs of {graph.name}: {', '.join(graph.inputs)}"
        )

    _check_wanted(graph, wanted)
    chosen = wanted or [Wanted(name, as_bytes=as_bytes) for name in graph.outputs]
    n_classes = sum(
        max(0, each.classes) for each in chosen if isinstance(each.classes, int)
    )

    return Asked(chosen, [each.name for each in chosen], n_classes)


def find_slot(
    graph: Graph, name: str, shape: Sequence[int], datatype: str, place: int
) -> Slot:
    """Where a tensor goes, by what is said of it; its place is that among the request's. Raises InvalidRequest."""
    where = f"inputs[{place}] {name[:100]!r}"
    info = graph.inputs.get(name)
    if info is None:
        raise InvalidRequest(
            f"{where}: unknown input; inputs of {graph.name}: {', '.join(graph.inputs)}"
        )

    if len(shape) > MAX_AXES:
        raise InvalidRequest(
            f"{where}: expected a shape of at most {MAX_AXES} axes, got {len(shape)}"
        )

    if not all(0 <= length <= MAX_AXIS_LENGTH for length in shape):
        raise InvalidRequest(
            f"{where}: expected lengths from 0 to 2**63 - 1, got a shape that has others"
        )

    known = _check_type(graph, info, datatype, where)
    if not (known.name == BYTES and graph.takes_images):
        _check_shape(info, shape, where)

    return Slot(name, known, shape, where)


def fill(graph: Graph, slot: Slot, array: NDArray[Any]) -> Tensor:
    """What goes there of these values: an array, or the image files of a network of images."""
    if slot.datatype.name != BYTES:
        return array

    if graph.takes_images:
        return [
            ImageFile(_file(each, slot.where), "")
            for each in array.reshape(-1).tolist()
        ]

    return as_texts(array, slot.where)


def own_type(info: TensorInfo) -> Datatype:
    """Raises InvalidRequest for a type of onnxruntime's that the protocol does not know."""
    own = BY_SESSION.get(info.type)
    if own is None:
        raise InvalidRequest(
            f"{info.name!r} is {info.type} in the graph: the protocol has no such type"
        )

    return own


def as_texts(array: NDArray[Any], where: str) -> NDArray[Any]:
    """onnxruntime's strings."""
    try:
        texts = [
            each.decode() if isinstance(each, bytes) else each
            for each in array.reshape(-1).tolist()
        ]
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{where}: expected texts in UTF-8: {error}") from error
    return np.array(texts, dtype=np.object_).reshape(array.shape)


def _check_type(graph: Graph, info: TensorInfo, datatype: str, where: str) -> Datatype:
    own = own_type(info)
    if datatype == own.name:
        return own
    if datatype == BYTES and graph.takes_images:
        return DATATYPES[BYTES]

    also = " (or BYTES, of image files)" if graph.takes_images else ""
    raise InvalidRequest(
        f"{where}: expected datatype {own.name}{also}, got {datatype[:40]!r}"
    )


def _check_shape(info: TensorInfo, shape: Sequence[int], where: str) -> None:
    fits = len(shape) == len(info.shape) and all(
        fixed in (-1, given) for fixed, given in zip(info.shape, shape, strict=True)
    )
    if not fits:
        raise InvalidRequest(
            f"{where}: expected shape {list(info.shape)}, -1 for any length, got {list(shape)}"
        )


def _file(element: Any, where: str) -> bytes:
    """An image file as it is, or in JSON as base64."""
    if isinstance(element, bytes):
        return element
    try:
        return b64decode(element, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest(
            f"{where}: expected image files in base64: {error}"
        ) from error


def _check_wanted(graph: Graph, wanted: Sequence[Wanted]) -> None:
    asked: set[str] = set()
    for index, output in enumerate(wanted):
        if output.name in asked:
            raise InvalidRequest(
                f"outputs[{index}]: {output.name[:100]!r} is asked for twice"
            )

        asked.add(output.name)
        if output.name not in graph.outputs and output.name not in graph.extras:
            known = ", ".join([*graph.outputs, *graph.extras])
            raise InvalidRequest(
                f"outputs[{index}]: unknown output {output.name[:100]!r}; outputs: {known}"
            )


def _prepare(graph: Graph, feed: Feed, limits: Limits) -> tuple[Any, int]:
    """What the graph is run on, and its number of rows: images decoded, and what a card promises checked."""
    if graph.model is None:
        return feed, max(
            (len(each) for each in feed.values() if np.ndim(each)), default=1
        )

    ((name, given),) = feed.items()
    if not len(given):
        raise InvalidRequest(f"{name!r}: expected at least one row, got none")

    limits.check_tensor_rows(len(given))

    if isinstance(given, list):
        size_px = graph.model.size_px or 0
        images = image_rows.decode_rows(
            given, model=graph.name, size_px=size_px, max_pixels=limits.max_pixels
        )
        return images, len(images)

    if graph.takes_images:
        return image_rows.split(given, max_pixels=limits.max_pixels), len(given)

    graph.model.check_features(given)

    return given, len(given)


def _make_result(graph: Graph, wanted: Wanted, output: Any) -> Result:
    array = np.asarray(output)
    if wanted.classes:
        array = _classify(
            array, wanted.classes, graph.labels(wanted.name), f"output {wanted.name!r}"
        )

    return Result(wanted, BY_ARRAY[array.dtype.str].name, array)


def _classify(
    array: NDArray[Any], most: Any, labels: Sequence[str], where: str
) -> NDArray[Any]:
    """For each row its highest values as texts, value:index:class; of equals the first."""
    if (
        not isinstance(most, int)
        or isinstance(most, bool)
        or most < 1
        or array.ndim == 0
        or array.dtype.kind not in "fiu"
    ):
        raise InvalidRequest(
            f"{where}: classification is a whole number of at least 1, of an output of numbers"
        )

    rows = (
        array.reshape(array.shape[0], prod(array.shape[1:]))
        if array.ndim > 1
        else array.reshape(1, -1)
    )
    order = np.argsort(-rows.astype(np.float64), axis=1, kind="stable")[:, :most]
    texts = [
        [
            f"{rows[row, index]}:{index}"
            + (f":{labels[index]}" if index < len(labels) else "")
            for index in indices
        ]
        for row, indices in enumerate(order.tolist())
    ]

    return np.array(texts, dtype=np.object_)
