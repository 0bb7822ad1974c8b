"""A value that a feature does not take is told with what to write in its place, where that can be seen."""

from __future__ import annotations

import re
from collections.abc import Collection

from model_card import Feature
from service.contract.requests import Value
from service.errors import hint_at_form
from tables.notations import INTEGER, MISSING, MISSING_AMONG_NUMBERS, POINT

MAX_CHARS = 100
"""In a longer text nothing is looked for."""
_GAP = re.compile(MISSING_AMONG_NUMBERS)
_PLAIN = re.compile(f"{INTEGER}|{POINT}")


def hint_at_number(value: Value, feature: Feature) -> str:
    """Returns what to write in place of a value that is no number, or an empty text."""
    if value is None:
        return ": the model was not taught to do without"
    if not isinstance(value, str) or len(value) > MAX_CHARS:
        return ""

    text = value.strip()
    if text in MISSING or _GAP.match(text):
        return ": write null for a missing value" if feature.imputed is not None else ""
    return (
        f": write it without quotes, {float(text):.15g}" if _PLAIN.match(text) else ""
    )


def hint_at_category(value: Value, names: Collection[str]) -> str:
    """Returns the name that a value may be meant for, or an empty text; one name alone is as good as a number."""
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, float | int):
        found = _find_number(value, names)
        return f": write it as a text, {found!r}" if found else ""
    if len(value) > MAX_CHARS:
        return ""

    plain = " ".join(value.split()).casefold()
    alike = [each for each in names if " ".join(each.split()).casefold() == plain]
    if len(alike) != 1 and _PLAIN.match(plain):
        alike = [_find_number(float(plain), names)]
    is_one = len(alike) == 1 and alike[0] != ""
    return f" (did you mean {alike[0]!r}?)" if is_one else hint_at_form(value, names)


def _find_number(value: float, names: Collection[str]) -> str:
    """Returns the only name that is written so, or else is the same number, as 08001 is 8001."""
    written = f"{value:.15g}"
    if written in names:
        return written
    alike = [each for each in names if _PLAIN.match(each) and float(each) == value]
    return alike[0] if len(alike) == 1 else ""
