"""Decides whether a task's champion is to be another, from the tests and alarms that the comparison shows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np

from service.live import alarms
from service.live.challenger_tests import bound_differences, find_largest
from service.live.challengers import ShadowDeployment
from service.live.champion_log import ChampionChange, ChangeKind, History, ServedVersion
from service.live.hard_voters import find_voters
from service.live.journal.challenger_counts import ACCURACY, MEAN_SCALE, find_metrics
from service.live.journal.reading.window import (
    GroupCounts,
    HitBlocks,
    Means,
    ModelVersion,
    PairCounts,
)
from service.live.journal.records import Costs
from service.models.model import Model
from stats import sequential

Hits = Mapping[ModelVersion, HitBlocks]


class PromotionMetric(NamedTuple):
    """Challengers are promoted by this metric; `costs` are those of the task, where it is `cost`."""

    by: str = ACCURACY
    costs: Costs | None = None

    def list_metrics(self, n_classes: int) -> list[str]:
        """Returns the metrics of the journal that its tests follow from, beside accuracy."""
        return (
            [] if self.by == ACCURACY else find_metrics(self.by, n_classes, self.costs)
        )

    def describe(self) -> str:
        """Returns what a challenger that is promoted does better than."""
        return (
            "is right more often than"
            if self.by == ACCURACY
            else f"is better by {self.by} than"
        )


BY_ACCURACY = PromotionMetric()


def decide(
    deployment: ShadowDeployment,
    counts: GroupCounts,
    history: History,
    error_budget: float,
    metric: PromotionMetric = BY_ACCURACY,
) -> ChampionChange | None:
    """Returns the act that is due, None where none is; a roll-back goes before a promotion."""
    return _decide_roll_back(
        deployment, counts.hits, history, error_budget
    ) or _decide_promotion(deployment, counts, history, error_budget, metric)


def _decide_roll_back(
    deployment: ShadowDeployment, hits: Hits, history: History, error_budget: float
) -> ChampionChange | None:
    """Returns the roll-back of a promoted champion that has an alarm, to the one before it if that has none."""
    champion = deployment.champion
    predecessor = history.find_predecessor(champion.card.task)
    state = _judge(champion, hits, error_budget)
    if predecessor is None or state is None or not alarms.is_raised(state):
        return None

    for model in deployment.challengers:
        is_alarmed = alarms.is_raised(_judge(model, hits, error_budget))
        if _name(model) == predecessor and not is_alarmed:
            shown = _show_alarm(
                state, hits.get(_find_version(champion), {}), error_budget
            )
            because = (
                f"{champion.name} is right on less than {shown['floor']:.4f} of its rows: {shown['upper']:.4f} at most "
                f"over {shown['groups']} groups"
            )
            act = _make(history, "roll-back", champion, model, because)
            act["alarm"] = shown
            return act

    return None


def _decide_promotion(
    deployment: ShadowDeployment,
    counts: GroupCounts,
    history: History,
    error_budget: float,
    metric: PromotionMetric,
) -> ChampionChange | None:
    """Returns the promotion of the challenger that is shown to be better by most, if any is and has no alarm."""
    champion = deployment.champion
    models = _find_candidates(deployment, metric.by)
    best: tuple[float, Model, dict[str, Any]] | None = None

    for pair in counts.pairs:
        model = models.get(pair.challenger)
        if pair.champion != _find_version(champion) or model is None:
            continue

        shown = _show_test(pair, counts, metric, len(champion.classes))
        if shown is None:
            continue

        lower = shown["interval"][0]
        is_better = shown["verdict"] == "challenger better"
        may_be = not history.was_rolled_back(champion.card.task, _name(model))
        may_be &= not alarms.is_raised(_judge(model, counts.hits, error_budget))
        if is_better and may_be and (best is None or lower > best[0]):
            best = lower, model, shown

    if best is None:
        return None

    lower, model, shown = best
    because = (
        f"{model.name} {metric.describe()} {champion.name}, by {lower:.4f} at least over {shown['groups']} "
        "groups"
    )
    act = _make(history, "promotion", champion, model, because)
    act["test"] = shown
    return act


def _find_candidates(
    deployment: ShadowDeployment, by: str
) -> dict[ModelVersion, Model]:
    """Returns the challengers that the metric can compare with the champion."""
    champion = deployment.champion
    return {
        _find_version(model): model
        for model in deployment.challengers
        if not find_voters((champion, model), by)
    }


def _show_test(
    pair: PairCounts, counts: GroupCounts, metric: PromotionMetric, n_classes: int
) -> dict[str, Any] | None:
    """Returns the counts of a pair's groups by the metric and the test that follows from them, None without costs."""
    if metric.by == ACCURACY:
        return _show_test_of_hits(pair)

    key = (pair.champion, pair.challenger)
    parts = [
        counts.gains.get(each, {}).get(key, {})
        for each in metric.list_metrics(n_classes)
    ]
    if not parts:
        return None

    largest = find_largest(metric.by, n_classes, metric.costs)
    (found,) = bound_differences([parts], pair.alpha, by=metric.by, largest=largest)

    return {
        "by": metric.by,
        "scale": MEAN_SCALE,
        "largest": largest,
        "parts": list(map(_list_means, parts)),
        "alpha": pair.alpha,
        "groups": found.n_groups,
        "difference": found.difference,
        "interval": list(found.interval),
        "verdict": sequential.judge(*found.interval),
    }


def _list_means(means: Means) -> list[list[int]]:
    return [list(each) for each in sorted(means.items())]


def _show_test_of_hits(pair: PairCounts) -> dict[str, Any]:
    means = sorted(pair.means.items())
    differences = np.array([mean for mean, _ in means] + [0]) / MEAN_SCALE
    counts = np.array([count for _, count in means] + [0])
    n_groups = int(counts.sum())
    bounds = sequential.bound(differences, counts[None], alpha=pair.alpha)
    lower, upper = bounds[0].tolist()

    return {
        "scale": MEAN_SCALE,
        "means": _list_means(pair.means),
        "alpha": pair.alpha,
        "groups": n_groups,
        "difference": float(counts @ differences) / n_groups if n_groups else None,
        "interval": [lower, upper],
        "verdict": sequential.judge(lower, upper),
    }


def _show_alarm(
    state: alarms.AlarmState, hits: HitBlocks, error_budget: float
) -> dict[str, Any]:
    """Returns the counts of a model's groups and the alarm that follows from them and from its card."""
    found = state.found
    assert found is not None  # an alarm that is raised

    return {
        "held_out": {"accuracy": state.accuracy, "lower": state.lower},
        "error_budget": error_budget,
        "floor": state.floor,
        "scale": MEAN_SCALE,
        "blocks": [
            [block, _list_means(means)] for block, means in sorted(hits.items())
        ],
        "start": found.start,
        "groups": found.n_groups,
        "accuracy": found.mean,
        "upper": found.upper,
        "alpha": found.alpha,
    }


def _make(
    history: History, act: ChangeKind, before: Model, after: Model, because: str
) -> ChampionChange:
    return {
        "number": len(history.acts) + 1,
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "task": before.card.task,
        "act": act,
        "before": _name(before),
        "after": _name(after),
        "because": because,
        "previous": history.last_hash,
    }


def _judge(model: Model, hits: Hits, error_budget: float) -> alarms.AlarmState | None:
    return alarms.judge(model, hits.get(_find_version(model), {}), error_budget)


def _find_version(model: Model) -> ModelVersion:
    return ModelVersion(model.name, model.version)


def _name(model: Model) -> ServedVersion:
    return {"model": model.name, "version": model.version}
