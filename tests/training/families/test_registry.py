"""The table of families names each one's place, and imports it where it is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.documents import ROOT
from training.families import (
    autoencoder,
    cnn,
    decision_tree,
    gan,
    gradient_boosting,
    kmeans,
    knn,
    linear,
    logistic,
    mlp,
    naive_bayes,
    pca,
    perceptron,
    random_forest,
)
from training.families.registry import FAMILIES, IMAGE_FAMILIES
from training.images.classifier import CNN, LOGISTIC, MLP
from training.images.faces import FACES
from training.learning.family import Family
from training.transfer.pretrained import PRETRAINED

OF_ROWS: dict[str, Family] = {
    "linear": linear,
    "logistic": logistic,
    "perceptron": perceptron,
    "mlp": mlp,
    "cnn": cnn,
    "naive_bayes": naive_bayes,
    "knn": knn,
    "decision_tree": decision_tree,
    "random_forest": random_forest,
    "gradient_boosting": gradient_boosting,
    "kmeans": kmeans,
    "pca": pca,
    "autoencoder": autoencoder,
    "gan": gan,
}
OF_IMAGES: dict[str, Family] = {
    "logistic": LOGISTIC,
    "mlp": MLP,
    "cnn": CNN,
    "pretrained": PRETRAINED,
    "faces": FACES,
}
"""The type checker sees here that each of them offers what a family does."""


def test_a_name_leads_to_its_family() -> None:
    """The tables of families lead each name to its module, or to the object of it that is a family, in their order."""
    assert list(FAMILIES.items()) == list(OF_ROWS.items())
    assert list(IMAGE_FAMILIES.items()) == list(OF_IMAGES.items())


def test_every_module_of_a_family_is_in_the_table() -> None:
    """Each module of `training/families` but the table itself is a family of the table."""
    modules = {path.stem for path in Path(ROOT / "training/families").glob("[a-z]*.py")}
    assert modules - {"registry"} == set(FAMILIES)


def test_a_name_that_is_none_is_not_found() -> None:
    """A name that no family has is not in the table, and asking for it raises KeyError."""
    assert "cubes" not in FAMILIES
    with pytest.raises(KeyError, match="cubes"):
        FAMILIES["cubes"]


def test_the_modules_are_named_once() -> None:
    """Three families of images lie in one module, which is named once."""
    assert IMAGE_FAMILIES.module_names() == [
        "training.images.classifier",
        "training.transfer.pretrained",
        "training.images.faces",
    ]
