"""Tests of the export share a data set whose classes are far apart."""

from __future__ import annotations

import numpy as np
import pytest

from training.data.datasets import Dataset


@pytest.fixture
def far_apart(generator: np.random.Generator) -> Dataset:
    """Returns 300 rows of two classes far apart, with 6 of them on the wrong side."""
    target = np.repeat(np.arange(2), 150)
    side = target.copy()
    side[[0, 1, 2, 150, 151, 152]] ^= 1
    features = generator.normal(size=(300, 3)) + 40 * side[:, None]
    return Dataset(
        task="far",
        summary="far apart",
        source="generated",
        features=features.astype(np.float32),
        target=target.astype(np.int64),
        feature_names=("a", "b", "c"),
        classes=("no", "yes"),
    )
