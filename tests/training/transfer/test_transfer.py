"""Networks that have learnt elsewhere are enlarged for, learnt past, and kept in eight bits, without another answer."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

from training.graph import OPSET, open_session
from training.transfer.depthwise import learn_past_depthwise
from training.transfer.eight_bits import round_filters, store_in_eight_bits
from training.transfer.enlarging import EnlargingNetwork


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
    with learn_past_depthwise(network):
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
    with learn_past_depthwise(network):
        found = find_gradients(network, images)

    for one, other in zip(expected, found, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-4)


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
