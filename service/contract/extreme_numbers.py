"""Numbers at the ends of float64 take the JSON parser 300 times as long as others, while nothing else can run.

Above 1e285 and below 1e-306 it counts with integers of a thousand bits, 17 us for each number. So 64 kB of them held
the event loop for 150 ms, and a body of 33 MB would hold it for a minute. Models compute in float32, which ends at
1e38.
"""

from __future__ import annotations

import re

from service.contract.limits import MAX_EXTREME_NUMBERS
from service.errors import InvalidRequest

MIN_CHECKED_BYTES = 5 * MAX_EXTREME_NUMBERS
"""A shorter body cannot have as many of them."""
_EXTREME = re.compile(rb"[eE][+-]?0*(?:28[5-9]|29[0-9]|[3-9][0-9][0-9]|[1-9][0-9]{3})")


def check_numbers(body: bytes) -> None:
    """Raises InvalidRequest for a body with many numbers that no model can use."""
    if len(body) < MIN_CHECKED_BYTES:
        return

    if not may_have_extremes(body):
        return

    n_extreme = sum(1 for _ in _EXTREME.finditer(body))
    if n_extreme > MAX_EXTREME_NUMBERS:
        raise InvalidRequest(
            f"{n_extreme} numbers are beyond 1e285 or below 1e-285, the limit is {MAX_EXTREME_NUMBERS}: "
            "models compute in float32, which ends at 3.4e38 and at 1.4e-45"
        )


def may_have_extremes(body: bytes) -> bool:
    """Returns whether a body has so many exponents that `check_numbers` would look at each, 5 ms for 320 kB.

    Few bodies have: to look for letters takes 8 us for 240 kB, and to count them 180.
    """
    return _count_exponents(body) > MAX_EXTREME_NUMBERS


def _count_exponents(body: bytes) -> int:
    """Returns how many letters of exponents there are, and no more than are too many."""
    n_found = 0
    for letter in (b"e", b"E"):
        at = body.find(letter)
        while at >= 0 and n_found <= MAX_EXTREME_NUMBERS:
            n_found += 1
            at = body.find(letter, at + 1)

    return n_found
