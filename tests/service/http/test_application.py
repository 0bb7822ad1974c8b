"""The HTTP contract is sent to a real server process: its answers, its errors, its limits."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from tests.support.responses import error_of
from tests.support.server import Server
from tests.support.tiny_models import tiny_probabilities
from training.arguments.parser import build_parser
from training.arguments.run import make_training_run
from training.data import datasets
from training.pipeline import fit

LOGISTIC = "breast_cancer-logistic"

ROW = [1.0, 2.0]


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


@pytest.mark.parametrize(
    "path",
    [
        "/readyz",
        "/v2/health/live",
        "/metrics",
        "/models",
        f"/models/{LOGISTIC}",
        f"/v2/models/{LOGISTIC}/stats",
        "/tasks/wine/verdict",
        "/docs.json",
        "/predict",
        "/nothing",
    ],
)
def test_a_cache_in_front_asks_anew(server: Server, path: str) -> None:
    """Answers to GET and HEAD, errors too, say that no cache may give them again unasked."""
    for method in ("GET", "HEAD"):
        said = server.client.request(method, path).headers.get_list("cache-control")
        assert said == ["no-cache"]


def test_what_never_changes_may_be_kept(server: Server) -> None:
    """A file of a page, whose address changes with it, says that it may be kept, and nothing else."""
    page = server.client.get("/trust").text
    address = page.partition('"static/')[2].partition('"')[0]

    kept = server.client.get(f"/static/{address}").headers.get_list("cache-control")

    assert kept == ["public, max-age=31536000, immutable"]


def test_head_is_get_without_a_body(server: Server) -> None:
    """HEAD has the status and the length of GET, and no body."""
    get = server.client.get("/models")
    head = server.client.head("/models")

    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == get.headers["content-length"]


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
