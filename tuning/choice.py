"""The figures show a front, and whether any candidate is better than the default beyond noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loadtest.search import MIN_RATE, TOLERANCE
from stats.repeated_runs import Ratio, compare_means
from tuning.candidates import Candidate
from tuning.halving import HalvingResult
from tuning.measurement import Figures

RATE = "rate"
MEMORY = "memory"
GOALS = (RATE, MEMORY)
ALPHA = 0.05
NO_RATE_MIB = 1e9
"""What kept no rate counts as if it took so much more memory than any process can."""
MIN_ROUNDS = 3
"""Of fewer rounds nothing is shown."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """These are the settings to take; `ratio` says how much better than the default, None without a comparison."""

    candidate: Candidate
    is_default: bool
    ratio: Ratio | None
    why: str


@dataclass(frozen=True, kw_only=True)
class Summary:
    """These are the means of a candidate over its rounds; its rate is None where a round kept none."""

    candidate: Candidate
    rate: float | None
    low_rate: float | None
    high_rate: float | None
    p99_ms: float
    memory_mib: float
    n_rounds: int


def score(goal: str, figures: Sequence[Figures]) -> float:
    """Returns how good the figures are for a goal, the larger the better; what kept no rate is last."""
    if goal == MEMORY:
        keeps = all(each.rate is not None for each in figures)
        penalty = 0.0 if keeps else NO_RATE_MIB
        return -_mean([each.memory_mib for each in figures]) - penalty

    return _mean([each.rate or MIN_RATE for each in figures])


def summarise(candidate: Candidate, figures: Sequence[Figures]) -> Summary:
    """Returns the geometric means of the figures."""
    rates = [each.rate for each in figures if each.rate is not None]
    is_kept = len(rates) == len(figures)

    return Summary(
        candidate=candidate,
        rate=_mean(rates) if is_kept else None,
        low_rate=min(rates) if is_kept else None,
        high_rate=max(rates) if is_kept else None,
        p99_ms=_mean([each.p99_ms for each in figures]),
        memory_mib=_mean([each.memory_mib for each in figures]),
        n_rounds=len(figures),
    )


def find_front(summaries: Sequence[Summary]) -> list[Summary]:
    """Returns those that none beats in rate, latency and memory at once (Pareto); of what keeps no rate, none."""
    kept = [each for each in summaries if each.rate is not None]
    return [each for each in kept if not any(_beats(other, each) for other in kept)]


def _beats(first: Summary, second: Summary) -> bool:
    mine, theirs = (
        (-(each.rate or 0.0), each.p99_ms, each.memory_mib) for each in (first, second)
    )
    return mine != theirs and all(a <= b for a, b in zip(mine, theirs, strict=True))


def choose(goal: str, found: HalvingResult, default: Candidate) -> Choice:
    """Returns the best of the finalists where it is shown to be better than the default, else the default.

    Rounds are compared pair by pair, by a bootstrap whose confidence makes up for the number of rivals; a difference
    below the step of a search is none.
    """
    rivals = [each for each in found.finals if each != default]
    n_rounds = len(found.finals.get(default, ()))
    if not rivals or n_rounds < MIN_ROUNDS:
        why = f"{n_rounds} whole rounds were measured in the end; {MIN_ROUNDS} are needed to show anything"
        if not rivals and n_rounds:
            why = "there is nothing else to compare it with"
        return Choice(candidate=default, is_default=True, ratio=None, why=why)

    best = max(rivals, key=lambda each: score(goal, found.finals[each]))
    return _compare(goal, found, default, best, n_rivals=len(rivals))


def _compare(
    goal: str,
    found: HalvingResult,
    default: Candidate,
    best: Candidate,
    *,
    n_rivals: int,
) -> Choice:
    ours, theirs = found.finals[best], found.finals[default]
    ratio = _compare_rounds(goal, ours, theirs, n_rivals=n_rivals)
    keeps = all(each.rate is not None for each in ours)
    if not keeps:
        why = "the best of the others did not keep the objectives in every round"
    elif goal == MEMORY and not all(each.rate is not None for each in theirs):
        why = "the default did not keep the objectives in every round, and this did"
        return Choice(candidate=best, is_default=False, ratio=ratio, why=why)
    elif ratio.low > 1 and ratio.value > TOLERANCE:
        why = "shown to be better than the default"
        return Choice(candidate=best, is_default=False, ratio=ratio, why=why)
    else:
        why = "the difference is within noise"

    return Choice(candidate=default, is_default=True, ratio=ratio, why=why)


def _compare_rounds(
    goal: str, ours: Sequence[Figures], theirs: Sequence[Figures], *, n_rivals: int
) -> Ratio:
    """Returns how many times better ours are, from the ratio of each round."""
    if goal == MEMORY:
        ratios = [
            b.memory_mib / a.memory_mib for a, b in zip(ours, theirs, strict=True)
        ]
    else:
        ratios = [
            (a.rate or MIN_RATE) / (b.rate or MIN_RATE)
            for a, b in zip(ours, theirs, strict=True)
        ]

    return compare_means(
        np.ones(len(ratios)), np.array(ratios), confidence=1 - ALPHA / n_rivals
    )


def _mean(values: Sequence[float]) -> float:
    """Returns the geometric mean, infinite where one is."""
    return float(np.exp(np.log(np.array(values)).mean()))
