"""Runs are told that may be believed from runs that may not."""

from __future__ import annotations

import numpy as np
import pytest

from loadtest import validity
from loadtest.sending.samples import GeneratorUse, Samples


def make_samples(
    latency_s: np.ndarray,
    *,
    late_s: float = 0.0,
    cpu_share: float = 0.2,
    waiting_share: float = 0.1,
) -> Samples:
    """Returns a run of ten seconds with evenly spaced requests."""
    n_requests = len(latency_s)
    return Samples(
        due_s=np.linspace(0, 10, n_requests, endpoint=False),
        latency_s=latency_s,
        outcomes=np.zeros(n_requests, dtype=np.uint16),
        kinds=("ok",),
        late_s=np.full(n_requests, late_s),
        duration_s=10.0,
        generator=GeneratorUse(
            cpu_s=10 * cpu_share,
            waiting_s=10 * waiting_share,
            wall_s=10.0,
            connections=1,
        ),
    )


def find_faults(samples: Samples) -> str:
    slices = validity.cut_slices(samples)
    faults = validity.find_faults(
        samples,
        validity.describe_generator(samples),
        validity.describe_steadiness(slices, samples.duration_s),
    )
    return "; ".join(faults)


@pytest.fixture
def latency_s(generator: np.random.Generator) -> np.ndarray:
    """These are latencies of a steady server, around 10 ms."""
    return generator.gamma(10, 0.001, size=2000)


def test_a_steady_run_is_valid(latency_s: np.ndarray) -> None:
    """A steady run has no faults."""
    assert find_faults(make_samples(latency_s)) == ""


def test_a_stall_makes_no_run_invalid(latency_s: np.ndarray) -> None:
    """A server that stalls for a second is a finding, and no fault of the run."""
    latency_s[1200:1400] += np.linspace(1, 0, 200)
    assert find_faults(make_samples(latency_s)) == ""


def test_few_requests_are_too_few(latency_s: np.ndarray) -> None:
    """The message says how many there were and how many are needed."""
    assert find_faults(make_samples(latency_s[:299])) == (
        "too short: 299 requests were answered; the 99th percentile needs 300"
    )


def test_a_busy_generator_makes_a_run_void(latency_s: np.ndarray) -> None:
    """A generator that used too much of its processor core makes a run void, and the message says at which rate."""
    faults = find_faults(make_samples(latency_s, cpu_share=0.95))
    assert faults.startswith(
        "the load generator was the bottleneck at 200 requests/s: it used 95% of a processor core"
    )


def test_a_generator_that_waits_for_a_processor_makes_a_run_void(
    latency_s: np.ndarray,
) -> None:
    """A generator whose core others had makes a run void, since its answers lay waiting meanwhile."""
    faults = find_faults(make_samples(latency_s, cpu_share=0.35, waiting_share=0.6))
    assert "it used 35% of a processor core and waited for one for 60%" in faults


@pytest.mark.parametrize(
    ("busy_share", "concurrency", "own_share"),
    [(0.0, 8, 0.0), (0.5, 1, 0.5), (0.5, 4, 0.25), (0.8, 8, 0.5), (1.0, 8, 1.0)],
)
def test_a_closed_loop_knows_how_much_of_its_latencies_is_its_own(
    busy_share: float, concurrency: int, own_share: float
) -> None:
    """A lone caller waits for its own generator alone, and one of many for what the others keep it busy with too."""
    found = validity.estimate_own_share(busy_share, concurrency=concurrency)
    assert found == pytest.approx(own_share)


def test_a_closed_loop_that_measures_its_generator_is_void(
    latency_s: np.ndarray,
) -> None:
    """Four callers of a server that does nothing find the generator busy for most of the time."""
    samples = make_samples(latency_s, cpu_share=0.6)
    generator = validity.describe_generator(samples, concurrency=4)
    [fault] = validity.judge_generator(samples, generator)
    assert "at 200 requests/s: some 58% of the latency is its own" in fault


def test_late_sends_make_a_run_void(latency_s: np.ndarray) -> None:
    """Lateness of the generator would be taken for latency of the server."""
    faults = find_faults(make_samples(latency_s, late_s=0.02))
    assert "was sent 20.0 ms late or more" in faults


def test_a_growing_queue_is_not_steady(latency_s: np.ndarray) -> None:
    """Latencies that rise as long as the run lasts depend on how long that was."""
    faults = find_faults(make_samples(latency_s + np.linspace(0, 1, 2000)))
    assert faults.startswith("not steady: the median latency went from ")


def test_a_warm_up_is_noticed(latency_s: np.ndarray) -> None:
    """Two slow seconds at the start ask for a longer warm-up."""
    latency_s[:400] *= 5
    faults = find_faults(make_samples(latency_s))
    assert "try a longer --warm-up" in faults
