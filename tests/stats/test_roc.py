"""The ROC curve is scikit-learn's, without the points at which it does not turn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import auc
from sklearn.metrics import roc_curve as oracle

from stats import roc


@pytest.mark.parametrize("decimals", [1, 2, 12])
def test_the_curve_is_scikit_learns(decimals: int) -> None:
    """All points are among the oracle's, with ties or none, and the oracle's lie on the curve."""
    generator = np.random.default_rng(decimals)
    positive = generator.random(200) < 0.4
    scores = np.round(generator.random(200) * 0.7 + 0.3 * positive, decimals)
    false, true, thresholds = roc.roc_curve(scores, positive)
    expected = np.stack(oracle(positive, scores, drop_intermediate=False), axis=1)
    found = np.stack([false, true, thresholds], axis=1)
    assert all(any(np.array_equal(point, each) for each in expected) for point in found)
    assert auc(false, true) == pytest.approx(
        auc(expected[:, 0], expected[:, 1]), abs=1e-9
    )


def test_perfect_and_constant_scores_have_their_curves() -> None:
    """Perfect scores go by the corner, constant ones straight."""
    positive = np.array([True, False, True])
    assert np.array_equal(
        roc.roc_curve(np.array([0.9, 0.1, 0.8]), positive)[:2], [[0, 0, 1], [0, 1, 1]]
    )
    assert np.array_equal(
        roc.roc_curve(np.full(3, 0.5), positive)[:2], [[0, 1], [0, 1]]
    )


def test_a_thinned_curve_keeps_its_ends() -> None:
    """A thinned curve has its first and last point, and no more points than are wanted."""
    line = np.linspace(0, 1, 1000)
    (thinned,) = roc.thin_curve(line, most=50)
    assert (len(thinned), thinned[0], thinned[-1]) == (50, 0, 1)
    assert roc.thin_curve(line, most=1000)[0] is line
