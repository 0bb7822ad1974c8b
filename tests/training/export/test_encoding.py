"""Gaps are filled and categories spread the same way in numpy and in the graph."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from training.data.datasets import Dataset, split
from training.export.encoding import Encoding
from training.graph import GraphBuilder, clean
from training.learning.family import TrainingError


@pytest.fixture
def dataset(generator: np.random.Generator) -> Dataset:
    """Returns a number with gaps, a category with gaps, a number without, a category without."""
    n_rows = 200
    features = np.column_stack(
        [
            generator.normal(size=n_rows),
            generator.integers(0, 3, size=n_rows),
            generator.normal(size=n_rows),
            generator.integers(0, 2, size=n_rows),
        ]
    ).astype(np.float32)
    features[:, :2][generator.random((n_rows, 2)) < 0.2] = np.nan

    return Dataset(
        task="mixed",
        summary="mixed",
        source="made by the tests",
        features=features,
        target=generator.integers(0, 2, size=n_rows),
        feature_names=("size", "colour", "weight", "wet"),
        classes=("no", "yes"),
        values=(None, ("red", "green", "blue"), None, ("false", "true")),
    )


def test_it_is_scikit_learns(dataset: Dataset) -> None:
    """The encoding is scikit-learn's: median and most frequent from the training rows alone, then one-hot columns."""
    rows = split(dataset, seed=0)
    train = dataset.features[rows.train]
    categories = make_pipeline(
        SimpleImputer(strategy="most_frequent"),
        OneHotEncoder(categories=[np.arange(3), np.arange(2)], sparse_output=False),
    )
    oracle = ColumnTransformer(
        [("n", SimpleImputer(strategy="median"), [0, 2]), ("c", categories, [1, 3])]
    )
    expected = oracle.fit(train).transform(dataset.features)
    encoded = Encoding(dataset, rows).encode(dataset.features)

    assert np.array_equal(
        encoded[:, [0, 4, 1, 2, 3, 5, 6]], expected.astype(np.float32)
    )


def test_the_graph_does_the_same(dataset: Dataset) -> None:
    """The graph encodes as numpy does, bit for bit."""
    encoding = Encoding(dataset, split(dataset, seed=0))
    builder = GraphBuilder()
    builder.add("Identity", "features", name="encoded")
    model = builder.model(7, {"encoded": (TensorProto.FLOAT, (7,))})
    encoding.prepend(model, n_features=4)
    session = onnxruntime.InferenceSession(
        clean(model).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (encoded,) = session.run(None, {"features": dataset.features})

    assert np.array_equal(encoded, encoding.encode(dataset.features))


def test_the_encoded_columns_have_names(dataset: Dataset) -> None:
    """The encoded columns have names, with which a tree can be drawn."""
    encoded = Encoding(dataset, split(dataset, seed=0)).apply(dataset)
    assert encoded.feature_names == (
        "size",
        "colour=red",
        "colour=green",
        "colour=blue",
        "weight",
        "wet=false",
        "wet=true",
    )


def test_what_was_filled_is_told(dataset: Dataset) -> None:
    """The encoding tells what it fills, and None where no value is missing."""
    encoding = Encoding(dataset, split(dataset, seed=0))
    assert [fill is None for fill in encoding.fill] == [False, False, True, True]


def test_plain_numbers_need_no_encoding(dataset: Dataset) -> None:
    """Plain numbers need no encoding, and their graph stays as it is."""
    from training.data.datasets import load

    wine = load("wine")
    encoding = Encoding(wine, split(wine, seed=0))
    assert not encoding.is_needed
    assert encoding.apply(wine) is wine


def test_a_column_without_a_training_value_is_refused(dataset: Dataset) -> None:
    """A column without a training value is refused, because there is nothing to fill its gaps with."""
    rows = split(dataset, seed=0)
    features = dataset.features.copy()
    features[rows.train, 0] = np.nan

    with pytest.raises(
        TrainingError, match="no training row has a value in 'size': --exclude size"
    ):
        Encoding(replace(dataset, features=features), rows)
