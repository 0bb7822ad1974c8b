"""This module fits the last layer of a network whose other layers stay as they are: a logistic regression on features.

The features of each image are found once, where gradient descent would find them again in every epoch.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.images.gradient_descent import ImageNetwork
from training.images.schedule import forward

PENALTY = 300.0
"""Half of it times the squared weights, for features of deviation 1, is added to the images' summed losses."""
N_ITERATIONS = 100
IMAGES_AT_A_TIME = 100
MIN_DEVIATION = 1e-3
"""Features that hardly change are not blown up."""


def fit_head(
    model: ImageNetwork,
    head: nn.Linear,
    pixels: NDArray[np.uint8],
    target: NDArray[np.int64],
    *,
    allow_bfloat16: bool,
) -> float:
    """Fits the head in place, and returns its mean log loss in nats on the images it has learnt from."""
    device = model.mean.device
    features = _find_features(model, head, pixels, allow_bfloat16=allow_bfloat16)
    mean, deviation = features.mean(dim=0), features.std(dim=0).clamp(MIN_DEVIATION)
    wanted = torch.from_numpy(target).to(device)
    weight, bias = _regress((features - mean) / deviation, wanted, head.out_features)

    with torch.no_grad():
        head.weight.copy_(weight / deviation)
        shift = bias - head.weight @ mean
        if head.bias is not None:
            head.bias.copy_(shift)
        return float(nn.functional.cross_entropy(head(features), wanted))


def _find_features(
    model: ImageNetwork,
    head: nn.Linear,
    pixels: NDArray[np.uint8],
    *,
    allow_bfloat16: bool,
) -> Tensor:
    """Returns what the head is given for each image."""
    given: list[Tensor] = []
    hook = head.register_forward_pre_hook(
        lambda _, inputs: given.append(inputs[0].float().flatten(1))
    )
    model.eval()
    try:
        with torch.no_grad():
            for part in torch.from_numpy(pixels).split(IMAGES_AT_A_TIME):  # type: ignore[no-untyped-call]  # torch leaves it untyped
                forward(
                    model, part.to(model.mean.device), allow_bfloat16=allow_bfloat16
                )
    finally:
        hook.remove()

    return torch.cat(given)


def _regress(features: Tensor, target: Tensor, n_classes: int) -> tuple[Tensor, Tensor]:
    """Returns weights `(n_classes, n_features)` and shifts of the classes by logistic regression."""
    weight = features.new_zeros(n_classes, features.shape[1], requires_grad=True)
    bias = features.new_zeros(n_classes, requires_grad=True)
    descent = torch.optim.LBFGS(
        [weight, bias], max_iter=N_ITERATIONS, line_search_fn="strong_wolfe"
    )

    def find_loss() -> Tensor:
        descent.zero_grad()
        scores = features @ weight.T + bias
        summed = nn.functional.cross_entropy(scores, target, reduction="sum")
        loss: Tensor = (summed + PENALTY / 2 * weight.square().sum()) / len(features)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves this method untyped

        return loss

    descent.step(find_loss)  # type: ignore[no-untyped-call]  # nor this one

    return weight.detach(), bias.detach()
