"""This module changes images a little each time they are seen: it moves, mirrors and partly hides them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


def augment(
    images: Tensor,
    epoch: int,
    *,
    shift_px: int,
    cutout_px: int,
    mirrors: bool,
    mean: Tensor,
    seed: int,
) -> Callable[[Tensor], Tensor]:
    """Returns what makes of rows of `images` `(n_images, height, width, 3)` what a network sees in this epoch.

    They are moved by at most `shift_px`, every other time mirrored, and a square of side `cutout_px` is hidden. Each
    image is mirrored by chance in the first epoch and alternates from there: K. Jordan, arXiv 2404.00498, section
    3.6. What is hidden shows the mean colour: DeVries and Taylor, arXiv 1708.04552.
    """
    chance = (
        torch.rand(len(images), generator=torch.Generator().manual_seed(seed)) < 0.5
    )
    mirrored = (
        chance ^ (epoch % 2 == 0)
        if mirrors
        else torch.zeros(len(images), dtype=torch.bool)
    )
    colour = (mean.flatten().cpu() * 255).round().to(torch.uint8)

    def augment_rows(rows: Tensor) -> Tensor:
        chosen = images[rows]
        chosen = torch.where(
            mirrored[rows][:, None, None, None], chosen.flip(2), chosen
        )
        moved = _shift(chosen, shift_px) if shift_px else chosen

        return _cut_out(moved, cutout_px, colour) if cutout_px else moved

    return augment_rows


def _shift(pixels: Tensor, shift_px: int) -> Tensor:
    """Moves each image by its own way, at most so many pixels; what comes in is reflected."""
    n_images, height, width, _ = pixels.shape
    channels = pixels.permute(0, 3, 1, 2)
    padded = nn.functional.pad(channels.float(), (shift_px,) * 4, mode="reflect").to(
        torch.uint8
    )
    down, right = torch.randint(0, 2 * shift_px + 1, (2, n_images, 1))
    y = (down + torch.arange(height))[:, :, None]
    x = (right + torch.arange(width))[:, None, :]
    moved: Tensor = padded.permute(0, 2, 3, 1)[
        torch.arange(n_images)[:, None, None], y, x
    ]

    return moved


def _cut_out(pixels: Tensor, cutout_px: int, colour: Tensor) -> Tensor:
    """Hides a square of each image, which may reach over its border."""
    n_images, height, width, _ = pixels.shape
    top = torch.randint(-(cutout_px // 2), height - cutout_px // 2, (n_images, 1, 1))
    left = torch.randint(-(cutout_px // 2), width - cutout_px // 2, (n_images, 1, 1))
    y, x = torch.arange(height)[:, None] - top, torch.arange(width) - left
    hidden = (y >= 0) & (y < cutout_px) & (x >= 0) & (x < cutout_px)

    return torch.where(hidden[..., None], colour, pixels)
