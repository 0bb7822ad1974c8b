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
        "cochran_q": paired_tests.cochran_q(hits),
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
    metrics = score(answer.probabilities, answer.label, predictions.truth)
    wide = reliability.describe_bins(
        confidence, hits, reliability.equal_width(confidence)
    )
    even = reliability.describe_bins(
        confidence, hits, reliability.equal_mass(confidence)
    )
    curve = roc.thin(*risk_coverage.risk_coverage(confidence, hits), most=MAX_POINTS)

    return {
        "model": answer.model,
        "metrics": metrics,
        "classes": confusion.per_class(metrics["confusion"]),
        "ece_equal_mass": reliability.calibration_error(even),
        "brier_parts": reliability.brier_parts(answer.probabilities, predictions.truth),
        "reliability": {"equal_width": wide, "equal_mass": even},
        "roc": _trace_curves(answer, predictions),
        "risk_coverage": dict(
            zip(("coverage", "risk", "threshold"), curve, strict=True)
        ),
        "risk_area": risk_coverage.area(confidence, hits),
        "at_risk": risk_coverage.threshold(confidence, hits, risk=risk),
        "at_guaranteed_risk": risk_coverage.guaranteed_threshold(
            confidence, hits, risk=risk
        ),
    }


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
    alike = agreement.agreements(predictions.labels)
    kappas = agreement.kappas(
        alike, predictions.labels, n_classes=len(predictions.classes)
    )
    n_pairs = len(places)
    counted = [Pair.of(hits[:, first], hits[:, second]) for first, second in places]
    p_values = [
        paired_tests.mcnemar(hits[:, first], hits[:, second])["p_value"]
        for first, second in places
    ]
    adjusted = paired_tests.holm(p_values)

    return [
        {
            "models": [
                predictions.answers[first].model,
                predictions.answers[second].model,
            ],
            "agreement": alike[first, second],
            "kappa": None if np.isnan(kappas[first, second]) else kappas[first, second],
            **_describe_pair(pair, p_value, p_holm, n_pairs=n_pairs),
            **_decide(pair, p_holm, p_values[:number] + p_values[number + 1 :]),
        }
        for number, ((first, second), pair, p_value, p_holm) in enumerate(
            zip(places, counted, p_values, adjusted, strict=True)
        )
    ]


def _describe_pair(
    pair: Pair, p_value: float, p_holm: float, *, n_pairs: int
) -> dict[str, Any]:
    return {
        "both_right": pair.both,
        "only_a": pair.only_a,
        "only_b": pair.only_b,
        "both_wrong": pair.neither,
        "difference": {
            "value": pair.difference,
            "interval": paired.difference_interval(pair),
        },
        "odds_ratio": paired.odds_ratio(pair),
        "p_value": p_value,
        "mid_p_value": paired_tests.mcnemar_mid_p(pair.only_a, pair.only_b),
        "p_value_holm": p_holm,
        "rows_needed": plan_to_tell_apart(pair, tests=n_pairs),
    }


def _decide(pair: Pair, p_value: float, others: list[float]) -> dict[str, Any]:
    """Returns the verdict, and how many discordant rows it takes at least beside the p-values of the other pairs.

    It is `a` or `b`, whichever is shown to be right more often, `not shown`, or `too few` where no split of so few
    discordant rows could have shown a difference.
    """
    least = paired_tests.min_discordant(others, alpha=paired.ALPHA)
    verdict = "a" if pair.only_a > pair.only_b else "b"
    if p_value >= paired.ALPHA:
        verdict = "too few" if pair.discordant < least else "not shown"

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
