"""The Pareto front has whom nobody beats in both accuracy and cost."""

from __future__ import annotations

from verdict.pareto import find_front


def test_the_front_is_whom_nobody_beats_in_both() -> None:
    """A model that is equal in both is not beaten, and where one is equal the other decides."""
    names = ["cheap", "dear", "worse", "twin", "dearer"]
    costs = [1.0, 5.0, 5.0, 1.0, 6.0]
    values = [0.8, 0.9, 0.7, 0.8, 0.9]
    assert find_front(names, costs, values) == ["cheap", "dear", "twin"]
