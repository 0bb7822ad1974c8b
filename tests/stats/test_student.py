"""Student's quantiles are SciPy's."""

from __future__ import annotations

import pytest
from scipy.stats import t

from stats.student import t_quantile


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 5, 10, 29, 99, 100, 101, 150, 10**6])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_quantiles_equal_scipys(degrees: int, confidence: float) -> None:
    """Quantiles of few and of many degrees of freedom equal SciPy's to 1e-9."""
    expected = t.ppf((1 + confidence) / 2, degrees)
    assert t_quantile(confidence, degrees) == pytest.approx(expected, abs=1e-9)
