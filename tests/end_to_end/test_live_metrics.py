"""A real server tests challengers by the metric that is asked for, from what it was asked and told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from tests.support.responses import error_of
from tests.support.server import Server, serve
from tests.support.tiny_models import tiny_card, write_tiny
from tests.support.waiting import wait_for

COMPARISON = "/tasks/colour/comparison"
CLASSES = ("no", "yes")
COSTS = "t,no,yes\nno,0,1\nyes,5,0\n"
N_ROWS = 40


def make_settings(home: Path, **others: object) -> dict[str, object]:
    """Returns the settings of a server with a champion, a challenger and costs, whose folder is written here."""
    models = home / "models"
    models.mkdir()
    write_tiny(models, tiny_card(family="first"))
    write_tiny(models, tiny_card(family="second"), sign=-1.0)
    costs = home / "costs.csv"
    costs.write_text(COSTS)
    return {
        "VEREDICTO_MODELS": models,
        "VEREDICTO_JOURNAL": home / "journal.db",
        "VEREDICTO_SHADOW": "colour:colour-first",
        "VEREDICTO_COSTS": f"colour:{costs}",
        **others,
    }


def ask(server: Server, rows: list[list[object]]) -> dict[str, np.ndarray]:
    """Returns the probabilities of the second class by each model, who are asked apart from the shadow."""
    return {
        name: np.array(
            server.post("/predict_proba", {"model": name, "inputs": rows}).json()[
                "probabilities"
            ]
        )[:, 1]
        for name in ("colour-second", "colour-first")
    }


def has_all(found: dict[str, Any]) -> bool:
    """Returns whether each label has counted for the pair."""
    return bool(found["tests"][0]["groups"] == N_ROWS)


def test_challengers_are_tested_by_each_metric(tmp_path: Path) -> None:
    """The difference of Brier scores is scikit-learn's, each metric answers under its name, and others are refused."""
    generator = np.random.default_rng(0)
    rows: list[list[object]] = [
        [float(each), "green"] for each in generator.normal(size=N_ROWS).round(3)
    ]
    truth = generator.integers(0, 2, N_ROWS)

    with serve(tmp_path, **make_settings(tmp_path)) as server:
        told = ask(server, rows)
        for row, label in zip(rows, truth, strict=True):
            prediction = {"model": "colour-first", "inputs": [row]}
            answer = server.post("/predict", prediction).json()
            feedback = {"id": answer["id"], "label": CLASSES[label]}
            assert server.post("/feedback", feedback).status_code == 200
        wait_for(server, "colour", has_all)
        metrics = server.client.get(COMPARISON).json()["metrics"]
        found = {
            by: server.client.get(f"{COMPARISON}?by={by}").json()["tests"][0]
            for by in metrics
        }
        refused = error_of(server.client.get(f"{COMPARISON}?by=f1"), 400)

    expected = brier_score_loss(truth, told["colour-first"]) - brier_score_loss(
        truth, told["colour-second"]
    )
    assert metrics == ["accuracy", "brier", "log_loss", "balanced_accuracy", "cost"]
    assert found["brier"]["difference"] == pytest.approx(expected, abs=0.001)
    assert {by: each["by"] for by, each in found.items()} == {by: by for by in metrics}
    assert all(each["groups"] == N_ROWS for each in found.values())
    assert refused == (
        "by: expected one of accuracy, brier, log_loss, balanced_accuracy, cost, got 'f1'"
    )
