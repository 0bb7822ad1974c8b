"""A skewed sample's mean has a skewed error, which Hall's transformation straightens."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MIN_STEP = 1e-9
"""A smaller skewness over the root of the number of rows changes nothing."""


def find_skewness(sums: Floats) -> float:
    """Returns the skewness of independent sums, 0 where they are all equal; as `scipy.stats.skew`."""
    centred = sums - sums.mean()
    variance = float((centred**2).mean())
    third_moment = float((centred**3).mean())

    return third_moment / variance**1.5 if variance > 0 else 0.0


def correct_for_skewness(z: float, step: float) -> float:
    """Returns the studentised error of a mean that Hall's transformation takes to z (J. R. Stat. Soc. B 54, 1992, 221).

    Of n independent sums with a skewness of `step` times the root of n it takes t to
    t + step t^2 / 3 + step^2 t^3 / 27 + step / 6.
    """
    if abs(step) < MIN_STEP:
        return z

    root = math.cbrt(1 + step * (z - step / 6))

    return 3 / step * (root - 1)
