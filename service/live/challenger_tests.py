"""The tests of a champion's challengers by one metric are valid at all times: they say who is better, and by how much.

Accuracy and losses have one bet a group, the mean difference of its rows. Balanced accuracy is the average of recalls:
each class has a test of its own, one bet a group, with its part of the pair's level, and their limits are averaged. So
it holds whatever the shares of the classes are, and however many rows of each are labelled. By costs decisions are
compared: what each model says that costs least by its own probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from service.contract.answers import LIVE_METRICS, VERDICT_METRICS
from service.contract.live_answers import ChallengerTest, CurvePoint
from service.errors import InvalidRequest
from service.live.challengers import ShadowDeployment
from service.live.hard_voters import explain_voters, find_voters
from service.live.journal.challenger_counts import (
    ACCURACY,
    BALANCED_ACCURACY,
    COST,
    MEAN_SCALE,
    find_metrics,
)
from service.live.journal.reading.window import (
    Means,
    ModelVersion,
    PairCounts,
    PredictionWindow,
)
from service.live.journal.records import MAX_CLASSES, Costs
from stats import sequential
from stats.losses import bounded

HALF_STEP = 0.5 / MEAN_SCALE + 0.5 / (100 * MEAN_SCALE)
"""So much of the largest loss a group's mean may be off by rounding; limits are as much wider."""
CONDITIONS = (
    "Groups are independent of each other: a request is one group unless it names others (group), and rows that belong "
    "together, of one patient, film or retry, are in one.",
    "Feedback does not depend on who was right: rows are labelled without regard to what the models said.",
    "The difference is the average over all groups so far, and may have been another earlier than it is now.",
)
"""A verdict holds where these do."""
OWN_LEVEL = (
    "Each metric, and each table of costs, has a level of its own, so the one that matters is chosen before one looks: "
    "who takes the one that shows something is wrong oftener than alpha says."
)
BOUNDED = {
    bounded.BRIER: "Probabilities count as they are kept, in parts of 1/65535.",
    bounded.LOG_LOSS: f"A probability of the true class under {bounded.MIN_PROBABILITY} counts as that, so that a row "
    f"costs {bounded.find_largest(bounded.LOG_LOSS, 2):.3f} at most; probabilities are kept in parts of 1/65535.",
    BALANCED_ACCURACY: "Each class counts alike, whatever its share of the labelled rows; within a class rows are "
    "labelled without regard to what the models said. A group with rows of several classes is one bet in the test of "
    "each of them, and groups counts all of these.",
    COST: "Each model says what costs least by its own probabilities, as VEREDICTO_COSTS has costs.",
}
NO_PROBABILITIES = (
    "no labelled row of this pair has the probabilities of all classes, which are kept of champions and their "
    "challengers where there are at most {} classes"
)


class DifferenceInterval(NamedTuple):
    """The difference that groups have had has an interval; both are None where a part of it has no group."""

    n_groups: int
    difference: float | None
    interval: tuple[float, float]


def list_metrics(costs: Costs | None) -> list[str]:
    """Returns the metrics that challengers of a task are tested by, cost where its costs are known."""
    return [*VERDICT_METRICS] if costs is None else [*LIVE_METRICS]


def check_metric(by: str, task: str, costs: Costs | None) -> None:
    """Raises InvalidRequest for a metric that there is no test by."""
    if by not in LIVE_METRICS:
        raise InvalidRequest(
            f"by: expected one of {', '.join(LIVE_METRICS)}, got {by[:40]!r}"
        )
    if by == COST and costs is None:
        raise InvalidRequest(
            f"by: no costs of {task!r} are known, which VEREDICTO_COSTS={task}:costs.csv would name"
        )


def describe(
    deployment: ShadowDeployment | None,
    window: PredictionWindow,
    by: str,
    costs: Costs | None = None,
) -> list[ChallengerTest]:
    """Returns the tests over all labelled rows since these versions met: a test of the window would prove nothing.

    A pair without a row has the level that it will have if it is tested next. Without challengers there is no test.
    With the window's `histories` each test has its curve, whose last point is what it has come to.
    """
    if deployment is None:
        return []

    model = deployment.champion
    champion = ModelVersion(model.name, model.version)
    pairs = {
        pair.challenger: pair for pair in window.pairs if pair.champion == champion
    }
    challengers = [
        ModelVersion(each.name, each.version) for each in deployment.challengers
    ]
    new = [each for each in challengers if each not in pairs]
    for challenger in new:
        alpha = sequential.share_alpha(window.n_lineups + 1, len(new))
        pairs[challenger] = PairCounts(champion, challenger, (0, 0, 0), {}, alpha)

    classes = model.classes
    return [
        _describe_test(
            pairs[key],
            window,
            by,
            classes,
            costs,
            voters=find_voters((model, challenger), by),
        )
        for key, challenger in zip(challengers, deployment.challengers, strict=True)
    ]


def _describe_test(
    pair: PairCounts,
    window: PredictionWindow,
    by: str,
    classes: tuple[str, ...],
    costs: Costs | None,
    *,
    voters: Sequence[str],
) -> ChallengerTest:
    """Returns the test of one pair, of which each group of rows is one bet; with `voters` there is none."""
    metrics = [] if voters else find_metrics(by, len(classes), costs)
    steps = _list_steps(pair, window, by, metrics)
    largest = find_largest(by, len(classes), costs)
    bounds = bound_differences([*steps.values()], pair.alpha, by=by, largest=largest)
    n_groups, difference, interval = bounds[-1]
    only_challenger, _, only_champion = pair.counts

    described = {
        "champion": pair.champion.name,
        "challenger": pair.challenger.name,
        "by": by,
        "rows": sum(pair.counts),
        "only_challenger": only_challenger,
        "only_champion": only_champion,
        "groups": n_groups,
        "difference": difference,
        "interval": interval,
        "alpha": pair.alpha,
        "verdict": sequential.judge(*interval),
        "conditions": list(_list_conditions(by)),
    }
    reason = explain_voters(voters) or _explain(
        by, [*steps.values()][-1], sum(pair.counts), classes
    )
    if difference is None and reason:
        described["reason"] = reason
    if window.histories is not None:
        described["curve"] = _describe_curve([*steps], bounds)

    return cast(ChallengerTest, described)


def _list_steps(
    pair: PairCounts, window: PredictionWindow, by: str, metrics: list[str]
) -> dict[int, list[Means]]:
    """Returns the means of each part of the test, by numbers of labelled rows, all last; none without a metric."""
    if not metrics:
        return {sum(pair.counts): [{}]}

    key = (pair.champion, pair.challenger)
    parts = [pair.means]
    if by != ACCURACY:
        parts = [window.gains.get(each, {}).get(key, {}) for each in metrics]

    history = (window.histories or {}).get(key, {})
    earlier = {
        n_rows: [found.get(each, {}) for each in metrics]
        for n_rows, found in history.items()
    }

    return earlier | {sum(pair.counts): parts}


def _describe_curve(
    n_rows: Sequence[int], bounds: Sequence[DifferenceInterval]
) -> list[CurvePoint]:
    """Returns the points at which there is a difference."""
    return [
        {
            "rows": rows,
            "groups": n_groups,
            "difference": difference,
            "interval": interval,
        }
        for rows, (n_groups, difference, interval) in zip(n_rows, bounds, strict=True)
        if difference is not None
    ]


def bound_differences(
    steps: Sequence[list[Means]], alpha: float, *, by: str, largest: float
) -> list[DifferenceInterval]:
    """Returns what each step has come to, whose parts are averaged.

    `largest` is the largest difference of a row. A group with rows of several classes counts once for each.
    """
    odds = sequential.ODDS if by == ACCURACY else sequential.LOSS_ODDS
    limits, means, n_groups = [], [], []
    for of_part in zip(*steps, strict=True):
        differences, counts = _tabulate(of_part)
        limits.append(
            sequential.bound(
                differences, counts, alpha=alpha / len(steps[0]), odds=odds
            )
        )
        n_groups.append(counts.sum(axis=1))
        means.append(counts @ differences / np.maximum(n_groups[-1], 1))

    half_step = 0.0 if by == ACCURACY else HALF_STEP
    lower, upper = np.mean(limits, axis=0).T
    lower = largest * np.maximum(-1.0, lower - half_step)
    upper = largest * np.minimum(1.0, upper + half_step)
    difference = largest * np.mean(means, axis=0)
    is_known = np.all(n_groups, axis=0)

    return [
        DifferenceInterval(n, value if known else None, (low, high))
        for n, value, known, low, high in zip(
            np.sum(n_groups, axis=0).tolist(),
            difference.tolist(),
            is_known.tolist(),
            lower.tolist(),
            upper.tolist(),
            strict=True,
        )
    ]


def find_largest(by: str, n_classes: int, costs: Costs | None) -> float:
    """Returns the largest difference of a row, in the unit of the metric."""
    if by in bounded.METRICS:
        return bounded.find_largest(by, n_classes)
    return costs.largest if by == COST and costs is not None else 1.0


def _tabulate(
    steps: Sequence[Means],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Returns the differences `(n_values,)` that groups have, and how many have each at each step."""
    values = sorted({0}.union(*steps))
    counts = [[each.get(value, 0) for value in values] for each in steps]

    return np.array(values) / MEAN_SCALE, np.array(counts, np.int64)


def _list_conditions(by: str) -> tuple[str, ...]:
    if by == ACCURACY:
        return CONDITIONS
    if by == BALANCED_ACCURACY:
        return (CONDITIONS[0], CONDITIONS[2], BOUNDED[by], OWN_LEVEL)
    return (*CONDITIONS, BOUNDED[by], OWN_LEVEL)


def _explain(
    by: str, parts: list[Means], n_rows: int, classes: tuple[str, ...]
) -> str | None:
    """Returns why a difference by this metric is not known although rows are labelled."""
    if not n_rows or by == ACCURACY:
        return None
    if by != BALANCED_ACCURACY:
        return NO_PROBABILITIES.format(MAX_CLASSES)

    unseen = [name for name, each in zip(classes, parts, strict=True) if not each]
    return f"no row of this pair is labelled {', '.join(unseen[:5])}, and each class counts alike"
