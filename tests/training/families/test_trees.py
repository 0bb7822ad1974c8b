"""Trees are bounded, exported exactly, and take no class for impossible."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import log_loss

from training.arguments.parser import build_parser
from training.data.datasets import Dataset, load, split, split_folds
from training.families import decision_tree, gradient_boosting, random_forest
from training.families.registry import FAMILIES
from training.graph import clean, run
from training.learning.family import Epoch


def test_a_class_without_votes_is_not_impossible() -> None:
    """The smallest probability of a forest is a share of one vote more than its trees, in the graph too."""
    dataset = load("wine")
    rows = split(dataset, seed=0, needs_validation=False)
    for family, votes in ((random_forest, 100), (decision_tree, len(rows.train))):
        name = family.__name__.rpartition(".")[2]
        options = build_parser().parse_args([name, "--task", "wine"])
        fitted = family.fit(dataset, rows, options, lambda _: None)
        inputs = dataset.features[rows.train]
        graph = clean(fitted.to_onnx(inputs.shape[1])).SerializeToString()
        probabilities = run(graph, inputs)["probabilities"]
        assert probabilities.min() == pytest.approx(1 / 3 / (votes + 1), rel=1e-3)
        source = fitted.outputs(inputs)["probabilities"]
        assert probabilities == pytest.approx(source, abs=1e-6)


@pytest.mark.parametrize(
    ("n_rows", "n_features", "classifies", "expected"),
    [
        (353, 10, False, {}),
        (17_000, 26, False, {}),
        (17_000, 200, False, {"max_features": 100, "max_samples": 13_207}),
        (9000, 200, False, {"max_features": 100}),
        (997_000, 5, False, {"max_samples": 127_272}),
        (10_000, 3000, False, {"max_features": 1500, "max_samples": 5000}),
        (17_000, 200, True, {}),
        (997_000, 5, True, {"max_samples": 62_500}),
        (197_000, 600, True, {"max_samples": 16_666}),
    ],
)
def test_trees_of_large_tables_draw_fewer_rows_or_features(
    n_rows: int, n_features: int, *, classifies: bool, expected: dict[str, int]
) -> None:
    """A small table's trees see all of it; a large one's see what takes a minute or two, never under 5,000 rows."""
    found = random_forest.limit_draws(n_rows, n_features, classifies=classifies)

    assert found == expected


def test_a_forest_says_that_its_trees_drew_fewer_rows(
    generator: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each tree draws as many rows as the summary says, and the forest is as good as one of all rows."""
    x = generator.normal(size=(6000, 3)).astype(np.float32)
    dataset = Dataset(
        task="numbers",
        summary="",
        source="",
        features=x,
        target=(x[:, 0] * x[:, 1] + generator.normal(size=6000)).astype(np.float32),
        feature_names=("a", "b", "c"),
    )
    rows = split(dataset, seed=0, needs_validation=False)
    words = ["random_forest", "--task", "numbers", "--trees", "10"]
    options = build_parser().parse_args(words)
    forests = [random_forest.fit(dataset, rows, options, lambda _: None)]
    for name, most in (
        ("MAX_NUMBER_VALUES", 10_000),
        ("MIN_DRAWN_ROWS", 100),
    ):
        monkeypatch.setattr(random_forest, name, most)
    forests.append(random_forest.fit(dataset, rows, options, lambda _: None))
    held_out = dataset.features[rows.held_out], dataset.target[rows.held_out]
    whole, drawn = (each.estimator.score(*held_out) for each in forests)
    roots = [tree.tree_.weighted_n_node_samples[0] for tree in forests[1].estimator]

    assert forests[0].summary_note == ""
    assert forests[1].summary_note == ", each tree of 1,111 of the 4,800 rows"
    assert roots == [1111] * 10
    assert drawn > whole - 0.03


def test_thresholds_are_those_that_float32_can_tell_apart() -> None:
    """A value between two neighbouring float32 values goes to the side that the graph sends it to."""
    low = np.float32(1.0)
    neighbours = [low]
    for _ in range(60):
        neighbours.append(np.nextafter(neighbours[-1], np.float32(2)))
    features = np.array(neighbours, dtype=np.float32)[:, None].repeat(3, axis=0)
    features = features.reshape(-1, 1)
    target = (np.arange(len(features)) % 7).astype(np.float32)
    boosting = HistGradientBoostingRegressor(
        max_iter=20, min_samples_leaf=1, early_stopping=False
    ).fit(features, target)
    gradient_boosting.round_thresholds(boosting)
    fitted = gradient_boosting.FittedEstimator(boosting)
    graph = clean(fitted.to_onnx(1)).SerializeToString()

    assert run(graph, features)["value"] == pytest.approx(
        fitted.outputs(features)["value"], abs=1e-5
    )


def test_boosting_stops_by_the_validation_rows() -> None:
    """The rounds after the one of the lowest validation loss are dropped, and each round tells its losses."""
    dataset = load("breast_cancer")
    rows = split(dataset, seed=0)
    words = ["gradient_boosting", "--task", "breast_cancer", "--patience", "10"]
    epochs: list[Epoch] = []
    fitted = gradient_boosting.fit(
        dataset, rows, build_parser().parse_args(words), epochs.append
    )
    losses = [each.losses["validation"] for each in epochs]

    assert len(fitted.estimator._predictors) == int(np.argmin(losses)) + 1
    assert len(epochs) == int(np.argmin(losses)) + 1 + 10
    said = fitted.outputs(dataset.features[rows.validation])["probabilities"]
    error = log_loss(dataset.target[rows.validation], said)
    assert min(losses) == pytest.approx(error, rel=1e-4)


def test_numbers_of_few_rows_are_the_mean_of_three_fits() -> None:
    """Each fit stops by another third of the rows that are not held out, and the graph is the mean of the three."""
    dataset = load("diabetes")
    rows = split(dataset, seed=0)
    words = ["gradient_boosting", "--task", "diabetes", "--patience", "10"]
    options = build_parser().parse_args(words)
    fitted = gradient_boosting.fit(dataset, rows, options, lambda _: None)
    known = np.concatenate([rows.train, rows.validation])
    thirds = split_folds(dataset, known, folds=3, seed=0, needs_validation=False)
    said = []
    for part in thirds:
        one = replace(part, validation=part.held_out, held_out=rows.held_out)
        grown = gradient_boosting._grow(dataset, one, options, lambda _: None)
        said.append(grown.predict(dataset.features))
    graph = clean(fitted.to_onnx(10)).SerializeToString()

    assert fitted.outputs(dataset.features)["value"] == pytest.approx(
        np.mean(said, axis=0)
    )
    assert run(graph, dataset.features)["value"] == pytest.approx(
        np.mean(said, axis=0), rel=1e-4
    )
    assert fitted.summary_note == ", the mean of 3 fits"


@pytest.mark.parametrize("family", ["decision_tree", "gradient_boosting", "logistic"])
def test_a_rare_class_may_weigh_as_much_as_another(
    generator: np.random.Generator, family: str
) -> None:
    """A class of few rows is named more often with `--class-weight balanced`."""
    x = generator.normal(size=1200)
    target = (generator.random(1200) < 0.2 / (1 + np.exp(-2 * x))).astype(np.int64)
    dataset = Dataset(
        task="rare",
        summary="",
        source="",
        features=x.astype(np.float32)[:, None],
        target=target,
        feature_names=("x",),
        classes=("no", "yes"),
    )
    rows = split(dataset, seed=0)
    small = ["--max-depth", "2"] if family == "decision_tree" else []
    named = []
    for weight in ([], ["--class-weight", "balanced"]):
        words = [family, "--task", "rare", *small, *weight]
        options = build_parser().parse_args(words)
        fitted = FAMILIES[family].fit(dataset, rows, options, lambda _: None)
        named.append(int(fitted.outputs(dataset.features)["label"].sum()))

    assert named[1] > named[0] + 200


@pytest.mark.parametrize(
    ("n_classes", "n_rows", "n_columns", "expected"),
    [
        (3, 70_000, 20, (1000, 1.0)),
        (3, 70_000, 217, (263, 2.5)),
        (0, 70_000, 217, (789, 1000 / 789)),
        (0, 20_000, 217, (921, 1000 / 921)),
        (10, 1_000, 64, (322, 1.0)),
    ],
    ids=["narrow", "wide", "one tree a round", "three fits", "room in the file"],
)
def test_many_rows_of_many_columns_have_fewer_rounds_that_count_for_more(
    n_classes: int, n_rows: int, n_columns: int, expected: tuple[int, float]
) -> None:
    """All rounds look at twelve billion values at most, and what is missing of them counts for up to 2.5 times more."""
    dataset = Dataset(
        task="wide",
        summary="",
        source="",
        features=np.zeros((1, n_columns), np.float32),
        target=np.zeros(1, np.int64 if n_classes else np.float32),
        feature_names=tuple(map(str, range(n_columns))),
        classes=tuple(map(str, range(n_classes))),
    )
    options = build_parser().parse_args(["gradient_boosting", "--task", "wide"])

    found = gradient_boosting.bound_rounds(dataset, n_rows, options)

    assert found == pytest.approx(expected)
