"""Muon's steps turn the filters of convolutions all alike, however large their gradients.

They are those of K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024: the momentum's
matrix is replaced by the nearest orthogonal one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

MOMENTUM = 0.6


class FilterMuon(torch.optim.Muon):
    """A FilterMuon is torch's Muon, which takes matrices, for kernels `(n_filters, n_inputs, height, width)`.

    The kernels are in channels-last order. Before each step every kernel is brought to a root mean square of 1 a
    filter: a normalisation follows it, so its length says nothing, and the learning rate is how far it turns.
    """

    def __init__(self, kernels: Sequence[Tensor], learning_rate: float) -> None:
        self.kernels = tuple(kernels)
        matrices = [nn.Parameter(_as_matrix(kernel.detach())) for kernel in kernels]
        super().__init__(
            matrices, lr=learning_rate, momentum=MOMENTUM, weight_decay=0.0
        )

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Steps with the kernels' gradients."""
        for kernel, matrix in zip(
            self.kernels, self.param_groups[0]["params"], strict=True
        ):
            assert kernel.grad is not None
            matrix.grad = _as_matrix(kernel.grad)
            matrix.mul_(len(matrix) ** 0.5 / matrix.norm())
        return super().step(closure)  # type: ignore[no-untyped-call]  # torch leaves this method untyped


def _as_matrix(kernel: Tensor) -> Tensor:
    """Returns `(n_filters, rest)`, which is the same memory for a kernel in channels-last order."""
    return kernel.permute(0, 2, 3, 1).flatten(1)
