"""This module lets networks with depthwise convolutions learn at the speed of their other layers on a processor.

In bfloat16 torch finds the gradient of a depthwise convolution's kernels, and of its input where it takes every other
place, with code that is up to a hundred times slower than the convolution. In EfficientNet-Lite0 on images of 96 pixels
that was three quarters of each step. So these kernels, a fiftieth of the weights, stay as they were learnt, and
the gradient of the input is found by other means.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


@contextmanager
def learn_past_depthwise(network: nn.Module) -> Iterator[None]:
    """Keeps the kernels of depthwise convolutions as they are, and passes gradients through them quickly."""
    found = {
        name: each for name, each in network.named_modules() if _is_depthwise(each)
    }
    for name, each in found.items():
        each.weight.requires_grad = False
        network.set_submodule(name, _Depthwise(each))

    try:
        yield
    finally:
        for name, each in found.items():
            network.set_submodule(name, each)


class _Depthwise(nn.Module):
    """A _Depthwise answers as its convolution does, and has a quicker way back to its input."""

    def __init__(self, convolution: Any) -> None:
        super().__init__()
        self.convolution = convolution

    def forward(self, images: Tensor) -> Tensor:
        if not (torch.is_grad_enabled() and images.requires_grad):
            answered: Tensor = self.convolution(images)
            return answered

        weight = self.convolution.weight
        kind = images.device.type
        if torch.is_autocast_enabled(kind):
            dtype = torch.get_autocast_dtype(kind)
            images, weight = images.to(dtype), weight.to(dtype)

        stride, padding = self.convolution.stride, self.convolution.padding
        if _pads_as_tensorflow(self.convolution):
            # It is slow to import, and seldom needed.
            from timm.layers.padding import pad_same

            images = pad_same(images, weight.shape[2:], stride)

        convolved: Tensor = _Convolve.apply(images, weight, stride, padding)
        return convolved


class _Convolve(torch.autograd.Function):
    """A _Convolve finds its input's gradient by one more convolution, and none of the kernels."""

    @staticmethod
    def forward(
        ctx: Any,
        images: Tensor,
        weight: Tensor,
        stride: tuple[int, int],
        padding: tuple[int, int],
    ) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.shape, ctx.stride, ctx.padding = images.shape, stride, padding
        return nn.functional.conv2d(
            images, weight, None, stride, padding, groups=len(weight)
        )

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (gradient,), (weight,) = gradients, ctx.saved_tensors
        gradient = _spread(gradient, ctx.stride)
        size = weight.shape[2:]
        before = [n - 1 - p for n, p in zip(size, ctx.padding, strict=True)]
        after = [
            wanted - given + n - 1 - first
            for wanted, given, n, first in zip(
                ctx.shape[2:], gradient.shape[2:], size, before, strict=True
            )
        ]
        padded = nn.functional.pad(gradient, (before[1], after[1], before[0], after[0]))
        found = nn.functional.conv2d(padded, weight.flip(2, 3), groups=len(weight))

        return found, None, None, None


def _spread(gradient: Tensor, stride: tuple[int, int]) -> Tensor:
    """Returns the gradient with zeros between its places, as many as the convolution left out.

    Then it goes back by one more convolution: of images of 48 pixels in bfloat16 in a fifth of torch's time.
    """
    if stride == (1, 1):
        return gradient

    n_images, n_channels, height, width = gradient.shape
    down, right = stride
    spread = gradient.new_zeros(
        n_images, (height - 1) * down + 1, (width - 1) * right + 1, n_channels
    ).permute(0, 3, 1, 2)
    spread[:, :, ::down, ::right] = gradient

    return spread


def _is_depthwise(module: nn.Module) -> bool:
    """Tells if each channel has one kernel of its own, on neighbouring places, with nothing added."""
    return (
        isinstance(module, nn.Conv2d)
        and module.groups == module.in_channels == module.out_channels > 1
        and module.dilation == (1, 1)
        and module.padding_mode == "zeros"
        and not isinstance(module.padding, str)
        and module.bias is None
        and (type(module) is nn.Conv2d or _pads_as_tensorflow(module))
    )


def _pads_as_tensorflow(convolution: nn.Module) -> bool:
    """Tells if it is timm's convolution that pads by the size of its images."""
    return type(convolution).__name__ == "Conv2dSame"
