"""Challengers run a batch of one champion's predictions together, and the rows on which models differ are kept."""

from __future__ import annotations

from base64 import b64encode
from bisect import bisect_right
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.contract import codec
from service.contract.requests import Row
from service.errors import VeredictoError
from service.live.challengers import ShadowDeployment
from service.live.journal.records import (
    NO_ANSWER,
    Labels,
    Probabilities,
    ShadowExample,
    StoredProbabilities,
    encode_probabilities,
)
from service.models.images.image_codec import encode_png
from service.models.model import Inputs, Model

ROWS_AT_A_TIME = 256
IMAGES_AT_A_TIME = 8
MAX_EXAMPLES = 32
"""A run keeps so many of its rows on which models disagree."""
MAX_IMAGE_BYTES = 1_000_000
"""An image is kept as a PNG of no more bytes."""
MAX_FEATURES = 100
"""The values of a row are kept where it has no more of them."""


class WaitingPrediction(NamedTuple):
    """A champion's prediction that its challengers have not seen; `labels` are `(n_rows,)`.

    `probabilities` are `(n_rows, n_classes)` as the journal has them, None where they are not kept.
    """

    prediction_id: str
    deployment: ShadowDeployment
    inputs: Inputs
    labels: Labels
    probabilities: StoredProbabilities | None


def fits(
    batch: list[WaitingPrediction], n_rows: int, following: WaitingPrediction
) -> bool:
    """Returns True where a prediction may join a batch of `n_rows`; an empty batch takes any."""
    if not batch:
        return True
    if following.deployment is not batch[0].deployment:
        return False

    are_images = isinstance(following.inputs, list)
    max_rows = IMAGES_AT_A_TIME if are_images else ROWS_AT_A_TIME
    return n_rows + len(following.labels) <= max_rows


def classify(
    model: Model, requests: list[Inputs]
) -> tuple[Labels, NDArray[np.float32]]:
    """Returns labels `(n_rows,)` and probabilities of all requests; if they fail together, each is asked alone."""
    try:
        labels, probabilities = model.run(_join_inputs(requests))
        return labels, probabilities
    except VeredictoError:
        if len(requests) == 1:
            n_rows = len(requests[0])
            nothing = np.zeros((n_rows, len(model.classes)), np.float32)
            return np.full(n_rows, NO_ANSWER), nothing

        found = [classify(model, [each]) for each in requests]
        return (
            np.concatenate([labels for labels, _ in found]),
            np.concatenate([probabilities for _, probabilities in found]),
        )


def join_probabilities(
    batch: list[WaitingPrediction], found: list[tuple[Labels, Probabilities]]
) -> StoredProbabilities | None:
    """Returns those of the champion and its challengers, `(1 + n_challengers, n_rows, n_classes)`, if all are kept."""
    kept = [each.probabilities for each in batch if each.probabilities is not None]
    if len(kept) < len(batch):
        return None

    of_challengers = [encode_probabilities(each) for _, each in found]
    return np.stack([np.concatenate(kept), *of_challengers])


def _join_inputs(requests: list[Inputs]) -> Inputs:
    if isinstance(requests[0], list):
        return [image for images in requests for image in images]
    return np.concatenate([np.asarray(each) for each in requests])


def find_examples(
    batch: list[WaitingPrediction], labels: Labels
) -> list[ShadowExample]:
    """Returns the first rows on which a challenger disagrees with the champion, with values as a request has them."""
    champion_labels = np.concatenate([each.labels for each in batch])
    disagrees = (labels != champion_labels) & (labels != NO_ANSWER)
    rows = np.flatnonzero(disagrees.any(axis=0))
    places: list[int] = rows[:MAX_EXAMPLES].tolist()
    starts = list(accumulate((len(each.labels) for each in batch), initial=0))
    examples = []

    for place in places:
        request = bisect_right(starts, place) - 1
        row = place - starts[request]
        inputs = codec.encode(_show_row(batch[request], row)).decode()
        examples.append(ShadowExample(batch[request].prediction_id, row, inputs))

    return examples


def _show_row(waiting: WaitingPrediction, row: int) -> Row | None:
    """Returns a row's values as a request has them, None for a row or an image too large to be kept."""
    inputs = waiting.inputs
    if isinstance(inputs, list):
        png = encode_png(inputs[row])
        is_small = len(png) <= MAX_IMAGE_BYTES
        return {"b64": b64encode(png).decode()} if is_small else None
    if inputs.shape[1] > MAX_FEATURES:
        return None
    return waiting.deployment.champion.decode(inputs[row])


def count_bytes(inputs: Inputs) -> int:
    if isinstance(inputs, list):
        return sum(image.nbytes for image in inputs)
    return inputs.nbytes
