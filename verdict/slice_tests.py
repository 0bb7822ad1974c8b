"""The paired test within each class and each part of the rows shows where the better model is worse."""

from __future__ import annotations

from typing import Any

import numpy as np

from stats.paired_differences import Pair, difference_interval
from stats.paired_tests import benjamini_yekutieli
from verdict.pairs import test_pair
from verdict.predictions import Predictions
from verdict.slicing import Slicing

MIN_ROWS = 30
"""Parts with fewer rows are not looked at."""
RATE = 0.1
"""Of what is called worse so large a share may be so by chance alone."""
MAX_LISTED = 20
TRUE_CLASS = "the true class"


def judge_slices(predictions: Predictions, leader: str) -> dict[str, Any]:
    """Returns how many parts were looked at, and where the leader is shown to be worse than another model.

    p-values of all parts and models together are adjusted by Benjamini and Yekutieli, whatever they have in common. The
    leader is who was right most often on the same rows, so that only where it is worse says something new.
    """
    slicings = [_slice_by_class(predictions), *predictions.slicings]
    tests: list[dict[str, Any]] = []
    looked_at: list[str] = []

    for slicing in slicings:
        for part, name in enumerate(slicing.parts):
            inside = slicing.part_of == part
            if int(inside.sum()) >= MIN_ROWS and not inside.all():
                looked_at.append(slicing.name)
                where = {"slicing": slicing.name, "part": name}
                tests += [
                    where | each for each in _test_part(predictions, leader, inside)
                ]

    adjusted = benjamini_yekutieli([each["p_value"] for each in tests])
    found = [
        each | {"p_value_adjusted": p_value}
        for each, p_value in zip(tests, adjusted, strict=True)
        if p_value <= RATE and each["difference"]["value"] < 0
    ]
    found.sort(key=lambda each: each["p_value"])

    return {
        "parts": len(looked_at),
        "columns": len({*looked_at} - {TRUE_CLASS}),
        "tests": len(tests),
        "rate": RATE,
        "min_rows": MIN_ROWS,
        "worse": found[:MAX_LISTED],
        "n_worse": len(found),
    }


def _slice_by_class(predictions: Predictions) -> Slicing:
    return Slicing(
        name=TRUE_CLASS,
        parts=list(predictions.classes),
        part_of=predictions.truth,
    )


def _test_part(
    predictions: Predictions, leader: str, inside: np.ndarray[Any, np.dtype[np.bool_]]
) -> list[dict[str, Any]]:
    """Returns the leader's tests against each other model on the rows inside."""
    hits = predictions.hits[inside]
    names = [answer.model for answer in predictions.answers]
    groups = None if predictions.groups is None else predictions.groups[inside]
    first = hits[:, names.index(leader)]
    tests = []

    for place, name in enumerate(names):
        if name == leader:
            continue

        second = hits[:, place]
        pair = Pair.of(first, second)
        found = test_pair(first, second, groups)
        interval = difference_interval(pair, effect=found["effect"])
        tests.append(
            {
                "other": name,
                "rows": len(first),
                "accuracy": float(first.mean()),
                "accuracy_of_other": float(second.mean()),
                "difference": {"value": pair.difference, "interval": interval},
                "p_value": found["p_value"],
            }
        )

    return tests
