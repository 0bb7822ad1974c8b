"""A name that stands twice in an object of JSON is told, wherever it is and however it is written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from service.contract.codec import RequestDecoder
from service.contract.repeated_names import check_names
from service.contract.requests import (
    GenerateRequest,
    InvocationsRequest,
    PredictProbaRequest,
    PredictRequest,
)
from service.errors import InvalidRequest

ROWS = '"inputs": [[1, 2]]'


@pytest.mark.parametrize(
    ("request_type", "body", "where", "name"),
    [
        (
            PredictRequest,
            f'{{"model": "a", "model": "b", {ROWS}}}',
            "the body",
            "model",
        ),
        (PredictRequest, f'{{"model": "a", {ROWS}, {ROWS}}}', "the body", "inputs"),
        (
            PredictRequest,
            '{"model": "a", "inputs": [{"x": 1}, {"x": 1, "y": 2, "x": 9}]}',
            "inputs[1]",
            "x",
        ),
        (
            PredictRequest,
            '{"model": "a", "inputs": [{"x" : "8:30", "y": 2, "\\u0078" : 9}]}',
            "inputs[0]",
            "x",
        ),
        (
            PredictProbaRequest,
            '{"model": "a", "inputs": [["\\":", 2]], "top": 1, "top": 2}',
            "the body",
            "top",
        ),
        (GenerateRequest, '{"model": "a", "model": "b"}', "the body", "model"),
        (
            GenerateRequest,
            '{"model": "a", "seed": null, "seed": 1}',
            "the body",
            "seed",
        ),
        (
            InvocationsRequest,
            '{"instances": [[1]], "parameters": {"model": "a", "model": "b"}}',
            "parameters",
            "model",
        ),
    ],
)
def test_a_name_that_is_there_twice_is_refused(
    request_type: Any, body: str, where: str, name: str
) -> None:
    """No value is taken for the other in silence, and the refusal says where the name stands."""
    with pytest.raises(InvalidRequest) as refused:
        RequestDecoder(request_type).decode(body.encode())

    assert str(refused.value) == f"{where}: expected each name once, got {name!r} twice"


def test_a_long_body_of_numbers_is_looked_at_too() -> None:
    """Rows that are read into one buffer have no names, and the fields beside them have."""
    rows = json.dumps([[0.5] * 30] * 20)
    body = f'{{"model": "a", "inputs": {rows}, "model": "b"}}'.encode()

    with pytest.raises(InvalidRequest, match="the body: expected each name once"):
        RequestDecoder(PredictRequest).decode(body)


@pytest.mark.parametrize(
    "document",
    [
        {"model": "a", "inputs": [{"x": "8:30:00", "y": '":"'}, {"x": "a", "y": ":"}]},
        {"model": "a", "inputs": [[1, 2]], "min_probability": None, "task": None},
        {"model": "m:1", "inputs": [{"": 1, ":": 2, '":': 3}], "group": "a:b"},
        {"model": "a", "inputs": [{}, {}]},
    ],
)
def test_colons_in_texts_are_no_names(document: dict[str, Any]) -> None:
    """A body without such a name is taken as it is, whatever its names and texts are made of."""
    request = RequestDecoder(PredictRequest).decode(json.dumps(document).encode())
    assert request.model == document["model"]


def test_what_is_no_json_is_left_to_who_has_the_words() -> None:
    """A text that is not decoded yet may not be UTF-8, which is no matter of names."""
    check_names(b'{"a": "\xff:", "b": ":"}', 0)
