"""scikit-learn is the oracle of k nearest neighbours, the tie rule is our own, and the graph says what decided."""

from __future__ import annotations

import argparse

import numpy as np
import onnxruntime
import pytest
from sklearn.neighbors import KNeighborsClassifier

from training.data.datasets import Dataset, load, split
from training.families import knn
from training.families.knn import METRICS, WEIGHTS, FittedNeighbors, find_nearest
from training.graph import clean
from training.learning.family import TrainingError


def options(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    knn.add_options(parser)
    return parser.parse_args(arguments)


def fit(dataset: Dataset, *arguments: str) -> FittedNeighbors:
    return knn.fit(
        dataset,
        split(dataset, seed=0, needs_validation=False),
        options(*arguments),
        lambda _: None,
    )


def run(fitted: FittedNeighbors, features: np.ndarray) -> dict[str, np.ndarray]:
    model = clean(fitted.to_onnx(n_features=features.shape[1]))
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]

    return dict(zip(names, session.run(names, {"features": features}), strict=True))


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("task", ["wine", "digits"])
def test_the_graph_says_what_the_source_says(
    task: str, metric: str, weights: str
) -> None:
    """Labels, probabilities, neighbours and distances agree for every metric and weight."""
    dataset = load(task)
    fitted = fit(dataset, "--metric", metric, "--weights", weights)
    features = dataset.features[split(dataset, seed=0).held_out][:60]
    source = fitted.outputs(features)
    exported = run(fitted, features)

    assert np.array_equal(source["label"], exported["label"])
    assert np.array_equal(source["neighbor"], exported["neighbor"])
    for name in ("probabilities", "neighbor_distance"):
        assert np.allclose(source[name], exported[name], rtol=1e-6, atol=1e-6), name


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
@pytest.mark.parametrize("task", ["breast_cancer", "wine"])
def test_scikit_learn_gives_the_same_probabilities(
    task: str, metric: str, weights: str
) -> None:
    """scikit-learn gives the same probabilities on standardised measurements, where no two distances are equal."""
    dataset = load(task)
    rows = split(dataset, seed=0, needs_validation=False)
    fitted = fit(dataset, "--metric", metric, "--weights", weights)
    train, held_out = (
        (dataset.features[part].astype(np.float64) - fitted.mean) / fitted.deviation
        for part in (rows.train, rows.held_out)
    )
    oracle = KNeighborsClassifier(5, metric=metric, weights=weights, algorithm="brute")
    expected = oracle.fit(train, dataset.target[rows.train]).predict_proba(held_out)

    assert np.allclose(
        fitted.outputs(dataset.features[rows.held_out])["probabilities"],
        expected,
        atol=1e-5,
    )


def test_scikit_learn_gives_the_same_hamming_distances() -> None:
    """scikit-learn gives the same distances, although the neighbours may differ among ties."""
    dataset = load("digits")
    rows = split(dataset, seed=0, needs_validation=False)
    oracle = KNeighborsClassifier(5, metric="hamming", algorithm="brute")
    oracle.fit(dataset.features[rows.train], dataset.target[rows.train])
    features = dataset.features[rows.held_out][:50]
    expected, _ = oracle.kneighbors(features)
    found = fit(dataset, "--metric", "hamming").outputs(features)["neighbor_distance"]

    assert np.allclose(found, expected, atol=1e-6)


def tiny(
    *features: tuple[float, ...], classes: tuple[int, ...], **changes: object
) -> FittedNeighbors:
    settings = {"neighbors": 2, "metric": "euclidean", "weights": "uniform"} | changes
    return FittedNeighbors(
        np.array(features, dtype=np.float32), np.eye(2)[list(classes)], **settings
    )


def test_of_equally_close_rows_the_first_is_nearer() -> None:
    """Rows 0 and 1 decide in the middle of four corners."""
    fitted = tiny((0, 0), (0, 1), (1, 0), (1, 1), classes=(1, 1, 0, 0))
    for outputs in (
        fitted.outputs(np.array([[0.5, 0.5]], dtype=np.float32)),
        run(fitted, np.float32([[0.5, 0.5]])),
    ):
        assert outputs["neighbor"].tolist() == [[0, 1]]
        assert outputs["label"].tolist() == [1]


def test_a_row_of_the_training_data_decides_alone_when_distance_weighs() -> None:
    """A training row decides alone at its distance of 0, by which nothing is divided."""
    fitted = tiny(
        (0, 0), (0.1, 0), (5, 5), classes=(1, 0, 0), neighbors=3, weights="distance"
    )
    for outputs in (
        fitted.outputs(np.float32([[0, 0]])),
        run(fitted, np.float32([[0, 0]])),
    ):
        assert outputs["probabilities"].tolist() == [[0.0, 1.0]]


def test_many_rows_at_once_stay_small() -> None:
    """The graph never holds rows x training rows x features, at 1,000 rows by every metric."""
    dataset = load("digits")
    features = np.repeat(dataset.features[:500], 2, axis=0)
    for metric in METRICS:
        assert len(run(fit(dataset, "--metric", metric), features)["label"]) == 1000


def test_more_neighbours_than_rows_are_refused() -> None:
    """More neighbours than rows are refused before anything is learnt."""
    with pytest.raises(
        TrainingError, match="--neighbors 500: there are only 142 training rows"
    ):
        fit(load("wine"), "--neighbors", "500")


@pytest.mark.parametrize("n_nearest", [1, 5, 39, 40])
def test_the_nearest_are_those_of_a_stable_sort(
    generator: np.random.Generator, n_nearest: int
) -> None:
    """The first of many equal distances are the nearer ones, however many are asked for."""
    distances = generator.integers(6, size=(200, 40)).astype(np.float64)
    expected = np.argsort(distances, axis=1, kind="stable")[:, :n_nearest]

    assert np.array_equal(find_nearest(distances, n_nearest), expected)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_many_classes_of_many_rows_stand_in_the_file_as_indices(
    generator: np.random.Generator, weights: str
) -> None:
    """The file takes a byte a row for one of a hundred classes, and says what its source says."""
    target = generator.permutation(np.arange(4000) % 100)
    places = generator.normal(size=(100, 4)) * 3
    features = (places[target] + generator.normal(size=(4000, 4))).astype(np.float32)
    dataset = Dataset(
        task="many",
        summary="",
        source="",
        features=features,
        target=target,
        feature_names=("a", "b", "c", "d"),
        classes=tuple(f"c{label:02d}" for label in range(100)),
    )
    fitted = fit(dataset, "--weights", weights)
    inputs = features[split(dataset, seed=0, needs_validation=False).held_out]
    source, exported = fitted.outputs(inputs), run(fitted, inputs)

    assert fitted.classes.nbytes == 2_560_000
    assert clean(fitted.to_onnx(4)).ByteSize() < 3200 * (4 * 4 + 1) + 10_000
    for name in ("label", "neighbor", "neighbor_class"):
        assert np.array_equal(source[name], exported[name]), name
    assert exported["probabilities"] == pytest.approx(source["probabilities"], abs=1e-9)
