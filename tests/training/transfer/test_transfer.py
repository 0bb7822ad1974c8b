"""Networks that have learnt elsewhere are enlarged for, learnt past, and kept in eight bits, without another answer."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

from training.graph import OPSET, open_session
from training.transfer.eight_bits import round_filters, store_in_eight_bits
from training.transfer.enlarging import EnlargingNetwork
from training.transfer.fused import learn_fused


def make_network(kernel_px: int, stride: int) -> nn.Sequential:
    """Returns a network with a depthwise convolution between two that mix channels."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.Conv2d(8, 8, kernel_px, stride, kernel_px // 2, groups=8, bias=False),
        nn.Conv2d(8, 2, 1),
    )


def find_gradients(network: nn.Sequential, images: Tensor) -> list[Tensor]:
    """Returns the scores, and how they change with the first layer's weights."""
    network.zero_grad()
    scores = network(images)
    scores.square().sum().backward()
    return [scores.detach(), network[0].weight.grad.clone()]


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel_px", [3, 5])
def test_gradients_pass_depthwise_convolutions_unchanged(
    kernel_px: int, stride: int
) -> None:
    """The layers before a depthwise convolution get torch's own gradient, and its kernels none."""
    network, images = make_network(kernel_px, stride), torch.randn(2, 3, 12, 12)
    expected = find_gradients(network, images)
    with learn_fused(network):
        found = find_gradients(network, images)

    for one, other in zip(expected, found, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-4)

    assert network[1].weight.grad is None
    assert type(network[1]) is nn.Conv2d


def test_timms_padding_is_kept() -> None:
    """A convolution that pads as TensorFlow does gives the same scores and gradients."""
    layers = pytest.importorskip("timm.layers")
    network, images = make_network(3, 2), torch.randn(2, 3, 12, 12)
    network[1] = layers.Conv2dSame(8, 8, 3, 2, groups=8, bias=False)
    expected = find_gradients(network, images)
    with learn_fused(network):
        found = find_gradients(network, images)

    for one, other in zip(expected, found, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-4)


class Published(nn.Module):
    """A Published has the layers of published networks for phones: each convolution has a normalisation."""

    def __init__(self, limit: nn.Module) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.first_norm = nn.Sequential(nn.BatchNorm2d(8), limit)
        self.depthwise = nn.Conv2d(8, 8, 3, 2, 1, groups=8, bias=False)
        self.depthwise_norm = nn.Sequential(nn.BatchNorm2d(8), limit)
        self.last = nn.Conv2d(8, 4, 1)
        self.last_norm = nn.BatchNorm2d(4)

        for each in self.modules():
            if isinstance(each, nn.BatchNorm2d):
                for values in (each.weight, each.bias, each.running_mean):
                    assert values is not None
                    nn.init.uniform_(values, 0.2, 2.0)

        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        given = self.first_norm(self.first(images))
        given = self.depthwise_norm(self.depthwise(given))
        return torch.as_tensor(self.last_norm(self.last(given)).mean(dim=(2, 3)))


def find_all_gradients(network: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """Returns the scores, and by a parameter's number how they change with it."""
    network.zero_grad()
    scores = network(images)
    scores.square().sum().backward()
    gradients = {
        str(id(each)): each.grad.clone()
        for each in network.parameters()
        if each.grad is not None
    }
    return {"scores": scores.detach(), **gradients}


def set_limits(network: Published) -> None:
    """Puts timm's normalisations in, which limit what they give."""
    layers = pytest.importorskip("timm.layers")
    for name in ("first_norm", "depthwise_norm"):
        plain = getattr(network, name)[0]
        limited = layers.BatchNormAct2d(8, act_layer=nn.ReLU6)
        limited.load_state_dict(plain.state_dict())
        setattr(network, name, limited.eval())


@pytest.mark.parametrize("limited", [False, True])
def test_fused_layers_learn_by_the_same_gradients(*, limited: bool) -> None:
    """All but depthwise kernels and their factors get the gradients that the layers one by one give."""
    network, images = Published(nn.ReLU6()), 3 * torch.randn(2, 3, 16, 16)
    if limited:
        set_limits(network)

    names = {str(id(each)): name for name, each in network.named_parameters()}
    expected = find_all_gradients(network, images)
    with learn_fused(network):
        assert not any(isinstance(each, nn.BatchNorm2d) for each in network.children())
        found = find_all_gradients(network, images)

    kept = [names[each] for each in expected if each not in found]
    norm = "depthwise_norm.weight" if limited else "depthwise_norm.0.weight"
    assert sorted(kept) == ["depthwise.weight", norm]
    for each, values in found.items():
        assert torch.allclose(values, expected[each], rtol=1e-4, atol=1e-4), each


def test_layers_that_were_fused_are_put_back() -> None:
    """The network has its own layers again, with what they have learnt."""
    network, images = Published(nn.ReLU()), torch.randn(2, 3, 16, 16)
    layers, before = dict(network.named_modules()), list(network.state_dict())
    with learn_fused(network), torch.no_grad():
        network.get_parameter("last.normalisation.bias").add_(1)
        learnt = network(images)

    assert dict(network.named_modules()) == layers
    assert list(network.state_dict()) == before
    assert torch.allclose(network(images), learnt, atol=1e-5)


class Twice(Published):
    """A Twice uses what a convolution gives both with its normalisation and without."""

    def forward(self, images: Tensor) -> Tensor:
        given = self.first(images)
        return torch.as_tensor((self.first_norm(given) + given).mean(dim=(2, 3)))


def test_a_network_that_fusing_would_change_is_left_as_it_was() -> None:
    """The scores stay the same where a convolution's output is used twice."""
    network, images = Twice(nn.ReLU()), torch.randn(2, 3, 16, 16)
    expected = network(images)
    with learn_fused(network):
        assert torch.equal(network(images), expected)
        assert network.first.weight.requires_grad


def make_graph(weight: Tensor) -> onnx.ModelProto:
    """Returns a graph of one convolution."""
    sides = ["n_images", "n_channels", "height", "width"]
    inputs, outputs = (
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, sides)
        for name in ("images", "scores")
    )
    node = helper.make_node("Conv", ["images", "weight"], ["scores"])
    constants = [numpy_helper.from_array(weight.detach().numpy(), "weight")]
    graph = helper.make_graph([node], "graph", [inputs], [outputs], constants)
    opsets = [helper.make_opsetid("", OPSET)]

    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def test_rounded_filters_are_a_quarter_as_large_and_answer_the_same() -> None:
    """Filters that were rounded to eight bits are stored so, and the graph's scores stay as they were, bit for bit."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(96, 64, 1, bias=False))
    before = network[0].weight.detach().clone()
    round_filters(network)
    largest = before.abs().amax(dim=(1, 2, 3), keepdim=True)
    moved = (network[0].weight - before).abs() / largest
    assert 0 < moved.max() <= 0.5001 / 127

    model = make_graph(network[0].weight)
    images = np.random.default_rng(0).normal(size=(2, 96, 4, 4)).astype(np.float32)
    whole = model.SerializeToString()
    store_in_eight_bits(model)
    small = model.SerializeToString()
    answers = [
        open_session(content).run(None, {"images": images})[0]
        for content in (whole, small)
    ]
    assert np.array_equal(*answers)
    assert len(small) < 0.3 * len(whole)


def test_filters_that_eight_bits_do_not_hold_stay_as_they_are() -> None:
    """Filters that were not rounded are stored as they are, because the file must say what its source says."""
    model = make_graph(torch.randn(64, 96, 1, 1))
    before = model.SerializeToString()
    store_in_eight_bits(model)
    assert model.SerializeToString() == before


def test_small_filters_are_not_rounded() -> None:
    """The kernels of depthwise convolutions stay as they are."""
    network = make_network(3, 1)
    before = network[1].weight.detach().clone()
    round_filters(network)
    assert torch.equal(network[1].weight, before)


class MeanColour(nn.Module):
    """A MeanColour shows no layers, and scores images by their colours and their size."""

    def layers(self, images: Tensor) -> list[Tensor]:  # it has none
        return []

    def score(self, last: Tensor) -> Tensor:
        return torch.cat(
            [last.mean(dim=(2, 3)), torch.full((len(last), 1), last.shape[3])], dim=1
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.score(images)


def test_a_network_sees_small_images_at_its_own_size() -> None:
    """The network within sees images of the larger size, whether it shows layers or not."""
    network = EnlargingNetwork(MeanColour(), 24)
    images = torch.rand(2, 3, 8, 8)
    scores = network(images)

    assert scores[:, 3].tolist() == [24, 24]
    assert torch.allclose(scores[:, :3], images.mean(dim=(2, 3)), atol=0.05)
    assert network.layers(images) == []
    assert torch.equal(network.score(images), scores)
