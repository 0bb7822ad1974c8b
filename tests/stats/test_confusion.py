"""Figures of each class equal scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
from statsmodels.stats.proportion import proportion_confint

from stats import confusion


@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_figures_of_each_class_equal_scikit_learns(n_classes: int) -> None:
    """Precision, recall, F1 and rows equal scikit-learn's; intervals are statsmodels' Wilson ones."""
    generator = np.random.default_rng(n_classes)
    truth, named = generator.integers(0, n_classes, (2, 300))
    matrix = confusion_matrix(truth, named)
    expected = precision_recall_fscore_support(truth, named)
    found = confusion.per_class(matrix)
    assert [each["precision"]["value"] for each in found] == pytest.approx(
        expected[0], abs=1e-12
    )
    assert [each["recall"]["value"] for each in found] == pytest.approx(
        expected[1], abs=1e-12
    )
    assert [each["f1"] for each in found] == pytest.approx(expected[2], abs=1e-12)
    assert [each["rows"] for each in found] == expected[3].tolist()
    wilson = proportion_confint(matrix[0, 0], matrix[0].sum(), method="wilson")
    assert found[0]["recall"]["interval"] == pytest.approx(wilson, abs=1e-12)


def test_a_class_that_is_nowhere_has_no_figures() -> None:
    """A class that is never true and never predicted has None for each figure."""
    nothing = {"value": None, "interval": None}
    found = confusion.per_class(np.array([[3, 0], [0, 0]]))[1]
    assert found == {"rows": 0, "precision": nothing, "recall": nothing, "f1": None}


def test_the_most_frequent_confusions_come_first() -> None:
    """Confusions are ordered by their rows, and what is never confused is left out."""
    matrix = np.array([[9, 1, 0], [4, 9, 0], [0, 2, 9]])
    assert confusion.most_confused(matrix, most=2) == [(1, 0, 4), (2, 1, 2)]
    assert confusion.most_confused(np.eye(3, dtype=np.int64), most=2) == []
