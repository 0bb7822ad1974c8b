"""A measurement takes a fresh server, its highest rate, its latency at a common rate and its memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from loadtest import search
from loadtest.objectives import Objective
from loadtest.run import Load, measure
from loadtest.sending.samples import Samples
from loadtest.sending.schedule import POISSON, Rate
from loadtest.targets.options import TargetOptions
from loadtest.targets.target import Target, find_target
from stats.percentiles import percentile
from tuning.server import run_server

TIMEOUT_S = 10.0
MAX_CONNECTIONS = 1000
WARM_UP_S = 0.5
COMMON_SHARE = 0.5
"""Without a rate of the caller's, latencies are compared at this share of what the first server keeps."""


@dataclass(frozen=True, kw_only=True)
class MeasurementPlan:
    """A MeasurementPlan is the same for every candidate; without `rate` the highest one is searched."""

    model: str
    models: Path | None
    data: Path | None
    n_rows: int
    slo: Sequence[Objective]
    rate: float | None
    trial_s: float
    seed: int


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One measurement found these; `rate` is None where no rate kept the objectives, `faults` say what is doubtful."""

    rate: float | None
    p99_ms: float
    memory_mib: float
    faults: tuple[str, ...] = ()


class Measurer:
    """This measures candidates one after the other; the latencies of all are taken at one rate."""

    def __init__(self, plan: MeasurementPlan) -> None:
        self.plan = plan
        self.common_rate = plan.rate

    def measure(self, variables: Mapping[str, str], *, repeat: int) -> Figures:
        """Starts a server with these settings, measures it and ends it; each repeat has arrivals of its own."""
        plan = self.plan
        with (
            TemporaryDirectory(prefix="veredicto-tune-") as folder,
            run_server(variables, models=plan.models, folder=Path(folder)) as server,
        ):
            target = find_target(
                TargetOptions(
                    url=server.url,
                    model=plan.model,
                    data=plan.data,
                    n_rows=plan.n_rows,
                )
            )
            load = self._make_load(repeat)
            rate, faults = self._find_rate(target, load)
            samples = _send(target, load, self.common_rate or search.MIN_RATE)

            return Figures(
                rate=rate,
                p99_ms=float(percentile(samples.judged_latency_ms, 0.99)),
                memory_mib=server.measure_memory_mib(),
                faults=faults,
            )

    def _find_rate(
        self, target: Target, load: Load
    ) -> tuple[float | None, tuple[str, ...]]:
        """Returns the highest rate that keeps the objectives, or the caller's rate where that does."""
        plan = self.plan
        if plan.rate is not None:
            trial = search.judge(_send(target, load, plan.rate), plan.rate, plan.slo)
            return plan.rate if trial.holds else None, _list_faults(trial.fault)

        found = search.search(
            lambda rate: measure(target, search.set_rate(load, rate))[0],
            plan.slo,
            start_rate=search.find_start_rate(target, load),
            repeats=1,
            on_trial=lambda _: None,
        )
        if self.common_rate is None:
            self.common_rate = COMMON_SHARE * (found.rate or 2 * search.MIN_RATE)

        return found.rate, tuple(found.why)

    def _make_load(self, repeat: int) -> Load:
        return Load(
            rate=Rate(start=1.0, end=1.0),
            arrivals=POISSON,
            duration_s=self.plan.trial_s,
            warm_up_s=min(WARM_UP_S, self.plan.trial_s / 4),
            timeout_s=TIMEOUT_S,
            max_connections=MAX_CONNECTIONS,
            seed=self.plan.seed + repeat,
        )


def _send(target: Target, load: Load, rate: float) -> Samples:
    return measure(target, search.set_rate(load, rate))[0].samples


def _list_faults(fault: str | None) -> tuple[str, ...]:
    return () if fault is None else (fault,)
