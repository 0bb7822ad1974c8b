"""This module writes numbers and names as people read them."""

from __future__ import annotations

import math
from collections.abc import Callable

LEAST_SHOWN = 0.001
MAX_DIGITS = 8
ROUNDING = 1e-9
"""A share that is no farther than this from 0 or 1 is so by rounding."""
NOTHING = 1e-12
"""A number that is less is 0 by rounding."""

Write = Callable[[float, int], str]
"""This writes a number with so many digits."""


def shorten(name: str, task: str) -> str:
    """Returns a model's name without its task."""
    return name.removeprefix(f"{task}-")


def join(names: list[str], word: str = "and") -> str:
    """Returns names as `a, b and c`."""
    if len(names) < 2:
        return "".join(names)

    all_but_last = ", ".join(names[:-1])
    return f"{all_but_last} {word} {names[-1]}"


def name_leaders(name: str, equal: list[str]) -> str:
    """Returns who is in front: all of them by name where others are `equal` to the first."""
    return f"{join([name, *equal])} are level in front" if equal else f"{name} leads"


def name_best(best: list[str], n_models: int, by: str = "") -> str:
    """Returns a sentence of which models may be the best, without its end; `by` says by what, after a space."""
    if len(best) == n_models:
        return f"{'Either' if n_models == 2 else 'Any'} of them may be the best{by}"
    if len(best) == 1:
        return f"With 95 % confidence {best[0]} is the best{by}"
    return f"With 95 % confidence the best{by} is one of {join(best)}"


def percent(share: float, digits: int = 1) -> str:
    """Returns a share as `12.3 %`, and as `99.98 %` where one digit would make all or nothing of what is neither."""
    is_neither = ROUNDING < share < 1 - ROUNDING
    for each in range(digits, MAX_DIGITS):
        text = f"{100 * share:.{each}f}"
        if not is_neither or float(text) not in (0, 100):
            break

    return f"{text} %"


def signed(share: float, digits: int = 1) -> str:
    """Returns a difference as `+1.2 %` or `0.0 %`, with the sign of minus, not the hyphen.

    One that is not 0 is not written as 0: it has as many digits as that takes.
    """
    if abs(share) <= ROUNDING:
        return f"{0:.{digits}f} %"

    for each in range(digits, MAX_DIGITS):
        text = f"{100 * share:+.{each}f}"
        if float(text) != 0:
            break

    return f"{show_minus(text)} %"


def show_number(value: float, digits: int = 4) -> str:
    """Returns a number to so many significant digits, without trailing zeros and without powers of ten."""
    if abs(value) < NOTHING:
        return "0"

    rounded = float(f"{value:.{digits}g}")
    n_decimals = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    text = f"{rounded:,.{n_decimals}f}"

    return show_minus(text.rstrip("0").rstrip(".") if n_decimals else text)


def show_change(value: float, digits: int = 3) -> str:
    """Returns a difference to so many significant digits, with its sign, and `0` where there is none."""
    if abs(value) <= ROUNDING:
        return "0"
    sign = "+" if value > 0 else ""
    return f"{sign}{show_number(value, digits)}"


def show_interval(
    value: float, interval: tuple[float, float], write: Write, digits: int
) -> tuple[str, str, str]:
    """Returns a value and both ends of its interval with so many digits, and more where the ends would look equal."""
    low, high = interval
    for each in range(digits, digits + MAX_DIGITS):
        texts = write(value, each), write(low, each), write(high, each)
        if texts[1] != texts[2]:
            break

    return texts


def show_minus(number: str) -> str:
    """Returns a number with the sign of minus in place of the hyphen."""
    return number.replace("-", "−")


def count_rows(number: int) -> str:
    """Returns a count as `1 row` or `2 rows`."""
    return f"{number:,} row{'s' * (number != 1)}"


def count_groups(number: int) -> str:
    """Returns a count as `1 group` or `2 groups`."""
    return f"{number:,} group{'s' * (number != 1)}"


def round_up(rows: int) -> str:
    """Returns a number of rows that is an estimate, to two digits."""
    digits = max(0, len(str(rows)) - 2)
    return f"{-(-rows // 10**digits) * 10**digits:,}"


def show_p(p_value: float) -> str:
    """Returns `p = 0.012`, or `p < 0.001`."""
    return f"p < {LEAST_SHOWN}" if p_value < LEAST_SHOWN else f"p = {p_value:.2g}"
