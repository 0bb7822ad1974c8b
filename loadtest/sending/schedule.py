"""This module plans when requests are due: at a fixed or rising rate, evenly or at random.

Every schedule is an array of seconds from the start, in order. A schedule at random has as many requests as an even
one: given their number, the arrivals of a Poisson process are uniform (Kingman, Poisson Processes, 1993, section 2.4),
so that short runs keep the rate that was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.errors import LoadTestError

Floats = NDArray[np.float64]

POISSON = "poisson"
CONSTANT = "constant"
ARRIVALS = (POISSON, CONSTANT)
MAX_REQUESTS = 50_000_000
"""Each is kept in memory, with when it was due and what came of it."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """These are requests a second at the start and at the end of a run; between them the rate rises along a line."""

    start: float
    end: float

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Reads `200` or `100:1000`; raises ValueError for what is neither."""
        start, colon, end = text.partition(":")
        rate = cls(start=float(start), end=float(end) if colon else float(start))
        if not (0 <= rate.start < np.inf and 0 < rate.end < np.inf):
            raise ValueError(text)

        return rate

    @property
    def mean(self) -> float:
        return (self.start + self.end) / 2

    def __str__(self) -> str:
        if self.start == self.end:
            return f"{self.start:,.10g}/s"
        return f"{self.start:,.10g} to {self.end:,.10g}/s"


def plan_arrivals(
    rate: Rate, *, duration_s: float, arrivals: str, seed: int | None = 0
) -> Floats:
    """Returns when `rate * duration_s` requests are due; raises LoadTestError for more than memory is there for."""
    if rate.mean * duration_s > MAX_REQUESTS:
        raise LoadTestError(
            f"--rate: expected at most {MAX_REQUESTS:,} requests in all, got {rate} for {duration_s:,.10g} s"
        )

    n_requests = max(1, round(rate.mean * duration_s))
    if arrivals == POISSON:
        shares = np.sort(np.random.default_rng(seed).random(n_requests))
    else:
        shares = np.arange(n_requests) / n_requests

    return duration_s * _invert_ramp(shares, rate)


def _invert_ramp(shares: Floats, rate: Rate) -> Floats:
    """Returns the time, as a share of the run, by which so large a share of the requests has been due."""
    slope = rate.end - rate.start
    if slope == 0:
        return shares

    # start * t + slope * t^2 / 2 = share * mean, of which this is the root without cancellation
    wanted = shares * rate.mean
    root = np.sqrt(rate.start**2 + 2 * slope * wanted)
    times: Floats = 2 * wanted / np.maximum(rate.start + root, np.finfo(float).tiny)

    return times
