"""Every number of a report, computed from what models said and what is true; the same input, the same numbers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.predictions import ClassifierAnswers, Predictions
from service.contract import codec
from stats import (
    agreement,
    confusion,
    groups,
    paired,
    paired_tests,
    reliability,
    risk_coverage,
    roc,
)
from stats.paired import Pair
from stats.rows_needed import plan_to_tell_apart
from stats.scores import score

MAX_POINTS = 150
"""A curve in a report has at most so many points; what is computed from curves is computed from all of their points."""
MAX_CURVES = 12
MAX_DISAGREEMENTS = 100


def judge(predictions: Predictions, *, risk: float) -> dict[str, Any]:
    """Returns the numbers as JSON values.

    `risk` is the share of wrong answers that is wanted of a model that may decline.
    """
    hits = predictions.hits
    labels = predictions.labels
    numbers = {
        "rows": len(predictions.truth),
        "rows_of_class": np.bincount(
            predictions.truth, minlength=len(predictions.classes)
        ),
        "models": [
            _judge_model(answer, predictions, risk=risk)
            for answer in predictions.answers
        ],
        "pairs": _judge_pairs(predictions, hits),
        "n_groups": groups.count_groups(predictions.groups, len(predictions.truth)),
        "cochran_q": _test_all(predictions, hits),
        "fleiss_kappa": agreement.fleiss_kappa(
            labels, n_classes=len(predictions.classes)
        ),
        "leader": _lead(predictions, hits),
        "pareto": _judge_costs(predictions, hits),
        "disagreements": _find_disagreements(labels, len(predictions.classes)),
    }
    values: dict[str, Any] = codec.as_json(numbers)

    return values


def _judge_model(
    answer: ClassifierAnswers, predictions: Predictions, *, risk: float
) -> dict[str, Any]:
    confidence = answer.confidence
    hits = answer.label == predictions.truth
    members = predictions.groups
    metrics = score(answer.probabilities, answer.label, predictions.truth, members)
    wide, even = (
        reliability.describe_bins(confidence, hits, divide(confidence), members)
        for divide in (reliability.equal_width, reliability.equal_mass)
    )
    effect = groups.design_effect(hits - hits.mean(), members)
    curve = roc.thin(*risk_coverage.risk_coverage(confidence, hits), most=MAX_POINTS)

    return {
        "model": answer.model,
        "metrics": metrics,
        "classes": confusion.per_class(metrics["confusion"], effect=effect),
        "ece_equal_mass": reliability.calibration_error(even),
        "brier_parts": reliability.brier_parts(answer.probabilities, predictions.truth),
        "reliability": {"equal_width": wide, "equal_mass": even},
        "roc": _trace_curves(answer, predictions),
        "risk_coverage": dict(
            zip(("coverage", "risk", "threshold"), curve, strict=True)
        ),
        "risk_area": risk_coverage.area(confidence, hits),
        "at_risk": risk_coverage.threshold(confidence, hits, risk=risk),
        "at_guaranteed_risk": _promise(confidence, hits, members, risk=risk),
    }


def _promise(
    confidence: NDArray[np.float64],
    hits: NDArray[np.bool_],
    members: NDArray[np.int64] | None,
    *,
    risk: float,
) -> dict[str, Any]:
    """Returns the threshold that can be promised, of the first row of each group where rows belong together."""
    if members is not None:
        _, first = np.unique(members, return_index=True)
        confidence, hits = confidence[first], hits[first]

    return risk_coverage.guaranteed_threshold(confidence, hits, risk=risk)


def _test_all(predictions: Predictions, hits: NDArray[np.bool_]) -> dict[str, Any]:
    """Returns Cochran's test, which is one of rows by themselves."""
    if predictions.groups is not None:
        reason = "undefined: rows belong together"
        return {"statistic": None, "p_value": None, "reason": reason}
    return paired_tests.cochran_q(hits)


def _trace_curves(
    answer: ClassifierAnswers, predictions: Predictions
) -> list[dict[str, Any]]:
    """ROC curves: of two classes that of the second, of several one for each of the first twelve that can have one."""
    n_classes = len(predictions.classes)
    rows = np.bincount(predictions.truth, minlength=n_classes)
    possible = [
        each for each in range(n_classes) if 0 < rows[each] < len(predictions.truth)
    ]
    chosen = possible[1:] if n_classes == 2 else possible[:MAX_CURVES]
    curves = []

    for each in chosen:
        false, true, _ = roc.roc_curve(
            answer.probabilities[:, each], predictions.truth == each
        )
        false, true = roc.thin(false, true, most=MAX_POINTS)
        curves.append(
            {
                "class": predictions.classes[each],
                "false_positive_rate": false,
                "true_positive_rate": true,
            }
        )

    return curves


def _judge_pairs(
    predictions: Predictions, hits: NDArray[np.bool_]
) -> list[dict[str, Any]]:
    """Returns every pair once, in the order of the models; p-values are adjusted for their number."""
    places = list(combinations(range(len(predictions.answers)), 2))
    agreed = agreement.agreements(predictions.labels)
    kappas = agreement.kappas(
        agreed, predictions.labels, n_classes=len(predictions.classes)
    )
    tested = [
        _test(hits[:, first], hits[:, second], predictions.groups)
        for first, second in places
    ]
    p_values = [each["p_value"] for each in tested]
    adjusted = paired_tests.holm(p_values)
    names = [answer.model for answer in predictions.answers]
    pairs = []

    for number, ((first, second), test) in enumerate(zip(places, tested, strict=True)):
        pair = Pair.of(hits[:, first], hits[:, second])
        others = p_values[:number] + p_values[number + 1 :]
        kappa = kappas[first, second]
        pairs.append(
            {
                "models": [names[first], names[second]],
                "agreement": agreed[first, second],
                "kappa": None if np.isnan(kappa) else kappa,
                **_describe_pair(pair, test["effect"], n_pairs=len(places)),
                **test,
                "p_value_holm": adjusted[number],
                **_decide(pair, test["n_apart"], adjusted[number], others),
            }
        )

    return pairs


def _test(
    first: NDArray[np.bool_],
    second: NDArray[np.bool_],
    members: NDArray[np.int64] | None,
) -> dict[str, Any]:
    """Returns the exact test of a pair, by McNemar of rows and by flipped signs of groups.

    `n_apart` are the rows on which one alone is right, or the groups in which one is right more often.
    """
    effect = paired.find_effect(first, second, members)
    sums = groups.sum_by_group(first.astype(np.int64) - second, members)
    n_apart = int((sums != 0).sum())
    mid_p: float | None
    if members is not None:
        p_value = paired_tests.sign_flip(sums.astype(np.int64))
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


def _describe_pair(pair: Pair, effect: float, *, n_pairs: int) -> dict[str, Any]:
    """Returns counts and figures of a pair; `effect` rows are worth an independent one."""
    ratio = paired.odds_ratio(pair)
    if effect != 1 and ratio["interval"] is not None:
        ratio |= {"interval": None, "reason": "no interval: rows belong together"}

    return {
        "both_right": pair.both,
        "only_a": pair.only_a,
        "only_b": pair.only_b,
        "both_wrong": pair.neither,
        "difference": {
            "value": pair.difference,
            "interval": paired.difference_interval(pair, effect=effect),
        },
        "odds_ratio": ratio,
        "rows_needed": plan_to_tell_apart(pair, tests=n_pairs, effect=effect),
    }


def _decide(
    pair: Pair, n_apart: int, p_value: float, others: list[float]
) -> dict[str, Any]:
    """Returns the verdict, and how many rows or groups must be apart at least beside the p-values of the other pairs.

    It is `a` or `b`, whichever is shown to be right more often, `not shown`, or `too few` where no split of so few
    could have shown a difference.
    """
    least = paired_tests.min_discordant(others, alpha=paired.ALPHA)
    verdict = "a" if pair.only_a > pair.only_b else "b"
    if p_value >= paired.ALPHA:
        verdict = "too few" if n_apart < least else "not shown"

    return {"verdict": verdict, "min_discordant": least}


def _lead(predictions: Predictions, hits: NDArray[np.bool_]) -> str:
    """Returns the model that is right most often on these rows; of equals the one whose probabilities are better."""
    losses = [
        score(each.probabilities, each.label, predictions.truth)["log_loss"]["value"]
        for each in predictions.answers
    ]
    # Rounded, so that neither the order of a sum nor another machine decides between equals: the first of them leads.
    order = sorted(
        range(len(losses)),
        key=lambda each: (-int(hits[:, each].sum()), round(losses[each], 9)),
    )
    return predictions.answers[order[0]].model


def _judge_costs(
    predictions: Predictions, hits: NDArray[np.bool_]
) -> dict[str, list[str] | None]:
    """Returns models that none beats in both accuracy and latency, or bytes; None where not all sizes are known."""
    accuracy = hits.mean(axis=0).tolist()
    names = [answer.model for answer in predictions.answers]
    sizes = [answer.size_bytes for answer in predictions.answers]
    known = [size for size in sizes if size is not None]
    latencies = [answer.latency_ms for answer in predictions.answers]

    return {
        "latency": find_front(names, latencies, accuracy),
        "bytes": find_front(names, known, accuracy)
        if len(known) == len(sizes)
        else None,
    }


def find_front(
    names: Sequence[str], costs: Sequence[float], values: Sequence[float]
) -> list[str]:
    """Returns the Pareto front: whoever has nobody of at most its cost and at least its value, better in one of
    them.
    """
    points = list(zip(names, costs, values, strict=True))
    return [
        name
        for name, cost, value in points
        if not any(
            c <= cost and v >= value and (c < cost or v > value) for _, c, v in points
        )
    ]


def _find_disagreements(labels: NDArray[np.int64], n_classes: int) -> dict[str, Any]:
    """Counts the rows that do not have one label from all models, and lists a hundred of them, the most divided
    first.
    """
    n_rows, n_models = labels.shape
    places = labels + n_classes * np.arange(n_rows)[:, None]
    votes = (
        np.bincount(places.ravel(), minlength=n_rows * n_classes)
        .reshape(n_rows, n_classes)
        .max(axis=1)
    )
    divided = np.flatnonzero(votes < n_models)
    order = divided[np.argsort(votes[divided], kind="stable")]

    return {"count": len(divided), "rows": order[:MAX_DISAGREEMENTS]}
