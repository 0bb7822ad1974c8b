"""A load test is a warm-up, then the measurement, as often as wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from loadtest import server_figures
from loadtest.sending.pacing import ClosedLoop, OpenLoop, Pacing
from loadtest.sending.samples import Samples
from loadtest.sending.schedule import Floats, Rate, plan_arrivals
from loadtest.targets.target import OnProgress, Target


@dataclass(frozen=True, kw_only=True)
class Load:
    """This is how a target is loaded: at a rate, by so many callers, or at recorded times; exactly one is given."""

    rate: Rate | None = None
    concurrency: int | None = None
    recorded_s: Floats | None = None
    recording: Path | None = None
    arrivals: str
    duration_s: float
    warm_up_s: float
    timeout_s: float
    max_connections: int
    seed: int

    @property
    def is_open(self) -> bool:
        return self.concurrency is None

    @property
    def is_rising(self) -> bool:
        """Latencies are not asked to be steady where the rate is not."""
        if self.rate is None:
            return self.recorded_s is not None
        return self.rate.start != self.rate.end

    def pace(self, repeat: int) -> Pacing:
        """Returns when requests are sent; each repeat has arrivals of its own."""
        if self.concurrency is not None:
            return ClosedLoop(concurrency=self.concurrency, duration_s=self.duration_s)

        if self.rate is not None:
            due_s = self._plan(self.rate, self.duration_s, self.seed + repeat)
        else:
            assert self.recorded_s is not None
            due_s = self.recorded_s[self.recorded_s < self.duration_s]

        return OpenLoop(
            due_s=due_s,
            duration_s=self.duration_s,
            max_connections=self.max_connections,
        )

    def pace_warm_up(self) -> Pacing:
        """Returns the load of the warm-up: the same callers, or the rate at the start."""
        if self.concurrency is not None:
            return ClosedLoop(concurrency=self.concurrency, duration_s=self.warm_up_s)

        start = self._find_start_rate()
        due_s = self._plan(Rate(start=start, end=start), self.warm_up_s, self.seed)

        return OpenLoop(
            due_s=due_s,
            duration_s=self.warm_up_s,
            max_connections=self.max_connections,
        )

    def _find_start_rate(self) -> float:
        if self.rate is not None:
            return max(self.rate.start, 1.0)

        assert self.recorded_s is not None
        duration_s = max(1.0, float(self.recorded_s[-1]))
        return max(1.0, len(self.recorded_s) / duration_s)

    def _plan(self, rate: Rate, duration_s: float, seed: int) -> Floats:
        return plan_arrivals(
            rate, duration_s=duration_s, arrivals=self.arrivals, seed=seed
        )

    def describe(self) -> dict[str, Any]:
        """Returns the load as the result has it; two results are compared where this is the same."""
        common = {"duration_s": self.duration_s, "warm_up_s": self.warm_up_s}
        if self.concurrency is not None:
            return {"loop": "closed", "concurrency": self.concurrency, **common}
        if self.rate is None:
            assert self.recording is not None
            return {"loop": "open", "recording": self.recording.name, **common}

        return {
            "loop": "open",
            "rate": self.rate.start,
            "end_rate": self.rate.end,
            "arrivals": self.arrivals,
            "max_connections": self.max_connections,
            **common,
        }


@dataclass(frozen=True, kw_only=True)
class Run:
    """One repeat has seen these samples, and the server said this of itself meanwhile."""

    samples: Samples
    server: dict[str, Any] | None


def measure(
    target: Target,
    load: Load,
    *,
    repeats: int = 1,
    on_progress: OnProgress | None = None,
    on_run: Callable[[], None] = lambda: None,
) -> list[Run]:
    """Warms up once, then measures so often; `on_run` is called after each."""
    if load.warm_up_s > 0:
        target.send(load.pace_warm_up(), timeout_s=load.timeout_s, on_progress=None)

    runs = []
    for repeat in range(repeats):
        runs.append(_measure_once(target, load, repeat, on_progress))
        on_run()

    return runs


def _measure_once(
    target: Target, load: Load, repeat: int, on_progress: OnProgress | None
) -> Run:
    before = server_figures.read(target.server, target.model)
    samples = target.send(
        load.pace(repeat), timeout_s=load.timeout_s, on_progress=on_progress
    )
    after = server_figures.read(target.server, target.model)
    figures = server_figures.compare(
        before,
        after,
        elapsed_s=samples.elapsed_s,
        n_ok=int(np.count_nonzero(samples.is_ok)),
    )

    return Run(samples=samples, server=figures)
