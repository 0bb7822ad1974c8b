"""A metric has a value, its 95 % interval, and a reason where one of the two is missing, as the answers have it."""

from __future__ import annotations

from typing import Any


def describe(value: float, interval: tuple[float, float]) -> dict[str, Any]:
    """Returns a value with its interval, which is stretched to hold the value.

    Without width there is no interval but the reason: nothing that is estimated from rows is certain.
    """
    low, high = (float(end) for end in interval)
    if low == high:
        return without_interval(value, "no interval: it is too narrow for a number")
    return {"value": value, "interval": (min(low, value), max(high, value))}


def without_interval(value: float, reason: str) -> dict[str, Any]:
    """Returns a value with the reason why it has no interval."""
    return {"value": value, "interval": None, "reason": reason}


def undefined(reason: str) -> dict[str, Any]:
    """Returns a metric that has neither value nor interval, with the reason."""
    return {"value": None, "interval": None, "reason": reason}
