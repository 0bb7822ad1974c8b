"""All models are compared in one loss: tests and intervals of pairs that hold together, and who may be the best."""

from __future__ import annotations

import math
from itertools import combinations
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats.binomial import Z
from stats.losses.gaps import Gaps
from stats.simultaneous import (
    CONFIDENCE,
    SEED,
    ErrorDraws,
    draw_mean_errors,
    studentise,
)
from stats.student import t_quantile, t_tail

Floats = NDArray[np.float64]

ALPHA = 0.05
POWER = 0.8
MAX_Z = 40.0
HALVINGS = 50

_normal_quantile = NormalDist().inv_cdf


class LossPair(NamedTuple):
    """A LossPair has two models' places, their gap, its 95 % interval with those of all pairs together, and its own.

    Both intervals and p-values are None, with a reason, where the rows do not allow for them. `p_value_together` is
    adjusted for all pairs.
    """

    first: int
    second: int
    gap: float
    interval: tuple[float, float] | None
    alone: tuple[float, float] | None
    p_value: float | None
    p_value_together: float | None
    reason: str | None


class LossComparison:
    """Holds draws of the errors of all mean losses together, of which all limits follow; they are seeded."""

    def __init__(self, gaps: Gaps) -> None:
        self._gaps = gaps
        self._n_models = gaps.residuals.shape[1]
        spread = draw_mean_errors(gaps.residuals, gaps.groups)
        self._spread = ErrorDraws(
            spread.errors / _draw_scale(len(spread.errors), gaps.degrees)[:, None],
            spread.deviations,
        )
        self._largest = self._find_largest()
        self._z_alone = _find_quantile(gaps.degrees)

    def compare_pairs(self) -> list[LossPair]:
        """Returns every pair once, in the order of the models."""
        places = list(combinations(range(self._n_models), 2))
        z = self._z_alone
        if len(places) > 1:
            z = max(z, float(np.quantile(self._largest, CONFIDENCE)))

        return [self._compare(*each, z=z, n_pairs=len(places)) for each in places]

    def find_best(self) -> list[int]:
        """Returns the models that may be the best: with 95 % confidence the one that truly is so is among them.

        A model is thrown out where another's gap to it has a lower limit over 0; the limits hold for all others at
        once. Multiple comparisons with the best: Hsu, Ann. Stat. 12 (1984) 1136.
        """
        kept = []
        for model in range(self._n_models):
            highest = studentise(self._spread, model).max(axis=1)
            z = float(np.quantile(highest, CONFIDENCE))
            if not any(self._beats(other, model, z) for other in range(self._n_models)):
                kept.append(model)

        return kept

    def find_limit(self, first: int, second: int) -> float | None:
        """Returns the one-sided 95 % limit under a gap, None where it has none."""
        if self._gaps.explain(first, second) is not None:
            return None

        z = _find_quantile(self._gaps.degrees, confidence=1 - 2 * ALPHA)
        return self._gaps.bound(first, second, z)[0]

    def _beats(self, first: int, second: int, z: float) -> bool:
        if first == second or self._gaps.explain(first, second) is not None:
            return False
        return self._gaps.bound(first, second, z)[0] > 0

    def _compare(self, first: int, second: int, *, z: float, n_pairs: int) -> LossPair:
        gaps = self._gaps
        gap = gaps.find_gap(first, second)
        reason = gaps.explain(first, second)
        if reason is not None:
            return LossPair(first, second, gap, None, None, None, None, reason)

        statistic = _find_statistic(gaps, first, second)
        p_value = _find_tail(statistic, gaps.degrees)
        together = p_value
        if n_pairs > 1:
            n_farther = int((self._largest >= statistic).sum())
            together = max(p_value, (1 + n_farther) / (1 + len(self._largest)))

        return LossPair(
            first,
            second,
            gap,
            interval=gaps.bound(first, second, z),
            alone=gaps.bound(first, second, self._z_alone),
            p_value=p_value,
            p_value_together=together,
            reason=None,
        )

    def _find_largest(self) -> Floats:
        """Returns the largest studentised difference of each draw."""
        largest = np.zeros(len(self._spread.errors))
        for model in range(self._n_models):
            apart = np.abs(studentise(self._spread, model)).max(axis=1)
            np.maximum(largest, apart, out=largest)

        return largest


def plan_rows(gap: float, deviation: float) -> int | None:
    """Returns the rows after which a gap between equals of 0 is shown with a power of 0.8, by the normal approximation.

    `deviation` is that of the difference of one row; it is None for equals.
    """
    if gap <= 0:
        return None

    z = _normal_quantile(1 - ALPHA / 2) + _normal_quantile(POWER)
    return max(2, math.ceil((z * deviation / gap) ** 2))


def _name_better(interval: tuple[float, float] | None) -> str:
    """Returns which of a pair is better by the interval of their gap, `a` or `b`, or why neither is."""
    if interval is None:
        return "too few"

    low, high = interval
    if low > 0:
        return "a"
    return "b" if high < 0 else "not shown"


def describe_pair(pair: LossPair, names: list[str]) -> dict[str, Any]:
    """Returns the pair as JSON values; its verdict is `a` or `b`, whichever is better, `not shown`, or `too few`."""
    described: dict[str, Any] = {
        "models": [names[pair.first], names[pair.second]],
        "gain": {"value": pair.gap, "interval": pair.interval, "alone": pair.alone},
        "p_value": pair.p_value,
        "p_value_together": pair.p_value_together,
        "verdict": _name_better(pair.interval),
    }
    if pair.reason is not None:
        described["reason"] = pair.reason

    return described


def _find_statistic(gaps: Gaps, first: int, second: int) -> float:
    """Returns how many deviations a gap's limits reach to 0; 0 where they do whatever the deviations."""
    gap = gaps.find_gap(first, second)
    low, high = 0.0, MAX_Z
    if gap == 0:
        return 0.0

    for _ in range(HALVINGS):
        middle = (low + high) / 2
        lower, upper = gaps.bound(first, second, middle)
        if lower > 0 or upper < 0:
            low = middle
        else:
            high = middle

    return low


def _find_quantile(degrees: int | None, *, confidence: float = CONFIDENCE) -> float:
    if degrees is None:
        return Z if confidence == CONFIDENCE else _normal_quantile((1 + confidence) / 2)
    return t_quantile(confidence, max(1, degrees))


def _find_tail(statistic: float, degrees: int | None) -> float:
    """Returns the two-sided p-value."""
    if degrees is None:
        return math.erfc(statistic / math.sqrt(2))
    return t_tail(statistic, max(1, degrees))


def _draw_scale(n_draws: int, degrees: int | None) -> Floats:
    """Returns what makes normal draws those of Student's multivariate distribution, `(n_draws,)`."""
    if degrees is None or degrees < 1:
        return np.ones(n_draws)

    generator = np.random.default_rng(SEED + 1)
    scale: Floats = np.sqrt(generator.chisquare(degrees, n_draws) / degrees)

    return scale
