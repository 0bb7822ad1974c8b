"""This module makes networks of timm answer as our own do, with a map of where each class is seen."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from training.images.normalisations import find_pairs

SHOWN_FILTERS = 64
FOLDING_TOLERANCE = 1e-3
"""Folding changes scores by rounding alone; a network that it changes by a larger share of them is left as it was."""
PROBE_PX = 64


class TimmNetwork(nn.Module):
    """A TimmNetwork shows each class by place, where the head is the mean over places and one layer."""

    def __init__(self, network: Any, arch: str) -> None:
        super().__init__()
        self.network = network
        self.arch = arch
        self.has_places = _has_places(network)

    def layers(self, images: Tensor) -> list[Tensor]:
        """Returns what the last layer gives before the pooling, where it has places."""
        return [self.network.forward_features(images)] if self.has_places else []

    def score(self, last: Tensor) -> Tensor:
        """Returns scores `(n_images, n_scores)` of the last layer's output, or of the images themselves."""
        scores: Tensor = (
            self.network.forward_head(last) if self.has_places else self.network(last)
        )
        return scores

    def locate(self, last: Tensor) -> Tensor:
        """Returns each score by place, whose mean over places is the score."""
        classifier = self.network.get_classifier()
        weight = classifier.weight[:, :, None, None]
        return nn.functional.conv2d(last, weight, classifier.bias)

    def filters(self) -> Tensor | None:
        """Returns what the first convolution looks for, or None without colours."""
        modules = self.network.modules()
        first = next((each for each in modules if isinstance(each, nn.Conv2d)), None)
        if first is None or first.in_channels != 3:
            return None
        return first.weight[:SHOWN_FILTERS].detach().permute(0, 2, 3, 1)

    def fold(self) -> None:
        """Makes normalisations part of the convolutions before them, in place, unless it changes the scores."""
        self.network.eval()
        before = {name: each for name, each in self.network.named_modules() if name}
        images = torch.randn(
            2, 3, PROBE_PX, PROBE_PX, generator=torch.Generator().manual_seed(0)
        )
        try:
            with torch.no_grad():
                scores = self.network(images)
                pairs = find_pairs(self.network, images)
        except (RuntimeError, AssertionError, ValueError):
            return  # a network that takes images of one size only is exported unfolded

        for convolution, norm in pairs:
            self._fold_pair(convolution, norm)

        with torch.no_grad():
            change = (self.network(images) - scores).abs().max()
        if change > FOLDING_TOLERANCE * scores.abs().max():
            for name in (name for pair in pairs for name in pair):
                self.network.set_submodule(name, before[name])

    def _fold_pair(self, convolution: str, norm: str) -> None:
        old = self.network.get_submodule(norm)
        fused = fuse_conv_bn_eval(self.network.get_submodule(convolution), old)
        self.network.set_submodule(convolution, fused)
        rest = [
            each
            for each in (getattr(old, "drop", None), getattr(old, "act", None))
            if isinstance(each, nn.Module) and not isinstance(each, nn.Identity)
        ]
        self.network.set_submodule(norm, nn.Sequential(*rest))

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.network(images)
        return scores


def _has_places(network: Any) -> bool:
    """Tells if the scores are the mean over places of what one layer makes of each: then there is a map of them."""
    classifier = network.get_classifier()
    if not isinstance(classifier, nn.Linear):
        return False

    images = torch.zeros(1, 3, PROBE_PX, PROBE_PX)
    was_training = network.training
    try:
        with torch.no_grad():
            network.eval()
            last = network.forward_features(images)
            if last.ndim != 4 or last.shape[1] != classifier.in_features:
                return False
            scores = network.forward_head(last)
            expected = classifier(last.mean(dim=(2, 3)))
    except (RuntimeError, AssertionError, ValueError):
        return False
    finally:
        network.train(was_training)

    return bool(torch.allclose(scores, expected, rtol=1e-4, atol=1e-4))
