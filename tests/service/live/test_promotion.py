"""An act is due where the test or the alarm says so, and never because of the other."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation import champion_log_check as logs
from service.live import champion_log, promotion
from service.live.challengers import ShadowDeployment
from service.live.champion_log import ChampionChange, ChangeKind, History
from service.live.journal.challenger_counts import MEAN_SCALE
from service.live.journal.reading.window import (
    GroupCounts,
    HitBlocks,
    ModelVersion,
    PairCounts,
)
from service.live.journal.records import Costs
from service.live.promotion import BY_ACCURACY, PromotionMetric
from service.models.model import Model
from service.models.registry import Registry
from tests.support.tiny_models import tiny_card, write_tiny

BUDGET = 0.02
GOOD: HitBlocks = {0: {0: 10, MEAN_SCALE: 90}}
BROKEN: HitBlocks = {0: {0: 10, MEAN_SCALE: 90}, 1: {0: 80}}
BETTER = {MEAN_SCALE: 60, 0: 40}
LEVEL = {MEAN_SCALE: 30, 0: 40, -MEAN_SCALE: 30}


@pytest.fixture
def models(tmp_path: Path) -> list[Model]:
    """Loads three classifiers of one task, whose cards have an accuracy of 0.9, at least 0.8."""
    for number, family in enumerate(("first", "second", "third")):
        write_tiny(tmp_path, tiny_card(family=family), sign=1.0 + number)
    return Registry.load(tmp_path).task("colour")


def decide(
    models: list[Model],
    *,
    champion: int = 0,
    means: tuple[dict[int, int], ...] = ({}, {}),
    hits: dict[int, HitBlocks] | None = None,
    history: History | None = None,
) -> tuple[str, str] | None:
    """Returns the act that is due and the model that it makes the champion."""
    act = find_act(models, champion=champion, means=means, hits=hits, history=history)
    return None if act is None else (act["act"], act["after"]["model"])


def find_act(
    models: list[Model],
    *,
    champion: int = 0,
    means: tuple[dict[int, int], ...] = ({}, {}),
    gains: dict[str, dict[int, int]] | None = None,
    metric: PromotionMetric = BY_ACCURACY,
    hits: dict[int, HitBlocks] | None = None,
    history: History | None = None,
) -> ChampionChange | None:
    """Returns the act that is due; `gains` are those of the first challenger by other metrics."""
    challengers = [each for each in models if each is not models[champion]]
    pairs = [
        PairCounts(key(models[champion]), key(each), (0, 0, 0), counts, 0.01)
        for each, counts in zip(challengers, means, strict=True)
    ]
    deployment = ShadowDeployment(champion=models[champion], challengers=challengers)
    by_version = {key(models[place]): each for place, each in (hits or {}).items()}
    history = history or History()
    first = (key(models[champion]), key(challengers[0]))
    of_first = {name: {first: each} for name, each in (gains or {}).items()}
    counts = GroupCounts(pairs, by_version, of_first)
    act = promotion.decide(deployment, counts, history, BUDGET, metric)
    if act is None:
        return None

    assert (act["before"], act["number"]) == (
        name(models[champion]),
        len(history.acts) + 1,
    )
    assert ("test" in act, "alarm" in act) == (
        act["act"] == "promotion",
        act["act"] == "roll-back",
    )
    return act


def key(model: Model) -> ModelVersion:
    return ModelVersion(model.name, model.version)


def name(model: Model) -> Any:
    return {"model": model.name, "version": model.version}


def remember(models: list[Model], *words: tuple[ChangeKind, int, int]) -> History:
    made: list[ChampionChange] = [
        {
            "number": number,
            "time": "",
            "task": "colour",
            "act": act,
            "before": name(models[before]),
            "after": name(models[after]),
            "because": "",
            "previous": "",
        }
        for number, (act, before, after) in enumerate(words, 1)
    ]
    return History(tuple(made))


def test_the_challenger_that_is_better_by_most_is_promoted(models: list[Model]) -> None:
    """The one with the higher lower limit of two challengers that are shown to be better is promoted."""
    more = {MEAN_SCALE: 90, 0: 10}
    assert decide(models, means=(BETTER, more)) == ("promotion", "colour-third")
    assert decide(models, means=(more, BETTER)) == ("promotion", "colour-second")


def test_nothing_is_due_between_models_that_are_level(models: list[Model]) -> None:
    """Nothing is due before there is a group, nor with as many groups on either side."""
    assert decide(models) is None
    assert decide(models, means=(LEVEL, LEVEL), hits={0: GOOD}) is None


def test_a_promoted_champion_with_an_alarm_is_rolled_back(models: list[Model]) -> None:
    """The champion before it answers again, also where a challenger is shown to be better."""
    promoted = remember(models, ("promotion", 0, 1))
    found = decide(
        models, champion=1, means=({}, BETTER), hits={1: BROKEN}, history=promoted
    )
    assert found == ("roll-back", "colour-first")


def test_a_champion_that_was_set_is_not_rolled_back(models: list[Model]) -> None:
    """A champion that was never promoted has nothing to go back to, whatever the alarm says."""
    assert decide(models, hits={0: BROKEN}) is None


def test_nobody_rolls_back_to_a_model_with_an_alarm(models: list[Model]) -> None:
    """A champion with an alarm stays where the one before it has an alarm too: a person is needed."""
    promoted = remember(models, ("promotion", 0, 1))
    hits = {0: BROKEN, 1: BROKEN}
    assert decide(models, champion=1, hits=hits, history=promoted) is None


def test_what_failed_is_not_promoted_again(models: list[Model]) -> None:
    """The test still shows the version to be better that was rolled back, and it stays a challenger."""
    history = remember(models, ("promotion", 0, 1), ("roll-back", 1, 0))
    assert decide(models, means=(BETTER, {}), history=history) is None
    assert decide(models, means=({}, BETTER), history=history) == (
        "promotion",
        "colour-third",
    )


def test_a_challenger_with_an_alarm_is_not_promoted(models: list[Model]) -> None:
    """A model that fails on its own rows is no champion, whatever it did better in the shadow."""
    assert decide(models, means=(BETTER, {}), hits={1: BROKEN}) is None


COSTS = Costs("cost 1", ("no", "yes"), np.array([[0.0, 3.0], [1.0, 0.0]]), 3.0)
METRICS = [
    (PromotionMetric("brier"), ["brier"], 1.0),
    (PromotionMetric("log_loss"), ["log_loss"], -math.log(0.01)),
    (PromotionMetric("balanced_accuracy"), ["recall 0", "recall 1"], 1.0),
    (PromotionMetric("cost", COSTS), ["cost 1"], 3.0),
]


@pytest.mark.parametrize(("metric", "metrics", "largest"), METRICS)
def test_challengers_are_promoted_by_the_metric_that_is_set(
    models: list[Model],
    tmp_path: Path,
    metric: PromotionMetric,
    metrics: list[str],
    largest: float,
) -> None:
    """A challenger that is level in accuracy is promoted by what it does better, and the line is verified."""
    gains = {each: {MEAN_SCALE: 900, 0: 100} for each in metrics}
    level = (LEVEL, {})
    assert find_act(models, means=level, gains=gains) is None

    act = find_act(models, means=level, gains=gains, metric=metric)
    assert act is not None
    shown = act["test"]
    assert shown["difference"] == pytest.approx(0.9 * largest)
    assert 0 < shown["interval"][0] < 0.9 * largest < shown["interval"][1]
    assert f"colour-second is better by {metric.by} than colour-first" in act["because"]

    log = tmp_path / "acts.jsonl"
    champion_log.append(log, History(), act)
    assert logs.verify(log) == (1, [])


@pytest.mark.parametrize(("metric", "metrics", "largest"), METRICS)
def test_what_is_shown_by_another_metric_promotes_nobody(
    models: list[Model], metric: PromotionMetric, metrics: list[str], largest: float
) -> None:
    """A challenger that is better in accuracy stays one where the metric that is set does not show it."""
    gains = dict.fromkeys(metrics, LEVEL)
    assert largest > 0
    assert find_act(models, means=(BETTER, {}), gains=gains, metric=metric) is None
    assert find_act(models, means=(BETTER, {}), metric=metric) is None


def test_without_costs_nobody_is_promoted_by_them(models: list[Model]) -> None:
    """A task of which no costs are known, or those of other classes, has no test by costs."""
    assert find_act(models, means=(BETTER, {}), metric=PromotionMetric("cost")) is None
