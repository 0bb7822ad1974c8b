"""This module brings a model into line with another of the same task, beside which a service is to load it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from model_card import Card, Feature, FeatureInput, ImageInput, NoiseInput
from training.adopt.card_description import ModelDescription
from training.adopt.placement import Placement
from training.adopt.refusal import AdoptionError, shorten
from training.adopt.table import Column
from training.export.freshness import read_card


def find_other_model(folder: Path, task: str, name: str) -> Card | None:
    """Returns the card of another file of the same task in a folder, with which this one must agree."""
    for path in sorted(folder.glob(f"{task}-*.onnx")):
        card = read_card(path)
        if card is not None and card.task == task and card.name != name:
            return card

    return None


def check_same_features(description: ModelDescription, other: Card) -> None:
    """Raises AdoptionError where a service would not take this model beside another of its task."""
    mine, its = _list_features(description.input), _list_features(other.input)
    differ = bool(
        description.classes and other.classes and description.classes != other.classes
    )
    if mine != its or differ:
        names = shorten([each[0] for each in its]) or "images"
        classes = shorten(list(other.classes or ())) or "numbers"
        raise AdoptionError(
            f"the task {description.task!r} has {other.name} already, whose features or classes are others "
            f"({names}; {classes}): choose another --task, or another --output folder"
        )


def _list_features(
    given: FeatureInput | ImageInput | NoiseInput,
) -> list[tuple[Any, ...]]:
    """Returns what must be the same in all models of a task."""
    if not isinstance(given, FeatureInput):
        return []
    return [
        (each.name, each.type, each.values, each.imputed is None)
        for each in given.features
    ]


def align(placement: Placement, other: Card) -> Placement:
    """Returns the features in the order of another card, with its values, where it has the same ones."""
    if not isinstance(other.input, FeatureInput):
        return placement

    its = {each.name: each for each in other.input.features}
    if set(its) != {each.name for each in placement.columns}:
        return placement

    moved = placement.reorder(list(its))
    columns = tuple(_take_values(each, its[each.name]) for each in moved.columns)

    return replace(moved, columns=columns)


def _take_values(column: Column, feature: Feature) -> Column:
    """Returns a column of texts with the values of a card's feature, where these hold all that the rows have."""
    if not column.is_text or not feature.values or not column.values:
        return column

    codes = {value: code for code, value in enumerate(feature.values)}
    known = ~np.isnan(column.codes)
    names = [column.values[int(each)] for each in column.codes[known]]
    if not set(names) <= set(codes):
        return column

    moved = column.codes.copy()
    moved[known] = [codes[name] for name in names]

    spelt = dict(zip(column.values, column.texts, strict=True))
    texts = tuple(spelt.get(each, each) for each in feature.values)

    return replace(column, codes=moved, values=feature.values, texts=texts)
