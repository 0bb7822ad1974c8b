"""A model that votes has only answers of probability 1, so that no metric of probabilities is its own."""

from __future__ import annotations

from collections.abc import Sequence

from model_card import CardError
from service.models.model import Model
from stats.losses import bounded
from stats.scores import is_vote

VOTES = "{} {}: each answer to held-out rows has a probability of 1, so that only labels can be compared"


def find_voters(models: Sequence[Model], by: str) -> list[str]:
    """Returns which of these models vote, where the metric is one of probabilities: it is not theirs."""
    return [each.name for each in models if by in bounded.METRICS and _votes(each)]


def _votes(model: Model) -> bool:
    """Returns whether its every answer to held-out rows has a probability of 1; False where nobody knows."""
    try:
        record = model.held_out
    except CardError:
        return False
    return record is not None and is_vote(record.probabilities)


def explain_voters(voters: Sequence[str]) -> str:
    vote = "votes" if len(voters) == 1 else "vote"
    return VOTES.format(" and ".join(voters), vote) if voters else ""
