"""Numbers of evidence are what the pictures of a report are drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Numbers = dict[str, Any]


def list_ends(shares: Sequence[Numbers]) -> list[float]:
    """Returns both ends of each interval."""
    ends: list[float] = []
    for each in shares:
        ends += each["interval"]

    return ends
