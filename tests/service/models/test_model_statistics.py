"""Counters say when they have counted, so that nobody compares all that they have."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from service.models.model_statistics import Statistics, Times

TIMES = Times(input_ns=1, queue_ns=2, infer_ns=3, output_ns=4, rows=5)
CHANGES: dict[str, Callable[[Statistics], None]] = {
    "an answer": lambda statistics: statistics.succeed(TIMES, 10),
    "an answer of a shared run": lambda statistics: statistics.succeed(
        TIMES._replace(executions=0), 10
    ),
    "a shared run": lambda statistics: statistics.execute(8, 3),
    "an error": lambda statistics: statistics.fail("cancelled", 0),
}


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_is_told(name: str) -> None:
    """The count of changes differs after whatever is counted."""
    statistics = Statistics()
    before = statistics.n_changes
    CHANGES[name](statistics)

    assert statistics.n_changes != before
