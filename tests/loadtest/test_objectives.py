"""Objectives are read as people write them, and a run shows them, refutes them, or needs more requests."""

from __future__ import annotations

import numpy as np
import pytest

from loadtest import objectives
from loadtest.sending.samples import GeneratorUse, Samples
from service.errors import LoadTestError


def make_samples(latency_ms: list[float], *, n_failed: int = 0) -> Samples:
    """Returns a run of a second with these latencies, of which the first so many failed."""
    outcomes = np.zeros(len(latency_ms), dtype=np.uint16)
    outcomes[:n_failed] = 1
    return Samples(
        due_s=np.linspace(0, 1, len(latency_ms)),
        latency_s=np.array(latency_ms) / 1000,
        outcomes=outcomes,
        kinds=("ok", "status 500"),
        late_s=np.zeros(len(latency_ms)),
        duration_s=1.0,
        generator=GeneratorUse(cpu_s=0.1, waiting_s=0.0, wall_s=1.0, connections=1),
    )


def test_an_expression_has_terms() -> None:
    """Times have units, percentiles may have decimals, and errors are a share."""
    found = objectives.parse("p99<50ms, p99.9<=0.2s,max<900us,errors<0.1%,errors<0.5")
    assert [(each.text, each.bound_ms) for each in found] == [
        ("p99<50ms", 50),
        ("p99.9<0.2s", 200),
        ("max<900us", 0.9),
        ("errors<0.1%", None),
        ("errors<0.5", None),
    ]
    assert [each.share for each in found] == pytest.approx([0.01, 0.001, 0, 0.001, 0.5])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "p99",
        "p99>5ms",
        "p99<5",
        "p99<5%",
        "p101<5ms",
        "errors<5ms",
        "rate<5",
        "p99<50ms,",
    ],
)
def test_what_is_no_objective_is_refused(text: str) -> None:
    """The message shows what was expected."""
    with pytest.raises(LoadTestError, match="--slo: "):
        objectives.parse(text)


@pytest.mark.parametrize(
    ("n_slow", "n_requests", "finding", "more"),
    [(0, 459, "shown", 0), (0, 400, "undecided", 59), (20, 400, "refuted", None)],
)
def test_a_percentile_is_shown_refuted_or_needs_more(
    n_slow: int, n_requests: int, finding: str, more: int | None
) -> None:
    """The verdict about a percentile depends on how many requests were slow among how many."""
    samples = make_samples([100.0] * n_slow + [1.0] * (n_requests - n_slow))
    (found,) = objectives.describe(
        objectives.parse("p99<50ms"), samples, confidence=0.99
    )
    assert (found["finding"], found["more_requests"]) == (finding, more)
    assert finding in objectives.write_sentence(found)


def test_a_request_that_failed_is_too_slow() -> None:
    """Answers that fail at once do not make a server look fast."""
    samples = make_samples([1.0] * 1000, n_failed=50)
    latency, errors = objectives.describe(
        objectives.parse("p99<50ms,errors<10%"), samples, confidence=0.99
    )
    assert (latency["seen"], latency["holds"]) == (None, False)
    assert errors["seen"] == 0.05
    assert errors["finding"] == "shown"


def test_a_maximum_is_what_was_seen() -> None:
    """One request over the bound refutes it, and no number of requests would show it."""
    (bound,) = objectives.parse("max<50ms")
    assert bound.judge(make_samples([1, 60]), confidence=0.99).finding == "refuted"
    assert bound.judge(make_samples([1, 40]), confidence=0.99).finding == "shown"
