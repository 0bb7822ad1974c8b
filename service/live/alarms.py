"""An alarm names a model that is shown to be right on fewer rows than its card says, however often one looks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from model_card import Card
from service.contract.live_answers import ModelAlarm
from service.live.journal.challenger_counts import MEAN_SCALE
from service.live.journal.reading.window import HitBlocks, ModelVersion
from service.models.model import Model
from stats import binomial
from stats.monitoring import alarm

CONDITIONS = (
    "Groups are independent of each other: a request is one group unless it names others (group).",
    "Feedback does not depend on whether the model was right.",
    "While the model is as good as on held-out rows, it ever has an alarm with a probability of at most 5 %, however "
    "often one looks; each version has these 5 %.",
)
"""An alarm says so much where these hold."""


class AlarmState(NamedTuple):
    """A model's held-out accuracy has a lower limit, from which the floor of its alarm follows; groups show `found`."""

    accuracy: float
    lower: float
    floor: float
    found: alarm.Alarm | None


def read_accuracy(card: Card) -> tuple[float, float] | None:
    """Returns the held-out accuracy and the lower end of its 95 % interval; None where the card has none."""
    accuracy = card.metrics.get("accuracy")
    if accuracy is None:
        return None
    if accuracy.interval is not None:
        return accuracy.value, accuracy.interval[0]

    n_held_out = card.provenance.split.get("held_out", 0)
    if not n_held_out:
        return None
    return accuracy.value, binomial.wilson(accuracy.value * n_held_out, n_held_out)[0]


def judge(model: Model, hits: HitBlocks, error_budget: float) -> AlarmState | None:
    """Returns how a model stands; None where its card has no accuracy on held-out rows."""
    held_out = read_accuracy(model.card)
    if held_out is None:
        return None

    accuracy, lower = held_out
    floor = alarm.find_floor(lower, error_budget)
    return AlarmState(
        accuracy, lower, floor, alarm.judge(hits, scale=MEAN_SCALE, floor=floor)
    )


def is_raised(state: AlarmState | None) -> bool:
    """Returns whether the model has an alarm."""
    return state is not None and bool(state.found and state.found.is_raised)


def describe(
    model: Model, hits: Mapping[ModelVersion, HitBlocks], error_budget: float
) -> ModelAlarm:
    """Returns a model's alarm; the groups are those since the start that speaks most against the model."""
    version = ModelVersion(model.name, model.version)
    state = judge(model, hits.get(version, {}), error_budget)
    described: ModelAlarm = {
        "raised": is_raised(state),
        "floor": None if state is None else state.floor,
        "error_budget": error_budget,
        "groups": 0,
        "accuracy": None,
        "upper": None,
        "alpha": None,
        "conditions": [*CONDITIONS],
    }
    if state is None:
        described["reason"] = "not watched: its card has no accuracy on held-out rows"
    elif state.found is None:
        described["reason"] = "not watched yet: no row that it answered is labelled"
    else:
        described["groups"] = state.found.n_groups
        described["accuracy"] = state.found.mean
        described["upper"] = state.found.upper
        described["alpha"] = state.found.alpha

    return described
