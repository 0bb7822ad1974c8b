"""Schedules say when requests are due."""

from __future__ import annotations

import re

import numpy as np
import pytest

from loadtest.sending.schedule import CONSTANT, POISSON, Rate, plan_arrivals
from service.errors import LoadTestError

STEADY = Rate.parse("200")


@pytest.mark.parametrize("arrivals", [POISSON, CONSTANT])
def test_a_schedule_has_the_rate_that_was_asked_for(arrivals: str) -> None:
    """A schedule has `rate * duration` requests, in order, within the duration."""
    due_s = plan_arrivals(STEADY, duration_s=5, arrivals=arrivals)
    assert len(due_s) == 1000
    assert (np.diff(due_s) >= 0).all()
    assert 0 <= due_s[0] <= due_s[-1] <= 5


def test_constant_arrivals_are_evenly_spaced() -> None:
    """Each request is due 5 ms after the last one."""
    due_s = plan_arrivals(STEADY, duration_s=5, arrivals=CONSTANT)
    assert np.diff(due_s) == pytest.approx(0.005)


def test_arrivals_at_random_have_gaps_as_of_many_callers() -> None:
    """Gaps are as long as their spread, as those of a Poisson process are."""
    gaps = np.diff(plan_arrivals(Rate.parse("1000"), duration_s=20, arrivals=POISSON))
    assert gaps.mean() == pytest.approx(0.001, rel=0.01)
    assert gaps.std() == pytest.approx(0.001, rel=0.05)


def test_a_rate_rises_along_a_line() -> None:
    """A rate that rises from 100/s to 300/s has a mean of 125/s in its first quarter, and of 275/s in its last."""
    due_s = plan_arrivals(Rate.parse("100:300"), duration_s=40, arrivals=CONSTANT)
    counts, _ = np.histogram(due_s, bins=4, range=(0, 40))
    assert counts == pytest.approx([1250, 1750, 2250, 2750], abs=2)


def test_a_rate_may_rise_from_nothing() -> None:
    """The first half of a run from 0 has a quarter of the requests."""
    due_s = plan_arrivals(Rate.parse("0:100"), duration_s=40, arrivals=CONSTANT)
    assert int((due_s < 20).sum()) == pytest.approx(500, abs=2)


@pytest.mark.parametrize("text", ["", "x", "0", "-1", "1:", "nan", "inf", "5:0"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    """A rate is a number above 0, or two with a colon."""
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$|could not convert"):
        Rate.parse(text)


def test_more_requests_than_memory_holds_are_refused() -> None:
    """A rate that was mistyped ends in a line, not in a full memory."""
    with pytest.raises(LoadTestError, match="at most 50,000,000 requests in all"):
        plan_arrivals(Rate.parse("1e9"), duration_s=10, arrivals=CONSTANT)
