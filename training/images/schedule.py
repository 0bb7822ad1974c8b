"""This module holds how networks of images learn: rates, decays and their cycle, and what moves the weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from training.images.muon import FilterMuon

WARM_UP = 0.23
"""In this share of the steps the learning rate rises; then it falls."""
REFERENCE_BATCH_SIZE = 512
"""The learning rate belongs to so many images; it is scaled with the batch."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A Schedule holds how a network of images learns.

    `learning_rate` is the highest, for 512 images; `shift_px` how far an image moves at most; `cutout_px` the side of
    the square that is not seen of it; `smoothing` what the true class gives to all; `bias_scale` by how much faster
    shifts learn than weights; `allow_bfloat16` whether bfloat16 may be used. `turn_rate` is how far Muon turns the
    filters of convolutions in a step, at most; at 0 they learn as the other weights do.
    """

    epochs: int
    learning_rate: float
    weight_decay: float
    batch_size: int = REFERENCE_BATCH_SIZE
    shift_px: int = 2
    mirrors: bool = True
    smoothing: float = 0.2
    cutout_px: int = 0
    bias_scale: float = 1.0
    turn_rate: float = 0.0
    allow_bfloat16: bool = False
    seed: int = 0


class Trainer:
    """A Trainer holds a network and all that moves it, `batch_size` images a step, in a cycle of `n_steps`."""

    def __init__(
        self, model: nn.Module, schedule: Schedule, batch_size: int, n_steps: int
    ) -> None:
        optimizers = _optimizers(model, schedule, batch_size)
        share = _make_cycle(n_steps)
        cycles = [torch.optim.lr_scheduler.LambdaLR(each, share) for each in optimizers]
        self._model = model
        self._steppers: tuple[Any, ...] = (*optimizers, *cycles)

    def step(self, loss: Tensor) -> None:
        """Steps down from this loss."""
        self._model.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves this method untyped
        for each in self._steppers:
            each.step()

    def state_dict(self) -> dict[str, Any]:
        return {
            "scorer": self._model.state_dict(),
            "movers": [each.state_dict() for each in self._steppers],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._model.load_state_dict(state["scorer"])
        for stepper, kept in zip(self._steppers, state["movers"], strict=True):
            stepper.load_state_dict(kept)


def forward(model: nn.Module, pixels: Tensor, *, allow_bfloat16: bool) -> Tensor:
    """Returns scores in single precision, computed in bfloat16 where it may be used and is faster."""
    kind = pixels.device.type
    with torch.autocast(
        kind, torch.bfloat16, enabled=allow_bfloat16 and _has_bfloat16(kind)
    ):
        scores: Tensor = model(pixels)
    return scores.float()


def _has_bfloat16(kind: str) -> bool:
    """Tells if bfloat16 is faster there: on processors without instructions for it, it is slower."""
    return kind == "cuda" or bool(torch.cpu._is_avx512_bf16_supported())


def _optimizers(
    model: nn.Module, schedule: Schedule, batch_size: int
) -> list[torch.optim.Optimizer]:
    rate = schedule.learning_rate * batch_size / REFERENCE_BATCH_SIZE
    trainable = [each for each in model.parameters() if each.requires_grad]
    kernels = [each for each in trainable if each.ndim == 4 and schedule.turn_rate]
    weights = [
        each
        for each in trainable
        if each.ndim > 1 and not any(each is kernel for kernel in kernels)
    ]
    shifts = [each for each in trainable if each.ndim == 1]
    fast, decay = rate * schedule.bias_scale, schedule.weight_decay
    groups = [
        {"params": weights, "lr": rate, "weight_decay": decay},
        {"params": shifts, "lr": fast, "weight_decay": decay / schedule.bias_scale},
    ]
    descent = torch.optim.SGD(groups, lr=rate, momentum=0.85, nesterov=True)

    return [descent, FilterMuon(kernels, schedule.turn_rate)] if kernels else [descent]


def _make_cycle(n_steps: int) -> Callable[[int], float]:
    """Returns the learning rate as a share of its highest by step: from a fifth up, then down to nearly 0."""

    def share(step: int) -> float:
        position = step / n_steps
        if position < WARM_UP:
            return 0.2 + 0.8 * position / WARM_UP
        return 1 - (0.98 * (position - WARM_UP) / (1 - WARM_UP))

    return share
