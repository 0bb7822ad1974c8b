"""A reader of many cards says of each what the contract says, and keeps what they have in common once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from model_card import (
    METADATA_KEY,
    SCHEMA_VERSION,
    Calibration,
    Card,
    CardError,
    CrossValidation,
    Distribution,
    Feature,
    FeatureInput,
    ImageInput,
    Metric,
    NoiseInput,
    SelfCheck,
    Spread,
    from_metadata,
)
from service.models.cards import CardReader
from tests.support.tiny_models import tiny_card

WRONG: tuple[object, ...] = (
    None,
    "x",
    "",
    0,
    -1,
    1.5,
    True,
    1e400,
    [],
    ["x"],
    [[1]],
    {},
    {"x": 1},
)
"""In place of each value of a card stands each of these, which is wrong at most places."""


def full_card() -> Card:
    """Returns a card that says all that a card may say."""
    features = (
        Feature(
            name="size",
            type="number",
            range=(0.0, 4.0),
            imputed=2.5,
            distribution=Distribution(edges=(1.5, 3.0), counts=(3, 0, 4), missing=1),
        ),
        Feature(name="hue", type="category", values=("a", "b")),
    )
    spread = Spread(mean=0.8, standard_deviation=0.1)
    return tiny_card(
        input=FeatureInput(features=features, example=(None, "a")),
        self_check=SelfCheck(
            input=((None, 1.0),),
            output={"label": (1,), "probabilities": ((0.25, 0.75),)},
        ),
        train_metrics={"accuracy": Metric(value=0.9, interval=(0.8, 1.0))},
        cross_validation=CrossValidation(folds=5, metrics={"accuracy": spread}),
        calibration=Calibration(
            temperature=2.0,
            floor=1e-3,
            rows=50,
            before={"ece": 0.2},
            after={"ece": 0.1},
        ),
    )


def generator_card() -> Card:
    return tiny_card(
        kind="generator",
        classes=None,
        input=NoiseInput(size=3),
        self_check=SelfCheck(
            input=((0.0,) * 3,), output={"images": ((((0, 0, 0),),),)}
        ),
    )


CARDS = {
    "tiny": tiny_card(),
    "full": full_card(),
    "images": tiny_card(input=ImageInput(height=32, width=48)),
    "noise": generator_card(),
}


@pytest.mark.parametrize("name", CARDS)
def test_a_card_is_what_the_contract_reads(name: str) -> None:
    """A card of each input is equal to the contract's, also as it is written again, to the type of each number."""
    metadata = CARDS[name].to_metadata()
    card = CardReader().read(metadata)

    assert card == CARDS[name] == from_metadata(metadata)
    assert card.to_metadata() == metadata


def test_what_cards_have_in_common_is_one_object() -> None:
    """Two models of a task share the features, and what differs is each one's own."""
    reader = CardReader()
    first = reader.read(full_card().to_metadata())
    other = replace(full_card(), family="other", licence="none")
    second = reader.read(other.to_metadata())

    assert first is not None
    assert second == other
    assert second.input is first.input
    assert second.calibration is first.calibration
    assert second.licence != first.licence


def test_parts_of_equal_bytes_under_different_names_are_not_mixed_up() -> None:
    """The metrics of the held-out and of the training rows may be the same text."""
    metrics = {"accuracy": Metric(value=1.0)}
    card = tiny_card(metrics=metrics, train_metrics=metrics, summary="x", licence="x")

    assert CardReader().read(card.to_metadata()) == card


def test_a_file_without_a_card_has_none() -> None:
    """Other metadata is no card."""
    assert CardReader().read({"author": "someone"}) is None


def change_each(value: Any) -> Iterator[Any]:
    """Yields the JSON value with one place in it changed: each of those it has, in each way."""
    yield from WRONG
    if isinstance(value, dict):
        yield value | {"unheard_of": 1}
        for key, each in value.items():
            yield {name: other for name, other in value.items() if name != key}
            for changed in change_each(each):
                yield value | {key: changed}
    elif isinstance(value, list):
        yield [*value, *value]
        for place, each in enumerate(value):
            for changed in change_each(each):
                yield [*value[:place], changed, *value[place + 1 :]]


def judge(read: Any, metadata: dict[str, str]) -> tuple[object, str]:
    """Returns the card that comes of it with its text, or the error's."""
    try:
        card = read(metadata)
    except CardError as error:
        return "refused", str(error)
    return card, str(card.to_document())


@pytest.mark.parametrize("name", CARDS)
def test_a_wrong_card_is_refused_in_the_words_of_the_contract(name: str) -> None:
    """The reader refuses a changed card in the contract's words, also after it has read a right one."""
    reader = CardReader()
    document = json.loads(CARDS[name].to_metadata()[METADATA_KEY])
    reader.read(CARDS[name].to_metadata())
    n_refused = 0
    for changed in change_each(document):
        metadata = {METADATA_KEY: json.dumps(changed)}
        expected = judge(from_metadata, metadata)

        assert judge(reader.read, metadata) == expected, changed
        n_refused += expected[0] == "refused"

    assert n_refused > 100


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1]",
        "null",
        '{"a": NaN}',
        '{"schema_version": 3, "schema_version": ' + str(SCHEMA_VERSION + 1) + "}",
        "[" * 100_000,
    ],
)
def test_what_is_no_card_is_refused_in_the_words_of_the_contract(text: str) -> None:
    """No JSON, no object, a newer schema and endless depth are said as the contract says them."""
    metadata = {METADATA_KEY: text}

    assert judge(CardReader().read, metadata) == judge(from_metadata, metadata)
