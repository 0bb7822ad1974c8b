"""Mini-batch descent on images: changed a little each time they are seen, one cycle of the learning rate."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.memory import keep_freed
from training.muon import FilterMuon

WARM_UP = 0.23
"""Share of the steps in which the learning rate rises; then it falls."""
FEWEST_STEPS = 16
"""In an epoch: fewer images make smaller batches."""
BATCH = 512
"""Images to which the learning rate belongs; it is scaled with the batch."""
EVALUATED = 500
"""Images at a time where nothing is learnt."""

Pixels = NDArray[np.uint8]
Targets = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How it learns.

    `learning_rate` is the highest, for 512 images; `shift_px` how far an image moves at most; `cutout_px` the side of
    the square that is not seen of it; `smoothing` what the true class gives to all; `bias_scale` by how much faster
    shifts learn than weights; `half` allows bfloat16. `turn_rate` is how far Muon turns the filters of convolutions in
    a step, at most; at 0 they learn as the other weights do.
    """

    epochs: int
    learning_rate: float
    weight_decay: float
    batch_size: int = BATCH
    shift_px: int = 2
    mirrors: bool = True
    smoothing: float = 0.2
    cutout_px: int = 0
    bias_scale: float = 1.0
    turn_rate: float = 0.0
    half: bool = False
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Losses after an epoch, in nats: of the changed training images as they were seen, of the validation images."""

    number: int
    train: float
    validation: float | None


class Scorer(nn.Module):
    """Pixels uint8 `(n_images, height, width, 3)` to scores; `body` takes them standardised, channels first."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, body: nn.Module, train: Pixels) -> None:
        super().__init__()
        sample = torch.from_numpy(train[:: max(1, len(train) // 5000)]).double() / 255
        self.register_buffer("mean", sample.mean(dim=(0, 1, 2)).float().view(1, 3, 1, 1))
        deviation = sample.std(dim=(0, 1, 2), correction=0)
        self.register_buffer("deviation", torch.where(deviation > 0, deviation, 1.0).float().view(1, 3, 1, 1))
        self.body = body

    def standardise(self, pixels: Tensor) -> Tensor:
        """Channels first, mean 0 and deviation 1 of the training images' colours."""
        images = pixels.permute(0, 3, 1, 2).float() / 255
        return (images - self.mean) / self.deviation

    def forward(self, pixels: Tensor) -> Tensor:
        scores: Tensor = self.body(self.standardise(pixels))
        return scores


def descend(
    scorer: Scorer,
    train: tuple[Pixels, Targets],
    validation: tuple[Pixels, Targets],
    schedule: Schedule,
    *,
    tell: Callable[[Progress], None],
    checkpoint: Path | None = None,
) -> None:
    """Learns in place; leaves the last weights, which the fallen learning rate has settled.

    With a `checkpoint` it writes there after each epoch how far it is, and goes on from there where it was stopped.
    """
    keep_freed()
    torch.manual_seed(schedule.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    scorer.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
    batch_size = min(schedule.batch_size, max(FEWEST_STEPS, len(train[0]) // FEWEST_STEPS), len(train[0]))
    n_steps = len(train[0]) // batch_size
    learning = _Learning(scorer, _optimizers(scorer, schedule, batch_size), n_steps * schedule.epochs)
    done = learning.resume(checkpoint, tell)
    images, target = torch.from_numpy(train[0]), torch.from_numpy(train[1])
    for number in range(len(done) + 1, schedule.epochs + 1):
        scorer.train()
        total = 0.0
        order = torch.randperm(len(images))[: n_steps * batch_size]
        changed = _change(images, number, schedule, scorer.mean)
        for rows in torch.split(order, batch_size):
            pixels, true = changed(rows).to(device), target[rows].to(device)
            with torch.autocast(device.type, torch.bfloat16, enabled=schedule.half and has_bfloat16(device)):
                scores = scorer(pixels).float()
            loss = nn.functional.cross_entropy(scores, true, label_smoothing=schedule.smoothing)
            learning.step(loss)
            with torch.no_grad():
                total += float(nn.functional.cross_entropy(scores, true)) * len(rows)
        held = evaluate(scorer, validation, half=schedule.half) if len(validation[0]) else None
        done.append(Progress(number=number, train=total / len(order), validation=held))
        tell(done[-1])
        learning.save(checkpoint, done)
    scorer.to("cpu").eval()


def score(scorer: Scorer, pixels: Pixels, *, half: bool = False) -> Tensor:
    """Scores `(n_images, n_scores)`, some images at a time."""
    device = scorer.mean.device
    scorer.eval()
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=half and has_bfloat16(device)):
        parts = [scorer(part.to(device)).float().cpu() for part in torch.split(torch.from_numpy(pixels), EVALUATED)]
    return torch.cat(parts)


def evaluate(scorer: Scorer, part: tuple[Pixels, Targets], *, half: bool = False) -> float:
    """The mean log loss, in nats."""
    return float(nn.functional.cross_entropy(score(scorer, part[0], half=half), torch.from_numpy(part[1])))


def has_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is faster there: on processors without instructions for it, it is slower."""
    return device.type == "cuda" or bool(torch.cpu._is_avx512_bf16_supported())


def _optimizers(scorer: nn.Module, schedule: Schedule, batch_size: int) -> list[torch.optim.Optimizer]:
    rate = schedule.learning_rate * batch_size / BATCH
    learnt = [each for each in scorer.parameters() if each.requires_grad]
    kernels = [each for each in learnt if each.ndim == 4 and schedule.turn_rate]
    weights = [each for each in learnt if each.ndim > 1 and not any(each is kernel for kernel in kernels)]
    shifts = [each for each in learnt if each.ndim == 1]
    fast, decay = rate * schedule.bias_scale, schedule.weight_decay
    groups = [
        {"params": weights, "lr": rate, "weight_decay": decay},
        {"params": shifts, "lr": fast, "weight_decay": decay / schedule.bias_scale},
    ]
    descent = torch.optim.SGD(groups, lr=rate, momentum=0.85, nesterov=True)
    return [descent, FilterMuon(kernels, schedule.turn_rate)] if kernels else [descent]


def _triangle(n_steps: int) -> Callable[[int], float]:
    """The learning rate as a share of its highest: from a fifth up, then down to nearly 0."""

    def share(step: int) -> float:
        position = step / n_steps
        if position < WARM_UP:
            return 0.2 + 0.8 * position / WARM_UP
        return 1 - (0.98 * (position - WARM_UP) / (1 - WARM_UP))

    return share


def _change(images: Tensor, epoch: int, schedule: Schedule, mean: Tensor) -> Callable[[Tensor], Tensor]:
    """What the network sees of these rows in this epoch: moved, every other time mirrored, a part of it hidden.

    Each image is mirrored by chance in the first epoch and alternates from there: Jordan, section 3.6. What is hidden
    shows the mean colour: DeVries and Taylor, arXiv 1708.04552.
    """
    chance = torch.rand(len(images), generator=torch.Generator().manual_seed(schedule.seed)) < 0.5
    mirrored = chance ^ (epoch % 2 == 0) if schedule.mirrors else torch.zeros(len(images), dtype=torch.bool)
    colour = (mean.flatten().cpu() * 255).round().to(torch.uint8)

    def change(rows: Tensor) -> Tensor:
        chosen = images[rows]
        chosen = torch.where(mirrored[rows][:, None, None, None], chosen.flip(2), chosen)
        moved = _move(chosen, schedule.shift_px) if schedule.shift_px else chosen
        return _hide(moved, schedule.cutout_px, colour) if schedule.cutout_px else moved

    return change


def _move(pixels: Tensor, far: int) -> Tensor:
    """Each image by its own way, at most so many pixels; what comes in is reflected."""
    n_images, height, width, _ = pixels.shape
    channels = pixels.permute(0, 3, 1, 2)
    padded = nn.functional.pad(channels.float(), (far,) * 4, mode="reflect").to(torch.uint8)
    down, right = torch.randint(0, 2 * far + 1, (2, n_images, 1))
    y = (down + torch.arange(height))[:, :, None]
    x = (right + torch.arange(width))[:, None, :]
    moved: Tensor = padded.permute(0, 2, 3, 1)[torch.arange(n_images)[:, None, None], y, x]
    return moved


def _hide(pixels: Tensor, side: int, colour: Tensor) -> Tensor:
    """A square of each image, which may reach over its border."""
    n_images, height, width, _ = pixels.shape
    top = torch.randint(-(side // 2), height - side // 2, (n_images, 1, 1))
    left = torch.randint(-(side // 2), width - side // 2, (n_images, 1, 1))
    y, x = torch.arange(height)[:, None] - top, torch.arange(width) - left
    hidden = (y >= 0) & (y < side) & (x >= 0) & (x < side)
    return torch.where(hidden[..., None], colour, pixels)


class _Learning:
    """How far a training is: of the network and of all that moves it, whose states are kept in a file."""

    def __init__(self, scorer: nn.Module, optimizers: list[torch.optim.Optimizer], n_steps: int) -> None:
        share = _triangle(n_steps)
        cycles = [torch.optim.lr_scheduler.LambdaLR(each, share) for each in optimizers]
        self.scorer = scorer
        self.movers: tuple[Any, ...] = (*optimizers, *cycles)

    def step(self, loss: Tensor) -> None:
        """Down from this loss."""
        self.scorer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves this method untyped
        for each in self.movers:
            each.step()

    def resume(self, checkpoint: Path | None, tell: Callable[[Progress], None]) -> list[Progress]:
        """What was done before; nothing where there is no file."""
        if checkpoint is None or not checkpoint.is_file():
            return []
        state = torch.load(checkpoint, weights_only=True)
        self.scorer.load_state_dict(state["scorer"])
        for mover, kept in zip(self.movers, state["movers"], strict=True):
            mover.load_state_dict(kept)
        torch.set_rng_state(state["generator"])
        done = [Progress(**each) for each in state["done"]]
        for progress in done:
            tell(progress)
        return done

    def save(self, checkpoint: Path | None, done: list[Progress]) -> None:
        """Whole or not at all."""
        if checkpoint is None:
            return
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        state = {
            "scorer": self.scorer.state_dict(),
            "movers": [each.state_dict() for each in self.movers],
            "generator": torch.get_rng_state(),
            "done": [vars(each) for each in done],
        }
        unfinished = checkpoint.with_suffix(f".{os.getpid()}")
        torch.save(state, unfinished)
        unfinished.replace(checkpoint)
