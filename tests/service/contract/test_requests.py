"""Requests are decoded and checked in one pass, and an error names the place of what is wrong."""

from __future__ import annotations

import json

import numpy as np
import pytest

from service.contract.codec import RequestDecoder, as_json, encode
from service.contract.requests import (
    CompareRequest,
    PredictProbaRequest,
    PredictRequest,
)
from service.errors import InvalidRequest

PREDICT = (
    '; this call takes {"model": NAME (or "task": TASK), "inputs": [ROW, ...], '
    '"min_probability"?: P, "coverage"?: P, "group"?: NAME}'
)


def test_whole_numbers_are_numbers() -> None:
    """A whole number is taken where a number is expected, since JSON does not tell 1 from 1.0."""
    request = RequestDecoder(PredictRequest).decode(
        b'{"model": "m", "inputs": [[1, 2.5, "red"], {"a": 3}]}'
    )

    assert request == PredictRequest(model="m", inputs=[[1.0, 2.5, "red"], {"a": 3.0}])


def test_rows_of_numbers_are_a_matrix_at_once() -> None:
    """Rows of numbers become a float64 matrix as they are decoded."""
    body = b'{"model": "m", "inputs": [[1, 2.5], [3, 4]]}'

    matrix = RequestDecoder(PredictRequest).decode(body).inputs

    assert matrix.dtype == np.float64
    assert matrix.tolist() == [[1.0, 2.5], [3.0, 4.0]]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [(b"[[1], [2, 3]]", [[1.0], [2.0, 3.0]]), (b'[["1"]]', [["1"]])],
    ids=["unequal", "text"],
)
def test_rows_of_no_matrix_stay_lists(rows: bytes, expected: object) -> None:
    """Rows of unequal length, or with a name among them, stay lists."""
    body = b'{"model": "m", "inputs": %s}' % rows

    assert RequestDecoder(PredictRequest).decode(body).inputs == expected


def test_optional_fields_may_be_left_out_or_null() -> None:
    """An optional field may be absent or null, as JSON writers of many languages send it."""
    decoder = RequestDecoder(CompareRequest)
    left_out = decoder.decode(b'{"task": "t", "inputs": [[1]]}')
    null = decoder.decode(
        b'{"task": "t", "inputs": [[1]], "models": null, "labels": null}'
    )

    assert (
        (left_out.models, left_out.labels) == (null.models, null.labels) == (None, None)
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "malformed JSON: the body is empty"),
        (
            b'\xef\xbb\xbf{"model": "m"',
            "malformed JSON: Input data was truncated",
        ),
        ('{"model": "m"}'.encode("utf-16"), "malformed JSON: expected UTF-8, got"),
        (b'{"model": "m"', "malformed JSON: Input data was truncated"),
        (b'{"model": "m" "inputs"}', "malformed JSON: expected ',' or '}' (byte 14)"),
        (b"\xff\xfe", "malformed JSON: invalid character (byte 0)"),
        (
            b'{"model": "\xff", "inputs": []}',
            "malformed JSON: expected UTF-8, got 0xff at byte 11: send the text in UTF-8",
        ),
        (
            '{"model": "año", "inputs": []}'.encode("latin-1"),
            "malformed JSON: expected UTF-8, got 0xf1 at byte 12: send the text in UTF-8",
        ),
        (
            '{"model": "m"}'.encode("utf-16-le"),
            "malformed JSON: expected UTF-8, got zero bytes, as UTF-16 has: send the text in UTF-8",
        ),
        (
            b'{"model": "m", "inputs": [[NaN]]}',
            "malformed JSON at byte 27: NaN and infinity are not numbers; every value must be finite",
        ),
        (
            b'{"model": "m", "inputs": [[-Infinity]]}',
            "malformed JSON at byte 28: NaN and infinity are not numbers; every value must be finite",
        ),
        (
            b'{"model": "m", "inputs": [[1e400]]}',
            "inputs[0][0]: number out of range" + PREDICT,
        ),
        (b'{"model": "m"}', "missing required field inputs" + PREDICT),
        (
            b'{"model": "m", "inputs": [[1]], "x": 1}',
            "contains unknown field x" + PREDICT,
        ),
        (b"[]", "expected object, got array" + PREDICT),
        (
            b'{"model": 5, "inputs": []}',
            "model: expected str | null, got int" + PREDICT,
        ),
        (
            b'{"model": "m", "inputs": [1]}',
            "inputs[0]: expected list of values or object {feature: value}, got int",
        ),
        (
            b'{"model": "m", "inputs": [[{}]]}',
            "inputs[0][0]: expected number or name, got object" + PREDICT,
        ),
        (
            b'{"model": "m", "inputs": [[[1]]]}',
            "inputs[0][0]: expected number or name, got array" + PREDICT,
        ),
        (
            b'{"model": "m", "inputs": ' + b"[" * 100_000,
            "inputs[0][0]: expected number or name, got array" + PREDICT,
        ),
        (
            b'{"model": "m", "x": ' + b"[" * 100_000,
            "contains unknown field x" + PREDICT,
        ),
    ],
)
def test_a_wrong_body_is_refused_with_its_place(body: bytes, message: str) -> None:
    """A wrong body raises InvalidRequest with its place: no value is coerced, and no other error gets out."""
    with pytest.raises(InvalidRequest) as refused:
        RequestDecoder(PredictRequest).decode(body)

    assert str(refused.value).startswith(message)


def test_top_is_at_least_one() -> None:
    """A `top` of zero is refused, since no class is no answer."""
    with pytest.raises(InvalidRequest, match="top: expected int >= 1"):
        RequestDecoder(PredictProbaRequest).decode(
            b'{"model": "m", "inputs": [[1]], "top": 0}'
        )


def test_python_values_are_checked_like_json() -> None:
    """Python values, which the BentoML methods take, are refused with the words that JSON gets."""
    decoder = RequestDecoder(PredictRequest)

    assert decoder.convert({"model": "m", "inputs": [[1]]}).inputs == [[1.0]]

    with pytest.raises(
        InvalidRequest, match=r"inputs\[0\]\[0\]: expected number or name, got array"
    ):
        decoder.convert({"model": "m", "inputs": [[[1]]]})


def test_float32_is_written_with_its_own_digits(generator: np.random.Generator) -> None:
    """A float32 is written with no digit more than it takes to read the same float32 back."""
    values = generator.random(1000, dtype=np.float32)

    assert encode(np.array([0.1, 1 / 3], dtype=np.float32)) == b"[0.1,0.33333334]"
    assert np.array_equal(
        np.array(json.loads(encode(values)), dtype=np.float32), values
    )


def test_an_answer_as_python_values_is_what_a_client_reads() -> None:
    """An answer as Python values equals its JSON read back, with lists where there were arrays."""
    assert as_json({"a": np.array([[1, 2]])}) == {"a": [[1, 2]]}
