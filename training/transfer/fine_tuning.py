"""This module teaches a network that has learnt elsewhere a new task: first its head, then its body.

The head learns on a body that stays as it is, normalisations and their statistics included; unfrozen, the body then
learns too, at a lower rate: Yosinski et al., NeurIPS 2014. Published networks keep the statistics of their
normalisations throughout: those of a mini-batch of other images would undo what they have learnt.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import nn

from training.data.datasets import Split
from training.data.images import ImageDataset
from training.export.freshness import fingerprint_modules
from training.images.classifier import fit_model
from training.images.gradient_descent import ImageNetwork, Progress
from training.images.network import FittedImageClassifier
from training.images.schedule import Schedule
from training.learning.family import Epoch, OnEpoch
from training.transfer.descent import teach
from training.transfer.eight_bits import round_filters, store_in_eight_bits
from training.transfer.fused import learn_fused
from training.transfer.head import fit_head

HEAD_SHARE = 1 / 3
"""This share of the epochs passes before the body of our own network learns too."""
MAX_HEAD_IMAGES = 7000
"""Before that the head learns from at most so many images, since a body that is frozen gives it little to overfit."""
BODY_RATE = 0.2
"""The body of our own network learns at this share of the head's learning rate."""
MIN_IMAGES_SEEN = 6000
"""A published network sees so many images, in more epochs where there are few."""
IMAGES_AT_A_TIME = 64
"""So many are answered at a time, because layers of enlarged images are a hundred times as large as these."""


class FineTunedNetwork(ImageNetwork):
    """A FineTunedNetwork may have a frozen body, or `n_kept` frozen convolutions: while it learns, normalisations keep
    their statistics there.
    """

    frozen = True
    keeps_statistics = False
    n_kept = 0

    def train(self, mode: bool = True) -> FineTunedNetwork:  # noqa: FBT001, FBT002  # as torch has it
        super().train(mode)
        if self.frozen:
            self.body.eval()

        for each in self.find_kept():
            each.eval()

        for each in self.body.modules() if self.keeps_statistics else ():
            if isinstance(each, nn.modules.batchnorm._BatchNorm):
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
        "published": fingerprint_modules(
            "training.transfer.descent", "training.transfer.fused"
        ),
    }


def teach_published(
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
    """Teaches a published network in place: its head at once and, unfrozen, then all but `n_kept` convolutions."""
    learning = [each for each in model.parameters() if each.requires_grad]
    _let_learn(learning, list(head.parameters()))
    n_before = 0
    if isinstance(head, nn.Linear):
        loss = _fit_head(model, head, dataset, rows, schedule)
        on_epoch(Epoch(number=1, losses={"train": loss}))
        n_before = 1
        if not unfreeze:
            return

    if unfreeze:
        model.keeps_statistics = True
        _unfreeze(model, learning, n_kept)

    _teach_layers(
        model,
        head,
        dataset,
        rows,
        _lengthen(schedule, rows) if unfreeze else schedule,
        _tell(on_epoch, n_before),
        checkpoint,
    )


def _teach_layers(
    model: FineTunedNetwork,
    head: nn.Module,
    dataset: ImageDataset,
    rows: Split,
    schedule: Schedule,
    on_progress: Callable[[Progress], None],
    checkpoint: Path | None,
) -> None:
    """Teaches all that may learn."""
    train, validation = (
        (dataset.pixels[part], dataset.target[part])
        for part in (rows.train, rows.validation)
    )
    with learn_fused(model.body):
        teach(
            model,
            head,
            train,
            validation,
            schedule,
            on_progress=on_progress,
            checkpoint=checkpoint,
        )


def _fit_head(
    model: FineTunedNetwork,
    head: nn.Linear,
    dataset: ImageDataset,
    rows: Split,
    schedule: Schedule,
) -> float:
    """Fits the head to some images, where there is one by the graphics card, and returns its log loss in nats."""
    some = _choose_for_head(rows).train
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    loss = fit_head(
        model,
        head,
        dataset.pixels[some],
        dataset.target[some],
        allow_bfloat16=schedule.allow_bfloat16,
    )
    model.to("cpu").eval()

    return loss


def _lengthen(schedule: Schedule, rows: Split) -> Schedule:
    """Returns the schedule with as many epochs as show the network `MIN_IMAGES_SEEN` images, if it has fewer."""
    least = math.ceil(MIN_IMAGES_SEEN / len(rows.train))
    return replace(schedule, epochs=max(schedule.epochs, least))


def _tell(on_epoch: OnEpoch, n_before: int) -> Callable[[Progress], None]:
    def tell(progress: Progress) -> None:
        losses = {"train": progress.train}
        if progress.validation is not None:
            losses["validation"] = progress.validation
        on_epoch(Epoch(number=progress.number + n_before, losses=losses))

    return tell


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
    """Fits the head of our own network and, unfrozen, then all but `n_kept` convolutions, in place."""
    learning = [each for each in model.parameters() if each.requires_grad]
    _let_learn(learning, list(head.parameters()))
    n_head_epochs = max(1, round(schedule.epochs * HEAD_SHARE))
    n_body_epochs = schedule.epochs - n_head_epochs
    if not unfreeze or not n_body_epochs:
        fit_model(model, dataset, rows, schedule, on_epoch, checkpoint=checkpoint)
        return

    some_rows = _choose_for_head(rows)
    first = replace(schedule, epochs=n_head_epochs)
    fit_model(model, dataset, some_rows, first, on_epoch, checkpoint=checkpoint)

    _unfreeze(model, learning, n_kept)
    body = _slow_down(replace(schedule, epochs=n_body_epochs))
    place = checkpoint and checkpoint.with_name(f"{checkpoint.stem}-body.pt")
    count = _offset_epochs(on_epoch, first.epochs)
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
