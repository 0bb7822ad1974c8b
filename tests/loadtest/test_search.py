"""The search finds the highest rate of servers whose capacity is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from loadtest import objectives, search
from loadtest.run import Run
from loadtest.search import Trial
from loadtest.sending.samples import GeneratorUse, Samples
from loadtest.sending.schedule import CONSTANT, Rate, plan_arrivals

SLO = objectives.parse("p99<50ms,errors<1%")


def make_queue(
    rate: float, *, service_s: float = 0.002, late_s: float = 0.0
) -> Samples:
    """Returns what a server sees that takes so long for each request, one after the other."""
    due_s = plan_arrivals(Rate(start=rate, end=rate), duration_s=5, arrivals=CONSTANT)
    numbers = np.arange(len(due_s))
    free_s = np.maximum.accumulate(due_s - numbers * service_s) + numbers * service_s

    return Samples(
        due_s=due_s,
        latency_s=free_s + service_s - due_s,
        outcomes=np.zeros(len(due_s), dtype=np.uint16),
        kinds=("ok",),
        late_s=np.full(len(due_s), late_s),
        duration_s=5.0,
        generator=GeneratorUse(cpu_s=0.5, waiting_s=0.0, wall_s=5.0, connections=1),
    )


def find(
    make: Callable[[float], Samples], *, start_rate: float = 100, repeats: int = 1
) -> search.SearchResult:
    return search.search(
        lambda rate: Run(samples=make(rate), server=None),
        SLO,
        start_rate=start_rate,
        repeats=repeats,
        on_trial=list[Trial]().append,
    )


@pytest.mark.parametrize("start_rate", [1, 100, 500, 20_000])
def test_the_highest_rate_is_that_of_the_server(start_rate: float) -> None:
    """A server of 2 ms a request keeps about 500 a second, wherever the search begins."""
    found = find(make_queue, start_rate=start_rate)
    assert found.rate == pytest.approx(505, rel=0.05)


def test_further_repeats_need_few_trials() -> None:
    """Further repeats begin at what the first one found, and the interval is from the least to the greatest."""
    found = find(make_queue, repeats=3)
    described = found.describe()

    assert len(found.rates) == 3
    assert len(found.trials) < 25
    assert described["interval"] == [min(found.rates), max(found.rates)]
    assert described["confidence"] == 0.75


def test_a_server_that_keeps_no_rate_has_none() -> None:
    """The search ends below one request a second."""
    found = find(lambda rate: make_queue(rate, service_s=3))
    assert found.rate is None
    assert found.describe()["interval"] is None


def test_a_late_generator_makes_void_what_fails() -> None:
    """A rate at which the generator is late is tried three times, then the search says that it does not know."""
    found = find(lambda rate: make_queue(rate, late_s=0.2))
    (why,) = {each.rpartition(" the load")[2] for each in found.why}
    failed = [each for each in found.trials if not each.holds]

    assert found.rate == pytest.approx(505, rel=0.05)
    assert all(each.fault for each in failed)
    assert len(failed) % 3 == 0
    assert why.startswith(" generator was the bottleneck")


@pytest.mark.parametrize(("rate", "expected"), [(400, True), (550, False)])
def test_a_queue_that_grows_is_noticed(rate: float, *, expected: bool) -> None:
    """A rate is kept up where answers come as fast as requests, whatever the objectives allow."""
    loose = objectives.parse("p99<5s")
    trial: Trial = search.judge(make_queue(rate), rate, loose)
    assert trial.holds is expected
