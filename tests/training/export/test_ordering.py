"""Boosted trees see categories in the order of the target and gaps as they are, in numpy and in the graph alike."""

from __future__ import annotations

from dataclasses import replace

import lightgbm
import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto
from sklearn.metrics import r2_score

from service.calls.explaining.trees import TreeExplainer
from service.models.parsing.ensemble_reader import read_tree_ensemble
from training.arguments.command import parse
from training.arguments.run import find_family
from training.data.datasets import Dataset, Split, load, split
from training.export.encoding import EncodedFamily, EncodedModel
from training.export.ordering import Ordering
from training.graph import GraphBuilder, clean, run
from training.learning.family import FittedModel

TOWNS = tuple(f"town {number:02}" for number in range(20))
PLANS = ("basic", "plus", "pro")


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """Returns rents: each town has a level of its own, and a size that nobody wrote down means a cellar."""
    generator = np.random.default_rng(0)
    n_rows = 1500
    town = generator.integers(0, len(TOWNS), size=n_rows)
    plan = generator.integers(0, len(PLANS), size=n_rows)
    size = generator.normal(80, 20, size=n_rows)
    is_cellar = generator.random(n_rows) < 0.2
    level = generator.permutation(len(TOWNS)) * 10.0
    rent = np.where(is_cellar, 50, level[town] * size / 80)
    features = np.column_stack([np.where(is_cellar, np.nan, size), town, plan])
    features[generator.random(n_rows) < 0.1, 2] = np.nan

    return Dataset(
        task="rent",
        summary="rents",
        source="made by the tests",
        features=features.astype(np.float32),
        target=(rent + generator.normal(size=n_rows)).astype(np.float32),
        feature_names=("size", "town", "plan"),
        values=(None, TOWNS, PLANS),
    )


def fit_boosting(dataset: Dataset, rows: Split, *further: str) -> FittedModel:
    words = ["gradient_boosting", "--task", "rent", "--patience", "10"]
    options = parse([*words, *further])
    family = find_family(options, images=False)
    return family.fit(dataset, rows, options, lambda _: None)


@pytest.fixture(scope="module")
def fitted(dataset: Dataset) -> FittedModel:
    return fit_boosting(dataset, split(dataset, seed=0))


def score(fitted: FittedModel, dataset: Dataset, rows: Split) -> float:
    said = fitted.outputs(dataset.features[rows.held_out])["value"]
    return float(r2_score(dataset.target[rows.held_out], said))


def score_lightgbm(dataset: Dataset, rows: Split) -> float:
    """Returns what LightGBM attains as it is, with gaps and categories of its own."""
    categories = [index for index, each in enumerate(dataset.categories) if each]
    learnt = np.concatenate([rows.train, rows.validation])
    table = lightgbm.Dataset(
        dataset.features[learnt],
        dataset.target[learnt],
        categorical_feature=categories,
        params={"verbose": -1},
    )
    options = {"objective": "regression", "verbose": -1, "num_threads": 1}
    oracle = lightgbm.train(options, table, num_boost_round=100)
    said = oracle.predict(dataset.features[rows.held_out])

    return float(r2_score(dataset.target[rows.held_out], said))


def test_values_are_in_the_order_of_their_mean_target(dataset: Dataset) -> None:
    """A value of a higher mean target among the training rows has a higher number, and gaps stay gaps."""
    rows = split(dataset, seed=0)
    encoded = Ordering(dataset, rows).encode(dataset.features)
    train = rows.train
    target, towns = dataset.target[train], dataset.features[train, 1]
    counts = np.bincount(towns.astype(int))
    sums = np.bincount(towns.astype(int), weights=target - target.mean())
    places = [encoded[dataset.features[:, 1] == town, 1][0] for town in range(20)]
    gaps = np.isnan(dataset.features)

    assert np.argsort(places).tolist() == np.argsort(sums / (counts + 10)).tolist()
    assert np.array_equal(np.isnan(encoded), gaps)
    assert np.array_equal(encoded[~gaps[:, 0], 0], dataset.features[~gaps[:, 0], 0])


def test_the_held_out_rows_say_nothing_of_the_order(dataset: Dataset) -> None:
    """The order comes from the training rows alone."""
    rows = split(dataset, seed=0)
    other = dataset.target.copy()
    other[rows.held_out] = other[rows.held_out][::-1]
    ranks = Ordering(replace(dataset, target=other), rows).ranks

    assert np.array_equal(ranks, Ordering(dataset, rows).ranks)


def test_the_graph_does_the_same(dataset: Dataset) -> None:
    """The graph numbers as numpy does, bit for bit, and what is no code of a value counts as missing."""
    ordering = Ordering(dataset, split(dataset, seed=0))
    builder = GraphBuilder()
    builder.add("Identity", "features", name="encoded")
    model = builder.model(3, {"encoded": (TensorProto.FLOAT, (3,))})
    ordering.prepend(model, n_features=3)
    session = onnxruntime.InferenceSession(
        clean(model).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    strange = np.array([[1e30, 40, -1], [-3, 1e30, 3], [np.nan] * 3], np.float32)
    given = np.concatenate([dataset.features, strange])
    (encoded,) = session.run(None, {"features": given})

    assert np.array_equal(encoded, ordering.encode(given), equal_nan=True)
    assert np.isnan(encoded[-3:, 1:]).all()


def test_trees_are_as_good_as_lightgbm_on_gaps_and_categories(
    dataset: Dataset, fitted: FittedModel
) -> None:
    """No more than 0.003 of R² is lost to LightGBM where a gap has a meaning and towns have many levels."""
    rows = split(dataset, seed=0)

    assert score(fitted, dataset, rows) > score_lightgbm(dataset, rows) - 0.003


def test_the_file_is_the_learner_and_its_trees_are_read(
    dataset: Dataset, fitted: FittedModel
) -> None:
    """The exported graph answers as the learner does, and its trees are explained from the features on."""
    rows = split(dataset, seed=0)
    graph = clean(fitted.to_onnx(3)).SerializeToString()
    given = dataset.features[rows.held_out]
    said = fitted.outputs(given)["value"]
    ensemble = read_tree_ensemble(graph)

    assert run(graph, given)["value"] == pytest.approx(said, abs=1e-3)
    assert ensemble is not None
    assert TreeExplainer(ensemble).score(given)[:, 0] == pytest.approx(said, abs=1e-3)


def test_of_three_classes_each_value_is_a_column(dataset: Dataset) -> None:
    """Values have no one order where there are three classes: each is a column, all are 0 at a gap, gaps stay."""
    classes = np.digitize(dataset.target, [60, 120]).astype(np.int64)
    dataset = replace(dataset, target=classes, classes=("low", "middle", "high"))
    rows = split(dataset, seed=0)
    fitted = fit_boosting(dataset, rows, "--rounds", "40")
    assert isinstance(fitted, EncodedModel)
    columns = fitted.encoding.encode(dataset.features)
    graph = clean(fitted.to_onnx(3)).SerializeToString()
    given = dataset.features[rows.held_out]
    said = fitted.outputs(given)

    assert columns.shape == (1500, 1 + 20 + 3)
    assert np.array_equal(np.isnan(columns[:, 0]), np.isnan(dataset.features[:, 0]))
    assert columns[np.isnan(dataset.features[:, 2]), 21:].max() == 0
    answers = run(graph, given)
    assert np.array_equal(answers["label"], said["label"])
    assert answers["probabilities"] == pytest.approx(said["probabilities"], abs=1e-5)


def test_plain_numbers_stay_as_they_are() -> None:
    """A data set without gaps and categories is learnt as it is, without anything around the model."""
    wine = load("wine")
    rows = split(wine, seed=0)
    ordering = Ordering(wine, rows)
    fitted = fit_boosting(wine, rows, "--rounds", "10")

    assert not ordering.is_needed
    assert np.array_equal(ordering.encode(wine.features), wine.features)
    assert not isinstance(fitted, EncodedModel)


def test_the_summary_says_that_gaps_are_split_on(
    dataset: Dataset, fitted: FittedModel
) -> None:
    """The card's `imputed` is no more than the middle of what is known, so the summary says what the trees do."""
    rows = split(dataset, seed=0)
    assert isinstance(fitted, EncodedModel)
    known = dataset.features[rows.train, 0]

    assert fitted.summary_note == ", the mean of 3 fits, split on gaps too"
    assert fitted.imputed[0] == pytest.approx(float(np.nanmedian(known)))
    assert fitted.imputed[1] is None


def test_no_other_family_sees_a_gap() -> None:
    """Each family but boosted trees is given plain numbers."""
    for name in ("linear", "random_forest", "mlp", "knn"):
        family = find_family(parse([name, "--task", "rent"]), images=False)
        assert isinstance(family, EncodedFamily)
