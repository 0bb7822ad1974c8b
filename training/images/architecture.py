"""This module builds networks by their name, torchvision's, timm's and our own, with weights and a head to replace."""

from __future__ import annotations

import argparse
import re
from difflib import get_close_matches
from pathlib import Path

from torch import Tensor, nn

from training.images.convnet import ConvNet
from training.images.publications import TIMM, is_timms
from training.images.timm_network import TimmNetwork
from training.images.weights import State
from training.learning.family import TrainingError

CONVNET = "convnet"
Shape = tuple[tuple[int, int, int], int]
"""It is the shape of our own network: its blocks' filters, and their convolutions."""
CONVNET_SHAPE: Shape = ((64, 128, 256), 2)
SHOWN_FILTERS = 64
SHOWN_NAMES = 3
AUXILIARY = {
    "googlenet": ("aux1", "aux2"),
    "inception_v3": ("AuxLogits",),
}
"""These heads only help to learn the body, and the published weights hold them too."""
OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)")
"""The published DenseNets have such names of tensors, which the network writes without this dot."""


def architecture(text: str) -> str:
    """Returns the name of a network that there is; raises ArgumentTypeError for another."""
    torchvisions = _torchvision_names()
    if text in (CONVNET, *torchvisions):
        return text

    timms = _timm_names()
    if text.removeprefix(TIMM) in timms:
        return text

    near = get_close_matches(text, [CONVNET, *torchvisions, *timms], n=SHOWN_NAMES)
    missing = "" if timms else ", which is not installed"
    raise argparse.ArgumentTypeError(
        f"expected {CONVNET}, one of torchvision's {len(torchvisions)} networks for classification or one of timm's"
        f"{missing}, such as {', '.join(near) or 'mobilenet_v3_small, resnet18'}, got {text!r}"
    )


def build(arch: str, n_scores: int, shape: Shape = CONVNET_SHAPE) -> nn.Module:
    """Returns a network with random weights; our own has this shape."""
    if arch == CONVNET:
        widths, depth = shape
        return ConvNet(widths, n_scores, depth=depth)

    if is_timms(arch):
        return _build_timms(arch, n_scores)

    from torchvision import models  # slow to import, and seldom needed

    more = {"transform_input": True, "init_weights": False} if arch in AUXILIARY else {}

    return TorchvisionNetwork(
        models.get_model(arch, weights=None, num_classes=n_scores, **more), arch
    )


def restore(arch: str, state: State, path: Path) -> nn.Module:
    """Returns the network with these weights, and as many scores as they have; raises TrainingError for others."""
    state = {OLD_DENSENET.sub(r"\1\2", name): tensor for name, tensor in state.items()}
    body = build(arch, 1000, read_shape(state))
    network = inner(body)
    state = _rename_in_order(network, state)
    n_scores = count_scores(network, state)
    if n_scores is not None:
        _set_head(network, n_scores)

    _check(network, state, f"{path}: these are not weights of {arch}")
    network.load_state_dict(state, strict=False)
    if isinstance(body, TorchvisionNetwork):
        body.drop_auxiliary()

    return body


def inner(body: nn.Module) -> nn.Module:
    """Returns the library's own network, or the body itself where it is ours."""
    is_wrapped = isinstance(body, TorchvisionNetwork | TimmNetwork)
    return body.network if is_wrapped else body  # type: ignore[return-value]  # torch has any attribute as a module or tensor


def _rename_in_order(network: nn.Module, state: State) -> State:
    """Returns the weights under the network's names, where another library has saved the same tensors in this order.

    No name may be the network's, and each tensor must have the shape of its namesake and its last word, as in `bias`.
    """
    expected = network.state_dict()
    is_foreign = len(state) == len(expected) and not set(state) & set(expected)
    if not is_foreign or not all(
        theirs.rpartition(".")[2] == ours.rpartition(".")[2]
        and state[theirs].shape == expected[ours].shape
        for theirs, ours in zip(state, expected, strict=True)
    ):
        return state

    return dict(zip(expected, state.values(), strict=True))


def read_shape(state: State) -> Shape:
    """Returns the shape of our own network with these weights, or the usual one where they are not its own."""
    first, second, third = (
        state.get(f"blocks.{number}.second.weight") for number in range(3)
    )
    if first is None or second is None or third is None:
        return CONVNET_SHAPE

    return (
        len(first),
        len(second),
        len(third),
    ), 3 if "blocks.0.third.weight" in state else 2


def find_head(network: nn.Module) -> str:
    """Returns the name of the layer that gives the scores: the last fully connected one, or the last convolution."""
    named = dict(network.named_modules())
    dense = [name for name, module in named.items() if isinstance(module, nn.Linear)]
    convolutions: list[str] = [
        name for name, module in named.items() if isinstance(module, nn.Conv2d)
    ]

    return (dense or convolutions)[-1]


def count_scores(network: nn.Module, state: State) -> int | None:
    """Returns how many classes the weights tell apart, or None where they have no such layer."""
    weight = state.get(f"{find_head(network)}.weight")
    return None if weight is None or weight.ndim == 0 else len(weight)


def replace_head(network: nn.Module, n_scores: int) -> nn.Module:
    """Returns the new last layer, which has learnt nothing yet.

    It removes a ReLU behind it: SqueezeNet's would keep a class from being learnt whose scores all begin below 0.
    """
    head = _set_head(network, n_scores)
    parent, _, position = find_head(network).rpartition(".")
    behind = f"{parent}.{int(position) + 1}" if position.isdigit() else ""
    if isinstance(dict(network.named_modules()).get(behind), nn.ReLU):
        network.set_submodule(behind, nn.Identity())

    return head


def _set_head(network: nn.Module, n_scores: int) -> nn.Module:
    """Replaces the head in place and returns it; all else stays."""
    name = find_head(network)
    old = network.get_submodule(name)
    head: nn.Module
    if isinstance(old, nn.Linear):
        head = nn.Linear(old.in_features, n_scores, bias=old.bias is not None)
    else:
        assert isinstance(old, nn.Conv2d)
        head = nn.Conv2d(old.in_channels, n_scores, 1)

    network.set_submodule(name, head)

    return head


class TorchvisionNetwork(nn.Module):
    """A TorchvisionNetwork shows no layers, and its first filters where they see colours."""

    def __init__(self, network: nn.Module, arch: str) -> None:
        super().__init__()
        self.network = network
        self.arch = arch

    def drop_auxiliary(self) -> None:
        """Removes the auxiliary heads, which in learning would answer beside the head."""
        for name in AUXILIARY.get(self.arch, ()):
            setattr(self.network, name, None)
            self.network.aux_logits = False  # type: ignore[assignment]  # a flag, not a module

    def layers(self, images: Tensor) -> list[Tensor]:  # noqa: ARG002  # as the other bodies
        """Returns nothing, because each network orders its layers in its own way."""
        return []

    def score(self, last: Tensor) -> Tensor:
        """Returns scores `(n_images, n_scores)` of the images themselves."""
        scores: Tensor = self.network(last)
        return scores

    def locate(self, last: Tensor) -> Tensor:
        """Raises NotImplementedError, because there is no layer that has places."""
        raise NotImplementedError

    def filters(self) -> Tensor | None:
        """Returns what the first convolution looks for, `(n_filters, height, width, 3)`, or None without colours."""
        first = next(
            (each for each in self.network.modules() if isinstance(each, nn.Conv2d)),
            None,
        )
        if first is None or first.in_channels != 3:
            return None

        return first.weight[:SHOWN_FILTERS].permute(0, 2, 3, 1)

    def fold(self) -> None:
        """Does nothing, because the exporter makes normalisations part of the convolutions before them."""

    def forward(self, images: Tensor) -> Tensor:
        return self.score(images)


def _torchvision_names() -> list[str]:
    from torchvision import models  # slow to import, and seldom needed

    names: list[str] = models.list_models(module=models)
    return names


def _timm_names() -> list[str]:
    """Returns the names of timm's networks, or none where it is not installed."""
    try:
        import timm  # slow to import, and seldom needed
    except ImportError:
        return []

    names: list[str] = timm.list_models()
    return names


def _build_timms(arch: str, n_scores: int) -> TimmNetwork:
    import timm  # slow to import, and seldom needed

    name = arch.removeprefix(TIMM)
    network = timm.create_model(name, pretrained=False, num_classes=n_scores)

    return TimmNetwork(network, name)


def _check(network: nn.Module, state: State, where: str) -> None:
    """Raises TrainingError unless the tensors fit; counters of batches, which old files lack, are not needed."""
    expected = network.state_dict()
    missing = [
        name
        for name in expected
        if name not in state and not name.endswith("num_batches_tracked")
    ]
    unexpected = [name for name in state if name not in expected]
    unlike = [
        name
        for name in expected
        if name in state and state[name].shape != expected[name].shape
    ]
    if not (missing or unexpected or unlike):
        return

    shapes = [
        f"{name}: expected {tuple(expected[name].shape)}, got {tuple(state[name].shape)}"
        for name in unlike
    ]
    parts = (
        ("missing", missing),
        ("unexpected", unexpected),
        ("of another shape", shapes),
    )
    counted = [
        f"{len(names)} {what} ({_join_names(names)})" for what, names in parts if names
    ]
    raise TrainingError(
        f"{where}: expected {len(expected)} tensors, got {len(state)}: {'; '.join(counted)}"
    )


def _join_names(names: list[str]) -> str:
    return ", ".join(names[:SHOWN_NAMES]) + (
        ", ..." if len(names) > SHOWN_NAMES else ""
    )
