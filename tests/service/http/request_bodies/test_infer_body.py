"""A body of inference is taken as the protocol has it, and what contradicts it is refused with words."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.graphs import write_all, write_function_bomb
from tests.support.responses import error_of
from tests.support.server import Server, serve

FP32 = "/v2/models/identity_FP32/infer"
BOM = b"\xef\xbb\xbf"


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server has graphs of every type, and beside them files that are none, or never end."""
    folder = tmp_path_factory.mktemp("graphs")
    write_all(folder)
    write_function_bomb(folder)
    os.mkfifo(folder / "fifo.onnx")
    (folder / "._open.onnx").write_bytes(b"left by macOS")

    home = tmp_path_factory.mktemp("home")
    with serve(home, VEREDICTO_MODELS=folder, VEREDICTO_STRICT=0) as running:
        yield running


def x_of(
    data: Any = (1, 2, 3),
    *,
    shape: tuple[int, ...] = (1, 3),
    datatype: str = "FP32",
    own: Any = None,
    **more: Any,
) -> dict[str, Any]:
    """Returns a request of one input, whose own parameters are `own`."""
    tensor = {"name": "x", "shape": shape, "datatype": datatype, "data": data}
    return {"inputs": [tensor | {"parameters": own}], **more}


def y_with(**parameters: Any) -> list[dict[str, Any]]:
    """Returns the outputs of a request that asks for `y` with these parameters."""
    return [{"name": "y", "parameters": parameters}]


def ask(server: Server, model: str, body: Any) -> dict[str, Any]:
    """Returns the first output of an answer."""
    response = server.post(f"/v2/models/{model}/infer", body)
    assert response.status_code == 200, response.text
    output: dict[str, Any] = response.json()["outputs"][0]
    return output


def test_what_is_no_model_holds_nobody_up(graphs: Server) -> None:
    """A server beside whose models a FIFO, a hidden file and a bomb of functions lie is ready, and names the bomb."""
    index = graphs.post("/v2/repository/index", {}).json()
    refused = {each["name"] for each in index if each["state"] != "READY"}

    assert graphs.client.get("/readyz").status_code == 200
    assert refused == {"bomb"}


@pytest.mark.parametrize(
    "body",
    [
        x_of(id=None),
        x_of(parameters=None, outputs=None),
        x_of(parameters={"trace": None, "binary_data_output": None}),
        x_of(own={"binary_data_size": None}),
        x_of(outputs=[{"name": "y", "parameters": None}]),
        x_of(outputs=y_with(classification=None, binary_data=None)),
        x_of(parameters={"sequence_id": 0, "priority": 0, "sequence_start": False}),
        x_of(parameters={"sequence_id": "", "my_own": "anything"}),
    ],
)
def test_null_is_absent(graphs: Server, body: dict[str, Any]) -> None:
    """Optional fields and parameters that are null, or that their extension says mean nothing, are as if absent."""
    answer = graphs.post(FP32, body)

    assert answer.json().keys() == {"model_name", "model_version", "outputs"}
    assert answer.json()["outputs"][0]["data"] == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("timeout_us", [2**63, 10**30, 10**320])
def test_a_time_that_no_clock_can_count_is_any_time(
    graphs: Server, timeout_us: int
) -> None:
    """A client that wants to wait for ever may say so by a number of any size, of rows and of images."""
    body = x_of(parameters={"timeout": timeout_us})
    assert ask(graphs, "identity_FP32", body)["data"] == [1.0, 2.0, 3.0]

    pixels = {"name": "pixels", "shape": [1, 2, 2, 3], "datatype": "UINT8"}
    image = {
        "inputs": [pixels | {"data": [0] * 12}],
        "parameters": {"timeout": timeout_us},
    }
    assert ask(graphs, "hue-first", image)["datatype"] == "INT64"


def test_the_classes_of_no_rows_have_a_shape(graphs: Server) -> None:
    """An output of no rows has none of classes, each of as many as were asked for."""
    body = x_of([], shape=(0, 3), outputs=y_with(classification=2))
    assert ask(graphs, "identity_FP32", body)["shape"] == [0, 2]


@pytest.mark.parametrize("body", [{"ready": None}, {}, {"ready": False}])
def test_the_index_may_be_asked_for_by_null(
    graphs: Server, body: dict[str, Any]
) -> None:
    """A client that writes null for what it does not set gets the whole index."""
    index = graphs.post("/v2/repository/index", body).json()
    assert "bomb" in {each["name"] for each in index}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the body is empty"),
        (b" \n", "the body is empty"),
        (
            json.dumps(x_of([float("nan"), 1, 2])).encode(),
            "NaN and infinity are not numbers; every value must be finite; "
            "send such values as bytes, with binary_data_size",
        ),
    ],
)
def test_what_is_no_json_is_told_in_words(
    graphs: Server, content: bytes, words: str
) -> None:
    """A client that sends nothing, or what Python writes for a number that is none, reads what would work."""
    assert error_of(graphs.post_raw(FP32, content), 400).endswith(words)


@pytest.mark.parametrize(
    "encodings",
    [["x-gzip"], ["identity, gzip"], ["GZip , identity"], ["identity", "gzip"]],
)
def test_an_encoding_may_have_another_name_and_none_beside_it(
    graphs: Server, encodings: list[str]
) -> None:
    """`x-gzip` is gzip and `identity` is nothing, as RFC 9110 has it, in one field or several."""
    fields = [("Content-Encoding", each) for each in encodings]
    content = gzip.compress(json.dumps(x_of()).encode())
    assert graphs.client.post(FP32, content=content, headers=fields).status_code == 200


@pytest.mark.parametrize("encodings", [["gzip, gzip"], ["gzip", "gzip"], ["gzip, br"]])
def test_a_body_that_is_packed_twice_is_refused(
    graphs: Server, encodings: list[str]
) -> None:
    """Only one encoding is taken, and one that stands in a second field is seen."""
    fields = [("Content-Encoding", each) for each in encodings]
    content = gzip.compress(gzip.compress(json.dumps(x_of()).encode()))
    response = graphs.client.post(FP32, content=content, headers=fields)
    assert "is not taken: gzip, deflate or none" in error_of(response, 415)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (x_of(parameters={"binary_data_output": "false"}), "expected true or false"),
        (x_of(parameters={"sequence_id": 7}), "sequences of requests are not served"),
        (x_of(parameters={"sequence_start": True}), "sequences of requests are not"),
        (x_of(parameters={"priority": 1}), "priorities are not served"),
        (x_of(outputs=y_with(binary_data="false")), "expected true or false"),
        (x_of(outputs=y_with(binary_data=1)), "expected true or false, got 1"),
        (x_of(outputs=y_with(classification=True)), "expected a whole number"),
        (x_of(outputs=y_with(classification="2")), "expected a whole number"),
        (x_of(outputs=y_with(classification=-1)), "expected a whole number"),
        (x_of(outputs=y_with(shared_memory_region="r")), "shared memory is not"),
        (x_of(own={"shared_memory_region": "r"}), "shared memory is not served"),
        (x_of(own={"binary_data_size": 12}), "data or a parameter binary_data_size"),
        (x_of(own={"binary_data_size": True}), "expected a whole number"),
        (x_of(None), "expected data, or a parameter binary_data_size"),
        (x_of([[1], [2], [3]]), "expected data of shape [1, 3], flat or nested"),
        (x_of([[1, 2], [3]]), "data is no array of FP32"),
    ],
)
def test_what_contradicts_the_protocol_is_refused(
    graphs: Server, body: dict[str, Any], words: str
) -> None:
    """Parameters of another type, twofold or not served, and data of another shape, are refused with words."""
    assert words in error_of(graphs.post(FP32, body), 400)


def test_data_and_bytes_contradict_each_other(graphs: Server) -> None:
    """An input with values in the JSON and bytes after it is refused, as over gRPC."""
    head = json.dumps(x_of(own={"binary_data_size": 12})).encode()
    headers = {"Inference-Header-Content-Length": str(len(head))}
    answer = graphs.client.post(FP32, content=head + bytes(12), headers=headers)

    assert "expected data or a parameter" in error_of(answer, 400)


@pytest.mark.parametrize(
    ("datatype", "values"),
    [
        ("INT64", [2**53, 2**53 + 1, 5]),
        ("INT64", [-(2**63) + 1, -(2**63), 2**63 - 1]),
        ("UINT64", [2**64 - 2, 2**64 - 1, 1]),
        ("UINT8", [0, 255, 128]),
        ("FP64", [0.1, 0.1 + 2**-55, -1.0]),
        ("BF16", [-1.0, 2.5, 0.0]),
    ],
)
def test_classes_are_compared_in_their_own_type(
    graphs: Server, datatype: str, values: list[Any]
) -> None:
    """The highest values are those of the output's type, integers beyond 2**53 too."""
    body = x_of(values, datatype=datatype, outputs=y_with(classification=3))
    found = ask(graphs, f"identity_{datatype}", body)["data"]
    order = sorted(range(3), key=lambda index: -values[index])

    assert [int(text.split(":")[1]) for text in found] == order


@pytest.mark.parametrize(
    "data",
    [
        b'["\xff"]',
        b'["\\ud800"]',
        b"[[" * 100_000,
        b"[1e999]",
        b"[" + b"9" * 5000 + b"]",
    ],
)
@pytest.mark.parametrize("datatype", ["BYTES", "INT64", "FP32", "BOOL", "BF16"])
def test_data_that_no_decoder_takes_is_the_clients_fault(
    graphs: Server, datatype: str, data: bytes
) -> None:
    """Data that is no UTF-8, no JSON, too deep or too large is answered 400 for every type."""
    head = b'{"inputs":[{"name":"x","shape":[1,3],"datatype":"%s","data":%s}]}'
    body = head % (datatype.encode(), data)

    error_of(graphs.post_raw(f"/v2/models/identity_{datatype}/infer", body), 400)


@pytest.mark.parametrize("path", [FP32, "/predict"])
def test_a_byte_order_mark_is_passed_over(graphs: Server, path: str) -> None:
    """JSON behind a byte order mark is read as if there were none."""
    plain = json.dumps(x_of()).encode()

    with_mark = graphs.post_raw(path, BOM + plain)
    without = graphs.post_raw(path, plain)

    assert with_mark.status_code == without.status_code
    assert with_mark.content == without.content


def test_utf16_is_named(graphs: Server) -> None:
    """JSON in UTF-16 is refused by that name."""
    answer = graphs.post_raw(FP32, json.dumps(x_of()).encode("utf-16"))

    assert "byte order mark of UTF-16" in error_of(answer, 400)


def test_bfloat16_is_numbers_in_json_and_two_bytes_else(graphs: Server) -> None:
    """A tensor of bfloat16 comes and goes as numbers, and as the higher halves of float32."""
    body = x_of([1, 2.5, -3], datatype="BF16")
    assert ask(graphs, "identity_BF16", body)["data"] == [1.0, 2.5, -3.0]

    body["outputs"] = y_with(binary_data=True)
    answer = graphs.post("/v2/models/identity_BF16/infer", body)
    assert answer.content.endswith(b"\x80\x3f\x20\x40\x40\xc0")

    too_large = x_of([1, 3.4e38, 0], datatype="BF16")
    refused = graphs.post("/v2/models/identity_BF16/infer", too_large)
    assert "a number that BF16 cannot hold" in error_of(refused, 400)


@pytest.mark.parametrize("shape", [(), (3,), (1, 3), (3, 1, 1)])
def test_any_shape_is_right_where_the_graph_leaves_it_open(
    graphs: Server, shape: tuple[int, ...]
) -> None:
    """A graph without a shape answers in the shape of what it is sent."""
    body = x_of([1.0] * (3 if shape else 1), shape=shape)

    assert ask(graphs, "open", body)["shape"] == list(shape)


def test_maps_are_probabilities_with_names(graphs: Server) -> None:
    """The output that was a map in each row is a tensor, whose classes have the names of the file."""
    body = x_of([0.2, 0.8, 0.9, 0.1], shape=(2, 2))
    output = ask(graphs, "maps", body)
    assert (output["datatype"], output["shape"]) == ("FP32", [2, 2])

    body["outputs"] = [{"name": "maps", "parameters": {"classification": 1}}]
    best = ask(graphs, "maps", body)["data"]
    assert [text.rpartition(":")[2] for text in best] == ["yes", "no"]

    metadata = graphs.client.get("/v2/models/maps").json()
    assert metadata["properties"] == {"classes of maps": '["no","yes"]'}


def test_the_latest_version_may_be_named_minus_one(graphs: Server) -> None:
    """Version -1 is the latest, in inference and in what is said of a model."""
    row = {"shape": [1, 16], "datatype": "INT32", "data": [1] * 16}
    body = {"inputs": [row | {"name": name} for name in ("INPUT0", "INPUT1")]}
    answer = graphs.post("/v2/models/simple/versions/-1/infer", body)

    assert answer.json()["model_version"] == "2"
    assert graphs.client.get("/v2/models/simple/versions/-1/ready").json()["ready"]


def test_statistics_have_every_member(graphs: Server) -> None:
    """Statistics have the members that clients of the extension read without asking, those of a cache too."""
    ask(graphs, "identity_INT8", x_of(datatype="INT8"))
    (found,) = graphs.client.get("/v2/models/identity_INT8/stats").json()["model_stats"]

    assert {"cache_hit", "cache_miss"} <= found["inference_stats"].keys()
    assert found["batch_stats"][0].keys() == {
        "batch_size",
        "compute_input",
        "compute_infer",
        "compute_output",
    }


@pytest.mark.parametrize(
    ("accepted", "kind"),
    [("gzip;q=0.000", None), ("deflate;q=0.1, gzip;q=0.9", "gzip"), ("*", "gzip")],
)
def test_the_best_encoding_is_chosen(
    graphs: Server, accepted: str, kind: str | None
) -> None:
    """An answer has the encoding that the client likes best, and none that it refuses."""
    body = x_of([1.0] * 3000, shape=(1000, 3))
    answer: httpx.Response = graphs.client.post(
        FP32, json=body, headers={"Accept-Encoding": accepted}
    )

    assert answer.headers.get("content-encoding") == kind


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ('{"inputs": [], "inputs": []}', "the body"),
        (
            '{"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1], "data": [2]}]}',
            "inputs[0]",
        ),
        (
            '{"inputs": [], "outputs": [{"name": "y"}, {"name": "y", "parameters": {"a": 1, "a": 2}}]}',
            "outputs[1].parameters",
        ),
    ],
)
def test_each_name_stands_once(graphs: Server, body: str, where: str) -> None:
    """A request with two lists of values for one input is refused, whichever stands first."""
    refusal = error_of(graphs.post_raw(FP32, body.encode()), 400)
    assert refusal.startswith(f"{where}: expected each name once, got ")
