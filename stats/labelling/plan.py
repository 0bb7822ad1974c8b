"""This module plans before any label how many rows, and how many labels of them, a verdict takes."""

from __future__ import annotations

import math
from typing import Any

from stats.rows_needed import POWER, count_rows


def plan_labels(
    wanted: float,
    disagreement: float,
    *,
    tests: int = 1,
    rows_a_day: float | None = None,
) -> dict[str, Any]:
    """Returns the rows, labels and days after which a wanted difference of accuracies is shown with a power of 0.8.

    `disagreement` is the share of rows on which two models disagree, which alone are labelled. With more than two
    classes both may be wrong on some of them, and fewer rows are enough. A difference cannot be larger than that share:
    rows are then None. `tests` are those that Holm's correction is for.
    """
    plan: dict[str, Any] = {
        "wanted": wanted,
        "power": POWER,
        "rows": None,
        "labels": None,
        "days": None,
    }
    if wanted > disagreement:
        return plan

    rows = count_rows(wanted, disagreement, tests=tests)
    assert rows is not None  # of a wanted difference over 0
    plan |= {"rows": rows, "labels": math.ceil(rows * disagreement)}
    if rows_a_day:
        plan["days"] = rows / rows_a_day

    return plan


def split_budget(n_labels: int, *, n_disagree: int, n_agree: int) -> tuple[int, int]:
    """Returns how many rows to label of those on which models disagree, and of the others.

    A fifth is for the others, which say nothing of differences, but without which accuracy would be of hard rows alone.
    """
    of_agree = min(n_agree, math.ceil(n_labels / 5))
    of_disagree = min(n_disagree, n_labels - of_agree)
    of_agree = min(n_agree, n_labels - of_disagree)

    return of_disagree, of_agree
