"""This module computes every number of a report from what models said and what is true, the same ones each time."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.contract import codec
from stats import (
    agreement,
    confusion,
    groups,
    paired_differences,
    paired_tests,
    reliability,
    risk_coverage,
    roc,
    simultaneous,
)
from stats.binomial import wilson
from stats.scores import is_vote, log_losses, score
from verdict.pairs import judge_pairs, keep_level, test_pair
from verdict.pareto import judge_costs
from verdict.predictions import ClassifierAnswers, Predictions
from verdict.probabilities import (
    MAX_POINTS,
    OF_PROBABILITIES,
    judge_probabilities,
    promise_threshold,
)
from verdict.slice_tests import judge_slices

WITHIN = 0.01
"""A difference of accuracies that does not matter, where nobody says otherwise."""
MAX_DISAGREEMENTS = 100


def judge(
    predictions: Predictions, *, risk: float, within: float = WITHIN
) -> dict[str, Any]:
    """Returns the numbers as JSON values.

    `risk` is the share of wrong answers that is wanted of a model that may decline, `within` the difference of
    accuracies that does not matter.
    """
    hits = predictions.hits
    members = predictions.groups
    names = [answer.model for answer in predictions.answers]
    labels = predictions.labels
    n_classes = len(predictions.classes)
    critical = simultaneous.critical_value(simultaneous.draw_errors(hits, members))
    leader = _lead(predictions, hits)
    pairs = judge_pairs(predictions, critical=critical, within=within)
    best = [names[each] for each in simultaneous.find_best(hits, members)]
    numbers = {
        "rows": len(predictions.truth),
        "n_groups": groups.count_groups(members, len(predictions.truth)),
        "rows_of_class": np.bincount(predictions.truth, minlength=n_classes),
        "baseline": _judge_baseline(predictions, hits[:, names.index(leader)]),
        "models": [
            _judge_model(answer, predictions, risk=risk)
            for answer in predictions.answers
        ],
        "critical_value": critical,
        "pairs": pairs,
        "cochran_q": _test_all(predictions, hits),
        "fleiss_kappa": agreement.fleiss_kappa(labels, n_classes=n_classes),
        "leader": leader,
        "leader_accuracy": _judge_leader(hits, names.index(leader), members),
        "may_be_best": keep_level(best, leader, pairs),
        "slices": judge_slices(predictions, leader),
        "pareto": judge_costs(predictions, hits),
        "disagreements": _find_disagreements(labels, n_classes),
    }
    values: dict[str, Any] = codec.as_json(numbers)

    return values


def _judge_baseline(
    predictions: Predictions, leader: NDArray[np.bool_]
) -> dict[str, Any]:
    """Returns the commonest class, its share, and whether the leader is shown to be right more often.

    The p-value is adjusted for all models, of which the leader was chosen on the same rows (Bonferroni).
    """
    commonest = int(np.bincount(predictions.truth).argmax())
    constant = predictions.truth == commonest
    tested = test_pair(leader, constant, predictions.groups)
    p_value = min(1.0, tested["p_value"] * len(predictions.answers))
    is_above = bool(leader.mean() > constant.mean())

    return {
        "class": predictions.classes[commonest],
        "share": constant.mean(),
        "p_value": p_value,
        "beaten": is_above and p_value < paired_differences.ALPHA,
    }


def _judge_leader(
    hits: NDArray[np.bool_], leader: int, members: NDArray[np.int64] | None
) -> dict[str, Any]:
    """Returns the accuracy of the model in front, with an interval that holds although it was chosen on these rows.

    The lower limit is Wilson's at a level that all models share (Bonferroni). The upper one is that of one model: it
    is too low only where that of the truly best model is, which is no more often right here.
    """
    n_rows, n_models = hits.shape
    right = hits[:, leader]
    effect = groups.design_effect(right - right.mean(), members)
    counted = right.sum() / effect, n_rows / effect
    z = NormalDist().inv_cdf(1 - paired_differences.ALPHA / (2 * n_models))

    return {
        "value": right.mean(),
        "interval": (wilson(*counted, z=z)[0], wilson(*counted)[1]),
    }


def _judge_model(
    answer: ClassifierAnswers, predictions: Predictions, *, risk: float
) -> dict[str, Any]:
    confidence = answer.confidence
    hits = answer.label == predictions.truth
    members = predictions.groups
    metrics = score(answer.probabilities, answer.label, predictions.truth, members)
    of_equal_width = reliability.equal_width(confidence)
    of_equal_mass = reliability.equal_mass(confidence)
    wide = reliability.describe_bins(confidence, hits, of_equal_width, members)
    even = reliability.describe_bins(confidence, hits, of_equal_mass, members)

    effect = groups.design_effect(hits - hits.mean(), members)
    whole_curve = risk_coverage.risk_coverage(confidence, hits)
    coverage, risks, thresholds = roc.thin_curve(*whole_curve, most=MAX_POINTS)

    of_probabilities = dict.fromkeys(OF_PROBABILITIES) | {"roc": []}
    if not is_vote(answer.probabilities):
        of_probabilities = judge_probabilities(answer, predictions, even)

    return {
        "model": answer.model,
        "metrics": metrics,
        "classes": confusion.per_class(metrics["confusion"], effect=effect),
        "votes": is_vote(answer.probabilities),
        **of_probabilities,
        "reliability": {"equal_width": wide, "equal_mass": even},
        "risk_coverage": {
            "coverage": coverage,
            "risk": risks,
            "threshold": thresholds,
        },
        "risk_area": risk_coverage.risk_area(confidence, hits),
        "at_risk": risk_coverage.threshold_at_risk(confidence, hits, risk=risk),
        "at_guaranteed_risk": promise_threshold(
            confidence, hits, members, risk=risk, n_models=len(predictions.answers)
        ),
    }


def _test_all(predictions: Predictions, hits: NDArray[np.bool_]) -> dict[str, Any]:
    """Returns Cochran's test, which is one of rows by themselves."""
    if predictions.groups is not None:
        reason = "undefined: rows belong together"
        return {"statistic": None, "p_value": None, "reason": reason}
    return paired_tests.cochran_q(hits)


def _lead(predictions: Predictions, hits: NDArray[np.bool_]) -> str:
    """Returns the model that is right most often on these rows; of equals the one whose probabilities are better.

    A model whose answers are all certain votes and says no probability: where it is never wrong that is no merit.
    """
    probabilities = [each.probabilities for each in predictions.answers]
    losses = [log_losses(each, predictions.truth).mean() for each in probabilities]
    # Rounded, so that neither the order of a sum nor another machine decides between equals: the first of them leads.
    order = sorted(
        range(len(losses)),
        key=lambda each: (
            -int(hits[:, each].sum()),
            is_vote(probabilities[each]),
            round(float(losses[each]), 9),
        ),
    )
    return predictions.answers[order[0]].model


def _find_disagreements(labels: NDArray[np.int64], n_classes: int) -> dict[str, Any]:
    """Counts the rows that do not have one label from all models, and lists a hundred of them, the most divided
    first.
    """
    n_rows, n_models = labels.shape
    places = labels + n_classes * np.arange(n_rows)[:, None]
    counts = np.bincount(places.ravel(), minlength=n_rows * n_classes)
    votes = counts.reshape(n_rows, n_classes)
    n_agreeing = votes.max(axis=1)

    divided = np.flatnonzero(n_agreeing < n_models)
    by_agreement = np.argsort(n_agreeing[divided], kind="stable")
    order = divided[by_agreement]

    return {"count": len(divided), "rows": order[:MAX_DISAGREEMENTS]}
