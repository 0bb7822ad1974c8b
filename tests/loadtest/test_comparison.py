"""These tests compare two load tests: what is a regression, what is chance, and what cannot be compared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from loadtest import comparison
from service.errors import LoadTestError


def make_document(
    latency_ms: list[float], *, errors: int = 0, **load: object
) -> dict[str, Any]:
    """Returns the parts of a result that are compared, with a repeat for each latency."""
    return {
        "load": {"loop": "open", "rate": 100.0, "end_rate": 100.0, **load},
        "requests": 1000,
        "errors": {"status 503": errors} if errors else {},
        "repeats": [
            {
                "rate": 1000 / each,
                "latency_ms": {"p50": each, "p99": 3 * each},
                "slices": [
                    {"rate": 100.0, "p50_ms": each * factor, "p99_ms": 3 * each}
                    for factor in np.linspace(0.9, 1.1, 20)
                ],
            }
            for each in latency_ms
        ],
    }


OLD = make_document([10.0, 10.2, 9.9, 10.1])


@pytest.mark.parametrize(
    ("latency_ms", "margin", "is_regression"),
    [
        ([20.0, 20.3, 19.8, 20.1], 0.1, True),
        ([20.0, 20.3, 19.8, 20.1], 1.5, False),
        ([10.1, 10.0, 9.8, 10.2], 0.1, False),
        ([5.0, 5.1, 4.9, 5.0], 0.1, False),
        ([5.0, 40.0, 8.0, 13.0], 0.1, False),
    ],
)
def test_a_regression_is_shown_beyond_the_margin(
    latency_ms: list[float], margin: float, *, is_regression: bool
) -> None:
    """A small change, a gain, and repeats that differ among themselves are no regressions."""
    found = comparison.compare(OLD, make_document(latency_ms), margin=margin)
    assert found["regression"] is is_regression
    assert (comparison.write_lines(found)[-1] == "REGRESSION") is is_regression


def test_slices_stand_for_repeats_where_there_are_few() -> None:
    """A single run is compared by its slices, and the comparison says so."""
    found = comparison.compare(make_document([10.0]), make_document([20.0]), margin=0.1)
    assert found["over"] == "slices"
    assert found["regression"] is True


def test_more_errors_are_a_regression() -> None:
    """Thirty failures against none are no chance, one is."""
    many = make_document([10.0] * 4, errors=30)
    one = make_document([10.0] * 4, errors=1)
    assert comparison.compare(OLD, many, margin=0.1)["regression"] is True
    assert comparison.compare(OLD, one, margin=0.1)["regression"] is False


def test_a_closed_loop_is_compared_by_its_rate_too() -> None:
    """Callers who are answered half as often have a regression, whatever the latency."""
    old = make_document([10.0, 10.1, 9.9], loop="closed")
    new = make_document([20.0, 20.1, 19.9], loop="closed")
    found = comparison.compare(old, new, margin=0.1)
    (rate,) = [each for each in found["changes"] if each["figure"] == "rate"]

    assert rate["ratio"] == pytest.approx(0.5, rel=0.01)
    assert rate["is_regression"] is True


def test_searches_are_compared_by_what_they_found() -> None:
    """Half the highest rate is a regression, whatever rates were measured at last."""
    old = OLD | {"search": {"rates": [500.0, 510.0, 490.0]}}
    slow = make_document([10.0], rate=250.0) | {
        "search": {"rates": [250.0, 255.0, 245.0]}
    }
    lost = make_document([10.0], rate=0.5) | {"search": {"rates": []}}

    assert comparison.compare(old, slow, margin=0.1)["regression"] is True
    assert comparison.compare(old, lost, margin=0.1)["regression"] is True
    assert comparison.compare(old, old, margin=0.1)["regression"] is False


def test_tests_under_other_loads_are_not_compared() -> None:
    """The message names what differs."""
    with pytest.raises(LoadTestError, match=r"got rate 100\.0 in the old one, 200"):
        comparison.compare(OLD, make_document([10.0], rate=200.0), margin=0.1)
