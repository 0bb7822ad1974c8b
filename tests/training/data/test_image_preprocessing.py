"""The graph's preprocessing agrees with Pillow's and torchvision's own."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image, ImageFilter
from torchvision import transforms

from training.data.image_preprocessing import MAX_ASPECT_RATIO, prepend, resize_and_crop
from training.graph import OPSET, clean, open_session

MAX_UNEQUAL = {
    ((640, 427), 224): 0.002,
    ((300, 451), 232): 0.002,
    ((120, 90), 32): 0.006,
}
"""A ratio of small numbers makes ties at these shares, which Pillow and onnxruntime break in their own ways."""


def preprocess(
    image: Image.Image, *, resize_px: int, crop_px: int, filter_name: str = "bilinear"
) -> np.ndarray:
    """Returns what a network gets to see of the image, through onnxruntime."""
    shape = ["n_images", crop_px, crop_px, 3]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.UINT8, shape)
        for name in ("cropped", "seen")
    ]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["cropped"], ["seen"])],
        "graph",
        ends[:1],
        ends[1:],
    )
    model: onnx.ModelProto = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)]
    )
    prepend(model, resize_px=resize_px, crop_px=crop_px, filter_name=filter_name)
    session = open_session(clean(model).SerializeToString())

    return session.run(None, {"pixels": np.asarray(image)[None]})[0][0]


def photograph(width: int, height: int) -> Image.Image:
    """Returns noise with the softness of a photograph, seed 0."""
    noise = np.random.default_rng(0).integers(
        0, 256, (height, width, 3), dtype=np.uint8
    )
    return Image.fromarray(noise).filter(ImageFilter.GaussianBlur(1.5))


def differences(seen: np.ndarray, expected: Image.Image) -> tuple[int, float]:
    """Returns the largest difference in grey levels, and the share of values that differ."""
    gaps = np.abs(seen.astype(int) - np.asarray(expected).astype(int))
    return int(gaps.max()), float((gaps > 0).mean())


@pytest.mark.parametrize(
    ("resize_px", "crop_px"), [(256, 224), (232, 224), (224, 224), (64, 64), (32, 32)]
)
@pytest.mark.parametrize(
    "size",
    [
        (500, 375),
        (375, 500),
        (640, 427),
        (300, 451),
        (1024, 683),
        (120, 90),
        (33, 47),
        (1, 1),
        (2, 3),
    ],
)
def test_it_sees_what_torchvision_sees(
    size: tuple[int, int], resize_px: int, crop_px: int
) -> None:
    """The graph is at most one grey level apart from torchvision, at one value in a thousand, borders included."""
    image = photograph(*size)
    theirs = transforms.Compose(
        [transforms.Resize(resize_px), transforms.CenterCrop(crop_px)]
    )(image)
    largest, share = differences(
        preprocess(image, resize_px=resize_px, crop_px=crop_px), theirs
    )
    assert largest <= 1
    assert share <= MAX_UNEQUAL.get((size, resize_px), 0.001)


def test_sizes_in_simple_ratios_round_differently_now_and_then() -> None:
    """A tie between two grey levels from 480 to 256 pixels goes either way, but never further."""
    image = photograph(480, 480)
    largest, share = differences(
        preprocess(image, resize_px=256, crop_px=224), resize_and_crop(image, 256, 224)
    )
    assert largest <= 1
    assert share <= 0.02


@pytest.mark.parametrize("size", [(500, 375), (120, 90)])
def test_bicubic_is_pillows(size: tuple[int, int]) -> None:
    """The graph's bicubic filter is Pillow's, with its coefficient of -0.5."""
    image = photograph(*size)
    seen = preprocess(image, resize_px=256, crop_px=224, filter_name="bicubic")
    largest, share = differences(seen, resize_and_crop(image, 256, 224, "bicubic"))
    assert largest <= 1
    assert share <= 0.001


def test_pixels_of_the_networks_own_size_are_left_as_they_are() -> None:
    """An image of the network's own size keeps every pixel."""
    image = photograph(32, 32)
    assert np.array_equal(
        preprocess(image, resize_px=32, crop_px=32), np.asarray(image)
    )


@pytest.mark.parametrize("size", [(5000, 1), (1, 5000), (801, 100)])
def test_a_strip_is_cut_before_it_is_resized(size: tuple[int, int]) -> None:
    """A strip is cut to its middle, so that it cannot fill the memory; Pillow's side does the same."""
    image = photograph(*size)
    assert max(size) > MAX_ASPECT_RATIO * min(size)
    seen = preprocess(image, resize_px=256, crop_px=224)
    assert differences(seen, resize_and_crop(image, 256, 224))[0] <= 1


def test_a_large_photograph_is_as_exact() -> None:
    """A photograph of 4000 x 3000 pixels is as exact as a small one."""
    image = photograph(4000, 3000)
    largest, share = differences(
        preprocess(image, resize_px=256, crop_px=224), resize_and_crop(image, 256, 224)
    )
    assert largest <= 1
    assert share <= 0.001
