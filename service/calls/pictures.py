"""The calls about pictures explain answers, show what layers see, and generate images."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from service.calls import explanation
from service.calls.explaining.rows import RowExplainer, can_explain
from service.contract import answers
from service.contract.limits import Limits
from service.contract.requests import DEFAULT_COUNT, ExplainRequest, GenerateRequest
from service.errors import InvalidRequest, TooLarge
from service.models import cancellation
from service.models.images import image_codec
from service.models.images.pictures import make_grid, stack
from service.models.model import MAX_IMAGES, Inputs, Model
from service.models.registry import Registry


class Pictures:
    """These are the calls and views of pictures; `encode` makes of rows what these models of one task take."""

    def __init__(
        self,
        registry: Registry,
        limits: Limits,
        encode: Callable[[list[Model], Any], Inputs],
        rows: RowExplainer,
    ) -> None:
        self._registry = registry
        self._limits = limits
        self._encode = encode
        self._rows = rows

    def explain(self, request: ExplainRequest) -> answers.Explanation:
        """Explains each row by contributions of features, by neighbours, or by a map of the image."""
        model, inputs = self._encode_rows(request)
        if isinstance(inputs, list):
            explanations = [
                self._explain_image(model, image, request)
                for image in cancellation.watch(inputs)
            ]
        else:
            explanations = self._rows.explain(model, inputs, request)

        answer = {
            "model": model.name,
            "version": model.version,
            "explanations": explanations,
        }

        return cast(answers.Explanation, answer)

    def draw_explanation(self, request: ExplainRequest) -> bytes | None:
        """Draws the maps of the images one below the other as a PNG; None for rows of features."""
        model, inputs = self._encode_rows(request)
        if not isinstance(inputs, list):
            return None
        pictures = [
            _draw(model, image, request)[0] for image in cancellation.watch(inputs)
        ]
        return image_codec.encode_png(stack(pictures))

    def _encode_rows(self, request: ExplainRequest) -> tuple[Model, Inputs]:
        model = self._registry.model(request.model)
        if not can_explain(model):
            known = self._list_names(can_explain)
            raise InvalidRequest(
                f"{model.name} is a {model.card.kind}: it has no explanation; models that have: {known}"
            )

        if model.size_px is not None and len(request.inputs) > MAX_IMAGES:
            raise TooLarge(
                f"inputs: {len(request.inputs)} images are over the {MAX_IMAGES} of one request"
            )

        if model.size_px is None and request.layer is not None:
            raise InvalidRequest(
                f"layer: {model.name} takes rows of features: it has no layers to show"
            )

        if model.size_px is not None and (request.flips or request.method is not None):
            name = "flips" if request.flips else "method"
            raise InvalidRequest(
                f"{name}: {model.name} takes images: only rows of features have that"
            )

        return model, self._encode([model], request.inputs)

    def _explain_image(
        self, model: Model, image: image_codec.Pixels, request: ExplainRequest
    ) -> dict[str, Any]:
        picture, heat = _draw(model, image, request)
        encoded = _encode(picture)
        if heat is None:
            label, probabilities = model.run([image])
            predicted = label[0]
            return {
                "prediction": model.classes[predicted],
                "probability": probabilities[0, predicted],
                "layer": request.layer,
                "maps": encoded,
            }

        return {
            "prediction": model.classes[heat.label],
            "class": model.classes[heat.chosen],
            "probability": heat.probability,
            "method": heat.method,
            "heat_map": encoded,
        }

    def describe_layers(self, model_name: str) -> answers.Layers:
        """Returns the layers of a network of images, and the filters of its first one."""
        model = self._find_with_layers(model_name)
        layers = []
        for name, (channels, height, width) in model.layer_shapes.items():
            layer = {
                "name": name.removeprefix(explanation.LAYER),
                "channels": channels,
                "height": height,
                "width": width,
            }
            layers.append(layer)

        answer: dict[str, Any] = {
            "model": model.name,
            "version": model.version,
            "layers": layers,
        }
        if "filters" in model.extras:
            answer["filters"] = _encode(explanation.draw_filters(model))

        return cast(answers.Layers, answer)

    def draw_filters(self, name: str) -> bytes | None:
        """Draws the filters as one PNG; None where the file has none."""
        model = self._find_with_layers(name)
        if "filters" not in model.extras:
            return None
        return image_codec.encode_png(explanation.draw_filters(model))

    def _find_with_layers(self, name: str) -> Model:
        model = self._registry.model(name)
        if not _has_layers(model):
            known = self._list_names(_has_layers)
            raise InvalidRequest(
                f"{name} has no layers to show; models that have: {known}"
            )

        return model

    def _list_names(self, fits: Callable[[Model], bool]) -> str:
        models = self._registry.models.values()
        return ", ".join(each.name for each in models if fits(each)) or "none"

    def generate(self, request: GenerateRequest) -> answers.Generation:
        """Generates images, each as a PNG in base64."""
        model, generated = self._generate(request)
        return {
            "model": model.name,
            "version": model.version,
            "images": [_encode(each) for each in cancellation.watch(generated)],
        }

    def draw_generated(self, request: GenerateRequest) -> bytes:
        """Generates images and draws them side by side, as one PNG."""
        _, generated = self._generate(request)
        return image_codec.encode_png(make_grid(generated))

    def _generate(self, request: GenerateRequest) -> tuple[Model, NDArray[np.uint8]]:
        model = self._registry.model(request.model)
        model.check_answers("generate")
        count = DEFAULT_COUNT if request.count is None else request.count
        self._limits.check_count(count)

        return model, model.run(model.draw_noise(count, request.seed))[0]


def _has_layers(model: Model) -> bool:
    has_outputs = "filters" in model.extras or bool(model.layer_names)
    return model.size_px is not None and has_outputs


def _encode(pixels: image_codec.Pixels) -> answers.EncodedImage:
    return {"b64": b64encode(image_codec.encode_png(pixels)).decode()}


def _draw(
    model: Model, image: image_codec.Pixels, request: ExplainRequest
) -> tuple[image_codec.Pixels, explanation.HeatMap | None]:
    """Draws the maps of the layer that is asked for, or else a heat map, and returns its heat too."""
    if request.layer is not None:
        return explanation.draw_maps(model, image, request.layer), None
    heat = explanation.find_heat(model, image, request.class_name)
    return explanation.draw_heat(image, heat), heat
