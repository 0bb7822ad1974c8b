"""This module judges from the labels of few rows: those on which models disagree, and a sample of the others."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.contract import codec
from stats import paired_differences, paired_tests
from stats.labelling.discordant import interval_from_sample, share_by_strata
from stats.labelling.plan import plan_labels
from stats.metric import describe, undefined
from verdict.pairs import test_pair

Labels = NDArray[np.int64]

UNLABELLED = -1
_normal_quantile = NormalDist().inv_cdf


def judge_few(
    labels: Labels,
    truth: Labels,
    names: Sequence[str],
    *,
    wanted: float,
    rows_a_day: float | None = None,
    groups: Labels | None = None,
    pairs: Sequence[tuple[int, int]] | None = None,
) -> dict[str, Any]:
    """Returns the numbers as JSON values; labels are `(n_rows, n_models)`, truth `(n_rows,)` is -1 where it is unknown.

    `wanted` is the difference of accuracies that a plan is for, `pairs` are places of models, all pairs if left out.
    """
    disagree = (labels != labels[:, :1]).any(axis=1)
    strata = [disagree, ~disagree]
    is_labelled = truth != UNLABELLED
    counts = _count_strata(strata, is_labelled)
    hits = (labels == truth[:, None]) & is_labelled[:, None]
    places = pairs or list(combinations(range(len(names)), 2))
    plan = {"wanted": wanted, "rows_a_day": rows_a_day}
    found = _judge_pairs(labels, truth, names, list(places), groups=groups, plan=plan)
    numbers = {
        "rows": len(truth),
        "disagree": _describe_stratum(*counts[0]),
        "agree": _describe_stratum(*counts[1]),
        "models": [
            {"model": name, "accuracy": _find_accuracy(counts, strata, each)}
            for name, each in zip(names, hits.T, strict=True)
        ],
        "pairs": found,
        "leader": _lead(names, hits[disagree]),
    }
    values: dict[str, Any] = codec.as_json(numbers)

    return values


def _count_strata(
    strata: list[NDArray[np.bool_]], is_labelled: NDArray[np.bool_]
) -> Labels:
    """Returns the rows of each stratum and how many of them are labelled, `(n_strata, 2)`."""
    n_rows = [int(each.sum()) for each in strata]
    n_labelled = [int((each & is_labelled).sum()) for each in strata]

    return np.array([n_rows, n_labelled]).T


def _describe_stratum(rows: int, labelled: int) -> dict[str, Any]:
    """Returns counts, and the share that is labelled: with it each labelled row is included."""
    return {
        "rows": rows,
        "labelled": labelled,
        "inclusion": labelled / rows if rows else None,
    }


def _lead(names: Sequence[str], hits: NDArray[np.bool_]) -> str | None:
    """Returns the model that is right on most labelled rows with disagreement; None where none is labelled."""
    right = hits.sum(axis=0)
    return names[int(right.argmax())] if right.any() else None


def _find_accuracy(
    counts: Labels, strata: list[NDArray[np.bool_]], hits: NDArray[np.bool_]
) -> dict[str, Any]:
    """Returns the accuracy on all rows, each stratum by what is labelled of it."""
    rows, labelled = counts.T
    if not rows.any():
        return undefined("undefined: there is no row")
    if ((rows > 0) & (labelled == 0)).any():
        is_divided = rows[0] > 0 and labelled[0] == 0
        which = "models disagree" if is_divided else "all models agree"
        return undefined(f"undefined: no row on which {which} is labelled")

    right = np.array([int(hits[each].sum()) for each in strata])
    value, interval = share_by_strata(rows, labelled, right)

    return describe(value, interval)


def _judge_pairs(
    labels: Labels,
    truth: Labels,
    names: Sequence[str],
    places: list[tuple[int, int]],
    *,
    groups: Labels | None,
    plan: dict[str, Any],
) -> list[dict[str, Any]]:
    """Returns every pair; its interval holds together with those of the others (Bonferroni)."""
    z = _normal_quantile(1 - paired_differences.ALPHA / (2 * max(1, len(places))))
    found = [_count_pair(labels, truth, each, groups) for each in places]
    p_values = [each["p_value"] for each in found]
    adjusted = paired_tests.holm(p_values)
    pairs = []

    for number, ((first, second), counted) in enumerate(
        zip(places, found, strict=True)
    ):
        others = p_values[:number] + p_values[number + 1 :]
        decided = _decide(counted, adjusted[number], others)
        share = counted["disagree"] / max(1, len(truth))
        pairs.append(
            {
                "models": [names[first], names[second]],
                **counted,
                "p_value_holm": adjusted[number],
                **decided,
                "difference": _bound(counted, len(truth), z, decided["verdict"]),
                "plan": plan_labels(disagreement=share, tests=len(places), **plan),
            }
        )

    return pairs


def _count_pair(
    labels: Labels, truth: Labels, pair: tuple[int, int], groups: Labels | None
) -> dict[str, Any]:
    """Returns counts of the rows with different labels, and the exact test of those that are labelled.

    Where both say the same, both are taken for right: the test asks only where one alone is.
    """
    first, second = (labels[:, each] for each in pair)
    differ = first != second
    usable = ~differ | (truth != UNLABELLED)
    hits = [(~differ | (each == truth))[usable] for each in (first, second)]
    tested: dict[str, Any] = {"n_apart": 0, "effect": 1.0, "p_value": 1.0}
    if (differ & usable).any():
        members = None
        if groups is not None:
            members = np.unique(groups[usable], return_inverse=True)[1]
        tested = test_pair(hits[0], hits[1], members)

    return {
        "disagree": int(differ.sum()),
        "labelled": int((differ & usable).sum()),
        "only_a": int((hits[0] & ~hits[1]).sum()),
        "only_b": int((hits[1] & ~hits[0]).sum()),
        "n_apart": tested["n_apart"],
        "effect": tested["effect"],
        "p_value": tested["p_value"],
    }


def _decide(
    counted: dict[str, Any], p_value: float, others: list[float]
) -> dict[str, Any]:
    least = paired_tests.min_discordant(others, alpha=paired_differences.ALPHA)
    verdict = "a" if counted["only_a"] > counted["only_b"] else "b"
    if p_value >= paired_differences.ALPHA:
        verdict = "too few" if counted["n_apart"] < least else "not shown"

    return {"verdict": verdict, "min_discordant": least}


def _bound(
    counted: dict[str, Any], n_rows: int, z: float, verdict: str
) -> dict[str, Any]:
    """Returns the difference on all rows with Tango's interval, which agrees with the verdict."""
    n_labelled, n_disagree = counted["labelled"], counted["disagree"]
    if not n_rows:
        return undefined("undefined: there is no row")
    if n_disagree and not n_labelled:
        return undefined("undefined: no row on which they disagree is labelled")

    effect = counted["effect"]
    only_a, only_b = counted["only_a"], counted["only_b"]
    low, high = interval_from_sample(
        only_a / effect,
        only_b / effect,
        n_labelled=n_labelled,
        n_disagree=n_disagree,
        n_rows=n_rows / effect,
        z=z,
    )
    value = 0.0
    if n_disagree:
        value = (only_a - only_b) / n_labelled * n_disagree / n_rows
    if verdict == "a":
        low = max(low, 0.0)
    elif verdict == "b":
        high = min(high, 0.0)
    else:
        low, high = min(low, 0.0), max(high, 0.0)

    return {"value": value, "interval": (low, high)}
