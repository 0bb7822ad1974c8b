"""Real servers find drift in what they are asked, and policies learn from their feedback."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path

import numpy as np
import pytest

from service.live.drift_cells import DriftCells
from service.live.journal.feature_counts import MAX_FEATURE_COUNTS, MAX_MERGED_ROWS
from service.live.journal.reading import reader
from service.live.journal.records import FeatureCounts
from service.live.journal.storage import schema
from service.live.journal.transaction import Transactions
from service.models.model import Model
from tests.conftest import EXPORTED_MODELS
from tests.support.model_folders import link_models
from tests.support.server import Server, serve
from tests.support.tiny_models import tiny_card, write_tiny
from tests.support.waiting import wait_for
from training.data import datasets

WINE = datasets.load("wine")
ROWS = WINE.features[datasets.split(WINE, seed=0).train].tolist()


@pytest.fixture(scope="module")
def live_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Starts two workers of models of three tasks, with a journal; each test asks about a task of its own."""
    home = tmp_path_factory.mktemp("live_server")
    settings = {
        "VEREDICTO_MODELS": link_models(
            home / "models", "wine-*", "points-*", "cifar10-mlp"
        ),
        "VEREDICTO_JOURNAL": home / "journal.db",
        "VEREDICTO_WORKERS": 2,
    }
    with serve(home, **settings) as running:
        yield running


def has_counted(count: int) -> Callable[[dict[str, object]], bool]:
    return lambda found: found["drift"]["rows"] == count  # type: ignore[index]


def test_rows_of_training_do_not_drift_and_others_do(live_server: Server) -> None:
    """Rows of all workers and models of a task are counted together, and the drift is shown to Prometheus too."""
    for model in ("wine-mlp", "wine-knn"):
        assert (
            live_server.post("/predict", {"model": model, "inputs": ROWS}).status_code
            == 200
        )

    drift = wait_for(live_server, "wine", has_counted(2 * len(ROWS)))["drift"]
    assert drift["drifted"] == []
    assert all(each["out_of_range"] == 0 for each in drift["features"])

    moved = np.array(ROWS)
    moved[:, 0] += 2

    for row in moved.tolist():
        assert (
            live_server.post(
                "/predict", {"model": "wine-mlp", "inputs": [row]}
            ).status_code
            == 200
        )

    drift = wait_for(live_server, "wine", has_counted(3 * len(ROWS)))["drift"]
    assert drift["drifted"] == ["alcohol"]
    assert drift["features"][0]["feature"] == "alcohol"
    assert drift["features"][0]["out_of_range"] > 0.1

    start = 'veredicto_feature_psi{feature="alcohol",task="wine"} '
    shown = [
        float(line.removeprefix(start))
        for line in read_metrics(live_server)
        if line.startswith(start)
    ]
    assert len(shown) == 1
    assert 0 < shown[0] <= drift["features"][0]["psi"]


def read_metrics(server: Server) -> list[str]:
    return server.client.get("/metrics").text.splitlines()


def test_photographs_have_no_drift(live_server: Server) -> None:
    """The drift of a task is null where its cards have no distributions of features."""
    assert live_server.client.get("/tasks/cifar10/comparison").json()["drift"] is None


def test_what_was_refused_is_not_counted(live_server: Server) -> None:
    """Rows with values that no row can have are not counted for drift."""
    refused = live_server.post(
        "/predict", {"model": "points-mlp", "inputs": [[1, 1e39]]}
    )
    assert refused.status_code == 400
    assert (
        live_server.post(
            "/predict", {"model": "points-mlp", "inputs": [[1, 1]] * 3}
        ).status_code
        == 200
    )
    assert wait_for(live_server, "points", has_counted(3))["drift"]["rows"] == 3


def test_few_rows_are_counted_together_and_many_are_forgotten(tmp_path: Path) -> None:
    """The file holds the counts of a window and not of a history; counts of another basis are left alone."""
    model = Model.load(EXPORTED_MODELS / "wine-mlp.onnx")
    assert model is not None
    cells = DriftCells.of(model.card)
    assert cells is not None
    counts = cells.count(np.array(ROWS[:100], dtype=np.float32))
    path = tmp_path / "journal.db"

    with closing(schema.connect(path)) as connection:
        transactions = Transactions(connection, max_rows=100)
        for _ in range(MAX_MERGED_ROWS // 100 * (MAX_FEATURE_COUNTS + 5)):
            transactions.write([FeatureCounts("wine", cells.basis, 100, counts)])

        transactions.write([FeatureCounts("wine", "another", 7, counts)])
        found = connection.execute(
            "SELECT count(*), max(n_rows) FROM spreads WHERE basis <> 'another'"
        ).fetchone()

    assert found == (MAX_FEATURE_COUNTS - 1, MAX_MERGED_ROWS)
    feature_counts = reader.read_feature_counts(
        path, "wine", basis=cells.basis, max_rows=10_000
    )
    assert feature_counts is not None
    assert feature_counts[1].tolist() == (100 * counts).tolist()
    assert (
        reader.read_feature_counts(path, "beer", basis=cells.basis, max_rows=10_000)
        is None
    )


def test_thompson_finds_the_model_that_is_right(
    start_server: Callable[..., AbstractContextManager[Server]], tmp_path: Path
) -> None:
    """Thompson sampling learns from feedback which one of two models that never agree is right."""
    models = tmp_path / "models"
    models.mkdir()
    write_tiny(models, tiny_card(family="first"))
    write_tiny(models, tiny_card(family="second"), sign=-1.0)
    settings = {
        "VEREDICTO_MODELS": models,
        "VEREDICTO_JOURNAL": tmp_path / "journal.db",
    }
    row = [0.5, "green"]

    with start_server(VEREDICTO_POLICY="thompson", **settings) as server:
        right = server.post(
            "/predict", {"model": "colour-second", "inputs": [row]}
        ).json()["predictions"][0]
        chosen: list[str] = []

        for _ in range(120):
            answer = server.post("/predict", {"task": "colour", "inputs": [row]}).json()
            chosen.append(answer["model"])
            assert (
                server.post(
                    "/feedback", {"id": answer["id"], "label": right}
                ).status_code
                == 200
            )

        wait_for(server, "colour", lambda found: found["window"]["labelled"] == 120)
        last = [
            server.post("/predict", {"task": "colour", "inputs": [row]}).json()["model"]
            for _ in range(100)
        ]

    assert set(chosen) == {"colour-first", "colour-second"}
    assert Counter(last)["colour-second"] > 75
