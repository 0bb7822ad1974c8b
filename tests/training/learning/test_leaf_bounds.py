"""Trees of many rows or classes fit into a file, learn as well as they can there, and are exported exactly."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from training.arguments.parser import build_parser
from training.data.datasets import Dataset, Split, split
from training.families import decision_tree, random_forest
from training.graph import clean, run
from training.learning import leaf_bounds
from training.learning.leaf_bounds import (
    MAX_BYTES,
    MAX_WHOLE_ROWS,
    FittedTrees,
    bound_leaves,
    count_bytes,
    fit_within_room,
)

FAMILIES = {"decision_tree": decision_tree, "random_forest": random_forest}


def make_noise(
    generator: np.random.Generator, *, n_rows: int, n_classes: int
) -> Dataset:
    """Returns a data set whose target has nothing to do with its features; without classes it has numbers."""
    target = (
        generator.integers(n_classes, size=n_rows)
        if n_classes
        else generator.normal(size=n_rows).astype(np.float32)
    )
    return make_dataset(
        generator.normal(size=(n_rows, 4)).astype(np.float32), target, n_classes
    )


def make_clusters(
    generator: np.random.Generator, *, n_rows: int, n_classes: int
) -> Dataset:
    """Returns a data set in which each class has its own place, from which its rows are drawn."""
    places = generator.normal(size=(n_classes, 6)) * 2.0
    target = generator.permutation(np.arange(n_rows) % n_classes)
    features = places[target] + generator.normal(size=(n_rows, 6))
    return make_dataset(features.astype(np.float32), target, n_classes)


def make_dataset(features: np.ndarray, target: np.ndarray, n_classes: int) -> Dataset:
    return Dataset(
        task="made",
        summary="",
        source="",
        features=features,
        target=target,
        feature_names=tuple(map(str, range(features.shape[1]))),
        classes=tuple(f"c{label:03d}" for label in range(n_classes)),
    )


def fit(name: str, dataset: Dataset, *words: str) -> tuple[FittedTrees, Split]:
    rows = split(dataset, seed=0, needs_validation=False)
    options = build_parser().parse_args([name, "--task", "made", *words])
    return FAMILIES[name].fit(dataset, rows, options, lambda _: None), rows


def export(fitted: FittedTrees, dataset: Dataset) -> bytes:
    content: bytes = clean(
        fitted.to_onnx(dataset.features.shape[1])
    ).SerializeToString()
    return content


def test_the_leaves_of_a_forest_are_bounded_by_its_bytes(
    generator: np.random.Generator,
) -> None:
    """A forest on many noisy rows has at most the leaves that 10 MB have room for."""
    dataset = make_noise(generator, n_rows=6000, n_classes=2)
    fitted, rows = fit("random_forest", dataset, "--trees", "20")
    most = bound_leaves(len(rows.train), n_trees=20, n_classes=2)
    leaves = [tree.get_n_leaves() for tree in fitted.estimator.estimators_]

    assert most is not None
    assert max(leaves) <= most
    content = export(fitted, dataset)
    assert len(content) / sum(leaves) * most * 20 < 1.1 * MAX_BYTES
    assert bound_leaves(MAX_WHOLE_ROWS, n_trees=20, n_classes=2) is None


@pytest.mark.parametrize("n_classes", [0, 2, 5])
def test_the_leaves_of_a_tree_are_bounded_by_its_bytes(
    generator: np.random.Generator, monkeypatch: pytest.MonkeyPatch, n_classes: int
) -> None:
    """A tree on many noisy rows fills its file's room, and no more, which the summary says."""
    monkeypatch.setattr(leaf_bounds, "MAX_BYTES", 300_000)
    dataset = make_noise(generator, n_rows=12_000, n_classes=n_classes)
    fitted, rows = fit("decision_tree", dataset)
    most = bound_leaves(len(rows.train), n_trees=1, n_classes=n_classes)

    assert fitted.estimator.get_n_leaves() == most
    assert len(export(fitted, dataset)) < 1.1 * 300_000
    assert fitted.summary_note == (
        f", of {most:,} leaves in all, for which its file has room"
    )


def test_a_tree_of_a_million_rows_is_bounded_and_one_of_few_is_not() -> None:
    """A limit is met only where the rows are more than the leaves that a file of 10 MB has room for."""
    assert bound_leaves(1_000_000, n_trees=1, n_classes=3) == 69_930
    assert bound_leaves(1_000_000, n_trees=1, n_classes=0) == 105_263
    assert bound_leaves(69_930, n_trees=1, n_classes=3) is None
    assert bound_leaves(69_931, n_trees=1, n_classes=3) == 69_930


def test_a_bounded_tree_is_better_on_noisy_rows(
    generator: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The leaves that tell most are grown, so that less of the noise is learnt."""
    x = generator.normal(size=(12_000, 3)).astype(np.float32)
    target = (x[:, 0] + x[:, 1] + generator.logistic(size=12_000) > 0).astype(np.int64)
    dataset = make_dataset(x, target, 2)
    whole, rows = fit("decision_tree", dataset)
    monkeypatch.setattr(leaf_bounds, "MAX_BYTES", 60_000)
    bounded, _ = fit("decision_tree", dataset)
    right = [
        (each.outputs(x[rows.held_out])["label"] == target[rows.held_out]).mean()
        for each in (whole, bounded)
    ]

    assert whole.summary_note == ""
    assert right[1] > right[0] + 0.02


def test_what_is_asked_for_holds_within_the_bound(
    generator: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bounded tree is as shallow, and its leaves are as large, as the options say; then it may need no bound."""
    monkeypatch.setattr(leaf_bounds, "MAX_BYTES", 100_000)
    dataset = make_noise(generator, n_rows=6000, n_classes=2)
    shallow, _ = fit("decision_tree", dataset, "--max-depth", "4")
    large, _ = fit("decision_tree", dataset, "--min-leaf", "50")
    tree = large.estimator.tree_

    assert shallow.estimator.get_depth() == 4
    assert shallow.summary_note == large.summary_note == ""
    assert tree.n_node_samples[tree.children_left < 0].min() >= 50


@pytest.mark.parametrize("name", ["decision_tree", "random_forest"])
def test_leaves_of_many_classes_name_those_of_their_own_rows(
    generator: np.random.Generator, name: str
) -> None:
    """The file of a hundred classes has no share of 0, is far smaller for it, and says what its source says."""
    dataset = make_clusters(generator, n_rows=4000, n_classes=100)
    words = ["--trees", "5"] if name == "random_forest" else []
    fitted, rows = fit(name, dataset, *words)
    model = fitted.to_onnx(6)
    (node,) = (each for each in model.graph.node if each.op_type.startswith("TreeEns"))
    shares = next(each for each in node.attribute if each.name == "class_weights")
    n_leaves = sum(tree.n_leaves for tree in leaf_bounds.find_trees(fitted.estimator))
    inputs = dataset.features[rows.held_out]
    found = run(clean(model).SerializeToString(), inputs)
    source = fitted.outputs(inputs)

    assert min(shares.floats) > 0
    assert len(shares.floats) < 2 * n_leaves
    assert found["probabilities"] == pytest.approx(source["probabilities"], abs=1e-6)
    assert (found["label"] == source["label"]).mean() > 0.99


def test_a_forest_of_many_classes_has_the_leaves_that_it_needs(
    generator: np.random.Generator,
) -> None:
    """A hundred classes of many rows are told apart: a leaf costs by the classes that it names."""
    dataset = make_clusters(generator, n_rows=8000, n_classes=100)
    fitted, rows = fit("random_forest", dataset, "--trees", "40")
    said = fitted.outputs(dataset.features[rows.held_out])["label"]
    leaves = [tree.n_leaves for tree in leaf_bounds.find_trees(fitted.estimator)]

    assert max(leaves) > 2 * leaf_bounds.count_affordable(n_trees=40, n_classes=100)
    assert count_bytes(fitted.estimator, n_classes=100) < 1.2 * MAX_BYTES
    assert (said == dataset.target[rows.held_out]).mean() > 0.6


def test_few_rows_of_many_classes_are_bounded_too(
    generator: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A forest of 1,600 rows grows whole, and is grown again within its file's room where that is too large."""
    monkeypatch.setattr(leaf_bounds, "MAX_BYTES", 1_000_000)
    for n_classes in (0, 12, 40):
        dataset = make_noise(generator, n_rows=2000, n_classes=n_classes)
        fitted, _ = fit("random_forest", dataset, "--trees", "20")

        assert "leaves a tree" in fitted.summary_note
        assert len(export(fitted, dataset)) < 1.2 * 1_000_000


def test_a_beginning_of_a_bounded_tree_is_the_tree_of_fewer_leaves(
    generator: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The leaves that a tree of many classes may have are found from one larger tree, to the byte that is allowed."""
    dataset = make_noise(generator, n_rows=3000, n_classes=30)
    monkeypatch.setattr(leaf_bounds, "MAX_BYTES", 100_000)
    x, y = dataset.features, dataset.target

    def grow(max_leaf_nodes: int | None) -> DecisionTreeClassifier:
        return DecisionTreeClassifier(max_leaf_nodes=max_leaf_nodes, random_state=0)

    fitted = fit_within_room(grow, x, y, n_classes=30, n_trees=1, votes=None)
    most = fitted.estimator.get_n_leaves()
    larger = grow(most + 1).fit(x, y)

    assert count_bytes(fitted.estimator, n_classes=30) <= 100_000
    assert count_bytes(larger, n_classes=30) > 100_000
