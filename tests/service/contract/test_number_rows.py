"""Rows of numbers are read from JSON into one buffer, and are what msgspec reads."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.contract import number_rows
from service.contract.codec import RequestDecoder
from service.contract.number_rows import (
    MAX_KEPT_BYTES,
    MAX_KEPT_PARSERS,
    MIN_BYTES,
    read_number_rows,
)
from service.contract.requests import CompareRequest, PredictRequest
from service.errors import InvalidRequest

simdjson = pytest.importorskip(
    "simdjson", reason="there is no wheel of it for this Python"
)

PADDING = b" " * MIN_BYTES
"""JSON may end in spaces, which make a body long enough."""
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(
    -(2**63), 2**64 - 1
)
MISTAKES = rb"""[ ] { } , " 1 - . e \ null true 1e400 -0 [[1]] NaN""".split()
MISTAKES += [b"\x00", b"\xff"]
DOCUMENTS: list[Any] = [
    {"task": "t", "inputs": [[1.5, -2, 3e-7]] * 3},
    {"task": "t", "inputs": [[1.5, -2, 3e-7]] * 3, "labels": [1, "a", 2]},
    {"task": "t", "inputs": [[1, 2]], "models": [["a"]]},
    {"task": {"a": 1}, "inputs": [[1, 2]]},
    {"task": "[[[[", "inputs": "abc"},
    {"task": "[", "inputs": {"a": 1.5}},
    {"task": "t", "inputs": {"a": [[1]]}},
    {"task": "[[", "inputs": ["abc", "def"]},
    {"task": "t", "inputs": [{"a": 1}]},
    {"task": "t", "inputs": [1, 2]},
    {"task": "t", "inputs": None},
    {"task": "t"},
    {},
    [],
    [1, 2],
    [[1, 2]],
    "inputs",
    1,
    None,
    True,
]
EDITS = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.integers(0, 3),
        st.sampled_from(
            [*MISTAKES, b"9007199254740993", b"123456789012345678901", b'"inputs":[],']
        ),
    ),
    max_size=3,
)


def write(fields: Any) -> bytes:
    """Returns a body that is long enough to be read into a buffer."""
    return json.dumps(fields).encode() + PADDING


def read_both_ways(request_type: type, body: bytes) -> tuple[str, str]:
    """Returns what the decoder makes of a body, and what it makes of it without simdjson, or its words against it."""
    told = []
    for decoder in (RequestDecoder(request_type), _PlainDecoder(request_type)):
        try:
            request = decoder.decode(body)
        except InvalidRequest as error:
            told.append(str(error))
            continue

        fields = msgspec.structs.asdict(request)
        if isinstance(request.inputs, np.ndarray):
            fields["inputs"] = ["matrix", *request.inputs.tolist()]
        told.append(repr(fields))

    return told[0], told[1]


class _PlainDecoder(RequestDecoder):
    """This decoder reads everything by msgspec."""

    def _decode_quickly(self, body: bytes) -> None:
        return None


@given(
    rows=st.integers(1, 4).flatmap(
        lambda n: st.lists(st.lists(NUMBERS, min_size=n, max_size=n), min_size=1)
    )
)
def test_rows_of_numbers_are_those_that_msgspec_reads(
    rows: list[list[float]],
) -> None:
    """Every number is the nearest float64, whether it was written as a whole number or not."""
    found = read_number_rows(write({"model": "m", "inputs": rows, "group": None}))

    assert found is not None
    assert found.fields == {"model": "m", "group": None}
    assert found.rows.tolist() == [[float(value) for value in row] for row in rows]
    assert not found.rows.flags.writeable


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_any_document_is_read_or_refused_as_by_msgspec(document: Any) -> None:
    """A document that is no object, or has no list of rows, gets the words of msgspec, whatever its texts are."""
    with_simdjson, plain = read_both_ways(CompareRequest, write(document))

    assert with_simdjson == plain


@given(document=st.sampled_from(DOCUMENTS), edits=EDITS)
def test_a_body_with_mistakes_is_read_or_refused_as_by_msgspec(
    document: Any, edits: list[tuple[float, int, bytes]]
) -> None:
    """The fast reading and msgspec's give the same request or the same words, whatever is put into a body."""
    body = json.dumps(document).encode()
    for place, n_bytes, text in edits:
        at = int(place * len(body))
        body = body[:at] + text + body[at + n_bytes :]

    with_simdjson, plain = read_both_ways(CompareRequest, body + PADDING)

    assert with_simdjson == plain


@pytest.mark.parametrize(
    "inputs",
    [
        [],
        [[]],
        [1.0, 2.0],
        [[1.0], [2.0, 3.0]],
        [[1.0, [2.0]]],
        [[[1.0, 2.0]]],
        [[1.0, None]],
        [[True, 1.0]],
        [["1", 1.0]],
        [{"a": 1.0}],
        "rows",
    ],
)
def test_anything_but_rows_of_numbers_of_one_length_is_left_to_msgspec(
    inputs: Any,
) -> None:
    """Lists in rows, which a buffer would flatten, gaps, names and rows of several lengths are no matrix."""
    assert read_number_rows(write({"model": "m", "inputs": inputs})) is None


def test_a_long_body_with_two_fields_of_one_name_is_refused_too() -> None:
    """A body with a field twice is left to the decoder that counts names."""
    body = b'{"inputs":[[1]],"model":"m","inputs":[[2]]}' + PADDING

    assert read_number_rows(body) is None
    with pytest.raises(InvalidRequest, match="expected each name once, got 'inputs'"):
        RequestDecoder(PredictRequest).decode(body)


@pytest.mark.parametrize("n_rows", [100, 40_000])
def test_threads_read_at_once_and_again(n_rows: int) -> None:
    """Threads that read at once have a parser each, which reads the next body after any other, whatever that was."""
    bodies = [
        json.dumps({"model": "m", "inputs": [[float(each)] * 4] * n_rows}).encode()
        for each in range(3)
    ]
    assert (len(bodies[0]) > MAX_KEPT_BYTES) == (n_rows == 40_000)

    def read(at: int) -> float:
        assert read_number_rows(b"[" + bodies[at]) is None
        found = read_number_rows(bodies[at])
        assert found is not None
        return float(found.rows.mean())

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(read, [0, 1, 2] * 4)) == [0.0, 1.0, 2.0] * 4


def test_threads_leave_few_parsers_behind() -> None:
    """Twenty threads that have each read a body, and live on, keep no more parsers than two."""
    body = json.dumps({"model": "m", "inputs": [[1.0] * 4] * 1000}).encode()
    have_read = Barrier(20)

    def read(_: int) -> bool:
        found = read_number_rows(body)
        have_read.wait(60)
        return found is not None

    with ThreadPoolExecutor(20) as pool:
        assert all(pool.map(read, range(20)))
        assert 1 <= len(number_rows._kept) <= MAX_KEPT_PARSERS


def test_a_document_that_is_still_held_costs_one_body_its_speed() -> None:
    """A parser whose last document somebody has is given up, and the next body is read by another one."""
    body = write({"model": "m", "inputs": [[1.0, 2.0]]})
    parser = simdjson.Parser()
    held = parser.parse(body)
    number_rows._kept[:] = [parser]

    assert read_number_rows(body) is None
    assert read_number_rows(body) is not None
    assert held["model"] == "m"


def test_without_a_wheel_rows_are_read_by_msgspec(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The answer is the same where the library is missing."""
    body = write({"model": "m", "inputs": [[1.0, 2.0]]})
    expected = RequestDecoder(PredictRequest).decode(body).inputs
    monkeypatch.setattr(number_rows, "simdjson", None)

    assert read_number_rows(body) is None
    assert np.array_equal(RequestDecoder(PredictRequest).decode(body).inputs, expected)
