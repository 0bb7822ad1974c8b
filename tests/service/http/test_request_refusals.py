"""A request that is not as the contract has it is told what was expected, what came and where."""

from __future__ import annotations

import json

import pytest

from tests.support.responses import error_of
from tests.support.server import Server

LOGISTIC = "breast_cancer-logistic"

ROW = [1.0, 2.0]

PREDICT_ERRORS = [
    (b"", 400, "malformed JSON: the body is empty"),
    (
        b'{"model": "points-mlp", "inputs": [[1, 2]',
        400,
        "malformed JSON: Input data was truncated",
    ),
    (b"\x00\xff\xfe", 400, "malformed JSON: expected UTF-8, got zero bytes"),
    (b'{"inputs": [[1, 2]]}', 400, "missing required field model; this call takes "),
    (
        b'{"model": "points-mlp"}',
        400,
        "missing required field inputs; this call takes ",
    ),
    (
        b'{"model": "points-mlp", "inputs": [[1, 2]], "url": "http"}',
        400,
        "contains unknown field url; ",
    ),
    (
        b'{"model": "points-mlp", "inputs": []}',
        400,
        "inputs: expected at least one row, got none",
    ),
    (
        b'{"model": "points-mlp", "inputs": [[]]}',
        400,
        "inputs[0]: expected 2 values, one for each feature, got 0; ",
    ),
    (
        b'{"model": "points-mlp", "inputs": [[1]]}',
        400,
        "inputs[0]: expected 2 values, one for each feature, got 1; ",
    ),
    (
        b'{"model": "points-mlp", "inputs": [[1, 2], [1, 2, 3]]}',
        400,
        "inputs[1]: expected 2 values, one for each",
    ),
    (
        b'{"model": "points-mlp", "inputs": [["a", "b"]]}',
        400,
        "inputs[0]: feature 'x' expects a number, got 'a'",
    ),
    (
        b'{"model": "points-mlp", "inputs": [["1", "2"]]}',
        400,
        "inputs[0]: feature 'x' expects a number, got '1': write it without quotes, 1",
    ),
    (
        b'{"model": "points-mlp", "inputs": [[1, null]]}',
        400,
        "inputs[0]: feature 'y' expects a number, got null: the model was not taught to do without",
    ),
    (
        b'{"model": "points-mlp", "inputs": [[1, true]]}',
        400,
        "inputs[0]: feature 'y' expects a number, got true",
    ),
    (
        b'{"model": "points-mlp", "inputs": [[1, NaN]]}',
        400,
        "malformed JSON at byte 39: NaN and infinity are not",
    ),
    (
        b'{"model": "points-mlp", "inputs": [[1, Infinity]]}',
        400,
        "malformed JSON at byte 39: NaN and infinity are",
    ),
    (
        b'{"model": "points-mlp", "inputs": [[1, 1e400]]}',
        400,
        "inputs[0][1]: number out of range; this call takes ",
    ),
    (
        b'{"model": "points-mlp", "inputs": [[1, 1e39]]}',
        400,
        "inputs[0]: feature 'y' expects a finite number that",
    ),
    (
        b'{"model": "points-mlp", "inputs": [{"x": 1}]}',
        400,
        "inputs[0]: missing feature 'y'",
    ),
    (
        b'{"model": "points-mlp", "inputs": [{"x": 1, "y": 2, "z": 3}]}',
        400,
        "inputs[0]: unknown feature 'z'; ",
    ),
    (
        b'{"model": "points-mlp", "inputs": {"x": 1, "y": 2}}',
        400,
        "inputs: expected array, got object; ",
    ),
    (
        b'{"model": "points-mpl", "inputs": [[1, 2]]}',
        404,
        "unknown model 'points-mpl' (did you mean 'points-mlp'?); known models: breast_cancer-",
    ),
    (
        b'{"model": "points", "inputs": [[1, 2]]}',
        404,
        "unknown model 'points' (it is a task, whose models begin with 'points-'); known models: breast_cancer-",
    ),
    (
        b'{"model": "../../etc/passwd", "inputs": [[1, 2]]}',
        404,
        "unknown model '../../etc/passwd'; known models: ",
    ),
    (
        b'{"model": "points-mlp", "inputs": ' + b"[" * 200_000,
        400,
        "inputs[0][0]: expected number or name, got array",
    ),
]


@pytest.mark.parametrize("path", ["/predict", "/predict_proba"])
@pytest.mark.parametrize(("body", "status", "message"), PREDICT_ERRORS)
def test_a_bad_request_is_told_what_is_wrong(
    server: Server, path: str, body: bytes, status: int, message: str
) -> None:
    """A bad request gets the contract's status, one JSON error, and words that help."""
    assert error_of(server.post_raw(path, body), status).startswith(message)


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        (
            {"task": "pints"},
            404,
            "unknown task 'pints' (did you mean 'points'?); known tasks: "
            "breast_cancer, cat_or_automobile, cifar10, digits, digits_origin, imagenet, points, wine",
        ),
        ({"models": []}, 400, "models: expected different names, at least one, got []"),
        (
            {"models": ["points-mlp", "points-mlp"]},
            400,
            "models: expected different names, at least one, got ",
        ),
        (
            {"models": ["wine-mlp"]},
            400,
            "models: 'wine-mlp' is not a classifier of the task 'points'; its classifiers: points-decision_tree, ",
        ),
        ({"labels": []}, 400, "labels: expected 1, one for each row of inputs, got 0"),
        (
            {"labels": ["blue", "blue"]},
            400,
            "labels: expected 1, one for each row of inputs, got 2",
        ),
        (
            {"labels": ["green"]},
            400,
            "labels: unknown class 'green'; classes: blue, orange",
        ),
        ({"labels": [1.5]}, 400, "labels[0]: expected int | str, got number"),
        (
            {"inputs": [[1]]},
            400,
            "inputs[0]: expected 2 values, one for each feature, got 1; features: x, y",
        ),
    ],
)
def test_a_bad_comparison_is_told_what_is_wrong(
    server: Server, changes: dict[str, object], status: int, message: str
) -> None:
    """A bad request to `/compare` gets the contract's status, one JSON error, and words that help."""
    request = {"task": "points", "inputs": [ROW]} | changes

    assert error_of(server.post("/compare", request), status).startswith(message)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "top=0",
            "query parameter 'top': expected a whole number of at least 1, got '0'",
        ),
        (
            "top=three",
            "query parameter 'top': expected a whole number of at least 1, got 'three'",
        ),
        (
            "top=",
            "query parameter 'top': expected a whole number of at least 1, got ''",
        ),
        pytest.param(
            "top=" + "9" * 5000,
            f"query parameter 'top': expected a whole number of at least 1, got '{'9' * 5000}'"[
                :4000
            ],
            id="many digits",
        ),
        (
            "top=1&top=2",
            "query parameter 'top': expected it once, got it again",
        ),
        ("tip=3", "unknown query parameter 'tip'; query parameters of this call: top"),
        (
            "model=points-mlp",
            "unknown query parameter 'model'; query parameters of this call: top; in JSON it is a field of the body",
        ),
    ],
)
def test_a_bad_query_parameter_is_told_what_is_wrong(
    server: Server, query: str, message: str
) -> None:
    """A bad query parameter is refused, and a misspelt one is not ignored."""
    response = server.post(
        f"/predict_proba?{query}", {"model": "points-mlp", "inputs": [ROW]}
    )

    assert error_of(response, 400) == message


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/predict", "POST"),
        ("DELETE", "/compare", "POST"),
        ("POST", "/models", "GET, HEAD"),
        ("PUT", f"/models/{LOGISTIC}", "GET, HEAD"),
        ("POST", "/readyz", "GET, HEAD"),
        ("POST", "/metrics", "GET, HEAD"),
        ("PATCH", "/", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(
    server: Server, method: str, path: str, allowed: str
) -> None:
    """A wrong method is refused with the right ones, in the text and in Allow."""
    response = server.client.request(method, path)

    assert (
        error_of(response, 405)
        == f"{method} is not taken by {path}; allowed: {allowed}"
    )
    assert response.headers["allow"] == allowed


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/predict/",
        "/v1/predict",
        "/models/",
        "/models/points-mlp/x",
        "/%00",
        "/metrics/",
        "/metricsfoo",
        "/schema.jsonx",
        "/static_content/",
        "/static_content/../app.py",
        "/static_content/nope.js",
    ],
)
def test_an_unknown_path_is_not_found(server: Server, path: str) -> None:
    """An unknown path of any shape gets 404 and one JSON error."""
    error_of(server.client.get(path), 404)


def test_a_path_that_is_nearly_that_of_a_call_is_told_the_right_one(
    server: Server,
) -> None:
    """A slash at the end, or another case, is what people write."""
    for path in ("/predict/", "/Predict"):
        assert error_of(server.client.post(path), 404) == (
            f"unknown path '{path}' (did you mean '/predict'?); GET /docs lists what there is"
        )


@pytest.mark.parametrize(
    "path",
    ["/docs/", "/models/", "/trust/", "/live/", "/metrics/", "/readyz/", "/docs.json/"],
)
def test_a_page_with_a_slash_at_its_end_is_told_without(
    server: Server, path: str
) -> None:
    """A path that a person opens in a browser is told the right one as that of a call is."""
    assert error_of(server.client.get(path), 404) == (
        f"unknown path '{path}' (did you mean '{path[:-1]}'?); GET /docs lists what there is"
    )


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("start", [b"", b" \r\n"])
def test_json_without_its_header_is_taken_for_json(
    server: Server, start: bytes
) -> None:
    """`curl -d` calls a body a form where nobody names its type; an object is taken for the JSON that it is."""
    body = start + json.dumps({"model": "points-mlp", "inputs": [ROW]}).encode()

    named = server.post("/predict", {"model": "points-mlp", "inputs": [ROW]})
    unnamed = server.post_raw("/predict", body, FORM)

    assert (unnamed.status_code, unnamed.content) == (200, named.content)


def test_a_page_of_another_site_may_not_leave_out_the_header_either(
    server: Server,
) -> None:
    """A browser says where such a post comes from, and it is refused as one with its header is."""
    response = server.client.post(
        "/predict",
        content=b'{"model": "points-mlp", "inputs": [[1, 2]]}',
        headers={"Content-Type": FORM, "Origin": "http://elsewhere.example"},
    )
    assert "may not ask this server" in error_of(response, 403)


def test_a_form_is_told_to_be_json(server: Server) -> None:
    """Fields of a form, which are no JSON, are refused with what would work."""
    response = server.post_raw("/predict", b"model=points-mlp", FORM)

    assert error_of(response, 415) == (
        "expected Content-Type application/json (or text/csv, or for images image/jpeg, image/png, image/webp, "
        "image/bmp, image/gif, multipart/form-data), got 'application/x-www-form-urlencoded'; "
        "with curl: -H 'Content-Type: application/json', or of a photograph -H 'Content-Type: image/jpeg'"
    )


def test_json_may_name_its_charset_or_nothing(server: Server) -> None:
    """JSON is taken with a charset in its media type and without a media type."""
    body = json.dumps({"model": "points-mlp", "inputs": [ROW]}).encode()

    assert (
        server.post_raw("/predict", body, "application/json; charset=utf-8").status_code
        == 200
    )
    assert server.client.post("/predict", content=body).status_code == 200


def test_a_compressed_body_is_not_taken(server: Server) -> None:
    """A compressed body gets 415 and is not mistaken for malformed JSON."""
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    response = server.client.post("/predict", content=b"\x1f\x8b", headers=headers)

    assert (
        error_of(response, 415)
        == "content encoding 'gzip' is not taken here: send it as it is"
    )
