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

import onnx
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
    checkpoint: Path | None = None,
) -> None:
    """Fits the head and, unfrozen, then all but `n_kept` convolutions, in place."""
    learning = [each for each in model.parameters() if each.requires_grad]
    _let_learn(learning, list(head.parameters()))
    if not unfreeze or schedule.epochs == 1:
        fit_model(model, dataset, rows, schedule, on_epoch, checkpoint=checkpoint)
        return

    n_head_epochs = max(1, round(schedule.epochs * HEAD_SHARE))
    first = replace(schedule, epochs=n_head_epochs)
    some_rows = _choose_for_head(rows)
    fit_model(model, dataset, some_rows, first, on_epoch, checkpoint=checkpoint)

    model.frozen, model.n_kept = False, n_kept
    kept = [each for part in model.find_kept() for each in part.parameters()]
    _let_learn(learning, _leave_out(learning, kept))
    with learn_past_depthwise(model.body):
        fit_model(
            model,
            dataset,
            rows,
            _slow_down(schedule, schedule.epochs - n_head_epochs),
            _offset_epochs(on_epoch, n_head_epochs),
            checkpoint=checkpoint
            and checkpoint.with_name(f"{checkpoint.stem}-body.pt"),
        )


def _let_learn(weights: list[nn.Parameter], chosen: list[nn.Parameter]) -> None:
    """Has the chosen ones of these weights learn, and no others."""
    numbers = {id(each) for each in chosen}
    for each in weights:
        each.requires_grad = id(each) in numbers


def _leave_out(
    weights: list[nn.Parameter], kept: list[nn.Parameter]
) -> list[nn.Parameter]:
    numbers = {id(each) for each in kept}
    return [each for each in weights if id(each) not in numbers]


def _slow_down(schedule: Schedule, n_epochs: int) -> Schedule:
    """Returns the schedule of the body, which has much to lose."""
    return replace(
        schedule,
        epochs=n_epochs,
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
