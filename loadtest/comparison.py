"""This module tells whether a test is slower than an earlier one, by ratios of figures with intervals over repeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from loadtest.result import COMPARED
from service.errors import LoadTestError
from stats.binomial import binomial_cdf
from stats.repeated_runs import compare_means

MIN_VALUES = 3
"""Of fewer repeats nothing can be said: the slices of the runs stand for them."""
ERRORS_P_VALUE = 0.01
MUST_MATCH = ("loop", "rate", "end_rate", "arrivals", "concurrency", "recording")


@dataclass(frozen=True, kw_only=True)
class Change:
    """This is a figure of the new test over the old one's; `is_regression` says that it is worse beyond the margin."""

    figure: str
    ratio: float
    low: float
    high: float
    is_regression: bool
    differs: bool


def compare(
    old: dict[str, Any], new: dict[str, Any], *, margin: float
) -> dict[str, Any]:
    """Returns how latencies, in a closed loop the rate, and errors changed; raises LoadTestError for other loads."""
    is_search = "search" in old and "search" in new
    names = ("loop",) if is_search else MUST_MATCH
    check_same(old["load"], new["load"], names=names)
    if is_search:
        return _compare_searches(old, new, margin=margin)

    n_repeats = min(len(old["repeats"]), len(new["repeats"]))
    has_repeats = n_repeats >= MIN_VALUES

    changes = []
    for name in COMPARED:
        values = [
            _read_latencies(each, name, has_repeats=has_repeats) for each in (old, new)
        ]
        changes += _compare(name, values, margin=margin, worse_is_more=True)

    if new["load"]["loop"] == "closed":
        values = [_read_rates(each, has_repeats=has_repeats) for each in (old, new)]
        changes += _compare("rate", values, margin=margin, worse_is_more=False)

    is_slower = any(each.is_regression for each in changes)

    return {
        "margin": margin,
        "over": "repeats" if has_repeats else "slices",
        "changes": [asdict(each) for each in changes],
        "errors": {"old": _share_errors(old), "new": _share_errors(new)},
        "regression": is_slower or _has_more_errors(old, new),
    }


def _compare_searches(
    old: dict[str, Any], new: dict[str, Any], *, margin: float
) -> dict[str, Any]:
    """Returns how the highest rates changed; their latencies are at different rates."""
    values = [each["search"]["rates"] for each in (old, new)]
    changes = _compare("rate", values, margin=margin, worse_is_more=False)
    is_lost = bool(values[0]) and not values[1]

    return {
        "margin": margin,
        "over": "searches",
        "changes": [asdict(each) for each in changes],
        "errors": {"old": _share_errors(old), "new": _share_errors(new)},
        "regression": is_lost or any(each.is_regression for each in changes),
    }


def check_same(
    old: dict[str, Any], new: dict[str, Any], *, names: Sequence[str] = MUST_MATCH
) -> None:
    """Raises LoadTestError where two loads are not the same, so that nothing follows from a comparison."""
    for name in names:
        was = old.get(name)
        is_now = new.get(name)
        if was != is_now:
            raise LoadTestError(
                f"--compare: expected tests under the same load, got {name} {was} in the old one, {is_now} in this one"
            )


def _compare(
    figure: str, values: Sequence[list[float]], *, margin: float, worse_is_more: bool
) -> list[Change]:
    """Returns the change of one figure, none where a test has too few values of it."""
    if min(map(len, values)) < MIN_VALUES:
        return []

    old, new = map(np.array, values)
    ratio = compare_means(old, new)
    is_worse = ratio.high < 1 / (1 + margin)
    if worse_is_more:
        is_worse = ratio.low > 1 + margin

    change = Change(
        figure=figure,
        ratio=ratio.value,
        low=ratio.low,
        high=ratio.high,
        is_regression=is_worse,
        differs=not ratio.low <= 1 <= ratio.high,
    )

    return [change]


def _read_latencies(
    document: dict[str, Any], name: str, *, has_repeats: bool
) -> list[float]:
    if has_repeats:
        found = [each["latency_ms"][name] for each in document["repeats"]]
    else:
        found = [each[f"{name}_ms"] for each in _list_slices(document)]

    return [each for each in found if each]


def _read_rates(document: dict[str, Any], *, has_repeats: bool) -> list[float]:
    listed = document["repeats"] if has_repeats else _list_slices(document)
    return [each["rate"] for each in listed if each["rate"] > 0]


def _list_slices(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for repeat in document["repeats"] for each in repeat["slices"]]


def _share_errors(document: dict[str, Any]) -> float:
    n_errors: int = sum(document["errors"].values())
    n_requests: int = document["requests"]
    return n_errors / max(1, n_requests)


def _has_more_errors(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Says whether the new test failed more often than chance explains, were both as likely to fail.

    Given how many failed in both, those of the new one are binomial: Przyborowski and Wilenski, Biometrika 31 (1940)
    313.
    """
    n_new = sum(new["errors"].values())
    n_old = sum(old["errors"].values())
    if n_new == 0 or _share_errors(new) <= _share_errors(old):
        return False

    share = new["requests"] / (new["requests"] + old["requests"])
    p_value = 1 - binomial_cdf(n_new - 1, n_new + n_old, share=share)

    return p_value < ERRORS_P_VALUE


def write_lines(comparison: dict[str, Any]) -> list[str]:
    """Returns the comparison as lines."""
    lines = [f"against the old test, over {comparison['over']}:"]
    for each in comparison["changes"]:
        word = _word_change(each, margin=comparison["margin"])
        interval = f"{each['low']:.3f} to {each['high']:.3f}"
        lines.append(
            f"  {each['figure']:<6}times {each['ratio']:.3f} ({interval}): {word}"
        )

    errors = comparison["errors"]
    lines.append(f"  errors {errors['old']:.3%} before, {errors['new']:.3%} now")
    if comparison["regression"]:
        lines.append("REGRESSION")

    return lines


def _word_change(change: dict[str, Any], *, margin: float) -> str:
    if change["is_regression"]:
        return f"worse beyond the margin of {margin:.0%}"
    if change["differs"]:
        return "differs"
    return "no difference shown"
