"""A server's log of acts is computed again: each promotion and roll-back must follow from the counts of its line."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.json_differences import find_differences
from service.errors import EvaluationError
from stats import sequential
from stats.losses import bounded
from stats.monitoring import alarm

MAX_COUNT = 2**53
MAX_SCALE = 10**9
MAX_PARTS = 1000
LARGEST: dict[str, tuple[float, ...]] = {
    "brier": (1.0, 2.0),
    "log_loss": (bounded.find_largest(bounded.LOG_LOSS, 2),),
    "balanced_accuracy": (1.0,),
    "cost": (),
}
"""Two models differ by so much on a row at most, by the metric; costs are a person's own."""
ROUNDING = 0.505
"""The mean of a group is off by so many parts of the scale at most."""
FOLLOWING = {
    "test": ("groups", "difference", "interval", "verdict"),
    "alarm": ("floor", "start", "groups", "accuracy", "upper", "alpha"),
}
"""These figures of a line follow from the others."""


def is_log(path: Path) -> bool:
    """Returns whether the first line of a file is an act, rather than the beginning of evidence."""
    with path.open("rb") as file:
        first = file.readline()

    try:
        act = json.loads(first)
    except (ValueError, RecursionError):
        return False

    return isinstance(act, dict) and "act" in act


def verify(path: Path) -> tuple[int, list[str]]:
    """Returns the number of acts, and a line for each difference; raises EvaluationError for lines that are no acts."""
    content = path.read_bytes()
    *lines, rest = content.split(b"\n")
    differences = list(_check_lines(lines))
    if rest:
        differences.append("the file ends in a part of a line, which is no act")

    return len(lines), differences


def _check_lines(lines: list[bytes]) -> Iterator[str]:
    """Yields what does not hold of each line, by itself and after those before it."""
    previous = ""
    champions: dict[str, str] = {}
    promoted: dict[str, list[Any]] = {}

    for number, line in enumerate(lines, 1):
        act = _read_act(line, number)
        if act["number"] != number:
            yield f"line {number}: expected the number {number}, got {act['number']}"
        if act["previous"] != previous:
            yield f"line {number}: the line before it has another hash: one of both was changed"

        try:
            yield from (
                f"line {number}: {each}"
                for each in _check_order(act, champions, promoted)
            )
            yield from (f"line {number}: {each}" for each in _check_reason(act))
        except (LookupError, TypeError, ValueError) as error:
            raise EvaluationError(
                f"line {number} is no act: {type(error).__name__}: {error}"
            ) from None
        previous = sha256(line).hexdigest()


def _read_act(line: bytes, number: int) -> dict[str, Any]:
    try:
        act = json.loads(line)
    except ValueError as error:
        raise EvaluationError(f"line {number} is no act: {error}") from None

    fields = ("number", "task", "act", "before", "after", "previous")
    if not isinstance(act, dict) or not all(each in act for each in fields):
        raise EvaluationError(
            f"line {number} is no act: expected an object with {', '.join(fields)}"
        )

    return act


def _check_order(
    act: dict[str, Any], champions: dict[str, str], promoted: dict[str, list[Any]]
) -> Iterator[str]:
    """Yields where an act does not begin with the champion that there was, or rolls back to another than was before."""
    task = str(act["task"])
    before, after = act["before"], act["after"]
    champion = champions.get(task, before["model"])
    if before["model"] != champion:
        yield f"the champion before it is {champion!r} by the lines above, not {before['model']!r}"

    stack = promoted.setdefault(task, [])
    if act["act"] == "promotion":
        stack.append(before)
    elif act["act"] != "roll-back":
        yield f"expected a promotion or a roll-back, got {act['act']!r}"
    elif not stack:
        yield "no promotion stands that could be rolled back"
    elif stack.pop() != after:
        yield f"the champion before the promotion was another than {after['model']!r}"

    champions[task] = after["model"]


def _check_reason(act: dict[str, Any]) -> Iterator[str]:
    """Yields where a figure does not follow from the counts, or the act not from the figures."""
    name = "test" if act["act"] == "promotion" else "alarm"
    shown = act[name]
    again = _test(shown) if name == "test" else _raise_alarm(shown)
    stored = {key: shown[key] for key in FOLLOWING[name]}
    yield from (f"{name}: {each}" for each in find_differences(stored, again))

    if name == "test" and again["verdict"] != "challenger better":
        yield "the challenger is not shown to be better"
    if name == "test" and not 0 < shown["alpha"] <= sequential.ALPHA:
        yield f"test: alpha: expected over 0 and at most {sequential.ALPHA}, got {shown['alpha']}"
    if name == "alarm" and not again["upper"] < again["floor"]:
        yield "no alarm follows from the counts"


def _test(shown: dict[str, Any]) -> dict[str, Any]:
    """Returns the test of a pair, computed from its counts: of accuracy, or of the metric that the line names."""
    scale = _read_scale(shown)
    is_of_accuracy = "by" not in shown
    parts = [shown["means"]] if is_of_accuracy else shown["parts"]
    if not 1 <= len(parts) <= MAX_PARTS:
        raise ValueError(f"parts: expected 1 to {MAX_PARTS}, got {len(parts)}")

    alpha = min(max(float(shown["alpha"]), 1e-300), 1.0) / len(parts)
    odds = sequential.ODDS if is_of_accuracy else sequential.LOSS_ODDS
    found = [_bound(part, scale, alpha, odds) for part in parts]
    n_groups, differences, lowers, uppers = np.array(found).T
    rounding = 0.0 if is_of_accuracy else ROUNDING / scale
    largest = 1.0 if is_of_accuracy else _read_largest(shown)
    lower = largest * max(-1.0, lowers.mean() - rounding)
    upper = largest * min(1.0, uppers.mean() + rounding)

    return {
        "groups": int(n_groups.sum()),
        "difference": largest * differences.mean() if n_groups.all() else None,
        "interval": [lower, upper],
        "verdict": sequential.judge(lower, upper),
    }


def _bound(
    part: Any, scale: int, alpha: float, odds: NDArray[np.float64]
) -> tuple[int, float, float, float]:
    """Returns the number of groups of a part, their mean difference, and the limits of it."""
    means = _read_means(part, low=-scale, high=scale)
    differences = np.array([*means, 0]) / scale
    counts = np.array([*means.values(), 0], dtype=np.int64)
    n_groups = int(counts.sum())
    bounds = sequential.bound(differences, counts[None], alpha=alpha, odds=odds)
    lower, upper = bounds[0].tolist()

    return n_groups, float(counts @ differences) / max(n_groups, 1), lower, upper


def _raise_alarm(shown: dict[str, Any]) -> dict[str, Any]:
    """Returns the alarm on a model, computed from its counts and from what its card says."""
    scale = _read_scale(shown)
    blocks = {
        _read_count(number): _read_means(means, low=0, high=scale)
        for number, means in shown["blocks"]
    }
    floor = alarm.find_floor(
        float(shown["held_out"]["lower"]), float(shown["error_budget"])
    )
    found = alarm.judge(blocks, scale=scale, floor=floor)
    if found is None:
        raise ValueError("blocks: expected at least one group")

    return {
        "floor": floor,
        "start": found.start,
        "groups": found.n_groups,
        "accuracy": found.mean,
        "upper": found.upper,
        "alpha": found.alpha,
    }


def _read_largest(shown: Mapping[str, Any]) -> float:
    """Returns the largest difference of a row by the metric; of costs the line alone says what it is."""
    largest = float(shown["largest"])
    by = shown["by"]
    if by not in LARGEST:
        raise ValueError(f"by: expected one of {', '.join(LARGEST)}, got {by!r}")
    if largest not in (LARGEST[by] or (largest,)) or not 0 < largest < math.inf:
        raise ValueError(f"largest: no row differs by {largest} by {by}")

    return largest


def _read_scale(shown: Mapping[str, Any]) -> int:
    scale = shown["scale"]
    if type(scale) is not int or not 1 <= scale <= MAX_SCALE:
        raise ValueError(f"scale: expected 1 to {MAX_SCALE}, got {scale!r}")
    return scale


def _read_means(pairs: Any, *, low: int, high: int) -> dict[int, int]:
    """Returns how many groups have each mean; raises ValueError where there cannot be such groups."""
    means: dict[int, int] = {}
    for mean, n_groups in pairs:
        if type(mean) is not int or not low <= mean <= high or mean in means:
            raise ValueError(
                f"means: expected different whole numbers from {low} to {high}, got {mean!r}"
            )
        means[mean] = _read_count(n_groups)

    return means


def _read_count(count: Any) -> int:
    if type(count) is not int or not 0 <= count < MAX_COUNT:
        raise ValueError(f"expected a count, got {count!r}")
    return count
