"""This module teaches a network that has learnt elsewhere a new task: first its head, then its body.

The head learns on a body that stays as it is, normalisations and their statistics included; unfrozen, the body then
learns too, at a lower rate: Yosinski et al., NeurIPS 2014.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from torch import nn

from training.data.datasets import Split
from training.data.images import ImageDataset
from training.images.classifier import fit_model
from training.images.gradient_descent import ImageNetwork
from training.images.network import FittedImageClassifier
from training.images.schedule import Schedule
from training.learning.family import Epoch, OnEpoch
from training.transfer.depthwise import learn_past_depthwise
from training.transfer.eight_bits import round_filters, store_in_eight_bits

HEAD_SHARE = 1 / 3
"""This share of the epochs passes before the body learns too."""
MAX_HEAD_IMAGES = 7000
"""Before that the head learns from at most so many images, since a body that is frozen gives it little to overfit."""
BODY_RATE = 0.2
"""The body learns at this share of the head's learning rate."""
MIN_IMAGES_SEEN = 6000
"""Head and body of a network of photographs see so many images each, in more epochs where there are few."""
IMAGES_AT_A_TIME = 64
"""So many are answered at a time, because layers of enlarged images are a hundred times as large as these."""


class FineTunedNetwork(ImageNetwork):
    """A FineTunedNetwork may have a frozen body, or `n_kept` frozen convolutions: while it learns, normalisations keep
    their statistics there.
    """

    frozen = True
    n_kept = 0

    def train(self, mode: bool = True) -> FineTunedNetwork:  # noqa: FBT001, FBT002  # as torch has it
        super().train(mode)
        if self.frozen:
            self.body.eval()

        for each in self.find_kept():
            each.eval()

        return self

    def find_kept(self) -> list[nn.Module]:
        """Returns the first convolutions, and the layers between them and the next."""
        kept: list[nn.Module] = []
        n_convolutions = 0

        for each in self.body.modules():
            if next(each.children(), None) is not None:
                continue

            n_convolutions += isinstance(each, nn.Conv2d)
            if n_convolutions > self.n_kept:
                break
            kept.append(each)

        return kept


class FittedFineTuned(FittedImageClassifier):
    """A FittedFineTuned has filters that eight bits hold, where the network is one of timm's."""

    eight_bits = False

    def round_filters(self) -> None:
        """Rounds the filters of the network, which is measured with them so."""
        self.eight_bits = True
        round_filters(self.module)

    def outputs(self, pixels: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        starts = range(0, max(1, len(pixels)), IMAGES_AT_A_TIME)
        parts = [
            super(FittedFineTuned, self).outputs(
                pixels[start : start + IMAGES_AT_A_TIME]
            )
            for start in starts
        ]
        return {
            name: np.concatenate([each[name] for each in parts]) for name in parts[0]
        }

    def to_onnx(self, n_features: int) -> onnx.ModelProto:
        model = super().to_onnx(n_features)
        if self.eight_bits:
            store_in_eight_bits(model)
        return model


def describe() -> dict[str, Any]:
    """Returns what of this module decides how a training goes, for the name of its checkpoint."""
    return {
        "head_share": HEAD_SHARE,
        "head_images": MAX_HEAD_IMAGES,
        "body_rate": BODY_RATE,
    }


def fine_tune(
    model: FineTunedNetwork,
    head: nn.Module,
    dataset: ImageDataset,
    rows: Split,
    schedule: Schedule,
    on_epoch: OnEpoch,
    *,
    unfreeze: bool,
    n_kept: int = 0,
    lengthens: bool = False,
    checkpoint: Path | None = None,
) -> None:
    """Fits the head and, unfrozen, then all but `n_kept` convolutions, in place.

    If it `lengthens`, each has more epochs where images are few.
    """
    learning = [each for each in model.parameters() if each.requires_grad]
    _let_learn(learning, list(head.parameters()))
    n_head_epochs = max(1, round(schedule.epochs * HEAD_SHARE))
    n_body_epochs = schedule.epochs - n_head_epochs
    if not unfreeze or not n_body_epochs:
        fit_model(model, dataset, rows, schedule, on_epoch, checkpoint=checkpoint)
        return

    min_seen = MIN_IMAGES_SEEN if lengthens else 0
    some_rows = _choose_for_head(rows)
    first = _lengthen(schedule, n_head_epochs, some_rows, min_seen)
    fit_model(model, dataset, some_rows, first, on_epoch, checkpoint=checkpoint)

    _unfreeze(model, learning, n_kept)
    body = _slow_down(_lengthen(schedule, n_body_epochs, rows, min_seen))
    place = checkpoint and checkpoint.with_name(f"{checkpoint.stem}-body.pt")
    count = _offset_epochs(on_epoch, first.epochs)
    with learn_past_depthwise(model.body):
        fit_model(model, dataset, rows, body, count, checkpoint=place)


def _unfreeze(
    model: FineTunedNetwork, weights: list[nn.Parameter], n_kept: int
) -> None:
    """Has these weights learn, but for those of the first `n_kept` convolutions and the layers behind each."""
    model.frozen, model.n_kept = False, n_kept
    kept = {id(each) for part in model.find_kept() for each in part.parameters()}
    _let_learn(weights, [each for each in weights if id(each) not in kept])


def _let_learn(weights: list[nn.Parameter], chosen: list[nn.Parameter]) -> None:
    """Has the chosen ones of these weights learn, and no others."""
    numbers = {id(each) for each in chosen}
    for each in weights:
        each.requires_grad = id(each) in numbers


def _lengthen(
    schedule: Schedule, n_epochs: int, rows: Split, min_seen: int
) -> Schedule:
    """Returns the schedule with so many epochs, or with as many as show the network `min_seen` images."""
    return replace(
        schedule, epochs=max(n_epochs, math.ceil(min_seen / len(rows.train)))
    )


def _slow_down(schedule: Schedule) -> Schedule:
    """Returns the schedule of the body, which has much to lose."""
    return replace(
        schedule,
        learning_rate=schedule.learning_rate * BODY_RATE,
        turn_rate=schedule.turn_rate * BODY_RATE,
        seed=schedule.seed + 1,
    )


def _choose_for_head(rows: Split) -> Split:
    """Returns the split with fewer training rows where they are many, because the head alone needs no more."""
    step = math.ceil(len(rows.train) / MAX_HEAD_IMAGES)
    return replace(rows, train=rows.train[::step])


def _offset_epochs(on_epoch: OnEpoch, n_before: int) -> Callable[[Epoch], None]:
    return lambda epoch: on_epoch(replace(epoch, number=epoch.number + n_before))
