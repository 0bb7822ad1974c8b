"""This module enlarges small images inside a network that has learnt from large ones."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


class EnlargingNetwork(nn.Module):
    """An EnlargingNetwork brings images to `size_px` and has the network within it answer.

    So the model takes images as they are in the data set, and training keeps no large ones in memory. While it learns,
    `learnt_px` may be less.
    """

    def __init__(self, network: Any, size_px: int) -> None:
        super().__init__()
        self.network = network
        self.size_px = size_px
        self.learnt_px = size_px

    def layers(self, images: Tensor) -> list[Tensor]:
        """Returns what the network's layers give, none where it shows none."""
        layers: list[Tensor] = self.network.layers(self._enlarge(images))
        return layers

    def score(self, last: Tensor) -> Tensor:
        """Returns scores of the last layer's output, or of the images where the network shows no layers."""
        shows_none = last.shape[1] == 3
        scores: Tensor = self.network.score(self._enlarge(last) if shows_none else last)
        return scores

    def locate(self, last: Tensor) -> Tensor:
        """Returns each score by place."""
        located: Tensor = self.network.locate(last)
        return located

    def filters(self) -> Tensor | None:
        """Returns the first layer's weights as pictures, where it sees colours."""
        found: Tensor | None = self.network.filters()
        return found

    def fold(self) -> None:
        """Makes normalisations part of the weights before them, in place."""
        self.network.fold()

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.network(self._enlarge(images))
        return scores

    def _enlarge(self, images: Tensor) -> Tensor:
        return nn.functional.interpolate(
            images, size=(self.learnt_px, self.learnt_px), mode="bilinear"
        )
