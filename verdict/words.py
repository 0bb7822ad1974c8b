"""This module writes numbers and names as people read them."""

from __future__ import annotations

LEAST_SHOWN = 0.001
MAX_DIGITS = 8
ROUNDING = 1e-9
"""A share that is no farther than this from 0 or 1 is so by rounding."""


def shorten(name: str, task: str) -> str:
    """Returns a model's name without its task."""
    return name.removeprefix(f"{task}-")


def join(names: list[str], word: str = "and") -> str:
    """Returns names as `a, b and c`."""
    return f" {word} ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def lead(name: str, equal: list[str]) -> str:
    """Returns who is in front: all of them by name where others are `equal` to the first."""
    return f"{join([name, *equal])} are level in front" if equal else f"{name} leads"


def name_best(best: list[str], n_models: int) -> str:
    """Returns which of the models may be the best, the start of a sentence."""
    if len(best) == n_models:
        return f"{'Either' if n_models == 2 else 'Any'} of them may be the best"
    if len(best) == 1:
        return f"With 95 % confidence {best[0]} is the best"
    return f"With 95 % confidence the best is one of {join(best)}"


def percent(share: float) -> str:
    """Returns a share as `12.3 %`, and as `99.98 %` where one digit would make all or nothing of what is neither."""
    is_neither = ROUNDING < share < 1 - ROUNDING
    for digits in range(1, MAX_DIGITS):
        text = f"{100 * share:.{digits}f}"
        if not is_neither or float(text) not in (0, 100):
            break

    return f"{text} %"


def signed(share: float) -> str:
    """Returns a difference as `+1.2 %` or `0.0 %`, with the sign of minus, not the hyphen.

    One that is not 0 is not written as 0: it has as many digits as that takes.
    """
    if abs(share) <= ROUNDING:
        return "0.0 %"

    for digits in range(1, MAX_DIGITS):
        text = f"{100 * share:+.{digits}f}"
        if float(text) != 0:
            break

    return f"{show_minus(text)} %"


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
