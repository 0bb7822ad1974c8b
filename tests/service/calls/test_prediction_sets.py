"""Prediction sets hold the true class with the wanted probability, by what a file keeps of held-out rows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest

from row_records import HeldOut, write_held_out
from service.calls.prediction_sets import collect_sets, find_thresholds
from service.models.model import Model
from tests.support.server import Server
from tests.support.tiny_models import tiny_card, tiny_probabilities, write_tiny

StartServer = Callable[..., AbstractContextManager[Server]]
COVERAGE = 0.9


def draw(n_rows: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draws rows, what the tiny model answers to them, and classes of which that is too sure."""
    chance = np.random.default_rng(seed)
    sizes, colours = chance.normal(size=n_rows), chance.integers(0, 3, n_rows)
    rows = np.stack([sizes, colours], axis=1)
    probabilities = tiny_probabilities(rows).astype(np.float64)
    doubted = 0.5 + 0.4 * (probabilities[:, 1] - 0.5)
    truth = (chance.random(n_rows) < doubted).astype(np.int64)

    return rows, probabilities, truth


def keep(n_rows: int, seed: int, *, n_equal: int = 1) -> dict[str, str]:
    """Returns the record of so many held-out rows, each of which comes `n_equal` times."""
    _, probabilities, truth = draw(n_rows, seed)
    record = HeldOut(
        rows="sha256:" + "0" * 64,
        truth=np.repeat(truth, n_equal),
        labels=np.repeat(probabilities.argmax(axis=1), n_equal),
        probabilities=np.repeat(probabilities, n_equal, axis=0),
        groups=np.repeat(np.arange(n_rows), n_equal) if n_equal > 1 else None,
    )

    return write_held_out(record)


def load(folder: Path, records: dict[str, str]) -> Model:
    """Returns the tiny model of a file with these records."""
    model = Model.load(write_tiny(folder, tiny_card(), records=records))
    assert model is not None
    return model


def test_sets_hold_each_class_as_often_as_wanted(tmp_path: Path) -> None:
    """Over twenty files with 400 held-out rows, sets hold the truth of 2,000 new rows in 90 % of each class."""
    shares = []
    for seed in range(20):
        folder = tmp_path / str(seed)
        folder.mkdir()
        thresholds = find_thresholds(load(folder, keep(400, seed)), COVERAGE)
        _, probabilities, truth = draw(2000, 1000 + seed)
        sets = collect_sets(("no", "yes"), probabilities, thresholds)
        holds = np.array(
            [
                ("no", "yes")[each] in mine
                for each, mine in zip(truth, sets, strict=True)
            ]
        )
        shares.append([holds[truth == each].mean() for each in (0, 1)])

    means = np.mean(shares, axis=0)
    # The mean of twenty files has a standard error of 0.006, since each threshold is known to 0.02 from 200 rows.
    assert np.all(np.abs(means - COVERAGE) < 0.02), means


def test_equal_rows_say_it_once(tmp_path: Path) -> None:
    """Held-out rows that come five times each give the thresholds of the same rows alone."""
    (tmp_path / "one").mkdir()
    (tmp_path / "five").mkdir()
    one = find_thresholds(load(tmp_path / "one", keep(100, 0)), COVERAGE)
    five = find_thresholds(load(tmp_path / "five", keep(100, 0, n_equal=5)), COVERAGE)
    assert np.array_equal(one, five)


def test_few_rows_of_a_class_give_one_threshold_for_all(tmp_path: Path) -> None:
    """Eighteen rows are enough for 0.9 on the whole, and not in each class; for 0.99 each set holds all classes."""
    model = load(tmp_path, keep(18, 0))
    first, second = find_thresholds(model, COVERAGE)
    assert first == second > 0
    assert np.array_equal(find_thresholds(model, 0.99), [0.0, 0.0])


def test_the_most_probable_class_is_always_there() -> None:
    """A set has the most probable class first, alone where none reaches its threshold."""
    probabilities = np.array([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]], np.float32)
    thresholds = np.array([0.9, 0.9, 0.3])
    sets = collect_sets(("a", "b", "c"), probabilities, thresholds)
    assert sets == [["b", "c"], ["c"]]


def test_a_server_answers_sets(tmp_path: Path, start_server: StartServer) -> None:
    """`coverage` adds a set to each row's answer; a bound may stand beside it, and what makes no sense is refused."""
    write_tiny(tmp_path, tiny_card(), records=keep(400, 0))
    write_tiny(tmp_path, tiny_card(family="second"))
    row = {"model": "colour-first", "inputs": [[0.1, "red"], [9, "blue"]]}
    with start_server(VEREDICTO_MODELS=tmp_path) as server:
        plain = server.post("/predict", row).json()
        answer = server.post("/predict", row | {"coverage": 0.9}).json()
        both = server.post(
            "/predict", row | {"coverage": 0.9, "min_probability": 0.99}
        ).json()
        wrong = server.post("/predict", row | {"coverage": 1})
        unknown = server.post(
            "/predict", row | {"model": "colour-second", "coverage": 0.9}
        )

    assert answer == plain | {"sets": answer["sets"]}
    assert sorted(answer["sets"][0]) == ["no", "yes"]
    assert [each[0] for each in answer["sets"]] == plain["predictions"]
    assert both["sets"] == answer["sets"]
    assert both["predictions"][0] is None
    assert wrong.status_code == unknown.status_code == 400
    assert wrong.json()["error"].startswith("coverage: expected number < 1")
    assert "keeps no answers to held-out rows" in unknown.json()["error"]


@pytest.mark.parametrize("coverage", [0.5, 0.9, 0.95])
def test_a_higher_coverage_never_has_a_smaller_set(
    tmp_path: Path, coverage: float
) -> None:
    """Thresholds fall as the coverage rises."""
    model = load(tmp_path, keep(300, 1))
    higher = find_thresholds(model, coverage + 0.04)
    assert np.all(higher <= find_thresholds(model, coverage))
