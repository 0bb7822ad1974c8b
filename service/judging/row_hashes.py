"""Hashes of rows tell which of them a model was trained on; training takes the same hashes and fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model_card import Card, FeatureInput
from row_records import hash_rows
from service.errors import InvalidRequest, TooLarge
from service.judging.classifiers import MAX_PIXELS, Classifier
from service.models.images.media_types import ImageFile
from service.models.images.rows import decode_rows
from service.models.row_columns import find_texts

WHOLE_PX = 1_000_000
"""An image that is to be resized to this is decoded whole."""

Hashes = NDArray[np.uint64]
NOTHING: Hashes = np.empty(0, np.uint64)


def collect_learnt(contenders: Sequence[Classifier]) -> Hashes:
    """Returns the hashes of all rows that any of the models was learnt from, as far as their files say so."""
    known = [each.learnt for each in contenders if each.learnt is not None]
    if not known:
        return NOTHING

    return np.unique(np.concatenate(known))


def hash_feature_rows(rows: Sequence[dict[str, Any]], card: Card) -> Hashes:
    """Returns the hash of each row of features, `(n_rows,)`, as training takes it."""
    encoded = _encode_rows(rows, card)
    return hash_rows(encoded.astype("<f4"))


class HashedImages(NamedTuple):
    """HashedImages have a hash for each image, `(n_images,)`; `unfit` says of the index of each why it is refused."""

    hashes: Hashes
    unfit: dict[int, str]


def hash_images(
    contents: Iterable[bytes], *, max_pixels: int = MAX_PIXELS
) -> HashedImages:
    """Returns the hash of each image's pixels, 0 for one that is refused where it is asked for."""
    hashes = []
    unfit = {}
    for index, content in enumerate(contents):
        try:
            hashes.append(_hash_image(content, max_pixels))
        except (InvalidRequest, TooLarge) as error:
            hashes.append(np.uint64(0))
            unfit[index] = str(error).removeprefix("inputs[0]: ")

    return HashedImages(np.array(hashes, np.uint64), unfit)


def _hash_image(content: bytes, max_pixels: int) -> np.uint64:
    """Returns the hash of an image's pixels; raises InvalidRequest, and TooLarge, for one that is refused."""
    file = ImageFile(content, "")
    (pixels,) = decode_rows([file], model="", size_px=WHOLE_PX, max_pixels=max_pixels)
    (hashed,) = hash_rows(pixels[np.newaxis])

    return np.uint64(hashed)


def fingerprint_rows(
    rows: Sequence[dict[str, Any]], truth: NDArray[np.int64], card: Card
) -> str:
    """Returns the SHA-256 of rows as training takes it of its data set, over names, classes, categories and values."""
    assert isinstance(card.input, FeatureInput)
    features = card.input.features
    names = [each.name for each in features]
    names.append("")
    names += card.classes or ()
    categories = [each.values or None for each in features]
    if any(categories):
        names += [f"{each}" for each in categories]

    encoded = _encode_rows(rows, card)
    digest = hashlib.sha256("\n".join(names).encode())
    digest.update(encoded.tobytes())
    digest.update(truth.astype("<i8").tobytes())

    return f"sha256:{digest.hexdigest()}"


def _encode_rows(rows: Sequence[dict[str, Any]], card: Card) -> NDArray[np.float32]:
    """Returns float32 `(n_rows, n_features)`, categories as their index."""
    assert isinstance(card.input, FeatureInput)
    features = card.input.features
    matrix = np.zeros((len(rows), len(features)), np.float64)
    terms: set[int] = set()

    for text in find_texts(features):
        if rows and text.name not in rows[0]:
            continue

        positions = list(text.terms.values())
        texts = [row[text.name] for row in rows]
        matrix[:, positions] = text.encode(texts)
        terms.update(positions)

    for position, feature in enumerate(features):
        if position in terms:
            continue

        values = [row[feature.name] for row in rows]
        matrix[:, position] = [_encode(each, feature.values) for each in values]

    with np.errstate(over="ignore"):  # what float32 cannot hold the models refuse
        return matrix.astype("<f4")


def _encode(value: Any, categories: Sequence[str] | None) -> float:
    if value is None:
        return float("nan")
    if categories:
        return float(categories.index(value))
    return float(value)
