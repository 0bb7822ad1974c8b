"""Student's quantiles and tails are SciPy's."""

from __future__ import annotations

import pytest
from scipy.stats import t as student

from stats.student import t_quantile, t_tail


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 5, 10, 29, 99, 100, 101, 150, 10**6])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_quantiles_equal_scipys(degrees: int, confidence: float) -> None:
    """Quantiles of few and of many degrees of freedom equal SciPy's to 1e-9."""
    expected = student.ppf((1 + confidence) / 2, degrees)
    assert t_quantile(confidence, degrees) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("degrees", [1, 2, 5, 30, 100, 101, 400])
def test_the_tail_of_students_distribution_is_that_of_scipy(degrees: int) -> None:
    """Tails agree to 1e-12 up to 100 degrees, and to 1e-5 where a transformed t is taken for normal."""
    for t in (0.0, 0.5, 1.96, 3.0, 6.0):
        expected = 2 * student.sf(t, degrees)
        near = 1e-12 if degrees <= 100 else 1e-5
        assert t_tail(t, degrees) == pytest.approx(expected, abs=near)
