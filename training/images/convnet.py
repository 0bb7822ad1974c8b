"""A small convolutional network for photographs learns fast by whitened patches and three blocks.

It follows K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", arXiv 2404.00498: a first layer that is
computed and not learnt, narrow blocks with pooling first, normalisation without scales, scores made small.
"""

from __future__ import annotations

from contextlib import nullcontext
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

PATCH_PX = 2
N_FILTERS = 2 * 3 * PATCH_PX**2
"""The first layer has a filter for each direction of a patch's colours, and for its negative."""
MIN_PX = 22
"""Below this height and width nothing is left to pool."""
EPSILON = 5e-4


class ConvNet(nn.Module):
    """A ConvNet maps standardised images `(n_images, 3, height, width)` to scores `(n_images, n_scores)`.

    A block has `depth` convolutions, 2 or 3.
    """

    def __init__(
        self, widths: tuple[int, int, int], n_scores: int, *, depth: int = 2
    ) -> None:
        super().__init__()
        self.whitening = nn.Conv2d(3, N_FILTERS, PATCH_PX)
        self.whitening.weight.requires_grad = False
        inputs = (N_FILTERS, *widths)
        self.blocks = nn.ModuleList(_Block(*each, depth) for each in pairwise(inputs))
        self.head = nn.Linear(widths[-1], n_scores, bias=False)
        self.scale = 1 / 9

        for module in self.modules():
            if isinstance(module, nn.Conv2d) and module is not self.whitening:
                nn.init.dirac_(
                    module.weight[: module.in_channels]
                )  # what came in goes on, beside the random rest

    def whiten(self, images: Tensor) -> None:
        """Sets the first layer from the patches of these images: its outputs are uncorrelated, of variance 1.

        Its filters are the eigenvectors of the patches' covariance, each divided by the square root of its
        eigenvalue.
        """
        patches = images.unfold(2, PATCH_PX, 1).unfold(3, PATCH_PX, 1)
        rows = patches.permute(0, 2, 3, 1, 4, 5).reshape(-1, N_FILTERS // 2).double()
        values, vectors = torch.linalg.eigh(rows.T @ rows / len(rows))
        filters = (vectors / torch.sqrt(values + EPSILON)).T.reshape(
            -1, 3, PATCH_PX, PATCH_PX
        )
        self.whitening.weight.data[:] = torch.cat([filters, -filters])
        self.whitening.bias.data.zero_()  # type: ignore[union-attr]  # made with one

    def layers(self, images: Tensor) -> list[Tensor]:
        """Returns what each layer gives, `(n_images, n_channels, height, width)`, from the first to the last."""
        outputs = [nn.functional.gelu(self._whiten(images))]
        for block in self.blocks:
            outputs.append(block(outputs[-1]))
        return outputs

    def _whiten(self, images: Tensor) -> Tensor:
        """Whitens in single precision, because neighbours differ by less than half precision tells apart."""
        kind = images.device.type
        exactly = (
            torch.autocast(kind, enabled=False)
            if torch.is_autocast_enabled(kind)
            else nullcontext()
        )
        with exactly:
            whitened: Tensor = self.whitening(images)

        return whitened

    def score(self, last: Tensor) -> Tensor:
        """Returns scores of the last layer's output, in which of each channel the largest value counts."""
        scores: Tensor = self.head(last.amax(dim=(2, 3))) * self.scale
        return scores

    def locate(self, last: Tensor) -> Tensor:
        """Returns scores by place, `(n_images, n_scores, height, width)`: Zhou et al., CVPR 2016, for the largest
        value.
        """
        scores: Tensor = (
            nn.functional.conv2d(last, self.head.weight[:, :, None, None]) * self.scale
        )
        return scores

    def filters(self) -> Tensor:
        """Returns the first layer's weights `(n_filters, height, width, 3)`, with which each patch is compared."""
        return self.whitening.weight.permute(0, 2, 3, 1)

    def fold(self) -> None:
        """Makes normalisations part of the convolutions before them, in place."""
        for block in self.blocks:
            cast(_Block, block).fold()

    def forward(self, images: Tensor) -> Tensor:
        return self.score(self.layers(images)[-1])


class _Block(nn.Module):
    """A _Block halves height and width; a third convolution's output is added to the first's."""

    def __init__(self, n_inputs: int, n_outputs: int, depth: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(n_inputs, n_outputs, 3, padding=1, bias=False)
        self.first_norm: nn.Module = _Norm(n_outputs)
        self.second = nn.Conv2d(n_outputs, n_outputs, 3, padding=1, bias=False)
        self.second_norm: nn.Module = _Norm(n_outputs)
        if depth == 3:
            self.third = nn.Conv2d(n_outputs, n_outputs, 3, padding=1, bias=False)
            self.third_norm: nn.Module = _Norm(n_outputs)

        self.depth = depth

    def forward(self, images: Tensor) -> Tensor:
        pooled = nn.functional.max_pool2d(self.first(images), 2)
        first = nn.functional.gelu(self.first_norm(pooled))
        second = nn.functional.gelu(self.second_norm(self.second(first)))
        if self.depth == 2:
            return second

        return nn.functional.gelu(self.third_norm(self.third(second)) + first)

    def fold(self) -> None:
        """Folds in place; a normalisation may stand behind pooling too, since it keeps the order of values."""
        self.first, self.first_norm = _fold(self.first, self.first_norm), nn.Identity()
        self.second, self.second_norm = (
            _fold(self.second, self.second_norm),
            nn.Identity(),
        )
        if self.depth == 3:
            self.third, self.third_norm = (
                _fold(self.third, self.third_norm),
                nn.Identity(),
            )


class _Norm(nn.BatchNorm2d):
    """A _Norm brings values to mean 0 and variance 1, then adds a learnt shift, without a scale."""

    def __init__(self, n_channels: int) -> None:
        super().__init__(n_channels, eps=1e-12, momentum=0.1)
        self.weight.requires_grad = False


def _fold(convolution: nn.Conv2d, norm: nn.Module) -> nn.Conv2d:
    """Returns a convolution that does both."""
    if not isinstance(norm, _Norm):
        return convolution

    assert norm.running_var is not None
    assert norm.running_mean is not None
    folded = nn.Conv2d(convolution.in_channels, convolution.out_channels, 3, padding=1)
    scale = torch.rsqrt(norm.running_var + norm.eps)
    folded.weight.data = convolution.weight.data * scale[:, None, None, None]
    assert folded.bias is not None
    folded.bias.data = norm.bias.data - norm.running_mean * scale

    return folded
