"""Critical values of a statistic that is looked at again and again are those of simulated paths."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import chi2

from stats.chi_square import path_quantile

N_STEPS = 1_000
N_PATHS = 2_000
ALPHA = 0.05


@pytest.mark.parametrize("degrees", [1, 9, 150])
def test_without_growth_it_is_the_quantile_of_one_statistic(degrees: int) -> None:
    """One look has scipy's quantile, beyond 100 degrees of freedom within 0.1 %."""
    assert path_quantile(ALPHA, degrees, 0.0) == pytest.approx(
        chi2.isf(ALPHA, degrees), rel=1e-9 if degrees < 100 else 1e-3
    )


@pytest.mark.parametrize("degrees", [1, 9])
@pytest.mark.parametrize("growth", [0.1, 1.0, 4.0])
def test_paths_are_above_as_often_as_is_said(degrees: int, growth: float) -> None:
    """The limit is ever passed by at most 5 %, and nearly 5 %, of 2,000 paths of a squared Brownian motion."""
    generator = np.random.default_rng(degrees)
    critical = path_quantile(ALPHA, degrees, growth)
    step = growth / N_STEPS
    keep = math.exp(-step / 2)
    noise = math.sqrt(1 - keep**2)
    place = generator.normal(size=(N_PATHS, degrees))
    highest = (place**2).sum(axis=1)
    for _ in range(N_STEPS):
        place = keep * place + noise * generator.normal(size=place.shape)
        np.maximum(highest, (place**2).sum(axis=1), out=highest)

    error = 3 * math.sqrt(ALPHA * (1 - ALPHA) / N_PATHS)
    assert 0.75 * ALPHA - error <= (highest > critical).mean() <= ALPHA + error


@pytest.mark.parametrize("degrees", [2, 50, 101, 200])
def test_a_longer_stretch_asks_for_more(degrees: int) -> None:
    """The value grows with the stretch, also beyond 100 degrees of freedom, and all the more for a smaller level."""
    found = [path_quantile(1e-4, degrees, growth) for growth in (0.0, 0.1, 1.0, 5.0)]
    assert found == sorted(set(found))
    assert path_quantile(1e-6, degrees, 1.0) > found[2]
