"""The reference's examples are requests that the served models really answer."""

from __future__ import annotations

from typing import Any

from model_card import Card, FeatureInput


def find_examples(cards: list[Card]) -> dict[str, Any]:
    """Returns a request of each call that these models answer, by path: the shortest example row of a kind."""
    examples: dict[str, Any] = {
        "/feedback": {"id": "5fCq0VnKJx2ePpZs", "label": "the true class"}
    }
    rows = [
        (card, list(card.input.example))
        for card in cards
        if isinstance(card.input, FeatureInput)
    ]
    rows.sort(key=lambda each: len(each[1]))

    for card, row in rows:
        request = {"model": card.name, "inputs": [row]}
        if card.kind == "classifier":
            examples.setdefault("/predict", request)
            examples.setdefault("/predict_proba", request)
            named = {"parameters": {"model": card.name}}
            examples.setdefault("/invocations", {"instances": [row], **named})
            examples.setdefault("/explain", request)
            examples.setdefault("/compare", {"task": card.task, "inputs": [row]})
        elif card.kind == "transformer":
            examples.setdefault("/transform", request)

    for card, row in rows:
        if card.kind in ("regressor", "clusterer"):
            examples.setdefault("/predict", {"model": card.name, "inputs": [row]})
        if card.classes and isinstance(card.input, FeatureInput):
            names = [each.name for each in card.input.features]
            lines = ([*names, "label"], [*row, card.classes[0]])
            examples.setdefault("/judge", _write_csv(*lines))

    for card in cards:
        if card.kind == "generator":
            examples.setdefault(
                "/generate", {"model": card.name, "count": 16, "seed": 0}
            )

    return examples


def _write_csv(*lines: list[Any]) -> str:
    return "".join(",".join(map(str, line)) + "\n" for line in lines)
