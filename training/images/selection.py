"""A small network, which learns along, selects the half of the seen images that is harder and worth learning.

A. H. Jiang et al., "Accelerating Deep Learning by Focusing on the Biggest Losers", arXiv 1910.00762: what is learnt
already teaches little. That another, smaller network chooses, is K. Jordan's, in his airbench96, 2024.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from training.images.schedule import Schedule, Trainer, forward

UPDATE_INTERVAL = 4
"""The small network takes one step to so many of the large one, and only scores in between."""


class Selector:
    """A Selector chooses from mini-batches of `2 * batch_size` images, in a training of `n_steps` of them."""

    def __init__(
        self, model: nn.Module, schedule: Schedule, batch_size: int, n_steps: int
    ) -> None:
        self._trainer = Trainer(
            model, schedule, batch_size, -(-n_steps // UPDATE_INTERVAL)
        )
        self._model = model.train()
        self._schedule = schedule
        self._n_chosen = batch_size
        self._step = 0

    def choose(self, pixels: Tensor, target: Tensor) -> Tensor:
        """Returns the rows of the harder half, in any order; now and then the small network learns them too."""
        updates = self._step % UPDATE_INTERVAL == 0
        self._step += 1

        with torch.set_grad_enabled(updates):
            scores = forward(
                self._model, pixels, allow_bfloat16=self._schedule.allow_bfloat16
            )
            smoothing = self._schedule.smoothing
            losses = nn.functional.cross_entropy(
                scores, target, label_smoothing=smoothing, reduction="none"
            )

        chosen = losses.detach().topk(min(self._n_chosen, len(losses))).indices
        if updates:
            self._trainer.step(losses[chosen].mean())

        return chosen

    def state_dict(self) -> dict[str, Any]:
        return self._trainer.state_dict() | {"step": self._step}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._trainer.load_state_dict(state)
        self._step = state["step"]
