"""This server is asked what Triton's own tests of HTTP and gRPC, in qa/ of its repository, ask of a server.

They are named here, each with the test that asks the same, or why none does.

L0_http/http_test.py

- raw_binary, raw_binary_longer: test_a_raw_body_comes_back
- byte: test_a_raw_text_comes_back_with_its_length
- byte_too_many_elements: test_a_raw_text_is_one_element
- multi_variable_dimensions: test_a_raw_body_has_one_free_axis
- multi_inputs: test_a_raw_body_is_for_one_input
- content_encoding_chunked_manually: test_a_raw_body_may_come_in_chunks
- content_encoding_unsupported_client: it is the client's; test_a_transfer_coding_is_chunked_or_refused is the server's
- descriptive_status_code: test_a_request_too_many_is_unavailable
- buffer_size_overflow, negative_dimensions: test_a_shape_that_no_tensor_has_is_refused
- loading_large_invalid_model: a model is a file of the folder, and never comes in a request
- json_recursion_depth_limit (and nested_json_crash.py): test_deep_json_is_refused_and_shallow_is_not
- duplicate_output_names: test_an_output_is_asked_for_once

The rest of L0_http

- http_input_size_limit_test.py, all four: test_the_limit_of_a_body_is_exact
- http_request_many_chunks.py, infer, registry_index, generate: test_very_many_chunks_are_a_body
- the same, model_control, trace, logging, shared memory: test_what_is_not_offered_is_not_found
- http_restricted_api_test.py, sanity, model_repository, infer: test_a_right_opens_its_routes_alone
- http_basic_auth_test.py, http_client_plugin_test.py: they are the client's, and a proxy's
- python_http_aio_test.py, what is read: test_the_asyncio_client_reads_everything
- the same, what is set, and shared memory: test_what_is_not_offered_is_not_found
- test.sh, outputs in JSON and in bytes: test_each_output_comes_as_it_was_asked_for
- test.sh, data that misaligns with its shape: test_data_of_another_length_is_refused
- test.sh, input objects used again: test_inputs_of_a_client_may_be_used_again
- test.sh, a base path: test_what_is_not_offered_is_not_found
- test.sh, sequences, ensembles; generate_endpoint_test.py, llm_test.py: they are not offered, and not announced
- L0_http_fuzz: tests/end_to_end/test_hostile.py

L0_grpc

- python_unit_test.py, sanity, model_repository, health, infer: test_a_right_opens_its_procedures_alone
- the same, stream_infer: streams are not offered
- python_grpc_aio_test.py: tests/service/grpc/test_server.py
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from onnx import TensorProto
from tritonclient.utils import InferenceServerException

from service.access.tokens import make_token
from tests.support.connections import connect, read_to_end
from tests.support.graphs import write_identity, write_simple
from tests.support.loop_graphs import ENDLESS_TRIPS, write_counter
from tests.support.responses import error_of
from tests.support.server import NO_AUTHORITIES, Server, free_port, serve
from tests.support.triton_grpc import triton as triton_grpc

RAW = {"Inference-Header-Content-Length": "0"}
MAX_BYTES = 40_000
MANY_CHUNKS = 100_000
LIMIT_S = 60
ONE_TEXT = len(b"427").to_bytes(4, "little") + b"427"
SIXTEEN = list(range(1, 17))


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server has graphs that give back what they get, the sum of two inputs, and narrow limits."""
    folder = tmp_path_factory.mktemp("graphs")
    write_simple(folder)
    write_identity(folder, "rows", TensorProto.FLOAT, ["n", 8])
    write_identity(folder, "free", TensorProto.FLOAT16, ["n", "m", "k"])
    write_identity(folder, "text", TensorProto.STRING, [1])
    write_identity(folder, "texts", TensorProto.STRING, ["n"])
    write_identity(folder, "one", TensorProto.INT64, [1, 1])
    limits = {f"VEREDICTO_MAX_{name}_BYTES": MAX_BYTES for name in ("BODY", "IMAGE")}
    home = tmp_path_factory.mktemp("home")
    with serve(home, VEREDICTO_MODELS=folder, **limits) as running:
        yield running


class Guarded(NamedTuple):
    """A server answers one request at a time, and asks for tokens, which are here by their right."""

    server: Server
    grpc_address: str
    tokens: dict[str, str]

    def make_headers(self, right: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.tokens[right]}"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Everybody may look at this server, and whoever asks or administers it needs the right."""
    folder = tmp_path_factory.mktemp("guarded")
    write_simple(folder)
    write_counter(folder)
    made = {
        right: make_token(right, frozenset({right})) for right in ("predict", "admin")
    }
    home = tmp_path_factory.mktemp("home")
    file = home / "tokens.txt"
    file.write_text("".join(f"{line}\n" for _, line in made.values()))
    port = free_port()
    settings = {
        "VEREDICTO_MODELS": folder,
        "VEREDICTO_TOKENS": file,
        "VEREDICTO_PUBLIC": "observe",
        "VEREDICTO_GRPC_PORT": port,
        "VEREDICTO_MAX_IN_FLIGHT": 1,
        "VEREDICTO_DEADLINE_S": 4,
    }
    with serve(home, **settings) as server:
        tokens = {right: token for right, (token, _) in made.items()}
        yield Guarded(server, f"127.0.0.1:{port}", tokens)


def infer_raw(
    server: Server, model: str, content: bytes, **fields: str
) -> httpx.Response:
    path = f"/v2/models/{model}/infer"
    return server.client.post(path, content=content, headers=RAW | fields)


def read_tail(answer: httpx.Response) -> bytes:
    """Returns the bytes that follow the JSON of an answer."""
    assert answer.status_code == 200, answer.text
    return answer.content[int(answer.headers["inference-header-content-length"]) :]


def make_input(name: str, datatype: str, shape: list[int], data: Any) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


def infer(server: Server, model: str, document: Any) -> httpx.Response:
    return server.post(f"/v2/models/{model}/infer", document)


@pytest.mark.parametrize("n_rows", [1, 4])
def test_a_raw_body_comes_back(graphs: Server, n_rows: int) -> None:
    """A body without JSON is the only input, of as many rows as its bytes are, and the output is bytes too."""
    content = np.arange(8 * n_rows, dtype="<f4").tobytes()
    assert read_tail(infer_raw(graphs, "rows", content)) == content


def test_a_raw_text_comes_back_with_its_length(graphs: Server) -> None:
    """A body for one element of BYTES is that element, and comes back behind its length."""
    assert read_tail(infer_raw(graphs, "text", b"427")) == ONE_TEXT


def test_a_raw_text_is_one_element(graphs: Server) -> None:
    """A body cannot be the texts of a tensor of any length that it does not delimit."""
    answer = infer_raw(graphs, "texts", b"427")
    if answer.status_code == 200:  # the one text that it may be
        assert read_tail(answer) == ONE_TEXT
    else:
        assert "BYTES" in error_of(answer, 400)


def test_a_raw_body_has_one_free_axis(graphs: Server) -> None:
    """Bytes of rows with two unknown axes have no shape."""
    content = np.ones((2, 2, 2), np.float16).tobytes()
    assert "[-1, -1, -1]" in error_of(infer_raw(graphs, "free", content), 400)


def test_a_raw_body_is_for_one_input(graphs: Server) -> None:
    """Bytes for two inputs do not say where the first ends."""
    content = np.arange(32, dtype="<i4").tobytes()
    assert "2 inputs" in error_of(infer_raw(graphs, "simple", content), 400)


def test_a_raw_body_may_come_in_chunks(graphs: Server) -> None:
    """A body in one chunk is the body."""
    content = np.arange(8, dtype="<f4").tobytes()
    received = send_chunks(graphs, "/v2/models/rows/infer", [content])
    assert received.startswith(b"HTTP/1.1 200 ")
    assert received.endswith(content)


def send_chunks(server: Server, path: str, chunks: list[bytes]) -> bytes:
    """Returns all that comes back on a connection that ends after its answer."""
    head = [
        f"POST {path} HTTP/1.1",
        "Host: x",
        "Content-Type: application/octet-stream",
        "Inference-Header-Content-Length: 0",
        "Transfer-Encoding: chunked",
        "Connection: close",
        "",
        "",
    ]
    written = [b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks]
    with connect(server) as opened:
        opened.sendall("\r\n".join(head).encode() + b"".join(written) + b"0\r\n\r\n")
        return read_to_end(opened)


@pytest.mark.parametrize("coding", ["compress", "deflate", "gzip", "gzip, chunked"])
def test_a_transfer_coding_is_chunked_or_refused(graphs: Server, coding: str) -> None:
    """A body in another transfer coding is refused, and none of its bytes is taken for a request."""
    head = f"POST /v2/models/rows/infer HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {coding}\r\n\r\n"
    with connect(graphs) as opened:
        opened.sendall(head.encode() + b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        received = read_to_end(opened)

    assert received.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 501 "))
    assert received.count(b"HTTP/1.1 ") == 1


def test_a_request_too_many_is_unavailable(guarded: Guarded) -> None:
    """A second request while one may be answered at a time is 503, with when to come again."""
    headers = guarded.make_headers("predict")
    path = "/v2/models/counter/infer"
    endless = {"inputs": [make_input("trips", "INT64", [1], [ENDLESS_TRIPS])]}
    quick = {"inputs": [make_input("trips", "INT64", [1], [1])]}
    url = guarded.server.url + path
    first = threading.Thread(target=ask_until, args=(504, url, endless, headers))
    first.start()
    answer = ask_until(503, url, quick, headers)
    first.join()

    assert int(answer.headers["retry-after"]) > 0
    assert error_of(answer, 503)
    ask_until(200, url, quick, headers)


def ask_until(
    status: int, url: str, document: Any, headers: dict[str, str]
) -> httpx.Response:
    """Returns the first answer of this status; fails after a minute."""
    end_s = time.monotonic() + LIMIT_S
    with httpx.Client(verify=NO_AUTHORITIES, timeout=LIMIT_S) as client:
        while True:
            answer = client.post(url, json=document, headers=headers)
            if answer.status_code == status:
                return answer
            assert time.monotonic() < end_s
            time.sleep(0.02)


@pytest.mark.parametrize("shape", [[2**4, 2**60 + 2], [2**2, 2**60 + 2], [2, -5]])
def test_a_shape_that_no_tensor_has_is_refused(
    graphs: Server, shape: list[int]
) -> None:
    """A shape whose product overflows 64 bits, or that has a negative axis, is the client's fault."""
    given = make_input("x", "FP32", shape, [1.0])
    assert "shape" in error_of(infer(graphs, "rows", {"inputs": [given]}), 400)


@pytest.mark.parametrize(("depth", "status"), [(2, 200), (150_000, 413), (19_000, 400)])
def test_deep_json_is_refused_and_shallow_is_not(
    graphs: Server, depth: int, status: int
) -> None:
    """Data nested as deeply as its shape is taken; brackets without end are refused, and the server lives."""
    body = b'{"inputs":[{"name":"x","shape":[1,1],"datatype":"INT64","data":%b123%b}]}'
    content = body % (b"[" * depth, b"]" * depth)
    answer = graphs.post_raw("/v2/models/one/infer", content)
    assert answer.status_code == status, answer.text
    assert graphs.client.get("/v2/health/live").status_code == 200


def test_an_output_is_asked_for_once(graphs: Server) -> None:
    """An output that is named twice is refused."""
    given = make_input("x", "FP32", [1, 8], list(range(8)))
    document = {"inputs": [given], "outputs": [{"name": "y"}] * 2}
    assert "'y'" in error_of(infer(graphs, "rows", document), 400)


@pytest.mark.parametrize("is_raw", [True, False], ids=["raw", "json"])
def test_the_limit_of_a_body_is_exact(graphs: Server, *, is_raw: bool) -> None:
    """A body as long as the limit is taken, and one that is a byte longer is 413."""
    given = json.dumps(
        {"inputs": [make_input("x", "FP32", [1, 8], [1.5] * 8)]}
    ).encode()
    headers = RAW if is_raw else {"Content-Type": "application/json"}
    content = b"\0" * MAX_BYTES if is_raw else given.ljust(MAX_BYTES)
    path = "/v2/models/rows/infer"
    taken = graphs.client.post(path, content=content, headers=headers)
    refused = graphs.client.post(path, content=content + b" ", headers=headers)

    assert taken.status_code == 200, taken.text
    assert str(MAX_BYTES) in error_of(refused, 413)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/v2/models/simple/infer", b"413"),
        ("/v2/repository/index", b"413"),
        ("/generate", b"41"),
    ],
)
def test_very_many_chunks_are_a_body(graphs: Server, path: str, text: bytes) -> None:
    """A hundred thousand chunks of a byte are read as any body, and are too long as that is."""
    received = send_chunks(graphs, path, [b"A"] * MANY_CHUNKS)
    assert received.startswith(b"HTTP/1.1 " + text)
    assert graphs.client.get("/v2/health/live").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/v2/models/simple/trace/setting",
        "/v2/trace/setting",
        "/v2/logging",
        "/v2/systemsharedmemory/region/one/register",
        "/v2/cudasharedmemory/region/one/register",
        "/v2/models/simple/generate",
        "/v2/models/simple/generate_stream",
        "/base_path/v2/models/simple/infer",
    ],
)
def test_what_is_not_offered_is_not_found(graphs: Server, path: str) -> None:
    """Extensions that the server does not announce have no routes."""
    assert path in error_of(graphs.post(path, {}), 404)


def test_a_right_opens_its_routes_alone(guarded: Guarded) -> None:
    """Statistics are for all; inference and administration are each for who has the right."""
    inputs = make_simple_inputs(triton)
    with triton.InferenceServerClient(
        guarded.server.url.removeprefix("http://")
    ) as client:
        client.get_inference_statistics("simple")
        with pytest.raises(InferenceServerException, match="token"):
            client.infer("simple", inputs, headers={"test": "1"})
        client.infer("simple", inputs, headers=guarded.make_headers("predict"))
        with pytest.raises(InferenceServerException):
            client.unload_model("simple", headers=guarded.make_headers("predict"))
        client.infer("simple", inputs, headers=guarded.make_headers("predict"))


def test_a_right_opens_its_procedures_alone(guarded: Guarded) -> None:
    """Health and statistics over gRPC are for all, and inference is for who has the right."""
    inputs = make_simple_inputs(triton_grpc)
    with triton_grpc.InferenceServerClient(guarded.grpc_address) as client:
        assert client.is_server_live()
        client.get_inference_statistics("simple")
        with pytest.raises(InferenceServerException, match="token"):
            client.infer("simple", inputs, headers={"test": "1"})
        client.infer("simple", inputs, headers=guarded.make_headers("predict"))
        with pytest.raises(InferenceServerException):
            client.unload_model("simple", headers=guarded.make_headers("predict"))
        client.infer("simple", inputs, headers=guarded.make_headers("predict"))


def make_simple_inputs(library: Any) -> list[Any]:
    made = []
    for name in ("INPUT0", "INPUT1"):
        given = library.InferInput(name, [1, 16], "INT32")
        given.set_data_from_numpy(np.array([SIXTEEN], np.int32))
        made.append(given)

    return made


def test_the_asyncio_client_reads_everything(graphs: Server) -> None:
    """Health, metadata, configuration, index and statistics are there for Triton's client of asyncio."""

    async def read() -> list[Any]:
        address = graphs.url.removeprefix("http://")
        async with triton_aio.InferenceServerClient(address) as client:
            return [
                await client.is_server_live(),
                await client.is_server_ready(),
                await client.is_model_ready("simple"),
                (await client.get_server_metadata())["name"],
                (await client.get_model_metadata("simple"))["name"],
                (await client.get_model_config("simple"))["name"],
                len(await client.get_model_repository_index()),
                len((await client.get_inference_statistics())["model_stats"]),
            ]

    assert asyncio.run(read()) == [True] * 3 + ["veredicto", "simple", "simple", 6, 6]


@pytest.mark.parametrize(
    ("parameters", "outputs", "in_bytes"),
    [
        ({}, None, {"OUTPUT0": False, "OUTPUT1": False}),
        ({}, {"OUTPUT0": True, "OUTPUT1": False}, {"OUTPUT0": True, "OUTPUT1": False}),
        ({}, {"OUTPUT0": True, "OUTPUT1": None}, {"OUTPUT0": True, "OUTPUT1": False}),
        ({"binary_data_output": True}, None, {"OUTPUT0": True, "OUTPUT1": True}),
        (
            {"binary_data_output": True},
            {"OUTPUT0": False, "OUTPUT1": None},
            {"OUTPUT0": False, "OUTPUT1": True},
        ),
    ],
)
def test_each_output_comes_as_it_was_asked_for(
    graphs: Server,
    parameters: dict[str, bool],
    outputs: dict[str, bool | None] | None,
    in_bytes: dict[str, bool],
) -> None:
    """An output's own word on bytes counts before the request's, and without any it is JSON."""
    names = ("INPUT0", "INPUT1")
    document: dict[str, Any] = {
        "parameters": parameters,
        "inputs": [make_input(name, "INT32", [1, 16], SIXTEEN) for name in names],
    }
    if outputs is not None:
        document["outputs"] = [
            {"name": name}
            | ({} if binary is None else {"parameters": {"binary_data": binary}})
            for name, binary in outputs.items()
        ]
    answer = infer(graphs, "simple", document)
    length = int(
        answer.headers.get("inference-header-content-length", len(answer.content))
    )
    found = {
        each["name"]: each for each in json.loads(answer.content[:length])["outputs"]
    }
    expected = {"OUTPUT0": [2 * each for each in SIXTEEN], "OUTPUT1": [0] * 16}

    assert {name: "data" not in each for name, each in found.items()} == in_bytes
    for name, each in found.items():
        assert each.get("data", expected[name]) == expected[name]
    tail = np.frombuffer(answer.content[length:], "<i4").tolist()
    assert tail == [
        value for name, each in in_bytes.items() if each for value in expected[name]
    ]


@pytest.mark.parametrize("n_values", [15, 18])
def test_data_of_another_length_is_refused(graphs: Server, n_values: int) -> None:
    """A tensor with fewer or more values than its shape says is refused, and the next request is answered."""
    names = ("INPUT0", "INPUT1")
    wrong = [make_input(name, "INT32", [1, 16], SIXTEEN) for name in names]
    wrong[0]["data"] = list(range(n_values))
    right = [make_input(name, "INT32", [1, 16], SIXTEEN) for name in names]

    assert "16" in error_of(infer(graphs, "simple", {"inputs": wrong}), 400)
    assert infer(graphs, "simple", {"inputs": right}).status_code == 200


def test_inputs_of_a_client_may_be_used_again(graphs: Server) -> None:
    """Input objects of Triton's client that ask twice, as JSON and as bytes in turn, are answered alike."""
    inputs = make_simple_inputs(triton)
    values = np.array([SIXTEEN], np.int32)
    sums = []
    with triton.InferenceServerClient(graphs.url.removeprefix("http://")) as client:
        for binary in (True, False, True):
            for each in inputs:
                each.set_data_from_numpy(values, binary_data=binary)
            sums.append(client.infer("simple", inputs).as_numpy("OUTPUT0").tolist())

    assert sums == [(2 * values).tolist()] * 3
