"""A gap is how much less the first of two models loses a row, on the mean: over 0 where the first is the better one.

Each kind of loss has the interval that holds for it: `mean_gaps`, `balanced_gaps` and `cost_gaps`.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stats.groups import Groups

Floats = NDArray[np.float64]


class Gaps(Protocol):
    """Gaps are those of all pairs of models in one loss.

    `residuals` `(n_rows, n_models)` are what each row adds to the error of a model's mean loss. `degrees` are those of
    Student's distribution that the statistic of a pair has, None where it is as good as normal.
    """

    residuals: Floats
    groups: Groups | None
    degrees: int | None

    def find_gap(self, first: int, second: int) -> float:
        """Returns how much less the first model loses."""
        ...

    def bound(self, first: int, second: int, z: float) -> tuple[float, float]:
        """Returns the limits of a gap that is as many deviations away as `z` says."""
        ...

    def explain(self, first: int, second: int, /) -> str | None:
        """Returns why a gap has no interval, None where it has one."""
        ...
