"""A fully connected network of images has neurons that each look at every pixel."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

SHOWN_FILTERS = 25
DROPOUT = 0.3


class Dense(nn.Module):
    """A Dense maps standardised images `(n_images, 3, height, width)` to scores.

    Without hidden layers it is logistic regression.
    """

    def __init__(self, size_px: int, hidden: tuple[int, ...], n_scores: int) -> None:
        super().__init__()
        self.size_px = size_px
        widths = (3 * size_px**2, *hidden)
        layers: list[nn.Module] = []

        for n_inputs, n_outputs in pairwise(widths):
            layers += [
                nn.Linear(n_inputs, n_outputs),
                nn.BatchNorm1d(n_outputs),
                nn.ReLU(),
                nn.Dropout(DROPOUT),
            ]

        self.network = nn.Sequential(
            nn.Flatten(), *layers, nn.Linear(widths[-1], n_scores)
        )

    def layers(self, images: Tensor) -> list[Tensor]:  # noqa: ARG002  # as the other bodies
        """Returns nothing, because no layer is an image."""
        return []

    def score(self, last: Tensor) -> Tensor:
        """Returns scores `(n_images, n_scores)` of the images themselves."""
        scores: Tensor = self.network(last)
        return scores

    def locate(self, last: Tensor) -> Tensor:
        """Raises NotImplementedError, because there is no layer that has places."""
        raise NotImplementedError

    def filters(self) -> Tensor:
        """Returns what the first neurons look for, `(n_filters, height, width, 3)`."""
        first = self.network[1]
        assert isinstance(first, nn.Linear)
        return (
            first.weight[:SHOWN_FILTERS]
            .reshape(-1, 3, self.size_px, self.size_px)
            .permute(0, 2, 3, 1)
        )

    def fold(self) -> None:
        """Makes normalisations part of the layers before them, in place."""
        kept: list[nn.Module] = []
        for module in self.network:
            if isinstance(module, nn.BatchNorm1d) and isinstance(kept[-1], nn.Linear):
                kept[-1] = torch.nn.utils.fuse_linear_bn_eval(
                    kept[-1].eval(), module.eval()
                )
            elif not isinstance(module, nn.Dropout):
                kept.append(module)

        self.network = nn.Sequential(*kept)

    def forward(self, images: Tensor) -> Tensor:
        return self.score(images)
