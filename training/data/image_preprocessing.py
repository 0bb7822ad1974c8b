"""This module brings images of any size to the network's size: by Pillow for learning, by the graph for serving.

The shorter side becomes `resize_px`, the longer one in proportion, rounded down as torchvision does; then the centre
is cut out. Pillow's filter rounds to whole grey levels between its two passes, and so does ONNX's Resize on uint8
with antialiasing; on floats it would not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper
from PIL import Image

from training.graph import GraphBuilder

MAX_ASPECT_RATIO = 8
"""What is longer than this many times the shorter side is cut before it is resized, so that a strip stays small."""
FILTERS: dict[str, tuple[Image.Resampling, dict[str, Any]]] = {
    "bilinear": (Image.Resampling.BILINEAR, {"mode": "linear"}),
    "bicubic": (Image.Resampling.BICUBIC, {"mode": "cubic", "cubic_coeff_a": -0.5}),
}
"""Each name has Pillow's filter and the attributes of ONNX's Resize that do the same."""


def resize_and_crop(
    image: Image.Image, resize_px: int, crop_px: int, filter_name: str = "bilinear"
) -> Image.Image:
    """Returns an RGB image of `crop_px` by `crop_px`."""
    image = _crop_strip(image, MAX_ASPECT_RATIO * min(image.size))
    shorter = min(image.size)
    width, height = (side * resize_px // shorter for side in image.size)
    resized = image.resize((width, height), FILTERS[filter_name][0])
    left, top = round((width - crop_px) / 2), round((height - crop_px) / 2)

    return resized.crop((left, top, left + crop_px, top + crop_px))


def _crop_strip(image: Image.Image, max_length: int) -> Image.Image:
    """Returns the middle of an image that is longer than `max_length`."""
    left, top = (max(0, side - max_length) // 2 for side in image.size)
    width, height = (min(side, max_length) for side in image.size)
    return image.crop((left, top, left + width, top + height))


def prepend(
    model: onnx.ModelProto,
    *,
    resize_px: int,
    crop_px: int,
    filter_name: str = "bilinear",
) -> None:
    """Puts the same steps ahead of a graph whose input `cropped` is uint8 `(n_images, crop_px, crop_px, 3)`, in
    place.

    The input becomes `pixels` uint8 `(n_images, height, width, 3)`. Resizing has to stay ahead of any transposition:
    onnxruntime's optimiser fails on one that it moved.
    """
    graph = GraphBuilder("preprocessing/")
    size = graph.add(
        "Slice",
        graph.add("Shape", "pixels"),
        np.array([1]),
        np.array([3]),
        np.array([0]),
    )
    shorter = graph.add("ReduceMin", size, keepdims=1)
    max_length = graph.add("Mul", shorter, np.array([MAX_ASPECT_RATIO]))
    start = graph.add(
        "Div",
        graph.add("Max", graph.add("Sub", size, max_length), np.array([0])),
        np.array([2]),
    )
    length = graph.add("Min", size, max_length)
    axes = np.array([1, 2])
    cut = graph.add("Slice", "pixels", start, graph.add("Add", start, length), axes)
    sizes = graph.add("Div", graph.add("Mul", length, np.array([resize_px])), shorter)
    resized = graph.resize(cut, sizes, axes=[1, 2], **FILTERS[filter_name][1])
    spare = graph.add(
        "Cast", graph.add("Sub", sizes, np.array([crop_px])), to=TensorProto.FLOAT
    )
    half = graph.add("Round", graph.add("Mul", spare, np.float32(0.5)))
    corner = graph.add("Cast", half, to=TensorProto.INT64)
    window = graph.add(
        "Slice", resized, corner, graph.add("Add", corner, np.array([crop_px])), axes
    )
    graph.add("Reshape", window, np.array([-1, crop_px, crop_px, 3]), name="cropped")
    nodes = [*graph.nodes, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(graph.constants)
    del model.graph.input[:]
    shape = ("n_images", "height", "width", 3)
    model.graph.input.append(
        helper.make_tensor_value_info("pixels", TensorProto.UINT8, shape)
    )
