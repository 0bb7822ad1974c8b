"""Data sets are typed arrays with a fingerprint, split the same way by the same seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.data.datasets import DATASETS, load, split


@pytest.mark.parametrize(
    ("task", "shape", "n_classes"),
    [
        ("points", (400, 2), 2),
        ("breast_cancer", (569, 30), 2),
        ("wine", (178, 13), 3),
        ("digits", (1797, 64), 10),
    ],
)
def test_a_dataset_has_the_shape_that_is_known_of_it(
    task: str, shape: tuple[int, int], n_classes: int
) -> None:
    """A data set has the known rows, features and classes, and every class occurs."""
    dataset = load(task)
    assert dataset.features.shape == shape
    assert dataset.features.dtype == np.float32
    assert np.array_equal(np.unique(dataset.target), np.arange(n_classes))
    assert len(dataset.classes) == n_classes


def test_the_fingerprint_is_of_the_data(generator: np.random.Generator) -> None:
    """Equal data have equal fingerprints; one value, one name or one label less changes it."""
    wine = load("wine")
    assert wine.fingerprint == load("wine").fingerprint
    features = wine.features.copy()
    features[0, 0] += 1
    target = wine.target.copy()
    target[0] = 2
    changed = [
        replace(wine, features=features),
        replace(wine, target=target),
        replace(wine, classes=("a", "b", "c")),
        replace(wine, feature_names=tuple(f"f{column}" for column in range(13))),
    ]
    assert len({wine.fingerprint, *(each.fingerprint for each in changed)}) == 5


@pytest.mark.parametrize("task", sorted(DATASETS))
def test_a_split_uses_every_row_once_and_keeps_the_shares(task: str) -> None:
    """Each part of a split has the classes in the shares of the whole, within a row or two."""
    dataset = load(task)
    parts = split(dataset, seed=0)
    numbers = np.concatenate([parts.train, parts.validation, parts.held_out])
    assert np.array_equal(np.sort(numbers), np.arange(len(dataset.target)))
    assert len(parts.held_out) == pytest.approx(0.2 * len(dataset.target), abs=1)
    if not dataset.classes:
        return

    whole = np.bincount(dataset.target) / len(dataset.target)
    for part in (parts.train, parts.validation, parts.held_out):
        shares = np.bincount(dataset.target[part]) / len(part)
        assert np.abs(shares - whole).max() <= 2 / len(part)


def test_the_seed_decides_the_split() -> None:
    """A seed gives one split, and another seed another."""
    dataset = load("points")
    assert np.array_equal(
        split(dataset, seed=1).held_out, split(dataset, seed=1).held_out
    )
    assert not np.array_equal(
        split(dataset, seed=1).held_out, split(dataset, seed=2).held_out
    )


def test_breast_cancer_holds_out_114_rows() -> None:
    """The split of breast_cancer has the figure that the documentation states."""
    assert split(load("breast_cancer"), seed=0).counts == {
        "train": 364,
        "validation": 91,
        "held_out": 114,
    }
