"""An explanation says what each feature adds, which neighbours decide, or where in an image a model looks."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model_card import FeatureInput
from service.errors import InvalidRequest
from service.models import cancellation, images
from service.models.images import Pixels
from service.models.model import Model

N_PATCHES = 7
"""A grey patch covers an image at this many places in each direction."""
MAX_OCCLUDED_PX = 160
"""An image is made this small on its longer side before it is covered, since each place takes a copy."""
MAX_CHANNELS = 64
GREY = 128
LAYER = "layer/"

Floats = NDArray[np.float32]


class Heat(NamedTuple):
    """Each place of an image `(height, width)` speaks this much for the class `chosen`, found out by `method`."""

    label: int
    chosen: int
    probability: float
    method: str
    values: Floats


def can_explain(model: Model) -> bool:
    has_values = not model.extras.isdisjoint({"contributions", "neighbor_class"})
    return model.size_px is not None or has_values


def explain_rows(
    model: Model, features: Floats, class_name: str | None
) -> list[dict[str, Any]]:
    """Returns for each row what its features add to the score, or the neighbours that decided.

    Where there are contributions, base and contributions sum to the value of a regressor, or to the score of the class:
    the logarithm of its odds for two classes, and for more what the softmax takes.
    """
    names = ("contributions", "base", "neighbor", "neighbor_distance", "neighbor_class")
    found = [name for name in names if name in model.extras]
    chosen = model.output_names + found
    outputs = dict(zip(chosen, model.run_outputs(chosen, features), strict=True))
    if "contributions" in outputs:
        return [
            _explain_by_contributions(model, row, outputs, index, class_name)
            for index, row in cancellation.watch(enumerate(features))
        ]

    if class_name is not None:
        raise InvalidRequest(
            f"class: {model.name} is explained by its neighbours, whatever their class"
        )

    return [
        _explain_by_neighbors(model, outputs, row)
        for row in cancellation.watch(range(len(features)))
    ]


def find_heat(model: Model, image: Pixels, class_name: str | None) -> Heat:
    """Returns the heat of the class that is asked for, or else of the most probable one.

    It comes from the class activation map, where the graph has one (Zhou et al., CVPR 2016), or else from covering the
    image place by place with grey: how far the probability falls (Zeiler and Fergus, ECCV 2014).
    """
    label, probabilities = model.run([image])
    predicted = int(label[0])
    chosen = predicted if class_name is None else find_class(model, class_name)
    probability = float(probabilities[0, chosen])
    if "class_activation" in model.extras:
        activation = model.run_outputs(["class_activation"], [image])[0][0]
        values = activation[chosen] - activation.mean(axis=0)
        return Heat(predicted, chosen, probability, "class_activation", values)

    small = images.shrink(image, MAX_OCCLUDED_PX)
    cancellation.check()
    copies = [_occlude(small, index) for index in range(N_PATCHES**2)]
    _, occluded = model.run([small, *copies])
    drops = (occluded[0, chosen] - occluded[1:, chosen]).reshape(N_PATCHES, N_PATCHES)

    return Heat(predicted, chosen, probability, "occlusion", drops)


def draw_heat(image: Pixels, heat: Heat) -> Pixels:
    """Draws the heat over the image; a class activation map covers its middle square, which is what the graph takes."""
    return images.overlay_heat_map(
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

    maps = model.run_outputs([LAYER + layer], [image])[0][0][:MAX_CHANNELS]

    return images.make_grid(_scale(maps[..., None].repeat(3, axis=3)))


def draw_filters(model: Model) -> Pixels:
    """Draws the first layer's weights as pictures, each from its lowest to its highest value."""
    blank = np.zeros((1, 1, 3), dtype=np.uint8)
    return images.make_grid(_scale(model.run_outputs(["filters"], [blank])[0]))


def find_class(model: Model, name: str) -> int:
    if name not in model.classes:
        raise InvalidRequest(
            f"class: unknown class {name[:100]!r}; classes: {', '.join(model.classes)}"
        )
    return model.classes.index(name)


def _explain_by_contributions(
    model: Model, row: Floats, outputs: dict[str, Any], index: int, name: str | None
) -> dict[str, Any]:
    contributions = outputs["contributions"][index]
    base = outputs["base"]
    if model.card.kind == "regressor":
        if name is not None:
            raise InvalidRequest(
                f"class: {model.name} is a regressor: it has no classes"
            )

        value = {"prediction": outputs["value"][index]}
        return value | _list_contributions(model, row, contributions[:, 0], base[0])

    predicted = int(outputs["label"][index])
    chosen = predicted if name is None else find_class(model, name)
    answer = {
        "prediction": model.classes[predicted],
        "class": model.classes[chosen],
        "probability": outputs["probabilities"][index, chosen],
    }
    # Of two classes there is one column, that of the second; the first has the opposite.
    is_single = contributions.shape[1] == 1
    column = 0 if is_single else chosen
    sign = -1 if is_single and chosen == 0 else 1
    added = sign * contributions[:, column]

    return answer | _list_contributions(model, row, added, sign * base[column])


def _list_contributions(
    model: Model, row: Floats, added: Floats, base: Any
) -> dict[str, Any]:
    """Returns what each feature of a row adds to the base, the largest in magnitude first."""
    given = model.card.input
    assert isinstance(given, FeatureInput)
    values = _name_values(model, row)
    order = np.argsort(-np.abs(added), kind="stable")
    contributions = [
        {
            "feature": given.features[each].name,
            "value": values[each],
            "contribution": added[each],
        }
        for each in order
    ]

    return {"base": float(base), "contributions": contributions}


def _explain_by_neighbors(
    model: Model, outputs: dict[str, Any], index: int
) -> dict[str, Any]:
    label = int(outputs["label"][index])
    neighbors = zip(
        outputs["neighbor"][index].tolist(),
        outputs["neighbor_distance"][index],
        outputs["neighbor_class"][index].tolist(),
        strict=True,
    )
    return {
        "prediction": model.classes[label],
        "probability": outputs["probabilities"][index, label],
        "neighbors": [
            {"row": row, "distance": distance, "class": model.classes[each]}
            for row, distance, each in neighbors
        ],
    }


def _name_values(model: Model, row: Floats) -> list[Any]:
    """Returns the row as a client would send it, with None for a missing value."""
    given = model.card.input
    assert isinstance(given, FeatureInput)
    named: list[Any] = []
    for value, feature in zip(row, given.features, strict=True):
        if np.isnan(value):
            named.append(None)
        elif feature.values:
            named.append(feature.values[int(value)])
        else:
            named.append(value)

    return named


def _occlude(image: Pixels, index: int) -> Pixels:
    """Returns a copy with a grey patch, twice as long and wide as its place."""
    height, width, _ = image.shape
    occluded = image.copy()
    down, right = divmod(index, N_PATCHES)
    top = (down - 0.5) * height / N_PATCHES
    left = (right - 0.5) * width / N_PATCHES
    bottom = top + 2 * height / N_PATCHES
    end = left + 2 * width / N_PATCHES
    occluded[max(0, round(top)) : round(bottom), max(0, round(left)) : round(end)] = (
        GREY
    )

    return occluded


def _scale(pictures: Floats) -> Pixels:
    """Returns pictures `(n, height, width, 3)`, each scaled from its lowest value as 0 to its highest as 255."""
    low = pictures.min(axis=(1, 2, 3), keepdims=True)
    high = pictures.max(axis=(1, 2, 3), keepdims=True)
    shares = (pictures - low) / np.maximum(high - low, 1e-12)
    scaled: Pixels = np.rint(255 * shares).astype(np.uint8)

    return scaled
