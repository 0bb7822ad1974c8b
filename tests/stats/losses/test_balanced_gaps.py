"""Gaps in balanced accuracy are joined from those of the classes."""

from __future__ import annotations

import numpy as np
import pytest

from stats.losses.balanced_gaps import BalancedGaps
from stats.paired_differences import Pair, difference_interval


def test_balanced_accuracy_of_one_class_is_compared_as_newcombe_does() -> None:
    """The limits of rows of one class alone are those of accuracy."""
    generator = np.random.default_rng(2)
    hits = generator.random((70, 2)) < (0.9, 0.8)
    gaps = BalancedGaps(hits, np.zeros(70, np.int64), None)
    pair = Pair.of(hits[:, 0], hits[:, 1])

    assert gaps.find_gap(0, 1) == pytest.approx(pair.difference)
    assert gaps.bound(0, 1, 1.96) == pytest.approx(difference_interval(pair, z=1.96))
