"""Rows that are the very data set which models were made from are found out here."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_card import Card, FeatureInput


def fingerprint_rows(
    rows: Sequence[dict[str, Any]], truth: NDArray[np.int64], card: Card
) -> str:
    """Returns the SHA-256 of rows as training takes it of its data set, over names, classes, categories and values."""
    assert isinstance(card.input, FeatureInput)
    features = card.input.features
    categories = [each.values or None for each in features]
    shown = [f"{each}" for each in categories] if any(categories) else []
    names = [*(each.name for each in features), "", *(card.classes or ()), *shown]
    values = [
        [_encode(row[each.name], each.values) for each in features] for row in rows
    ]
    digest = hashlib.sha256("\n".join(names).encode())
    with np.errstate(over="ignore"):  # what float32 cannot hold the models refuse
        encoded = np.array(values, dtype=np.float64).astype("<f4")

    digest.update(encoded.tobytes())
    digest.update(truth.astype("<i8").tobytes())

    return f"sha256:{digest.hexdigest()}"


def _encode(value: Any, categories: Sequence[str] | None) -> float:
    if value is None:
        return float("nan")
    return float(categories.index(value) if categories else value)
