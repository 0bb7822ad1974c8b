"""This module lets published networks learn at the speed of their convolutions on a processor.

Normalisations that keep their means and variances are a factor and a shift of each channel. The factor can be part of
the convolution's kernels and the shift its bias, so that no step passes over the images for them; limits as those of
ReLU6 are applied in place. The layers learn the same parameters by the same gradients.

In bfloat16 torch finds the gradient of a depthwise convolution's kernels, and of its input where it takes every other
place, with code that is up to a hundred times slower than the convolution. In EfficientNet-Lite0 on images of 96 pixels
that was three quarters of each step. So these kernels, a fiftieth of the weights, stay as they were learnt with
their factors, and the gradient of the input is found by other means.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn

from training.images.normalisations import find_pairs

PROBE_PX = 64
TOLERANCE = 1e-3
"""A fused network's scores differ by rounding alone; one whose scores differ by a larger share is left as it was."""
Limits = tuple[float, float]
"""Outputs are at least the first and at most the second."""


@contextmanager
def learn_fused(network: nn.Module) -> Iterator[None]:
    """Has the network compute its normalisations, which must keep their statistics, by its convolutions, and keeps the
    kernels of depthwise convolutions as they are.
    """
    images = torch.randn(
        2, 3, PROBE_PX, PROBE_PX, generator=torch.Generator().manual_seed(0)
    )
    replaced = _fuse(network, images) | _pass_depthwise(network)

    try:
        yield
    finally:
        for name, each in replaced.items():
            network.set_submodule(name, each)


def _fuse(network: nn.Module, images: Tensor) -> dict[str, nn.Module]:
    """Fuses convolutions with their normalisations in place, and returns by name what they were before."""
    modes = {each: each.training for each in network.modules()}
    network.eval()
    replaced: dict[str, nn.Module] = {}

    try:
        with torch.no_grad():
            scores = network(images)
            for convolution, normalisation in find_pairs(network, images):
                replaced |= _fuse_pair(network, convolution, normalisation)

            change = (network(images) - scores).abs().max()
            if change > TOLERANCE * scores.abs().max():
                raise ValueError("the network's scores changed")
    except (RuntimeError, AssertionError, ValueError):
        # Such a network takes images of another size, or uses what a convolution gives twice.
        for name, each in replaced.items():
            network.set_submodule(name, each)
        replaced = {}
    finally:
        for each, was_training in modes.items():
            each.training = was_training

    for name in replaced:
        module = network.get_submodule(name)
        if isinstance(module, _Fused):
            module.keep_slow_weights()

    return replaced


def _fuse_pair(
    network: nn.Module, convolution: str, normalisation: str
) -> dict[str, nn.Module]:
    """Fuses two layers in place, where it is known how, and returns by name what they were."""
    first = network.get_submodule(convolution)
    second = cast(nn.BatchNorm2d, network.get_submodule(normalisation))
    if not (_is_plain(first) and second.affine and second.track_running_stats):
        return {}

    rest = [
        each
        for each in (getattr(second, "drop", None), getattr(second, "act", None))
        if isinstance(each, nn.Module) and not isinstance(each, nn.Identity)
    ]
    limits = _find_limits(rest)
    network.set_submodule(convolution, _Fused(first, second, limits))
    network.set_submodule(
        normalisation, nn.Identity() if limits else nn.Sequential(*rest)
    )

    return {convolution: first, normalisation: second}


def _find_limits(layers: list[nn.Module]) -> Limits | None:
    """Returns the limits that the only layer sets, or None where it does more than that."""
    match layers:
        case [nn.ReLU6()]:
            return 0.0, 6.0
        case [nn.ReLU()]:
            return 0.0, math.inf
    return None


def _pass_depthwise(network: nn.Module) -> dict[str, nn.Module]:
    """Replaces depthwise convolutions that were not fused in place, and returns by name what they were."""
    inside = {
        id(each.convolution) for each in network.modules() if isinstance(each, _Fused)
    }
    found = {
        name: each
        for name, each in network.named_modules()
        if _is_depthwise(each) and each.bias is None and id(each) not in inside
    }
    for name, each in found.items():
        each.weight.requires_grad = False
        network.set_submodule(name, _Depthwise(each))

    return found


class _Fused(nn.Module):
    """A _Fused answers as a convolution, a normalisation that keeps its statistics, and limits do."""

    def __init__(
        self, convolution: Any, normalisation: nn.BatchNorm2d, limits: Limits | None
    ) -> None:
        super().__init__()
        self.convolution = convolution
        self.normalisation = normalisation
        self.limits = limits
        self.is_depthwise = _is_depthwise(convolution)

    def keep_slow_weights(self) -> None:
        """Has depthwise kernels and their factors stay as they are."""
        if self.is_depthwise:
            self.convolution.weight.requires_grad = False
            self.normalisation.weight.requires_grad = False

    def forward(self, images: Tensor) -> Tensor:
        weight, bias = self._find_weights()
        stride, padding = self.convolution.stride, self.convolution.padding
        if _pads_as_tensorflow(self.convolution):
            images = _pad(images, weight, stride)

        if self.is_depthwise:
            images, weight, bias = _cast(images, weight, bias)
            convolved: Tensor = _Convolve.apply(
                images, weight, bias, stride, padding, self.limits
            )
            return convolved

        given = nn.functional.conv2d(
            images,
            weight,
            bias,
            stride,
            padding,
            self.convolution.dilation,
            self.convolution.groups,
        )
        if self.limits is None:
            return given

        limited: Tensor = _Limit.apply(given, self.limits)
        return limited

    def _find_weights(self) -> tuple[Tensor, Tensor]:
        """Returns the kernels and the bias by which the convolution gives what is normalised."""
        norm = self.normalisation
        assert norm.running_var is not None
        assert norm.running_mean is not None
        factor = norm.weight * (norm.running_var + norm.eps).rsqrt()
        mean = norm.running_mean
        if self.convolution.bias is not None:
            mean = mean - self.convolution.bias

        weight = self.convolution.weight * factor[:, None, None, None]
        return weight, norm.bias - mean * factor


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
        stride, padding = self.convolution.stride, self.convolution.padding
        if _pads_as_tensorflow(self.convolution):
            images = _pad(images, weight, stride)

        images, weight = _cast(images, weight)
        convolved: Tensor = _Convolve.apply(images, weight, None, stride, padding, None)
        return convolved


class _Limit(torch.autograd.Function):
    """A _Limit limits its input in place, and needs no copy of it."""

    @staticmethod
    def forward(ctx: Any, given: Tensor, limits: Limits) -> Tensor:
        limited = given.clamp_(*limits)
        ctx.mark_dirty(limited)
        ctx.save_for_backward(limited)
        ctx.limits = limits
        return limited

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (gradient,), (limited,) = gradients, ctx.saved_tensors
        return _pass_limits(gradient, limited, ctx.limits), None


class _Convolve(torch.autograd.Function):
    """A _Convolve finds its input's gradient by one more convolution, that of the bias, and none of the kernels."""

    @staticmethod
    def forward(
        ctx: Any,
        images: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        stride: tuple[int, int],
        padding: tuple[int, int],
        limits: Limits | None,
    ) -> Tensor:
        given = nn.functional.conv2d(
            images, weight, bias, stride, padding, groups=len(weight)
        )
        if limits is not None:
            given.clamp_(*limits)

        ctx.save_for_backward(weight, None if limits is None else given)
        ctx.shape, ctx.stride, ctx.padding = images.shape, stride, padding
        ctx.has_bias, ctx.limits = bias is not None, limits
        return given

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,), (weight, limited) = gradients, ctx.saved_tensors
        if limited is not None:
            gradient = _pass_limits(gradient, limited, ctx.limits)

        of_bias = gradient.sum((0, 2, 3)) if ctx.has_bias else None
        size = weight.shape[2:]
        before = [n - 1 - p for n, p in zip(size, ctx.padding, strict=True)]
        spread = _spread(gradient, ctx.stride, before, ctx.shape, size)
        found = nn.functional.conv2d(spread, weight.flip(2, 3), groups=len(weight))

        return found, None, of_bias, None, None, None


def _spread(
    gradient: Tensor,
    stride: tuple[int, int],
    before: list[int],
    shape: torch.Size,
    size: torch.Size,
) -> Tensor:
    """Returns the gradient with zeros around it and between its places, as many as the convolution left out.

    Then it goes back by one more convolution: for images of 48 pixels in bfloat16 in a fifth of torch's time.
    """
    n_images, n_channels, height, width = gradient.shape
    (down, right), (top, left) = stride, before
    spread = gradient.new_zeros(
        n_images, shape[2] + size[0] - 1, shape[3] + size[1] - 1, n_channels
    ).permute(0, 3, 1, 2)
    spread[
        :,
        :,
        top : top + (height - 1) * down + 1 : down,
        left : left + (width - 1) * right + 1 : right,
    ] = gradient

    return spread


def _pass_limits(gradient: Tensor, limited: Tensor, limits: Limits) -> Tensor:
    """Returns the gradient where the output was not limited, and zeros elsewhere."""
    passed: Tensor = torch.ops.aten.hardtanh_backward(gradient, limited, *limits)
    return passed


def _pad(images: Tensor, weight: Tensor, stride: tuple[int, int]) -> Tensor:
    """Returns the images with zeros around them, as many as TensorFlow takes for their size."""
    # It is slow to import, and seldom needed.
    from timm.layers.padding import pad_same

    padded: Tensor = pad_same(images, list(weight.shape[2:]), list(stride))
    return padded


def _cast(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Returns the tensors in the precision in which torch would compute convolutions of them."""
    kind = tensors[0].device.type
    if not torch.is_autocast_enabled(kind):
        return tensors

    dtype = torch.get_autocast_dtype(kind)
    return tuple(each.to(dtype) for each in tensors)


def _is_plain(module: Any) -> bool:
    """Tells if it is a convolution that can be given other weights."""
    if _pads_as_tensorflow(module):
        return bool(module.dilation == (1, 1))

    return (
        type(module) is nn.Conv2d
        and module.padding_mode == "zeros"
        and not isinstance(module.padding, str)
    )


def _is_depthwise(module: Any) -> bool:
    """Tells if each channel has one kernel of its own, on neighbouring places."""
    return (
        _is_plain(module)
        and module.groups == module.in_channels == module.out_channels > 1
        and module.dilation == (1, 1)
    )


def _pads_as_tensorflow(convolution: nn.Module) -> bool:
    """Tells if it is timm's convolution that pads by the size of its images."""
    return type(convolution).__name__ == "Conv2dSame"
