"""This module finds the normalisations of a network that belong to a convolution."""

from __future__ import annotations

from torch import Tensor, nn


def find_pairs(network: nn.Module, images: Tensor) -> list[tuple[str, str]]:
    """Returns the names of convolutions and of the normalisations that take what they give, as the network runs on
    these images.
    """
    given: dict[int, tuple[str, Tensor]] = {}
    pairs: list[tuple[str, str]] = []
    hooks = []

    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            hooks.append(
                module.register_forward_hook(
                    lambda _, __, output, name=name: given.update(
                        {id(output): (name, output)}
                    )
                )
            )
        elif isinstance(module, nn.BatchNorm2d):
            hooks.append(
                module.register_forward_pre_hook(
                    lambda _, inputs, name=name: pairs.append(
                        (given.get(id(inputs[0]), ("", None))[0], name)
                    )
                )
            )

    try:
        network(images)
    finally:
        for hook in hooks:
            hook.remove()

    return [(first, second) for first, second in pairs if first]
