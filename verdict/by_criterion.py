"""This module judges by a criterion: each model's value, every pair, and who may be the best by it."""

from __future__ import annotations

from dataclasses import replace
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.contract import codec
from stats.binomial import Z
from stats.groups import count_groups
from stats.losses import costs as costing
from stats.losses.balanced_gaps import BalancedGaps
from stats.losses.comparison import (
    ALPHA,
    POWER,
    LossComparison,
    LossPair,
    describe_pair,
    plan_rows,
)
from stats.losses.cost_gaps import CostGaps
from stats.losses.gaps import Gaps
from stats.losses.mean_gaps import MeanGaps
from stats.metric import describe, without_interval
from stats.scores import A_VOTE, brier_scores, is_vote, log_losses, score
from verdict.criterion import COST, Criterion
from verdict.pairs import keep_level
from verdict.predictions import ClassifierAnswers, Predictions

Floats = NDArray[np.float64]

BYTES_OF_MB = 1_000_000


class CannotJudge(ValueError):
    """This is raised where nothing can be said by a metric."""


class UnknownPrice(CannotJudge):
    """A price was given for what is not known of a model."""


class NoProbabilities(CannotJudge):
    """A metric of probabilities was asked for where models vote."""


def judge_by(predictions: Predictions, criterion: Criterion) -> dict[str, Any]:
    """Returns the numbers as JSON values; raises UnknownPrice, and NoProbabilities where all models vote.

    A pair's `gain` is how much better its first model is, in the metric's unit; it is over 0 where that one is better.
    By a metric of probabilities models that vote are `left_out`.
    """
    predictions, left_out = leave_out_votes(predictions, criterion)
    answers = predictions.answers
    names = [answer.model for answer in answers]
    gaps = find_gaps(predictions, criterion)
    comparison = LossComparison(gaps)
    models = [_judge_model(each, predictions, criterion) for each in answers]
    worth = -1 if criterion.metric == "balanced_accuracy" else 1
    ranks = [round(worth * each["value"], 9) for each in models]
    leader = names[int(np.argmin(ranks))]
    compared = comparison.compare_pairs()
    pairs = [
        describe_pair(pair, names) | {"rows_needed": _plan(gaps, pair)}
        for pair in compared
    ]
    best = [names[each] for each in comparison.find_best()]
    numbers: dict[str, Any] = {
        "metric": criterion.metric,
        "rows": len(predictions.truth),
        "n_groups": count_groups(predictions.groups, len(predictions.truth)),
        "models": models,
        "left_out": left_out,
        "baseline": _judge_baseline(predictions, criterion),
        "pairs": pairs,
        "leader": leader,
        "may_be_best": keep_level(best, leader, pairs),
    }
    if criterion.metric == COST:
        numbers["threshold"] = costing.find_threshold(criterion.matrix)

    values: dict[str, Any] = codec.as_json(numbers)

    return values


def leave_out_votes(
    predictions: Predictions, criterion: Criterion
) -> tuple[Predictions, dict[str, str]]:
    """Returns the predictions of the models that the metric is of, and why others are left out.

    It raises NoProbabilities where that leaves none.
    """
    if not criterion.is_of_probabilities:
        return predictions, {}

    judged = [each for each in predictions.answers if not is_vote(each.probabilities)]
    if not judged:
        raise NoProbabilities(
            f"no classifier of {predictions.task} gives probabilities here, which {criterion.name} is of: all answers "
            "have a probability of 1"
        )

    kept = {each.model for each in judged}
    left_out = {
        each.model: A_VOTE for each in predictions.answers if each.model not in kept
    }
    return replace(predictions, answers=judged), left_out


def find_gaps(predictions: Predictions, criterion: Criterion) -> Gaps:
    """Returns the gaps of all pairs by the criterion; raises UnknownPrice."""
    answers, truth, groups = predictions.answers, predictions.truth, predictions.groups
    if criterion.metric == "balanced_accuracy":
        return BalancedGaps(predictions.hits, truth, groups)

    if criterion.metric == COST:
        matrix = criterion.matrix
        said = [costing.decide(answer.probabilities, matrix) for answer in answers]
        losses = [costing.find_costs(each, truth, matrix) for each in said]
        prices = np.array([_find_price(answer, criterion) for answer in answers])
        possible = matrix[:, :, None] - matrix[:, None, :]
        return CostGaps(np.stack(losses, axis=1), possible, groups, prices)

    find = brier_scores if criterion.metric == "brier" else log_losses
    of_models = [find(answer.probabilities, truth) for answer in answers]

    return MeanGaps(np.stack(of_models, axis=1), predictions.hits, groups)


def _judge_model(
    answer: ClassifierAnswers, predictions: Predictions, criterion: Criterion
) -> dict[str, Any]:
    if criterion.metric == COST:
        return {"model": answer.model, **_judge_costs(answer, predictions, criterion)}

    metrics = score(
        answer.probabilities, answer.label, predictions.truth, predictions.groups
    )
    return {"model": answer.model, **metrics[criterion.metric]}


def _judge_costs(
    answer: ClassifierAnswers, predictions: Predictions, criterion: Criterion
) -> dict[str, Any]:
    """Returns what a model costs a row: decided by expected cost, as it answers, and with a threshold of its own.

    The intervals `together` of what deciding by cost saves hold for all models at once (Bonferroni), since who leads is
    chosen on the same rows.
    """
    matrix, truth, groups = criterion.matrix, predictions.truth, predictions.groups
    price = _find_price(answer, criterion)
    said = costing.decide(answer.probabilities, matrix)
    decided = costing.find_costs(said, truth, matrix)
    plain = costing.find_costs(answer.label, truth, matrix)
    possible = matrix[:, :, None] - matrix[:, None, :]
    both = CostGaps(np.stack([decided, plain], axis=1), possible, groups)
    (pair,) = LossComparison(both).compare_pairs()
    z = NormalDist().inv_cdf(1 - ALPHA / (2 * len(predictions.answers)))
    saved = {
        **{"value": pair.gap, "interval": pair.interval, "p_value": pair.p_value},
        "together": both.bound(0, 1, z),
    }
    found: dict[str, Any] = {
        **_describe_cost(decided, matrix, price, groups),
        "price": price,
        "as_answered": float(plain.mean()) + price,
        "saved": saved,
        "chosen": None,
    }
    if len(matrix) == 2 and not is_vote(answer.probabilities):
        second = answer.probabilities[:, 1]
        threshold = costing.choose_threshold(second, truth, matrix)
        here = costing.find_costs((second >= threshold).astype(np.int64), truth, matrix)
        crossed = costing.cross_costs(second, truth, matrix, groups)
        found["chosen"] = {
            "threshold": threshold,
            "cost_here": float(here.mean()) + price,
            "cost_elsewhere": float(crossed.mean()) + price,
        }

    return found


def _describe_cost(
    losses: Floats,
    matrix: Floats,
    price: float,
    groups: NDArray[np.int64] | None,
) -> dict[str, Any]:
    """Returns the mean cost with its interval: that of a gap to a model that never costs more than it has to.

    So a dear mistake that no row shows is not taken for impossible here either, as in the gaps of pairs.
    """
    value = float(losses.mean()) + price
    least = matrix.min(axis=1)
    if np.ptp(least) > 0:
        return without_interval(value, "no interval: right answers differ in cost")

    never_more = np.full_like(losses, least[0])
    possible = matrix - least[0]
    gaps = CostGaps(np.stack([never_more, losses], axis=1), possible, groups)
    low, high = gaps.bound(0, 1, Z)
    base = float(least[0]) + price

    return describe(value, (max(base, base + low), base + high))


def _find_price(answer: ClassifierAnswers, criterion: Criterion) -> float:
    """Returns what a row costs besides, by the model's latency and bytes; raises UnknownPrice."""
    priced = (
        ("latency", criterion.price_ms, answer.latency_ms, 1),
        ("size", criterion.price_mb, answer.size_bytes, BYTES_OF_MB),
    )
    price = 0.0
    for what, each, amount, unit in priced:
        if each and amount is None:
            raise UnknownPrice(f"the {what} of {answer.model} is not known")
        price += each * (amount or 0) / unit

    return price


def _judge_baseline(predictions: Predictions, criterion: Criterion) -> dict[str, Any]:
    """Returns the value of what needs no model: the classes' shares as probabilities, or the cheapest class always."""
    counts = np.bincount(predictions.truth, minlength=len(predictions.classes))
    shares = counts / counts.sum()
    if criterion.metric == COST:
        cheapest, cost = costing.find_cheapest_class(
            predictions.truth, criterion.matrix
        )
        return {"class": predictions.classes[cheapest], "value": cost}
    if criterion.metric == "balanced_accuracy":
        n_present = int((counts > 0).sum())
        return {"class": None, "value": 1 / max(1, n_present)}

    find = brier_scores if criterion.metric == "brier" else log_losses
    same = np.tile(shares, (len(predictions.truth), 1))

    return {"class": None, "value": float(find(same, predictions.truth).mean())}


def _plan(gaps: Gaps, pair: LossPair) -> dict[str, Any] | None:
    """Returns the rows that would show this gap with a power of 0.8, and those for the nearest end of its interval.

    Only the mean of a loss has a plan: the limits of shares are wider than the normal approximation, by which it is.
    """
    if pair.alone is None or not isinstance(gaps, MeanGaps):
        return None

    deviation = gaps.find_error(pair.first, pair.second) * len(gaps.residuals) ** 0.5
    low, high = pair.alone
    nearest = None if low <= 0 <= high else min(abs(low), abs(high))

    return {
        "rows": plan_rows(abs(pair.gap), deviation),
        "nearest": None if nearest is None else plan_rows(nearest, deviation),
        "power": POWER,
    }
