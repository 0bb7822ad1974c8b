"""A run is believed where it was long enough and steady, and the generator was not its bottleneck."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from loadtest.sending.samples import Floats, Samples
from stats.percentiles import percentile
from stats.repeated_runs import Trend, find_trend, find_warm_up

MIN_REQUESTS = 300
"""Of fewer requests the 99th percentile has no upper limit with 95 % confidence."""
N_SLICES = 20
MAX_BUSY_SHARE = 0.9
"""A generator may run, or wait for a processor that others have, for this share of the time; one that is busier sends
and reads late.
"""
MAX_OWN_SHARE = 0.25
"""So much of the latencies of a closed loop may be the generator's own."""
LATE_S = 0.002
MAX_LATE_SHARE = 0.25
"""The 99th percentile of how late requests were sent may be such a share of that of the latencies, or 2 ms."""
TREND_P_VALUE = 0.01
MAX_DRIFT = 1.5
"""A trend is none as long as the last quarter of a run is at most so many times as slow as the first, or as fast."""
MAX_WARM_UP_RATIO = 1.5
"""A run that begins with slices slower by this than what follows was not warmed up."""
MIN_WARM_UP_SHARE = 0.1


@dataclass(frozen=True, kw_only=True)
class Slice:
    """This is a part of a run by when requests were due; latencies are None where none was answered."""

    start_s: float
    rate: float
    requests: int
    errors: int
    p50_ms: float | None
    p99_ms: float | None
    max_ms: float | None


def cut_slices(samples: Samples, n_slices: int = N_SLICES) -> list[Slice]:
    """Returns slices of equal length, in order."""
    length_s = samples.duration_s / n_slices
    edges = np.searchsorted(samples.due_s, length_s * np.arange(n_slices + 1))
    edges[-1] = len(samples.due_s)

    return [
        _describe_slice(
            samples, int(edges[n]), int(edges[n + 1]), n * length_s, length_s
        )
        for n in range(n_slices)
    ]


def _describe_slice(
    samples: Samples, start: int, stop: int, start_s: float, length_s: float
) -> Slice:
    is_ok = samples.is_ok[start:stop]
    latencies_ms = 1000 * samples.latency_s[start:stop][is_ok]
    has_any = len(latencies_ms) > 0

    return Slice(
        start_s=start_s,
        rate=(stop - start) / length_s,
        requests=stop - start,
        errors=int((~is_ok).sum()),
        p50_ms=percentile(latencies_ms, 0.5) if has_any else None,
        p99_ms=percentile(latencies_ms, 0.99) if has_any else None,
        max_ms=float(latencies_ms.max()) if has_any else None,
    )


def describe_generator(
    samples: Samples, *, concurrency: int | None = None
) -> dict[str, Any]:
    """Returns what the generator says of itself; `concurrency` is that of a closed loop."""
    use = samples.generator
    wall_s = max(use.wall_s, 1e-9)
    cpu_share, waiting_share = use.cpu_s / wall_s, use.waiting_s / wall_s
    late_s = samples.late_s

    return {
        "cpu_share": cpu_share,
        "waiting_share": waiting_share,
        "own_share": (
            None
            if concurrency is None
            else estimate_own_share(cpu_share + waiting_share, concurrency=concurrency)
        ),
        "connections": use.connections,
        "late_ms": {
            "p50": 1000 * percentile(late_s, 0.5) if len(late_s) else 0.0,
            "p99": 1000 * percentile(late_s, 0.99) if len(late_s) else 0.0,
            "max": 1000 * float(late_s.max(initial=0)),
        },
        "late_share": float((late_s > LATE_S).mean()) if len(late_s) else 0.0,
    }


def estimate_own_share(busy_share: float, *, concurrency: int) -> float:
    """Returns the share of a closed loop's latencies that answers spent in the generator, while it handled others.

    It is taken for a queue, at which an answer finds as many as there are without its own caller: Reiser and Lavenberg,
    J. ACM 27 (1980) 313.
    """
    n_before = min(concurrency - 1.0, busy_share / max(1 - busy_share, 1e-9))
    return min(1.0, busy_share * (1 + n_before) / concurrency)


def describe_steadiness(slices: list[Slice], duration_s: float) -> dict[str, Any]:
    """Returns where the warm-up ended and whether latencies rose or fell, by the medians of the slices."""
    medians = np.array([each.p50_ms for each in slices if each.p50_ms is not None])
    if not len(medians):
        return {"warm_up_s": None, "warm_up_ratio": None, "trend": None}

    steady = float(np.median(medians[find_warm_up(medians) :]))
    is_slow = medians > MAX_WARM_UP_RATIO * steady
    n_slow = len(medians) if is_slow.all() else int(np.argmin(is_slow))
    trend = find_trend(medians)

    return {
        "warm_up_s": n_slow * duration_s / len(slices),
        "warm_up_ratio": float(np.median(medians[: max(1, n_slow)])) / steady,
        "trend": None if trend is None else _describe_trend(trend, medians),
    }


def _describe_trend(trend: Trend, medians: Floats) -> dict[str, float]:
    n_quarter = max(1, len(medians) // 4)

    return {
        "tau": trend.tau,
        "p_value": trend.p_value,
        "start_ms": float(np.median(medians[:n_quarter])),
        "end_ms": float(np.median(medians[-n_quarter:])),
    }


def find_faults(
    samples: Samples,
    generator: dict[str, Any],
    steadiness: dict[str, Any] | None,
) -> list[str]:
    """Returns why the run is not valid, nothing where it is; a run at a rising rate is not asked to be steady."""
    faults = _judge_length(samples) + judge_generator(samples, generator)
    if steadiness is not None:
        faults += _judge_steadiness(steadiness, samples.duration_s)

    return faults


def _judge_length(samples: Samples) -> list[str]:
    n_ok = int(samples.is_ok.sum())
    if n_ok >= MIN_REQUESTS:
        return []

    errors = samples.count_errors()
    failed = (
        f", and {sum(errors.values()):,} failed ({', '.join(errors)})" if errors else ""
    )
    return [
        f"too short: {n_ok:,} requests were answered{failed}; the 99th percentile needs {MIN_REQUESTS}"
    ]


def judge_generator(samples: Samples, generator: dict[str, Any]) -> list[str]:
    """Returns why the generator rather than the server may have made the figures, and at which rate."""
    faults = []
    rate = len(samples.due_s) / samples.elapsed_s
    culprit = f"the load generator was the bottleneck at {rate:,.0f} requests/s"
    cpu_share, waiting_share = generator["cpu_share"], generator["waiting_share"]
    if cpu_share + waiting_share > MAX_BUSY_SHARE:
        faults.append(
            f"{culprit}: it used {cpu_share:.0%} of a processor core and waited for one for {waiting_share:.0%} of the "
            "time; a lower rate, several processes or a core of its own (taskset) would tell more"
        )

    own_share = generator["own_share"]
    if own_share is not None and own_share > MAX_OWN_SHARE:
        faults.append(
            f"{culprit}: some {own_share:.0%} of the latency is its own; an open loop (--rate) or a core of its own "
            "(taskset) would tell more"
        )

    latencies_ms = samples.ok_latency_ms
    p99_ms = percentile(latencies_ms, 0.99) if len(latencies_ms) else 0.0
    late_ms = generator["late_ms"]["p99"]
    if late_ms > max(1000 * LATE_S, MAX_LATE_SHARE * p99_ms):
        faults.append(
            f"{culprit}: one request in a hundred was sent {late_ms:.1f} ms late or more; "
            "the machine is too busy"
        )

    return faults


def _judge_steadiness(steadiness: dict[str, Any], duration_s: float) -> list[str]:
    faults = []
    trend = steadiness["trend"]
    drifts = trend is not None and trend["p_value"] < TREND_P_VALUE
    if drifts:
        start_ms, end_ms = trend["start_ms"], trend["end_ms"]
        drifts = max(start_ms, end_ms) > MAX_DRIFT * min(start_ms, end_ms)
    if drifts:
        faults.append(
            f"not steady: the median latency went from {start_ms:,.3f} ms to {end_ms:,.3f} ms during the run"
        )

    is_warming = (
        not drifts
        and steadiness["warm_up_s"] is not None
        and steadiness["warm_up_s"] >= MIN_WARM_UP_SHARE * duration_s
    )
    if is_warming:
        faults.append(
            f"not warmed up: the first {steadiness['warm_up_s']:.1f} s were {steadiness['warm_up_ratio']:.1f} times "
            "as slow as the rest; try a longer --warm-up"
        )

    return faults
