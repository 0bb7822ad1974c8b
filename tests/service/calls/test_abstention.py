"""Selective prediction answers no row whose highest probability is under the bound, and says which those are."""

from __future__ import annotations

import bentoml
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from service.calls.abstention import withhold
from tests.support.server import Server

LOGISTIC = "breast_cancer-logistic"


def test_a_row_under_the_bound_has_a_reason_for_its_answer() -> None:
    """A row under the bound has a reason in place of its label, and no other row has one."""
    probabilities = np.array([[0.53, 0.47], [0.1, 0.9]], dtype=np.float32)
    predictions, reasons = withhold(
        ("cat", "dog"), np.array([0, 1]), probabilities, 0.8
    )

    assert predictions == [None, "dog"]
    assert reasons == ["probability 0.53 of 'cat' is under min_probability 0.8", None]


@pytest.mark.parametrize("bound", [0.1, 0.3, 0.7, 0.9, 1.0])
def test_a_probability_that_is_written_like_the_bound_is_not_under_it(
    bound: float,
) -> None:
    """A float32 probability of 0.7 is not under a bound of 0.7, though it is less in float64."""
    predictions, reasons = withhold(
        ("cat",), np.array([0]), np.array([[bound]], dtype=np.float32), bound
    )

    assert (predictions, reasons) == (["cat"], [None])


def test_the_answered_rows_are_those_that_are_probable_enough(server: Server) -> None:
    """The rows with an answer are those that `/predict_proba` gives the bound or more, and the answers are those
    without a bound.
    """
    rows = load_breast_cancer().data.tolist()
    request = {"model": LOGISTIC, "inputs": rows}
    sure = (
        np.array(server.post("/predict_proba", request).json()["probabilities"]).max(
            axis=1
        )
        >= 0.95
    )
    whole, answer = (
        server.post("/predict", request | more).json()
        for more in ({}, {"min_probability": 0.95})
    )

    assert 0 < sure.sum() < len(rows)
    assert answer["predictions"] == [
        label if is_sure else None
        for label, is_sure in zip(whole["predictions"], sure, strict=True)
    ]
    assert [reason is None for reason in answer["reasons"]] == sure.tolist()
    assert answer["model"] == LOGISTIC
    assert "reasons" not in whole


def test_bentomls_client_may_give_a_bound(server: Server) -> None:
    """The BentoML method answers a request with a bound as the route does."""
    fields = {
        "model": "points-logistic",
        "inputs": [[0.0, 0.0], [9.0, 5.0]],
        "min_probability": 0.999,
    }
    with bentoml.SyncHTTPClient(server.url) as client:
        answer = client.predict(**fields)

    assert answer == server.post("/predict", fields).json()
    assert answer["predictions"] == [None, "orange"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"min_probability": 1.5},
            "min_probability: expected number <= 1.0; this call takes ",
        ),
        (
            {"min_probability": -0.1},
            "min_probability: expected number >= 0.0; this call takes ",
        ),
        (
            {"min_probability": "0.8"},
            "min_probability: expected number | null, got str; this call takes ",
        ),
        (
            {"min_probability": 0.8, "model": "tacos-linear", "inputs": [[10]]},
            "min_probability: tacos-linear is a regressor, and only classifiers have probabilities: leave it out",
        ),
        (
            {"min_probability": 0.8, "model": "digits-kmeans", "inputs": [[0] * 64]},
            "min_probability: digits-kmeans is a clusterer, and only classifiers have probabilities: leave it out",
        ),
        (
            {"min_probability": 0.8, "model": "digits-pca", "inputs": [[0] * 64]},
            "digits-pca is a transformer: it has no answer to /predict, only to /transform",
        ),
    ],
)
def test_a_bound_that_makes_no_sense_is_told_why(
    server: Server, changes: dict[str, object], message: str
) -> None:
    """A bound that is no probability, or that is asked of no classifier, is refused with the reason."""
    response = server.post(
        "/predict", {"model": "points-mlp", "inputs": [[1, 2]]} | changes
    )

    assert response.status_code == 400
    assert response.json()["error"].startswith(message)
