"""This module judges every pair of models: tests, differences with intervals, and what they show."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stats import agreement, groups, paired_differences, paired_tests
from stats.paired_differences import Pair
from stats.rows_needed import MIN_GROUPS, plan_nothing, plan_to_tell_apart
from verdict.predictions import Predictions


def judge_pairs(
    predictions: Predictions, *, critical: float, within: float
) -> list[dict[str, Any]]:
    """Returns every pair once, in the order of the models; p-values are adjusted for their number.

    `critical` is how many deviations all differences stay within at once, `within` the difference that does not matter.
    """
    columns, members = predictions.hits.T, predictions.groups
    places = list(combinations(range(len(columns)), 2))
    agreed = agreement.agreements(predictions.labels)
    kappas = agreement.kappas(
        agreed, predictions.labels, n_classes=len(predictions.classes)
    )
    tested = [test_pair(columns[a], columns[b], members) for a, b in places]
    n_groups = groups.count_groups(members, len(predictions.truth))
    pairs = describe_pairs(
        {(a, b): Pair.of(columns[a], columns[b]) for a, b in places},
        tested,
        [answer.model for answer in predictions.answers],
        agreed,
        kappas,
        critical=critical,
        within=within,
    )
    if members is not None and n_groups < MIN_GROUPS:
        return [each | {"rows_needed": plan_nothing(n_groups)} for each in pairs]

    return pairs


def describe_pairs(
    counts: dict[tuple[int, int], Pair],
    tested: list[dict[str, Any]],
    names: list[str],
    agreed: NDArray[np.float64],
    kappas: NDArray[np.float64],
    *,
    critical: float,
    within: float,
) -> list[dict[str, Any]]:
    """Returns the same for the counts and the tests of pairs of models, which are numbers of `names`."""
    p_values = [each["p_value"] for each in tested]
    adjusted = paired_tests.holm(p_values)
    pairs = []

    for number, (((first, second), pair), test) in enumerate(
        zip(counts.items(), tested, strict=True)
    ):
        effect = test["effect"]
        others = p_values[:number] + p_values[number + 1 :]
        kappa = kappas[first, second]
        decided = _decide(pair, test["n_apart"], adjusted[number], others)
        alone = _bound_alone(pair, effect, test["p_value"])
        bounded = _bound(pair, effect, critical, decided["verdict"], alone)
        pairs.append(
            {
                "models": [names[first], names[second]],
                "agreement": agreed[first, second],
                "kappa": None if np.isnan(kappa) else kappa,
                **_describe_pair(pair, effect, alone, n_pairs=len(counts)),
                **test,
                "p_value_holm": adjusted[number],
                **decided,
                "difference": bounded,
                "as_good": _equate(pair, effect, within),
            }
        )

    return pairs


def keep_level(
    best: list[str], leader: str, pairs: Sequence[dict[str, Any]]
) -> list[str]:
    """Returns the models that may be the best, as the verdicts on pairs allow for it.

    A leader left alone is claimed to be better than each other model, which two-sided tests of pairs may not show where
    one-sided limits do: then those stay in that it is not shown to be better than.
    """
    if best != [leader]:
        return best

    names = {leader}
    for pair in pairs:
        if leader in pair["models"]:
            won = "ab"[pair["models"].index(leader)]
            names |= set(pair["models"]) if pair["verdict"] != won else set()

    order = dict.fromkeys(name for pair in pairs for name in pair["models"])
    return [name for name in order if name in names] or best


def test_pair(
    first: NDArray[np.bool_],
    second: NDArray[np.bool_],
    members: NDArray[np.int64] | None,
) -> dict[str, Any]:
    """Returns the exact test of a pair, by McNemar of rows and by flipped signs of groups.

    `n_apart` are the rows on which one alone is right, or the groups in which one is right more often.
    """
    effect = paired_differences.find_effect(first, second, members)
    sums = groups.sum_by_group(first.astype(np.int64) - second, members)
    n_apart = int((sums != 0).sum())
    mid_p: float | None
    if members is not None:
        p_value = paired_tests.sign_flip_test(sums.astype(np.int64))
        mid_p = None
    else:
        found = paired_tests.mcnemar(first, second)
        p_value = found["p_value"]
        mid_p = paired_tests.mcnemar_mid_p(found["only_a"], found["only_b"])

    return {
        "p_value": p_value,
        "mid_p_value": mid_p,
        "n_apart": n_apart,
        "effect": effect,
    }


def test_counts(pair: Pair) -> dict[str, Any]:
    """Returns the same as `test_pair` for the counts of rows that are each by itself."""
    return {
        "p_value": paired_tests.mcnemar_p_value(pair.only_a, pair.only_b),
        "mid_p_value": paired_tests.mcnemar_mid_p(pair.only_a, pair.only_b),
        "n_apart": pair.discordant,
        "effect": 1.0,
    }


def _describe_pair(
    pair: Pair, effect: float, alone: tuple[float, float], *, n_pairs: int
) -> dict[str, Any]:
    """Returns counts and figures of a pair; `effect` rows are worth an independent one, `alone` is its interval."""
    ratio = paired_differences.odds_ratio(pair)
    if effect != 1 and ratio["interval"] is not None:
        ratio |= {"interval": None, "reason": "no interval: rows belong together"}

    return {
        "both_right": pair.both,
        "only_a": pair.only_a,
        "only_b": pair.only_b,
        "both_wrong": pair.neither,
        "odds_ratio": ratio,
        "rows_needed": plan_to_tell_apart(pair, alone, tests=n_pairs, effect=effect),
    }


def _bound(
    pair: Pair,
    effect: float,
    critical: float,
    verdict: str,
    alone: tuple[float, float],
) -> dict[str, Any]:
    """Returns the difference with the interval that holds together with those of all other pairs, and its own alone.

    The first agrees with the verdict: what the test shows ends at 0, and what it does not show reaches 0. Step by step
    the test sees a little more than the intervals together, and exactly it sees a little less.
    """
    limits = paired_differences.difference_interval(pair, z=critical, effect=effect)
    return {
        "value": pair.difference,
        "interval": _agree_with(verdict, limits),
        "alone": alone,
    }


def _bound_alone(pair: Pair, effect: float, p_value: float) -> tuple[float, float]:
    """Returns the interval of this pair alone, which agrees with its test before any correction."""
    shown = "a" if pair.only_a > pair.only_b else "b"
    verdict = shown if p_value < paired_differences.ALPHA else "not shown"

    return _agree_with(
        verdict, paired_differences.difference_interval(pair, effect=effect)
    )


def _agree_with(verdict: str, limits: tuple[float, float]) -> tuple[float, float]:
    low, high = limits
    if verdict == "a":
        return max(low, 0.0), high
    if verdict == "b":
        return low, min(high, 0.0)
    return min(low, 0.0), max(high, 0.0)


def _equate(pair: Pair, effect: float, within: float) -> dict[str, Any]:
    """Returns whether the models are shown to differ by less than `within`; Schuirmann, J. Pharm. Biopharm. 15 (1987).

    Two one-sided tests of 5 % each (TOST) are the 90 % interval of this pair alone between -within and within.
    """
    low, high = paired_differences.difference_interval(
        pair, confidence=0.9, effect=effect
    )
    shown = -within < low and high < within

    return {"within": within, "interval": (low, high), "shown": shown}


def _decide(
    pair: Pair, n_apart: int, p_value: float, others: list[float]
) -> dict[str, Any]:
    """Returns the verdict, and how many rows or groups must be apart at least beside the p-values of the other pairs.

    It is `a` or `b`, whichever is shown to be right more often, `not shown`, or `too few` where no split of so few
    could have shown a difference.
    """
    least = paired_tests.min_discordant(others, alpha=paired_differences.ALPHA)
    verdict = "a" if pair.only_a > pair.only_b else "b"
    if p_value >= paired_differences.ALPHA:
        verdict = "too few" if n_apart < least else "not shown"

    return {"verdict": verdict, "min_discordant": least}
