"""The HTTP contract is sent to a real server process: its answers, its errors, its limits."""

from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from tests.support.connections import write
from tests.support.loop_graphs import write_counter
from tests.support.model_folders import link_models
from tests.support.responses import error_of
from tests.support.server import Server, serve
from tests.support.tiny_models import tiny_card, tiny_probabilities, write_tiny
from training.arguments import build_parser, make_training_run
from training.data import datasets
from training.pipeline import fit

LOGISTIC = "breast_cancer-logistic"
ROW = [1.0, 2.0]


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server has one tiny model, `colour-first`, and small limits of bytes, rows and time."""
    folder = tmp_path_factory.mktemp("models")
    write_tiny(folder, tiny_card())
    limits = {
        "VEREDICTO_MAX_BODY_BYTES": 200,
        "VEREDICTO_MAX_ROWS": 2,
        "VEREDICTO_DEADLINE_S": 2,
    }

    with serve(
        tmp_path_factory.mktemp("home"), VEREDICTO_MODELS=folder, **limits
    ) as running:
        yield running


def connect(server: Server) -> socket.socket:
    """Opens a bare connection, for what no HTTP client would send."""
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)))


def test_a_row_is_predicted_with_the_models_version(server: Server) -> None:
    """The answer names the model and the version that gave it."""
    example = server.client.get(f"/models/{LOGISTIC}").json()["input"]["example"]
    response = server.post("/predict", {"model": LOGISTIC, "inputs": [example]})

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"

    versions = {
        model["name"]: model["version"]
        for model in server.client.get("/models").json()["models"]
    }

    assert response.json() == {
        "model": LOGISTIC,
        "version": versions[LOGISTIC],
        "predictions": ["malignant"],
    }


def test_all_rows_of_breast_cancer_in_one_request(server: Server) -> None:
    """One request of all 569 rows is answered with an accuracy of at least 0.97."""
    bunch = load_breast_cancer()

    answer = server.post(
        "/predict", {"model": LOGISTIC, "inputs": bunch.data.tolist()}
    ).json()

    labels = bunch.target_names[bunch.target]

    assert np.mean(np.array(answer["predictions"]) == labels) >= 0.97


def test_labels_are_the_most_probable_classes(server: Server) -> None:
    """Each row's probabilities sum to 1, and the most probable class is the label of `/predict`."""
    request = {"model": LOGISTIC, "inputs": load_breast_cancer().data.tolist()}
    predictions = server.post("/predict", request).json()["predictions"]

    answer = server.post("/predict_proba", request).json()

    probabilities = np.array(answer["probabilities"])
    best = [answer["classes"][label] for label in probabilities.argmax(axis=1)]

    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert best == predictions


def test_every_row_of_breast_cancer_agrees_with_the_source_model(
    server: Server,
) -> None:
    """The served file answers over HTTP what the stored command's model answers in torch."""
    provenance = server.client.get(f"/models/{LOGISTIC}").json()["provenance"]
    options = build_parser().parse_args(provenance["command"].split()[3:])
    dataset = datasets.load("breast_cancer")
    run = make_training_run(options)
    rows = datasets.split(
        dataset, seed=options.seed, needs_validation=run.family.NEEDS_VALIDATION
    )
    source, _, _ = fit(run, rows, lambda _: None)
    expected = source.outputs(dataset.features)
    fields = {"model": LOGISTIC, "inputs": load_breast_cancer().data.tolist()}
    predictions = server.post("/predict", fields).json()["predictions"]
    probabilities = server.post("/predict_proba", fields).json()["probabilities"]

    assert predictions == [dataset.classes[label] for label in expected["label"]]
    assert np.abs(np.array(probabilities) - expected["probabilities"]).max() <= 1e-5


@pytest.mark.parametrize("path", ["/predict", "/predict_proba"])
def test_numbers_that_overflow_the_graph_are_refused(server: Server, path: str) -> None:
    """Numbers that are finite in float32 and overflow in the graph are refused, and get neither null nor a class by
    accident.
    """
    response = server.post(
        path, {"model": LOGISTIC, "inputs": [[3.4e38, -3.4e38] * 15]}
    )

    assert error_of(response, 400) == (
        "inputs[0]: breast_cancer-logistic has no finite answer to these values; they are far outside of the ranges "
        "seen in training, which its card states"
    )


def test_objects_and_lists_are_the_same_row(server: Server) -> None:
    """Objects and lists give the same answer, also mixed in one request."""
    bunch = load_breast_cancer()
    row = bunch.data[3].tolist()
    named = dict(zip(map(str, bunch.feature_names), row, strict=True))
    answer = server.post(
        "/predict_proba", {"model": LOGISTIC, "inputs": [row, named]}
    ).json()

    assert answer["probabilities"][0] == answer["probabilities"][1]


def test_top_gives_the_most_probable_classes_in_order(server: Server) -> None:
    """`top` gives the most probable classes in order, as a field and as a query parameter."""
    row = [0.0] * 64
    everything = server.post(
        "/predict_proba", {"model": "digits-mlp", "inputs": [row]}
    ).json()
    ranked = sorted(
        zip(everything["probabilities"][0], everything["classes"], strict=True),
        key=lambda pair: -pair[0],
    )
    expected = [{"class": name, "probability": value} for value, name in ranked[:3]]
    answer = server.post(
        "/predict_proba", {"model": "digits-mlp", "inputs": [row], "top": 3}
    ).json()

    assert answer == {
        "model": "digits-mlp",
        "version": everything["version"],
        "top": [expected],
    }
    assert (
        server.post(
            "/predict_proba?top=3", {"model": "digits-mlp", "inputs": [row]}
        ).json()
        == answer
    )


def test_more_classes_than_there_are_is_all_of_them(server: Server) -> None:
    """A `top` beyond the number of classes gives all of them and is no error."""
    answer = server.post(
        "/predict_proba", {"model": "points-mlp", "inputs": [ROW], "top": 99}
    ).json()

    assert len(answer["top"][0]) == 2


def test_compare_sets_the_tasks_models_side_by_side(server: Server) -> None:
    """`/compare` answers by model name, with consensus and pairs, and with tests where there are labels."""
    request = {"task": "points", "inputs": [[-2.0, -1.0], [2.0, 1.0]]}
    answer = server.post("/compare", request).json()

    assert answer["task"] == "points"
    assert answer["classes"] == ["blue", "orange"]
    assert [model["model"] for model in answer["models"]] == [
        f"points-{family}"
        for family in (
            "decision_tree",
            "gradient_boosting",
            "knn",
            "logistic",
            "mlp",
            "naive_bayes",
            "perceptron",
            "random_forest",
        )
    ]
    assert answer["consensus"]["predictions"] == ["blue", "orange"]
    assert answer["consensus"]["agreement"] == [1.0, 1.0]

    labelled = server.post("/compare", request | {"labels": ["blue", "orange"]}).json()

    assert labelled["models"][0]["metrics"]["confusion"] == [[1, 0], [0, 1]]
    assert labelled["pairs"][0]["mcnemar"]["p_value_holm"] == 1.0


def test_compare_takes_chosen_models_in_the_order_given(server: Server) -> None:
    """Chosen models come in the order given, and whole numbers are labels of the classes that they name."""
    request = {
        "task": "digits",
        "inputs": [[0.0] * 64],
        "models": ["digits-mlp", "digits-logistic"],
        "labels": [3],
    }
    answer = server.post("/compare", request).json()

    assert [model["model"] for model in answer["models"]] == [
        "digits-mlp",
        "digits-logistic",
    ]
    assert answer["models"][0]["metrics"]["roc_auc"]["value"] is None


def test_compare_agrees_with_predict_proba(server: Server) -> None:
    """`/compare` gives each model's probabilities of `/predict_proba`."""
    inputs = load_breast_cancer().data[:50].tolist()
    for model in server.post(
        "/compare", {"task": "breast_cancer", "inputs": inputs}
    ).json()["models"]:
        alone = server.post(
            "/predict_proba", {"model": model["model"], "inputs": inputs}
        ).json()
        assert alone["probabilities"] == model["probabilities"]


def test_models_are_listed_by_name(server: Server) -> None:
    """Models are listed by name with the fields of the contract and no others."""
    models = server.client.get("/models").json()["models"]

    assert [model["name"] for model in models] == sorted(
        model["name"] for model in models
    )
    assert set(models[0]) == {"name", "version", "task", "family", "kind", "summary"}


def test_a_models_whole_card_is_answered(server: Server) -> None:
    """A model's view is its whole card, its version and its runtime."""
    card = server.client.get(f"/models/{LOGISTIC}").json()
    expected = {
        "name",
        "task",
        "family",
        "kind",
        "summary",
        "input",
        "classes",
        "metrics",
        "parity",
        "provenance",
    }

    assert expected | {"licence", "version", "runtime"} <= set(card)
    assert set(card["runtime"]) == {"providers", "threads", "load_ms", "warm_up_ms"}

    first = card["input"]["features"][0]
    distribution = first.pop("distribution")

    assert first == {"name": "mean radius", "type": "number", "range": [7.691, 28.11]}
    assert sum(distribution["counts"]) == card["provenance"]["split"]["train"]


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz"])
def test_probes_answer_json(server: Server, path: str) -> None:
    """`/livez` and `/readyz` answer JSON, for people and for orchestrators."""
    response = server.client.get(path)

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/course", "/curso", "/course/1", "/curso/27"]
)
def test_pages_are_html_and_load_nothing_from_elsewhere(
    server: Server, path: str
) -> None:
    """Pages are HTML that names no other host, so that a browser without a network shows them."""
    response = server.client.get(path)

    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "://" not in response.text.replace("http://www.w3.org", "")


def test_the_reference_finds_its_scripts(server: Server) -> None:
    """The files of Swagger UI that the reference's page names are there."""
    for name in ("swagger-ui.css", "swagger-ui-bundle.js"):
        assert f"static_content/{name}" in server.client.get("/docs").text
        assert server.client.get(f"/static_content/{name}").status_code == 200


def test_head_is_get_without_a_body(server: Server) -> None:
    """HEAD has the status and the length of GET, and no body."""
    get = server.client.get("/models")
    head = server.client.head("/models")

    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == get.headers["content-length"]


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
        "inputs[0]: feature 'x' expects a number, got '1'",
    ),
    (
        b'{"model": "points-mlp", "inputs": [[1, null]]}',
        400,
        "inputs[0]: feature 'y' expects a number, got null",
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


def test_a_body_over_the_limit_is_refused_before_it_is_read(server: Server) -> None:
    """A body whose announced length is over the limit is refused before it is read."""
    text = error_of(server.post_raw("/predict", b" " * (8 * 1024 * 1024 + 1)), 413)

    assert text == (
        "a body of 8388609 bytes is over the limit of 8388608 bytes (VEREDICTO_MAX_BODY_BYTES): "
        "send the rows in several requests"
    )


def test_too_many_rows_are_refused(server: Server) -> None:
    """Too many rows are refused with the limit and its setting."""
    text = error_of(
        server.post("/predict", {"model": "points-mlp", "inputs": [ROW] * 10_001}), 413
    )

    assert text == (
        "inputs: 10001 rows are over the limit of 10000 rows a request (VEREDICTO_MAX_ROWS): "
        "send them in several requests"
    )


def test_a_large_request_answers_as_small_ones_do(
    server: Server, generator: np.random.Generator
) -> None:
    """A request that is large enough for a thread gets the answers of small ones."""
    rows = generator.normal(size=(5000, 2)).tolist()
    large = server.post(
        "/predict_proba", {"model": "points-mlp", "inputs": rows}
    ).json()["probabilities"]
    small = server.post(
        "/predict_proba", {"model": "points-mlp", "inputs": rows[:20]}
    ).json()["probabilities"]

    assert large[:20] == small


def test_many_clients_get_their_own_answers(server: Server) -> None:
    """Concurrent clients each get the answer to their own request."""
    model = server.client.get("/models/points-mlp").json()

    assert model["classes"] == ["blue", "orange"]

    def ask(number: int) -> bool:
        row = [-3.0, -2.0] if number % 2 else [3.0, 2.0]
        answer = server.post(
            "/predict", {"model": "points-mlp", "inputs": [row]}
        ).json()
        return answer["predictions"] == ["blue" if number % 2 else "orange"]

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask, range(400)))


def test_the_server_is_well_after_garbage_on_the_socket(server: Server) -> None:
    """The server answers after bytes that are no HTTP, and after a client that left in the middle of a body."""
    for garbage in (
        b"\x00" * 1000,
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
    ):
        with connect(server) as connection:
            connection.sendall(garbage)

    assert (
        server.post("/predict", {"model": "points-mlp", "inputs": [ROW]}).status_code
        == 200
    )


def test_a_body_in_chunks_is_bounded_by_the_setting(limited: Server) -> None:
    """A body in chunks, whose length nothing announces, is refused when it is over VEREDICTO_MAX_BODY_BYTES."""
    chunks = iter([b" " * 150, b" " * 150])

    response = limited.client.post(
        "/predict", content=chunks, headers={"Content-Type": "application/json"}
    )

    assert "over the limit of 200 bytes (VEREDICTO_MAX_BODY_BYTES)" in error_of(
        response, 413
    )


def test_rows_are_bounded_by_the_setting(limited: Server) -> None:
    """A request of more rows than VEREDICTO_MAX_ROWS is refused."""
    rows = {"model": "colour-first", "inputs": [[1, "red"]] * 3}

    text = error_of(limited.post("/predict", rows), 413)

    assert "3 rows are over the limit of 2 rows a request (VEREDICTO_MAX_ROWS)" in text


@pytest.mark.parametrize("start_of_body", [b"", b"{"], ids=["nothing", "a start"])
def test_a_body_that_never_ends_is_answered_after_the_deadline(
    limited: Server, start_of_body: bytes
) -> None:
    """A request whose body does not come whole within VEREDICTO_DEADLINE_S gets 504."""
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"

    with connect(limited) as slow:
        slow.sendall(head + start_of_body)
        status_line = slow.makefile("rb").readline()

    assert status_line == b"HTTP/1.1 504 Gateway Timeout\r\n"


def test_a_body_that_announces_too_much_is_refused_at_once(limited: Server) -> None:
    """A request that announces a body over the limit gets 413 though its body never comes."""
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99000000000\r\n\r\n{"

    with connect(limited) as huge:
        huge.sendall(head)
        status_line = huge.makefile("rb").readline()

    assert status_line == b"HTTP/1.1 413 Request Entity Too Large\r\n"


def test_more_work_than_allowed_is_turned_away(
    models: Path, start_server: Callable[..., object]
) -> None:
    """Other requests beside one that runs without end get 503 with Retry-After, and are answered once it has left."""
    write_counter(models)
    row = {"model": "colour-first", "inputs": [[1, "red"]]}
    trips = {"name": "trips", "datatype": "INT64", "shape": [1], "data": [2**60]}

    def ask() -> httpx.Response:
        # The fast path answers a plain row at once, which is never one too many.
        return server.post("/predict_proba?top=1", row)

    with start_server(
        VEREDICTO_MODELS=models, VEREDICTO_MAX_IN_FLIGHT=1, VEREDICTO_DEADLINE_S=600
    ) as server:
        with connect(server) as endless:
            path = "/v2/models/counter/infer"
            endless.sendall(write(path, {"inputs": [trips]}))
            refused = wait_for(ask, 503)

        answered = wait_for(ask, 200)

    assert refused.headers["retry-after"] == "1"
    assert refused.json()["error"] == (
        "1 requests are being answered already, the limit is 1 (VEREDICTO_MAX_IN_FLIGHT): try again"
    )
    assert answered.json()["model"] == "colour-first"


def wait_for(ask: Callable[[], httpx.Response], status: int) -> httpx.Response:
    """Returns the first answer of this status; fails where none comes within a minute."""
    end = time.monotonic() + 60
    while (answer := ask()).status_code != status:
        assert time.monotonic() < end, answer.text
    return answer


def test_bodies_that_do_not_come_keep_nobody_out(
    models: Path, start_server: Callable[..., object]
) -> None:
    """A request whose body is still coming is not in flight, and others are answered beside it."""
    request = {"model": "colour-first", "inputs": [[1, "red"]]}
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\nExpect: 100-continue\r\n\r\n"

    with (
        start_server(VEREDICTO_MODELS=models, VEREDICTO_MAX_IN_FLIGHT=1) as server,
        connect(server) as slow,
    ):
        slow.sendall(head)
        waits_for_body = slow.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        other = server.post("/predict", request)
        slow.sendall(json.dumps(request).encode().ljust(99))
        answer = slow.recv(1000)

    assert waits_for_body
    assert other.status_code == 200
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_client_that_does_not_read_is_left(
    start_server: Callable[..., object], tmp_path: Path
) -> None:
    """Answers that a client does not read, more than the system keeps for it, are kept no longer than the deadline."""
    models = link_models(tmp_path / "models", "digits-mlp")
    with start_server(VEREDICTO_MODELS=models, VEREDICTO_DEADLINE_S=3) as server:
        example = server.client.get("/models/digits-mlp").json()["input"]["example"]
        body = json.dumps(
            {"model": "digits-mlp", "inputs": [example] * 10_000}
        ).encode()
        head = f"POST /predict_proba HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"

        with connect(server) as client:
            client.settimeout(1)
            with suppress(TimeoutError):  # then the server reads no more
                for _ in range(40):
                    client.sendall(head.encode() + body)

            hang_up = select.poll()
            hang_up.register(client, select.POLLRDHUP)

            assert hang_up.poll(60_000), "the connection is still there"

        assert server.client.get("/livez").status_code == 200


def test_categories_are_given_by_name(limited: Server) -> None:
    """Categories are given by name in lists and in objects."""
    rows = [[0.5, "blue"], {"colour": "blue", "size": 0.5}]
    expected = tiny_probabilities(np.array([[0.5, 2.0]] * 2))

    answer = limited.post(
        "/predict_proba", {"model": "colour-first", "inputs": rows}
    ).json()

    assert np.array(answer["probabilities"]) == pytest.approx(expected, abs=1e-6)


def test_an_unknown_category_is_told_the_known_ones(limited: Server) -> None:
    """A category that the feature has not is refused with those that it has."""
    request = {"model": "colour-first", "inputs": [[0.5, "pink"]]}

    text = error_of(limited.post("/predict", request), 400)

    assert (
        text
        == "inputs[0]: feature 'colour' expects one of red, green, blue, got 'pink'"
    )
