"""This module teaches all layers of a network that has learnt elsewhere, in steps as each weight can bear them.

AdamW (Loshchilov and Hutter, arXiv 1711.05101) takes steps of a like size for the small weights behind normalisations
and for large ones. Images grow from epoch to epoch, because early ones teach as much where they are small, and take
less time: Tan and Le, arXiv 2104.00298, section 4.2. The weights that validation finds best are kept.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.images.augmentation import augment
from training.images.gradient_descent import ImageNetwork, Progress
from training.images.schedule import Schedule, forward
from training.memory import keep_freed_memory
from training.transfer.enlarging import EnlargingNetwork

WARM_UP = 0.05
"""In this share of the steps the learning rate rises; then it falls as a cosine does."""
HEAD_RATE = 2.0
"""The head learns by so many times the rate of the other layers, which have less to learn."""
MIN_SHARE = 0.6
"""Images of the first epoch are so large, as a share of those of the last."""
STEP_PX = 16
ROUNDS_PER_EPOCH = 4
"""After each round the training is kept, to go on from there."""
MIN_BATCHES = 16
"""An epoch has at least so many steps: fewer images make smaller batches."""

Images = tuple[NDArray[np.uint8], NDArray[np.int64]]
"""It holds pixels and target."""


@dataclass
class _Course:
    """A _Course holds how far a training is, and the best weights so far."""

    n_rounds: int
    losses: list[float]
    done: list[Progress]
    best: dict[str, Tensor] | None = None
    least_loss: float = math.inf


def teach(
    model: ImageNetwork,
    head: nn.Module,
    train: Images,
    validation: Images,
    schedule: Schedule,
    *,
    on_progress: Callable[[Progress], None],
    checkpoint: Path | None = None,
) -> None:
    """Teaches in place what may learn of the network, and leaves the weights of the epoch with the least validation
    loss, or without validation images the last ones.

    With a `checkpoint` it writes there after each round how far it is, and goes on from there where it was stopped.
    """
    keep_freed_memory()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
    descent = _make_descent(model, head, schedule)
    batches = _Batches(train, schedule, model.mean)
    course = _resume(checkpoint, model, descent)
    for progress in course.done:
        on_progress(progress)

    while course.n_rounds < schedule.epochs * ROUNDS_PER_EPOCH:
        epoch, part = divmod(course.n_rounds, ROUNDS_PER_EPOCH)
        _set_size(model, (epoch + 1) / schedule.epochs)
        course.losses += _teach_round(model, descent, batches, epoch, part)
        course.n_rounds += 1
        if part == ROUNDS_PER_EPOCH - 1:
            _end_epoch(model, validation, schedule, course)
            on_progress(course.done[-1])

        _save(checkpoint, model, descent, course)

    if course.best is not None:
        model.load_state_dict(course.best)

    _set_size(model, 1.0)
    model.to("cpu").eval()


class _Batches:
    """A _Batches has the mini-batches of each epoch's rounds, the same ones however often it is asked."""

    def __init__(self, train: Images, schedule: Schedule, mean: Tensor) -> None:
        self.pixels, self.target = (torch.from_numpy(each) for each in train)
        self.schedule, self.mean = schedule, mean
        n_images = len(self.target)
        self.size = min(schedule.batch_size, max(2, n_images // MIN_BATCHES), n_images)
        self.n_steps = max(1, n_images // self.size)

    def share(self, epoch: int, step: int) -> float:
        """Returns the share of the highest learning rate."""
        position = (epoch + step / self.n_steps) / self.schedule.epochs
        rise = min(1.0, 0.05 + position / WARM_UP)
        return rise * (0.5 + 0.5 * math.cos(math.pi * position))

    def rounds(self, epoch: int, part: int) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Yields the number of each step of the round, and its pixels and target."""
        torch.manual_seed(self.schedule.seed + 1000 * epoch)
        order = torch.randperm(len(self.target))[: self.n_steps * self.size]
        torch.manual_seed(self.schedule.seed + 1000 * epoch + part + 1)
        augmented = augment(
            self.pixels,
            epoch + 1,
            shift_px=self.schedule.shift_px,
            cutout_px=self.schedule.cutout_px,
            mirrors=self.schedule.mirrors,
            mean=self.mean,
            seed=self.schedule.seed,
        )
        first, end = (
            self.n_steps * each // ROUNDS_PER_EPOCH for each in (part, part + 1)
        )

        for step in range(first, end):
            rows = order[step * self.size : (step + 1) * self.size]
            yield step, augmented(rows), self.target[rows]


def _make_descent(
    model: ImageNetwork, head: nn.Module, schedule: Schedule
) -> torch.optim.AdamW:
    heads = {id(each) for each in head.parameters()}
    groups: list[dict[str, Any]] = []

    for each in model.parameters():
        if each.requires_grad:
            groups.append(
                {
                    "params": [each],
                    "weight_decay": schedule.weight_decay if each.ndim > 1 else 0.0,
                    "times": HEAD_RATE if id(each) in heads else 1.0,
                }
            )

    return torch.optim.AdamW(groups, lr=schedule.learning_rate)


def _set_size(model: ImageNetwork, share_done: float) -> None:
    """Sets how large images are within the network after this share of the epochs, and their full size at the end."""
    body = model.body
    if isinstance(body, EnlargingNetwork):
        wanted = body.size_px * (MIN_SHARE + (1 - MIN_SHARE) * share_done)
        body.learnt_px = min(body.size_px, math.ceil(wanted / STEP_PX) * STEP_PX)


def _teach_round(
    model: ImageNetwork,
    descent: torch.optim.AdamW,
    batches: _Batches,
    epoch: int,
    part: int,
) -> list[float]:
    """Takes the steps of a round, and returns the mean log loss of each, in nats."""
    model.train()
    schedule, losses = batches.schedule, []

    for step, pixels, target in batches.rounds(epoch, part):
        for group in descent.param_groups:
            group["lr"] = (
                schedule.learning_rate * group["times"] * batches.share(epoch, step)
            )

        target = target.to(model.mean.device)
        scores = forward(
            model,
            pixels.to(model.mean.device),
            allow_bfloat16=schedule.allow_bfloat16,
        )
        loss = nn.functional.cross_entropy(
            scores, target, label_smoothing=schedule.smoothing
        )
        descent.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves this method untyped
        descent.step()
        with torch.no_grad():
            losses.append(float(nn.functional.cross_entropy(scores, target)))

    return losses


def _end_epoch(
    model: ImageNetwork, validation: Images, schedule: Schedule, course: _Course
) -> None:
    """Measures the network on the validation images, and keeps its weights where they are the best so far."""
    held = _validate(model, validation, schedule) if len(validation[1]) else None
    progress = Progress(
        number=len(course.done) + 1,
        train=sum(course.losses) / len(course.losses),
        validation=held,
    )
    course.done.append(progress)
    course.losses = []
    if held is not None and held < course.least_loss:
        course.least_loss = held
        course.best = {
            name: value.clone() for name, value in model.state_dict().items()
        }


def _validate(model: ImageNetwork, part: Images, schedule: Schedule) -> float:
    """Returns the mean log loss of images, in nats, at the size at which they are learnt."""
    model.eval()
    losses = []
    pixels, target = (torch.from_numpy(each) for each in part)

    with torch.inference_mode():
        for some, wanted in zip(
            pixels.split(schedule.batch_size),  # type: ignore[no-untyped-call]  # torch leaves it untyped
            target.split(schedule.batch_size),  # type: ignore[no-untyped-call]  # nor this one
            strict=True,
        ):
            scores = forward(
                model,
                some.to(model.mean.device),
                allow_bfloat16=schedule.allow_bfloat16,
            )
            losses.append(
                nn.functional.cross_entropy(scores.cpu(), wanted, reduction="sum")
            )

    return float(torch.stack(losses).sum()) / len(target)


def _resume(
    checkpoint: Path | None, model: ImageNetwork, descent: torch.optim.AdamW
) -> _Course:
    """Restores what was done before, where there is a file of it."""
    if checkpoint is None or not checkpoint.is_file():
        return _Course(n_rounds=0, losses=[], done=[])

    state = torch.load(checkpoint, weights_only=True)
    model.load_state_dict(state["model"])
    descent.load_state_dict(state["descent"])

    return _Course(
        n_rounds=state["n_rounds"],
        losses=state["losses"],
        done=[Progress(**each) for each in state["done"]],
        best=state["best"],
        least_loss=state["least_loss"],
    )


def _save(
    checkpoint: Path | None,
    model: ImageNetwork,
    descent: torch.optim.AdamW,
    course: _Course,
) -> None:
    """Writes the checkpoint whole or not at all."""
    if checkpoint is None:
        return

    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    state = {
        "model": model.state_dict(),
        "descent": descent.state_dict(),
        **vars(course),
        "done": [vars(each) for each in course.done],
    }
    unfinished = checkpoint.with_suffix(f".{os.getpid()}")
    torch.save(state, unfinished)
    unfinished.replace(checkpoint)
