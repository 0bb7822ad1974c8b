"""This module descends in mini-batches of augmented images, with one cycle of the learning rate."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.images.augmentation import augment
from training.images.schedule import Schedule, Trainer, forward
from training.images.selection import Selector
from training.memory import keep_freed_memory

MIN_STEPS = 16
"""An epoch has at least so many steps: fewer images make smaller batches."""
INFERENCE_BATCH_SIZE = 500
"""So many images are run at a time where nothing is learnt."""

Pixels = NDArray[np.uint8]
Targets = NDArray[np.int64]
Trainers = Sequence[Trainer | Selector]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A Progress holds an epoch's losses in nats, of the augmented training images and of the validation images."""

    number: int
    train: float
    validation: float | None


class ImageNetwork(nn.Module):
    """An ImageNetwork maps pixels uint8 `(n_images, height, width, 3)` to scores by a `body`.

    The body takes them standardised, channels first.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, body: nn.Module, train: Pixels) -> None:
        super().__init__()
        sample = torch.from_numpy(train[:: max(1, len(train) // 5000)]).double() / 255
        self.register_buffer(
            "mean", sample.mean(dim=(0, 1, 2)).float().view(1, 3, 1, 1)
        )
        deviation = sample.std(dim=(0, 1, 2), correction=0)
        self.register_buffer(
            "deviation",
            torch.where(deviation > 0, deviation, 1.0).float().view(1, 3, 1, 1),
        )
        self.body = body

    def standardise(self, pixels: Tensor) -> Tensor:
        """Returns images with channels first, of mean 0 and deviation 1 by the training images' colours."""
        images = pixels.permute(0, 3, 1, 2).float() / 255
        return (images - self.mean) / self.deviation

    def forward(self, pixels: Tensor) -> Tensor:
        scores: Tensor = self.body(self.standardise(pixels))
        return scores


def minimise_loss(
    model: ImageNetwork,
    train: tuple[Pixels, Targets],
    validation: tuple[Pixels, Targets],
    schedule: Schedule,
    *,
    on_progress: Callable[[Progress], None],
    checkpoint: Path | None = None,
    proxy: ImageNetwork | None = None,
) -> None:
    """Fits the network in place and leaves the last weights, which the fallen learning rate has settled.

    With a `checkpoint` it writes there after each epoch how far it is, and goes on from there where it was stopped.
    With a `proxy`, a smaller network that learns along, only the half of the images that is harder for it is learnt.
    """
    keep_freed_memory()
    torch.manual_seed(schedule.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    for each in (model, proxy):
        if each is not None:
            each.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it

    batch_size = min(
        schedule.batch_size,
        max(MIN_STEPS, len(train[0]) // MIN_STEPS),
        len(train[0]),
    )
    pool_size = batch_size if proxy is None else min(2 * batch_size, len(train[0]))
    n_steps = len(train[0]) // pool_size
    trainer = Trainer(model, schedule, batch_size, n_steps * schedule.epochs)
    selector = (
        None
        if proxy is None
        else Selector(proxy, schedule, batch_size, n_steps * schedule.epochs)
    )
    trainers: Trainers = [trainer] if selector is None else [trainer, selector]
    done = _resume(checkpoint, trainers, on_progress)

    for number in range(len(done) + 1, schedule.epochs + 1):
        order = torch.randperm(len(train[0]))[: n_steps * pool_size]
        augmented = _augment(torch.from_numpy(train[0]), number, schedule, model.mean)
        batches = (
            (augmented(rows), torch.from_numpy(train[1])[rows])
            for rows in torch.split(order, pool_size)
        )
        loss = _train_epoch(model, trainer, selector, batches, schedule)
        held = (
            evaluate(model, validation, allow_bfloat16=schedule.allow_bfloat16)
            if len(validation[0])
            else None
        )
        done.append(Progress(number=number, train=loss, validation=held))
        on_progress(done[-1])
        _save(checkpoint, trainers, done)

    model.to("cpu").eval()


def _train_epoch(
    model: ImageNetwork,
    trainer: Trainer,
    selector: Selector | None,
    batches: Iterable[tuple[Tensor, Tensor]],
    schedule: Schedule,
) -> float:
    """Learns one epoch of pixels and target, and returns the mean log loss of what was learnt, in nats."""
    model.train()
    losses = []

    for pixels, target in batches:
        pixels, target = pixels.to(model.mean.device), target.to(model.mean.device)
        if selector is not None:
            chosen = selector.choose(pixels, target)
            pixels, target = pixels[chosen], target[chosen]

        scores = forward(model, pixels, allow_bfloat16=schedule.allow_bfloat16)
        trainer.step(
            nn.functional.cross_entropy(
                scores, target, label_smoothing=schedule.smoothing
            )
        )
        with torch.no_grad():
            losses.append(float(nn.functional.cross_entropy(scores, target)))

    return sum(losses) / len(losses)


def score(
    model: ImageNetwork, pixels: Pixels, *, allow_bfloat16: bool = False
) -> Tensor:
    """Returns scores `(n_images, n_scores)`, computed some images at a time."""
    device = model.mean.device
    model.eval()

    with torch.inference_mode():
        parts = torch.split(torch.from_numpy(pixels), INFERENCE_BATCH_SIZE)
        return torch.cat(
            [
                forward(model, part.to(device), allow_bfloat16=allow_bfloat16).cpu()
                for part in parts
            ]
        )


def evaluate(
    model: ImageNetwork, part: tuple[Pixels, Targets], *, allow_bfloat16: bool = False
) -> float:
    """Returns the mean log loss, in nats."""
    return float(
        nn.functional.cross_entropy(
            score(model, part[0], allow_bfloat16=allow_bfloat16),
            torch.from_numpy(part[1]),
        )
    )


def _augment(
    images: Tensor, epoch: int, schedule: Schedule, mean: Tensor
) -> Callable[[Tensor], Tensor]:
    return augment(
        images,
        epoch,
        shift_px=schedule.shift_px,
        cutout_px=schedule.cutout_px,
        mirrors=schedule.mirrors,
        mean=mean,
        seed=schedule.seed,
    )


def _resume(
    checkpoint: Path | None, trainers: Trainers, on_progress: Callable[[Progress], None]
) -> list[Progress]:
    """Restores what was done before and returns its progress, which is empty where there is no file."""
    if checkpoint is None or not checkpoint.is_file():
        return []

    state = torch.load(checkpoint, weights_only=True)
    for trainer, kept in zip(trainers, state["learners"], strict=True):
        trainer.load_state_dict(kept)

    torch.set_rng_state(state["generator"])
    done = [Progress(**each) for each in state["done"]]
    for progress in done:
        on_progress(progress)

    return done


def _save(checkpoint: Path | None, trainers: Trainers, done: list[Progress]) -> None:
    """Writes the checkpoint whole or not at all."""
    if checkpoint is None:
        return

    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    state = {
        "learners": [each.state_dict() for each in trainers],
        "generator": torch.get_rng_state(),
        "done": [vars(each) for each in done],
    }
    unfinished = checkpoint.with_suffix(f".{os.getpid()}")
    torch.save(state, unfinished)
    unfinished.replace(checkpoint)
