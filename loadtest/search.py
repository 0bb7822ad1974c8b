"""This module searches the highest rate at which a target keeps its objectives, by trial runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import sqrt
from typing import Any

import numpy as np

from loadtest import validity
from loadtest.objectives import Objective
from loadtest.run import Load, Run
from loadtest.sending.pacing import ClosedLoop
from loadtest.sending.samples import Samples
from loadtest.sending.schedule import Rate
from loadtest.targets.target import Target
from stats.repeated_runs import median_confidence

MAX_RATE = 1_000_000.0
MIN_RATE = 0.5
GROWTH = 1.5
TOLERANCE = 1.05
"""The search ends where the lowest rate that fails is by so much above the highest that holds."""
NEAR = 1.25
"""A further repeat begins so near the rate that was found."""
MIN_KEPT_SHARE = 0.95
"""A rate is kept where so large a share of it was answered while it lasted."""
MAX_TRIES = 3
"""A trial whose generator was the bottleneck is tried again, as the machine may have been busy with something else."""
PROBE_CALLERS = 8
PROBE_S = 1.0

Measure = Callable[[float], Run]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A Trial is a run at one rate; `fault` is why it says nothing of the server."""

    rate: float
    holds: bool
    seen: dict[str, float | None]
    fault: str | None = None


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """A SearchResult has the highest rates that held, of each repeat one or none, all trials, and what ended it."""

    rates: list[float]
    trials: list[Trial]
    why: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float | None:
        """Returns the median over repeats."""
        ordered = sorted(self.rates)
        if not ordered:
            return None

        lower = ordered[(len(ordered) - 1) // 2]
        upper = ordered[len(ordered) // 2]

        return (lower + upper) / 2

    def describe(self) -> dict[str, Any]:
        """Returns the finding as the result has it."""
        return {
            "rate": self.rate,
            "interval": [min(self.rates), max(self.rates)] if self.rates else None,
            "confidence": median_confidence(len(self.rates)),
            "rates": self.rates,
            "why": self.why,
            "trials": [
                {
                    "rate": each.rate,
                    "holds": each.holds,
                    "seen": each.seen,
                    **({"fault": each.fault} if each.fault else {}),
                }
                for each in self.trials
            ],
        }


def search(
    measure: Measure,
    objectives: Sequence[Objective],
    *,
    start_rate: float,
    repeats: int,
    on_trial: Callable[[Trial], None],
) -> SearchResult:
    """Raises the rate until it fails, then halves the gap; further repeats begin near what the first one found."""
    trials = list[Trial]()
    rates = list[float]()
    why = list[str]()

    def try_rate(rate: float) -> bool:
        for _ in range(MAX_TRIES):
            trial = judge(measure(rate).samples, rate, objectives)
            trials.append(trial)
            on_trial(trial)
            if trial.fault is None:
                return trial.holds

        why.append(f"at {rate:,.1f}/s {trial.fault}")
        return False

    start, growth = start_rate, GROWTH
    for _ in range(repeats):
        found = _search_once(try_rate, start, growth)
        if found is not None:
            rates.append(found)
            start, growth = found, NEAR

    return SearchResult(rates=rates, trials=trials, why=why)


def _search_once(
    try_rate: Callable[[float], bool], start: float, growth: float
) -> float | None:
    """Returns the highest rate that held, None where even the lowest failed."""
    low, high = _bracket(try_rate, start, growth)
    if low is None:
        return None

    while high / low > TOLERANCE:
        middle = sqrt(low * high)
        if try_rate(middle):
            low = middle
        else:
            high = middle

    return low


def _bracket(
    try_rate: Callable[[float], bool], start: float, growth: float
) -> tuple[float | None, float]:
    """Returns a rate that holds, and a higher one that fails."""
    rate = start
    if try_rate(rate):
        while rate < MAX_RATE:
            if not try_rate(rate * growth):
                return rate, rate * growth
            rate *= growth
        return rate, rate

    while rate / growth >= MIN_RATE:
        if try_rate(rate / growth):
            return rate / growth, rate
        rate /= growth

    return None, rate


def judge(samples: Samples, rate: float, objectives: Sequence[Objective]) -> Trial:
    """Says whether a rate is kept: every objective holds and no queue grew.

    A generator that was too busy makes a server look slower, never faster: it makes void only what does not hold.
    """
    generator = validity.describe_generator(samples)
    holds = all(each.holds(samples) for each in objectives) and kept_up(samples)
    faults = [] if holds else validity.judge_generator(samples, generator)
    seen = {each.text: _finite(each.observe(samples)) for each in objectives}

    return Trial(rate=rate, holds=holds, seen=seen, fault=faults[0] if faults else None)


def kept_up(samples: Samples) -> bool:
    """Says whether nearly all requests had ended when the last one was due, so that no queue grew."""
    ends_s = samples.due_s + samples.latency_s
    n_ended = int((ends_s <= samples.duration_s).sum())
    n_under_way = np.quantile(samples.latency_s, 0.1) * samples.rate  # as always

    return bool(n_ended + n_under_way >= MIN_KEPT_SHARE * len(samples.due_s))


def _finite(value: float) -> float | None:
    return value if value < float("inf") else None


def find_start_rate(target: Target, load: Load) -> float:
    """Returns half of what a few callers get answered in a second, where the search begins."""
    pacing = ClosedLoop(concurrency=PROBE_CALLERS, duration_s=PROBE_S)
    target.send(pacing, timeout_s=load.timeout_s, on_progress=None)  # warms up
    samples = target.send(pacing, timeout_s=load.timeout_s, on_progress=None)

    return max(MIN_RATE, samples.rate / 2)


def set_rate(load: Load, rate: float) -> Load:
    """Returns the load at another rate."""
    return replace(load, rate=Rate(start=rate, end=rate), concurrency=None)
