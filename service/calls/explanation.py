"""An explanation of an image says where in it a model looks, and what its layers see; rows have `explaining`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.calls.explaining.contributions import find_class
from service.errors import InvalidRequest
from service.models import cancellation
from service.models.images import image_codec
from service.models.images.image_codec import Pixels
from service.models.images.pictures import make_grid, overlay_heat_map
from service.models.model import Model

N_PATCHES = 7
"""A grey patch covers an image at this many places in each direction."""
MAX_OCCLUDED_PX = 160
"""An image is made this small on its longer side before it is covered, since each place takes a copy."""
MAX_CHANNELS = 64
GREY = 128
LAYER = "layer/"

Floats = NDArray[np.float32]


class HeatMap(NamedTuple):
    """Each place of an image `(height, width)` speaks this much for the class `chosen`, found out by `method`."""

    label: int
    chosen: int
    probability: float
    method: str
    values: Floats


def find_heat(model: Model, image: Pixels, class_name: str | None) -> HeatMap:
    """Returns the heat of the class that is asked for, or else of the most probable one.

    It comes from the class activation map, where the graph has one (Zhou et al., CVPR 2016), or else from covering the
    image place by place with grey: how far the probability falls (Zeiler and Fergus, ECCV 2014).
    """
    label, probabilities = model.run([image])
    predicted = int(label[0])
    chosen = predicted if class_name is None else find_class(model, class_name)
    probability = float(probabilities[0, chosen])

    if "class_activation" in model.extras:
        (activations,) = model.run_outputs(["class_activation"], [image])
        activation = activations[0]
        values = activation[chosen] - activation.mean(axis=0)
        return HeatMap(predicted, chosen, probability, "class_activation", values)

    values = _find_drops(model, image, chosen)
    return HeatMap(predicted, chosen, probability, "occlusion", values)


def _find_drops(model: Model, image: Pixels, chosen: int) -> Floats:
    """Returns by how much the probability of a class falls where a place is covered, `(n_patches, n_patches)`."""
    small = image_codec.shrink(image, MAX_OCCLUDED_PX)
    cancellation.check()
    copies = [_occlude(small, index) for index in range(N_PATCHES**2)]
    _, probabilities = model.run([small, *copies])

    uncovered = probabilities[0, chosen]
    covered = probabilities[1:, chosen]
    drops: Floats = uncovered - covered

    return drops.reshape(N_PATCHES, N_PATCHES)


def draw_heat(image: Pixels, heat: HeatMap) -> Pixels:
    """Draws the heat over the image; a class activation map covers its middle square, which is what the graph takes."""
    return overlay_heat_map(
        image, heat.values, middle=heat.method == "class_activation"
    )


def draw_maps(model: Model, image: Pixels, layer: str) -> Pixels:
    """Draws at most 64 channels of a layer, each from its lowest value in black to its highest in white."""
    layers = [name.removeprefix(LAYER) for name in model.layer_names]
    if layer not in layers:
        known = ", ".join(layers) or "none"
        raise InvalidRequest(
            f"layer: {model.name} has no layer {layer[:100]!r}; its layers: {known}"
        )

    (outputs,) = model.run_outputs([LAYER + layer], [image])
    maps = outputs[0][:MAX_CHANNELS]
    grey = maps[..., None].repeat(3, axis=3)

    return make_grid(_scale(grey))


def draw_filters(model: Model) -> Pixels:
    """Draws the first layer's weights as pictures, each from its lowest to its highest value."""
    blank = np.zeros((1, 1, 3), dtype=np.uint8)
    (filters,) = model.run_outputs(["filters"], [blank])
    return make_grid(_scale(filters))


def _occlude(image: Pixels, index: int) -> Pixels:
    """Returns a copy with a grey patch, twice as long and wide as its place."""
    height, width, _ = image.shape
    row, column = divmod(index, N_PATCHES)

    top = (row - 0.5) * height / N_PATCHES
    left = (column - 0.5) * width / N_PATCHES
    bottom = top + 2 * height / N_PATCHES
    right = left + 2 * width / N_PATCHES
    rows = slice(max(0, round(top)), round(bottom))
    columns = slice(max(0, round(left)), round(right))

    occluded = image.copy()
    occluded[rows, columns] = GREY

    return occluded


def _scale(pictures: Floats) -> Pixels:
    """Returns pictures `(n, height, width, 3)`, each scaled from its lowest value as 0 to its highest as 255."""
    low = pictures.min(axis=(1, 2, 3), keepdims=True)
    high = pictures.max(axis=(1, 2, 3), keepdims=True)
    shares = (pictures - low) / np.maximum(high - low, 1e-12)
    scaled: Pixels = np.rint(255 * shares).astype(np.uint8)

    return scaled
