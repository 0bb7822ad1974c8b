"""Values that a graph is asked about end no process, and its outputs have a limit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np
import onnxruntime as ort
import pytest
from onnx import TensorProto
from tritonclient.utils import InferenceServerException

from service.errors import DeadlinePassed
from service.models.cancellation import CancellationToken, activate
from service.open_inference.classification import classify
from tests.support.graphs import (
    write_boxes,
    write_decoder,
    write_division,
    write_fragile,
    write_identity,
    write_range,
)
from tests.support.responses import error_of
from tests.support.server import Server, free_port, serve
from tests.support.triton_grpc import triton as triton_grpc

MAX_BYTES = 1_000
LEAST = -(2**63)
WOULD_WORK = (
    f"over the limit of {MAX_BYTES} bytes an answer (VEREDICTO_MAX_ANSWER_BYTES): ask for fewer rows, classes or "
    "outputs, or for binary_data, since a number in JSON counts as 16 bytes, and a class as 64"
)


class Endpoints(NamedTuple):
    """A server answers over HTTP, and over gRPC at an address."""

    server: Server
    grpc: str


@pytest.fixture(scope="module")
def endpoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """The server has a narrow limit and graphs: one as long as a value says, one that divides, one of texts."""
    folder = tmp_path_factory.mktemp("graphs")
    write_range(folder)
    write_division(folder)
    write_boxes(folder)
    write_fragile(folder)
    write_decoder(folder / "decoder.onnx")
    write_identity(folder, "texts", TensorProto.STRING, ["n"])
    port = free_port()
    settings = {
        "VEREDICTO_MODELS": folder,
        "VEREDICTO_GRPC_PORT": port,
        "VEREDICTO_MAX_ANSWER_BYTES": MAX_BYTES,
    }

    with serve(tmp_path_factory.mktemp("home"), **settings) as running:
        yield Endpoints(running, f"127.0.0.1:{port}")


def count_to(end: int) -> dict[str, object]:
    return {"name": "end", "shape": [], "datatype": "INT64", "data": [end]}


def ask(server: Server, end: int, **more: object) -> httpx.Response:
    return server.post("/v2/models/range/infer", {"inputs": [count_to(end)], **more})


def test_numbers_in_json_count_as_their_texts(endpoints: Endpoints) -> None:
    """The last answer within the limit comes whole, and one number more is refused with what would work."""
    fits = ask(endpoints.server, 62).json()
    refused = ask(endpoints.server, 63)

    assert fits["outputs"][0]["data"] == list(range(62))
    assert error_of(refused, 413) == f"the outputs have 1008 bytes, {WOULD_WORK}"


def test_bytes_count_as_they_are(endpoints: Endpoints) -> None:
    """Binary tensors of just so many bytes come, and one more number is refused."""
    binary = {"parameters": {"binary_data_output": True}}

    fits = ask(endpoints.server, 125, **binary)
    refused = ask(endpoints.server, 126, **binary)

    assert fits.content.endswith(np.arange(125).tobytes())
    assert error_of(refused, 413) == f"the outputs have 1008 bytes, {WOULD_WORK}"


def test_texts_count_with_their_lengths(endpoints: Endpoints) -> None:
    """Each text counts as its characters and four bytes more."""
    texts = {"name": "x", "shape": [100], "datatype": "BYTES"}
    fits, too_long = (
        {"inputs": [texts | {"data": ["é" * length] * 100}]} for length in (6, 7)
    )
    path = "/v2/models/texts/infer"

    assert endpoints.server.post(path, fits).status_code == 200
    assert error_of(endpoints.server.post(path, too_long), 413) == (
        f"the outputs have 1100 bytes, {WOULD_WORK}"
    )


def test_what_classes_are_chosen_of_counts_too(endpoints: Endpoints) -> None:
    """A short answer is refused that takes a long output to be looked through, and so are many classes."""
    looked_through, many = (
        {"name": "numbers", "parameters": {"classification": count}}
        for count in (1, 16)
    )

    refused = [
        ask(endpoints.server, 126, outputs=[looked_through]),
        ask(endpoints.server, 20, outputs=[many]),
    ]

    assert [error_of(each, 413) for each in refused] == [
        f"the outputs have {n_bytes} bytes, {WOULD_WORK}" for n_bytes in (1008, 1024)
    ]


def test_classes_are_named_as_long_as_somebody_waits() -> None:
    """The classes of many rows are given up once the answer is no longer wanted, as runs are."""
    token = CancellationToken()

    with activate(token):
        token.cancel()
        with pytest.raises(DeadlinePassed):
            classify(np.zeros((10_000, 2), np.float32), 1, (), "output 'y'")


def test_grpc_has_the_same_limit(endpoints: Endpoints) -> None:
    """Triton's client gets the last answer within the limit, and RESOURCE_EXHAUSTED for the next."""
    with triton_grpc.InferenceServerClient(endpoints.grpc) as client:
        found = client.infer("range", [make_end(125)]).as_numpy("numbers")
        with pytest.raises(InferenceServerException) as refused:
            client.infer("range", [make_end(126)])

    assert found.tolist() == list(range(125))
    assert refused.value.status() == "StatusCode.RESOURCE_EXHAUSTED"
    assert refused.value.message() == f"the outputs have 1008 bytes, {WOULD_WORK}"


def make_end(end: int) -> Any:
    infer_input = triton_grpc.InferInput("end", [], "INT64")
    infer_input.set_data_from_numpy(np.array(end))
    return infer_input


def divide(server: Server, x: list[int], by: list[int]) -> httpx.Response:
    inputs = [
        {"name": name, "shape": [len(values)], "datatype": "INT64", "data": values}
        for name, values in (("x", x), ("by", by))
    ]
    return server.post("/v2/models/division/infer", {"inputs": inputs})


@pytest.mark.parametrize(
    ("x", "by", "quotients"),
    [([LEAST, 7], [2, 2], [LEAST // 2, 3]), ([LEAST + 1, 7], [-1, 2], [-LEAST - 1, 3])],
)
def test_integers_are_divided(
    endpoints: Endpoints, x: list[int], by: list[int], quotients: list[int]
) -> None:
    """The least integer and a divisor of -1 are divided as others are where they do not come together."""
    answer = divide(endpoints.server, x, by).json()

    assert answer["outputs"][0]["data"] == quotients


def test_a_quotient_that_is_no_integer_ends_no_process(endpoints: Endpoints) -> None:
    """The least integer is not divided by -1, which would end the process with all that it has in flight."""
    refused = divide(endpoints.server, [7, LEAST], [2, -1])

    assert error_of(refused, 400) == (
        f"input 'x': division divides integers, and {LEAST} divided by -1 is none: "
        "send no such two values in one request"
    )
    assert divide(endpoints.server, [7], [2]).json()["outputs"][0]["data"] == [3]


def sample(server: Server, boxes: list[list[float]]) -> httpx.Response:
    tensor = {"name": "boxes", "shape": [len(boxes), 4], "datatype": "FP32"}
    return server.post(
        "/v2/models/boxes/infer", {"inputs": [{**tensor, "data": boxes}]}
    )


def test_boxes_within_an_image_are_sampled(
    endpoints: Endpoints, tmp_path: Path
) -> None:
    """A box has what onnxruntime makes of it by itself, wherever its corners are."""
    boxes = [[0.0, 0.0, 7.0, 7.0], [2.0, 3.0, 3.0, 4.0], [500.0, 500.0, -9.0, 0.0]]
    alone = ort.InferenceSession(write_boxes(tmp_path))
    (expected,) = alone.run(None, {"boxes": np.array(boxes, np.float32)})
    answer = sample(endpoints.server, boxes)

    assert answer.status_code == 200, answer.text
    assert answer.json()["outputs"][0]["data"] == pytest.approx(expected.ravel())


@pytest.mark.parametrize(
    "box",
    [[0, 0, 1e4, 1e4], [1e4, 1e4, 0, 0], [-3e3, -3e3, 3e3, 3e3], [0, 0, 1e30, 1e30]],
)
def test_a_box_without_bounds_takes_no_memory(
    endpoints: Endpoints, box: list[float]
) -> None:
    """A box that is larger than any image is refused, which would take gigabytes and end the process."""
    refused = sample(endpoints.server, [[0, 0, 7, 7], box])

    assert "boxes samples boxes, and one of them has an area of" in error_of(
        refused, 400
    )
    assert sample(endpoints.server, [[0, 0, 7, 7]]).status_code == 200


FRAGILE = {
    "lstm": ([2, 1, 2], "LSTM"),
    "convtranspose": ([1, 1, 1, 1, 1], "ConvTranspose"),
    "unique": ([2, 1, 1], "Unique"),
    "stft": ([1, 4, 1], "STFT"),
    "featurevectorizer": ([2, 2], "FeatureVectorizer"),
    "inverse": ([2, 1, 1], "Inverse"),
}
"""Of each graph that needs elements a shape that it takes, and its operator."""


def ask_fragile(server: Server, name: str, shape: list[int]) -> httpx.Response:
    data = [1.0] * int(np.prod(shape))
    tensor = {"name": "x", "shape": shape, "datatype": "FP32", "data": data}
    return server.post(f"/v2/models/{name}/infer", {"inputs": [tensor]})


@pytest.mark.parametrize("name", FRAGILE)
def test_a_tensor_without_elements_ends_no_process(
    endpoints: Endpoints, name: str
) -> None:
    """Whichever axis has no length, an operator that does not survive it is not run, and others' requests go on."""
    shape, operator = FRAGILE[name]

    for axis in range(len(shape)):
        empty = [0 if each == axis else length for each, length in enumerate(shape)]
        refused = ask_fragile(endpoints.server, name, empty)
        assert error_of(refused, 400) == (
            f"input 'x': its shape {empty} has no elements, and the operator {operator} of {name} needs some: "
            "send at least one row"
        )

    answer = ask_fragile(endpoints.server, name, shape)
    assert answer.status_code == 200, answer.text
    assert "was ended by" not in endpoints.server.log.read_text()


def test_a_decoder_begins_without_what_it_remembers(
    endpoints: Endpoints, tmp_path: Path
) -> None:
    """A memory of no tokens is taken, as the first step of every text has it; no texts at all are refused."""

    def step(n_texts: int) -> httpx.Response:
        shapes = {
            "x": [n_texts, 1, 8],
            "keys": [n_texts, 2, 0, 4],
            "values": [n_texts, 2, 0, 4],
        }
        inputs = [
            {
                "name": name,
                "shape": shape,
                "datatype": "FP32",
                "data": np.linspace(0, 1, int(np.prod(shape))).tolist(),
            }
            for name, shape in shapes.items()
        ]
        return endpoints.server.post("/v2/models/decoder/infer", {"inputs": inputs})

    alone = ort.InferenceSession(write_decoder(tmp_path / "decoder.onnx"))
    empty = np.zeros((1, 2, 0, 4), np.float32)
    rows = np.linspace(0, 1, 8, dtype=np.float32).reshape(1, 1, 8)
    expected = alone.run(None, {"x": rows, "keys": empty, "values": empty})
    answer = step(1)

    assert answer.status_code == 200, answer.text
    outputs = {each["name"]: each for each in answer.json()["outputs"]}
    for name, array in zip(["y", "next_keys", "next_values"], expected, strict=True):
        assert outputs[name]["shape"] == list(array.shape)
        assert outputs[name]["data"] == pytest.approx(array.ravel())
    assert "its shape [0, 1, 8] has no elements" in error_of(step(0), 400)


def test_a_tensor_without_elements_over_grpc_ends_no_process(
    endpoints: Endpoints,
) -> None:
    """Triton's client reads the same words, and a graph that takes no rows answers none."""
    empty = triton_grpc.InferInput("x", [3, 0, 2], "FP32")
    empty.set_data_from_numpy(np.zeros((3, 0, 2), np.float32))
    none = triton_grpc.InferInput("x", [0], "BYTES")
    none.set_data_from_numpy(np.array([], np.object_))

    with triton_grpc.InferenceServerClient(endpoints.grpc) as client:
        with pytest.raises(InferenceServerException) as refused:
            client.infer("lstm", [empty])
        found = client.infer("texts", [none]).as_numpy("y")

    assert refused.value.status() == "StatusCode.INVALID_ARGUMENT"
    assert "its shape [3, 0, 2] has no elements" in refused.value.message()
    assert found.shape == (0,)
