"""An alarm names a model that is shown to be right on fewer rows than its card says, however often one looks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from model_card import Card
from service.contract.answers import ModelAlarm
from service.live.journal.bets import MEAN_SCALE
from service.live.journal.reader import HitBlocks, ModelVersion
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


class Standing(NamedTuple):
    """A Standing has a model's held-out accuracy and its lower limit, the floor of an alarm, and what groups show."""

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


def judge(model: Model, hits: HitBlocks, error_budget: float) -> Standing | None:
    """Returns how a model stands; None where its card has no accuracy on held-out rows."""
    held_out = read_accuracy(model.card)
    if held_out is None:
        return None

    accuracy, lower = held_out
    floor = alarm.find_floor(lower, error_budget)
    return Standing(
        accuracy, lower, floor, alarm.judge(hits, scale=MEAN_SCALE, floor=floor)
    )


def is_raised(standing: Standing | None) -> bool:
    """Returns whether the model has an alarm."""
    return standing is not None and bool(standing.found and standing.found.is_raised)


def describe(
    model: Model, hits: Mapping[ModelVersion, HitBlocks], error_budget: float
) -> ModelAlarm:
    """Returns a model's alarm; the groups are those since the start that speaks most against the model."""
    version = ModelVersion(model.name, model.version)
    standing = judge(model, hits.get(version, {}), error_budget)
    described: ModelAlarm = {
        "raised": is_raised(standing),
        "floor": None if standing is None else standing.floor,
        "error_budget": error_budget,
        "groups": 0,
        "accuracy": None,
        "upper": None,
        "alpha": None,
        "conditions": [*CONDITIONS],
    }
    if standing is None:
        described["reason"] = "not watched: its card has no accuracy on held-out rows"
    elif standing.found is None:
        described["reason"] = "not watched yet: no row that it answered is labelled"
    else:
        described["groups"] = standing.found.n_groups
        described["accuracy"] = standing.found.mean
        described["upper"] = standing.found.upper
        described["alpha"] = standing.found.alpha

    return described
