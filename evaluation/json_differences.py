"""Two JSON values are compared: text exactly, numbers within what rounding explains."""

from __future__ import annotations

import re
from typing import Any

TOLERANCE = 1e-9
"""A number that is computed again may differ by so much, relatively or absolutely."""


def find_differences(stored: Any, found: Any, where: str = "") -> list[str]:
    """Returns where two JSON values differ: text exactly, numbers by more than 1e-9."""
    if isinstance(stored, dict) and isinstance(found, dict):
        keys = [*stored, *(key for key in found if key not in stored)]
        nested = [
            (stored.get(key), found.get(key), f"{where}.{key}" if where else key)
            for key in keys
        ]
    elif (
        isinstance(stored, list)
        and isinstance(found, list)
        and len(stored) == len(found)
    ):
        nested = [
            (*both, f"{where}[{place}]")
            for place, both in enumerate(zip(stored, found, strict=True))
        ]
    elif _same(stored, found):
        return []
    else:
        return [f"{where}: stored {_show(stored)}, computed {_show(found)}"]
    return [line for each in nested for line in find_differences(*each)]


def _same(stored: Any, found: Any) -> bool:
    numeric = all(
        isinstance(each, int | float) and not isinstance(each, bool)
        for each in (stored, found)
    )
    if not numeric:
        return bool(stored == found) and type(stored) is type(found)

    return bool(abs(stored - found) <= TOLERANCE * max(1.0, abs(stored)))


def _show(value: Any) -> str:
    text = re.sub(r"\s+", " ", repr(value))
    return text if len(text) <= 80 else f"{text[:77]}..."
