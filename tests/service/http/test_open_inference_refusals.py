"""An inference of the Open Inference Protocol that is wrong is refused with its place."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest

from tests.support.responses import error_of
from tests.support.server import Server

WINE = "wine-logistic"


def x_of(
    shape: list[int], data: Any, datatype: str = "FP32", **more: Any
) -> dict[str, Any]:
    return {
        "inputs": [{"name": "x", "shape": shape, "datatype": datatype, "data": data}],
        **more,
    }


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        (
            "none",
            x_of([1], [1]),
            404,
            "Request for unknown model: 'none' is not found; known models: ",
        ),
        (
            "simple/versions/7",
            x_of([1], [1]),
            404,
            "'simple' has no version '7'; its versions: 1, 2",
        ),
        (
            "identity_FP32",
            {},
            400,
            "the request is not as the protocol has it: Object missing required field `inputs`",
        ),
        ("identity_FP32", {"inputs": []}, 400, "missing input 'x'"),
        (
            "identity_FP32",
            x_of([1, 3], [1, 2]),
            400,
            "expected 3 elements for shape [1, 3], got 2",
        ),
        ("identity_FP32", x_of([1, 3], [[1, 2], [3]]), 400, "data is no array of FP32"),
        (
            "identity_FP32",
            x_of([1, 4], [1, 2, 3, 4]),
            400,
            "expected shape [-1, 3], -1 for any length, got [1, 4]",
        ),
        (
            "identity_FP32",
            x_of([-1, -3], [1, 2, 3]),
            400,
            "expected lengths from 0 to 2**63 - 1",
        ),
        (
            "identity_FP32",
            x_of([1] * 33, [1]),
            400,
            "expected a shape of at most 32 axes, got 33",
        ),
        (
            "free",
            x_of([0, 2**62, 2**62], []),
            400,
            "no array has the shape [0, 4611686018427387904, 46",
        ),
        (
            "identity_FP32",
            x_of([1, 3], [1, 2, "3"]),
            400,
            "Expected `float`, got `str` - at `$[2]`",
        ),
        (
            "identity_FP32",
            x_of([1, 3], [1, 2, 1e39]),
            400,
            "data has a number that FP32 cannot hold",
        ),
        (
            "identity_FP32",
            x_of([1, 3], [1, 2, 3], "FP64"),
            400,
            "expected datatype FP32, got 'FP64'",
        ),
        (
            "identity_UINT8",
            x_of([1, 3], [1, 2, 256], "UINT8"),
            400,
            "it has the number 256, which UINT8 cannot hold",
        ),
        (
            "identity_FP32",
            x_of([1, 3], [1, 2, 3], outputs=[{"name": "z"}]),
            400,
            "unknown output 'z'; outputs: y",
        ),
        (
            "gather",
            {
                "inputs": [
                    {"name": "index", "shape": [1], "datatype": "INT64", "data": [3]}
                ]
            },
            400,
            "cannot work with",
        ),
        (
            "simple",
            {
                "inputs": [
                    {
                        "name": "INPUT0",
                        "shape": [1, 16],
                        "datatype": "INT32",
                        "data": [1] * 16,
                    }
                ]
            },
            400,
            "'INPUT1'",
        ),
    ],
)
def test_what_is_wrong_is_said(
    graphs: Server, path: str, body: object, status: int, text: str
) -> None:
    """A wrong request is refused with where it is wrong and what would work."""
    assert text in error_of(graphs.post(f"/v2/models/{path}/infer", body), status)


@pytest.mark.parametrize(
    ("content", "headers", "status", "text"),
    [
        (b"{", {}, 400, "the request is not JSON"),
        (b"\xff", {}, 400, "the request is not"),
        (
            b"{}",
            {"Inference-Header-Content-Length": "x"},
            400,
            "expected a number of bytes, got 'x'",
        ),
        (b"{}", {"Inference-Header-Content-Length": "900"}, 400, "and the body has 2"),
        (
            b"{}",
            {"Inference-Header-Content-Length": "9" * 5000},
            400,
            "expected a number of bytes, got '999",
        ),
        (b'{"x":' + b"[" * 50_000, {}, 400, "the request is not JSON"),
        (
            b"{}",
            {"Content-Encoding": "br"},
            415,
            "content encoding 'br' is not taken: gzip, deflate or none",
        ),
        (b"{}", {"Content-Encoding": "gzip"}, 400, "the body is not gzip"),
        (
            gzip.compress(b"{}")[:-5],
            {"Content-Encoding": "gzip"},
            400,
            "the body's gzip is cut off",
        ),
        (
            zlib.compress(b" " * 50_000_000),
            {"Content-Encoding": "deflate"},
            413,
            "unpacks to more than the limit of",
        ),
        (
            b"x" * 7,
            {"Inference-Header-Content-Length": "0"},
            400,
            "expected 0 bytes for FP32 of shape [0, 3], got 7",
        ),
    ],
    ids=[
        "cut",
        "bytes",
        "length",
        "longer",
        "endless",
        "deep",
        "brotli",
        "no gzip",
        "cut gzip",
        "bomb",
        "raw",
    ],
)
def test_bodies_that_are_none_are_refused(
    graphs: Server, content: bytes, headers: dict[str, str], status: int, text: str
) -> None:
    """Bodies that contradict their headers, or are no request, are refused."""
    answer = graphs.client.post(
        "/v2/models/identity_FP32/infer", content=content, headers=headers
    )

    assert text in error_of(answer, status)


@pytest.mark.parametrize(
    ("parameters", "tail", "text"),
    [
        (
            {"binary_data_size": 13},
            b"\0" * 12,
            "binary_data_size is 13, and 12 bytes are left",
        ),
        (
            {"binary_data_size": -1},
            b"\0" * 12,
            "expected a whole number for binary_data_size, got -1",
        ),
        ({"binary_data_size": 12}, b"\0" * 13, "1 bytes follow the last input"),
        (
            {"binary_data_size": 8},
            b"\0" * 8,
            "expected 12 bytes for FP32 of shape [1, 3], got 8",
        ),
        (
            {},
            b"",
            "expected data, or a parameter binary_data_size and bytes after the JSON",
        ),
    ],
)
def test_bytes_that_are_not_what_is_said_of_them(
    graphs: Server, parameters: dict, tail: bytes, text: str
) -> None:
    """Too few bytes and too many bytes are refused."""
    infer_input = {
        "name": "x",
        "shape": [1, 3],
        "datatype": "FP32",
        "parameters": parameters,
    }
    head = json.dumps({"inputs": [infer_input]}).encode()
    answer = graphs.client.post(
        "/v2/models/identity_FP32/infer",
        content=head + tail,
        headers={"Inference-Header-Content-Length": str(len(head))},
    )

    assert text in error_of(answer, 400)


def test_too_many_rows_are_refused(graphs: Server) -> None:
    """More rows than VEREDICTO_MAX_ROWS are refused."""
    noise = {
        "name": "noise",
        "shape": [101, 2],
        "datatype": "FP32",
        "data": [0.0] * 202,
    }

    answer = graphs.post("/v2/models/tiny-generator/infer", {"inputs": [noise]})

    expected = "101 rows are over the limit of 100 a request (VEREDICTO_MAX_ROWS)"

    assert expected in error_of(answer, 413)


def test_too_many_pixels_are_refused(graphs: Server) -> None:
    """More pixels than VEREDICTO_MAX_PIXELS are refused."""
    pixels = {
        "name": "pixels",
        "shape": [1, 1000, 101, 3],
        "datatype": "UINT8",
        "parameters": {"binary_data_size": 303_000},
    }
    head = json.dumps({"inputs": [pixels]}).encode()

    answer = graphs.client.post(
        "/v2/models/hue-first/infer",
        content=head + bytes(303_000),
        headers={"Inference-Header-Content-Length": str(len(head))},
    )

    assert "101000 pixels are over the limit of 100000" in error_of(answer, 413)


def test_too_many_bytes_are_refused(graphs: Server) -> None:
    """A body of more bytes than VEREDICTO_MAX_BODY_BYTES is refused."""
    answer = graphs.client.post(
        "/v2/models/identity_FP32/infer", content=b" " * 100_001
    )

    expected = "over the limit of 100000 bytes (VEREDICTO_MAX_BODY_BYTES)"

    assert expected in error_of(answer, 413)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/v2/nothing", "unknown path '/v2/nothing'"),
        ("/v2/models/no", "Request for unknown model: 'no' is not found"),
    ],
)
def test_other_paths_are_not_found(graphs: Server, path: str, text: str) -> None:
    """An unknown path and an unknown model are answered by 404 in JSON."""
    assert text in error_of(graphs.client.get(path), 404)


def test_other_methods_are_refused(graphs: Server) -> None:
    """A method that a path has not gets 405 with those that it has."""
    infer = graphs.client.get("/v2/models/simple/infer")
    view = graphs.client.post("/v2/models/simple")

    assert "allowed: POST" in error_of(infer, 405)
    assert view.status_code == 405


def test_a_view_takes_head(graphs: Server) -> None:
    """HEAD is answered where GET is."""
    assert graphs.client.head("/v2").status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        (
            "identity_FP32",
            x_of([10**200] * 32, [1.0]),
            "expected lengths from 0 to 2**63 - 1",
        ),
        (
            "identity_FP32",
            x_of([1, 3], [1, 2, 3], outputs=[{"name": "y"}, {"name": "y"}]),
            "'y' is asked for twice",
        ),
        (
            "identity_FP32",
            {"inputs": x_of([1, 3], [1, 2, 3])["inputs"] * 2},
            "input 'x' comes twice",
        ),
        (
            "identity_BYTES",
            x_of([2, 2], [["a"], ["a", "b"]], "BYTES"),
            "nested unevenly",
        ),
    ],
    ids=["huge", "output", "input", "uneven"],
)
def test_what_no_client_sends_is_refused(
    graphs: Server, path: str, body: object, text: str
) -> None:
    """Requests that no client sends are refused and are no defect of the service."""
    assert text in error_of(graphs.post(f"/v2/models/{path}/infer", body), 400)
