"""This module lets a rare class weigh as much as a frequent one, where that is asked for."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

CLASS_WEIGHTS = ("balanced",)


def add_option(parser: argparse.ArgumentParser) -> None:
    """Adds `--class-weight`, which a regressor passes over."""
    parser.add_argument(
        "--class-weight",
        choices=CLASS_WEIGHTS,
        help="balanced: each class weighs as much as any other, however few its rows are",
    )


def draw_order(target: Tensor, options: argparse.Namespace) -> Tensor:
    """Returns the rows of an epoch: each once, or as many, drawn so that each class comes as often as any other."""
    import torch  # slow to import, and trees, which have the option too, do without it

    if getattr(options, "class_weight", None) is None or target.is_floating_point():
        return torch.randperm(len(target))

    counts = torch.bincount(target)
    return torch.multinomial(1 / counts[target].double(), len(target), replacement=True)
