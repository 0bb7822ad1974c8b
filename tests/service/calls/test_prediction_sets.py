"""Prediction sets hold the true class with the wanted probability, by what a file keeps of held-out rows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest

from row_records import MAX_PROBABILITY_CODE, HeldOut, read_held_out, write_held_out
from service.calls.prediction_sets import (
    collect_sets,
    find_thresholds,
    limit_rounding,
)
from service.models.model import Model
from tests.support.mapie_sets import find_members, find_members_by_class
from tests.support.server import ROOT, Server
from tests.support.tiny_models import (
    self_check,
    tiny_card,
    tiny_probabilities,
    write_tiny,
)
from training.data import datasets

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
    """Sets hold the truth of 2,000 new rows in 90 % of each class, over twenty files with 400 held-out rows."""
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


def check_members(
    model: Model, asked: np.ndarray, members: np.ndarray, coverage: float
) -> float:
    """Checks that each row's set has these members and its most probable class; returns the mean size of sets.

    Files keep rounded probabilities: a class that is so near to its threshold may belong to a set as well.
    """
    names = model.classes
    thresholds = find_thresholds(model, coverage)
    sets = collect_sets(names, asked, thresholds)
    found = np.array([[each in mine for each in names] for mine in sets])
    expected = members.copy()
    expected[np.arange(len(asked)), asked.argmax(axis=1)] = True
    is_near = np.abs(asked - thresholds) <= 2 * limit_rounding(thresholds, len(names))

    assert np.array_equal(found[~is_near], expected[~is_near])
    assert np.all(found >= expected)
    assert (found != expected).sum() <= 3

    return float(found.sum(axis=1).mean())


def draw_classes(
    n_rows: int, n_classes: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns calibrated float32 probabilities and classes drawn from them."""
    chance = np.random.default_rng(seed)
    probabilities = chance.dirichlet(np.full(n_classes, 0.4), n_rows).astype(np.float32)
    sums = probabilities.cumsum(axis=1, dtype=np.float64)
    truth = (chance.random((n_rows, 1)) * sums[:, -1:] > sums).sum(axis=1)

    return probabilities, truth


def load_numbered(
    folder: Path, probabilities: np.ndarray, truth: np.ndarray, n_equal: int = 1
) -> Model:
    """Returns a model whose file keeps these held-out answers, each row of them `n_equal` times."""
    n_rows = len(truth)
    record = HeldOut(
        rows="sha256:" + "0" * 64,
        truth=np.repeat(truth, n_equal),
        labels=np.repeat(probabilities.argmax(axis=1), n_equal),
        probabilities=np.repeat(probabilities.astype(np.float64), n_equal, axis=0),
        groups=np.repeat(np.arange(n_rows), n_equal) if n_equal > 1 else None,
    )
    n_classes = probabilities.shape[1]
    card = tiny_card(
        classes=tuple(str(each) for each in range(n_classes)),
        self_check=self_check(
            row=(0.0, 0.0), probabilities=(1 / n_classes,) * n_classes
        ),
    )
    path = write_tiny(folder, card, records=write_held_out(record), n_classes=n_classes)
    model = Model.load(path)
    assert model is not None
    return model


@pytest.mark.parametrize("coverage", [0.85, 0.9, 0.95])
@pytest.mark.parametrize("n_equal", [1, 3])
@pytest.mark.parametrize("n_classes", [2, 5])
def test_sets_by_class_are_mapies(
    tmp_path: Path, n_classes: int, n_equal: int, coverage: float
) -> None:
    """The sets of 500 rows are those of MAPIE's split conformal classifiers, one for each class on its rows alone."""
    probabilities, truth = draw_classes(400, n_classes, seed=n_classes)
    asked, _ = draw_classes(500, n_classes, seed=100)
    model = load_numbered(tmp_path, probabilities, truth, n_equal)
    members = find_members_by_class(
        probabilities.astype(np.float64),
        truth,
        asked.astype(np.float64),
        coverage=coverage,
    )

    assert len(set(find_thresholds(model, coverage))) == n_classes
    assert 1 < check_members(model, asked, members, coverage) < n_classes


@pytest.mark.parametrize(
    "name", ["breast_cancer-knn", "digits-logistic", "digits-random_forest"]
)
def test_sets_of_shipped_models_are_mapies(name: str) -> None:
    """Each held-out row has MAPIE's set by the answers themselves, although the file keeps rounded ones."""
    dataset = datasets.load(name.partition("-")[0])
    rows = datasets.split(dataset, seed=0).held_out
    model = Model.load(ROOT / "exported_models" / f"{name}.onnx")
    assert model is not None
    _, asked = model.run(dataset.features[rows].astype(np.float32))
    truth = dataset.target[rows].astype(np.int64)
    record = model.held_out
    assert record is not None
    assert np.array_equal(record.truth, truth)
    members = find_members_by_class(
        asked.astype(np.float64),
        truth,
        asked.astype(np.float64),
        coverage=COVERAGE,
    )

    assert record.groups is None
    assert 1 <= check_members(model, asked, members, COVERAGE) < 3


@pytest.mark.parametrize("coverage", [0.9, 0.95])
@pytest.mark.parametrize("n_rows", [36, 114])
def test_sets_of_few_rows_are_mapies(
    tmp_path: Path, n_rows: int, coverage: float
) -> None:
    """One threshold for ten classes, of which none has rows enough, gives each row the set of MAPIE's classifier."""
    probabilities, truth = draw_classes(n_rows, 10, seed=n_rows)
    asked, _ = draw_classes(500, 10, seed=100)
    model = load_numbered(tmp_path, probabilities, truth)
    members = find_members(
        probabilities.astype(np.float64),
        truth,
        asked.astype(np.float64),
        coverage=coverage,
    )

    assert len(set(find_thresholds(model, coverage))) == 1
    assert 1 < check_members(model, asked, members, coverage) < 10


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_sets_of_a_model_with_few_probabilities_are_mapies(
    tmp_path: Path, coverage: float
) -> None:
    """A tree of twelve leaves, many of whose rows are just at the threshold, has MAPIE's set in each leaf.

    Codes of all classes but one are rounded down, so that what is kept of all adds up to less and each has more of it.
    """
    chance = np.random.default_rng(4)
    leaves = (chance.integers(0, 9, (12, 10)) + 0.45) / MAX_PROBABILITY_CODE
    leaves[:, 4] = (chance.integers(20_000, 32_000, 12) + 0.45) / MAX_PROBABILITY_CODE
    leaves[:, 7] += 1 - leaves.sum(axis=1)
    leaf = chance.integers(0, 12, 90)
    truth = np.where(chance.random(90) < leaves[leaf, 4], 4, 7)
    asked = leaves.astype(np.float32)
    model = load_numbered(tmp_path, asked[leaf], truth)
    members = find_members(
        asked[leaf].astype(np.float64),
        truth,
        asked.astype(np.float64),
        coverage=coverage,
    )

    assert len(set(find_thresholds(model, coverage))) == 1
    sets = collect_sets(model.classes, asked, find_thresholds(model, coverage))
    found = np.array([[each in mine for each in model.classes] for mine in sets])
    assert np.array_equal(found, members | (asked == asked.max(axis=1, keepdims=True)))


@pytest.mark.parametrize("n_classes", [2, 10, 100, 1000])
def test_a_kept_probability_is_as_near_as_is_said(n_classes: int) -> None:
    """No kept probability is farther over the one that was answered than its limit, of many classes neither."""
    probabilities, truth = draw_classes(200, n_classes, seed=0)
    # Codes that are all rounded down, or all up, are the worst that a sum may have.
    steps = (np.arange(n_classes) + 0.49) / MAX_PROBABILITY_CODE
    for worst in (steps, steps + 0.02 / MAX_PROBABILITY_CODE):
        worst[0] += 1 - worst.sum()
        probabilities = np.vstack([probabilities, np.abs(worst) / np.abs(worst).sum()])

    record = HeldOut(
        rows="sha256:" + "0" * 64,
        truth=np.append(truth, [0, 0]),
        labels=probabilities.argmax(axis=1),
        probabilities=probabilities,
    )
    kept = read_held_out(write_held_out(record))
    assert kept is not None
    farthest = limit_rounding(kept.probabilities, n_classes)
    assert np.all(kept.probabilities - probabilities <= farthest)


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
