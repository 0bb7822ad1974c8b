"""Cards of many files are read here so that what several of them have in common is checked once.

Models of one task have the same features, and 2,000 cards took 13 of the 28 seconds of processor of a start. Whatever
is wrong with a card is said by the contract itself, which is asked again then.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from model_card import (
    METADATA_KEY,
    SCHEMA_VERSION,
    Calibration,
    Card,
    CrossValidation,
    Distribution,
    Feature,
    FeatureInput,
    ImageInput,
    Input,
    Metric,
    NoiseInput,
    Parity,
    Provenance,
    SelfCheck,
    Spread,
    from_metadata,
)

Document = dict[str, Any]

_INPUTS = {each.type: each for each in (FeatureInput, ImageInput, NoiseInput)}
_CONTAINERS = frozenset({list, dict})
_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_part = msgspec.json.Decoder().decode


class CardReader:
    """A reader is made for one load of a folder; parts of the same bytes are one object, which nobody changes."""

    def __init__(self) -> None:
        self._parts: dict[bytes, Any] = {}
        """Each part stands here under the SHA-256 of its name and its JSON."""

    def read(self, metadata: Mapping[str, str]) -> Card | None:
        """Returns the card that `from_metadata` does, or None where there is none; raises CardError in its words."""
        if METADATA_KEY not in metadata:
            return None

        try:
            return self._read(metadata[METADATA_KEY])
        except Exception:
            # Whatever it is, the contract knows where it stands and what was expected.
            return from_metadata(metadata)

    def _read(self, text: str) -> Card:
        """Returns the card of a JSON text; raises some error where it breaks the contract."""
        document = _decode(text)
        version = json.loads(bytes(document.pop("schema_version")))
        name = json.loads(bytes(document.pop("name")))
        if type(version) is not int or not 1 <= version <= SCHEMA_VERSION:
            raise ValueError(f"schema_version: got {version!r}")

        card = Card(**{key: self._share(key, raw) for key, raw in document.items()})
        if card.name != name:
            raise ValueError(f"name: expected {card.name!r}, got {name!r}")

        return card

    def _share(self, key: str, raw: msgspec.Raw) -> Any:
        """Returns the part of a card that this JSON describes, checked by the contract's own classes."""
        content = bytes(raw)
        digest = hashlib.sha256(b"%b:%b" % (key.encode(), content)).digest()
        if digest not in self._parts:
            value = _freeze(_decode_part(content))
            make = _PARTS.get(key)
            self._parts[digest] = value if make is None else make(value)

        return self._parts[digest]


def _make_input(document: Document) -> Input:
    cls = _INPUTS[document.pop("type")]
    if cls is FeatureInput:
        document["features"] = tuple(map(_make_feature, document["features"]))
    return cls(**document)


def _make_feature(document: Document) -> Feature:
    if "distribution" in document:
        document["distribution"] = Distribution(**document["distribution"])
    return Feature(**document)


def _make_cross_validation(document: Document) -> CrossValidation:
    document["metrics"] = _make_each(Spread, document["metrics"])
    return CrossValidation(**document)


def _make_each(cls: type[Any], document: Document) -> dict[str, Any]:
    return {name: cls(**each) for name, each in document.items()}


def _make(cls: type[Any], document: Document) -> Any:
    return cls(**document)


_PARTS: Mapping[str, Callable[[Document], Any]] = {
    "input": _make_input,
    "self_check": partial(_make, SelfCheck),
    "metrics": partial(_make_each, Metric),
    "train_metrics": partial(_make_each, Metric),
    "parity": partial(_make, Parity),
    "provenance": partial(_make, Provenance),
    "cross_validation": _make_cross_validation,
    "calibration": partial(_make, Calibration),
}
"""Each part that is more than a text or a list of texts is made so."""


def _freeze(value: Any) -> Any:
    """Returns JSON values with tuples in place of lists, as the contract holds them.

    Nearly all are numbers side by side, among which nothing else is looked for one by one.
    """
    if isinstance(value, list):
        is_plain = _CONTAINERS.isdisjoint(map(type, value))
        return tuple(value) if is_plain else tuple(map(_freeze, value))
    if isinstance(value, dict):
        return {
            key: _freeze(each) if type(each) in _CONTAINERS else each
            for key, each in value.items()
        }
    return value
