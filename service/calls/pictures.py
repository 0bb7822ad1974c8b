"""The calls about pictures explain answers, show what layers see, and generate images."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from service.calls import explanation
from service.contract import answers
from service.contract.limits import Limits
from service.contract.requests import ExplainRequest, GenerateRequest
from service.errors import InvalidRequest, TooLarge
from service.models import images
from service.models.model import MAX_IMAGES, Inputs, Model
from service.models.registry import Registry


class Pictures:
    """These are the calls and views of pictures; `encode` makes of rows what these models of one task take."""

    def __init__(
        self,
        registry: Registry,
        limits: Limits,
        encode: Callable[[list[Model], Any], Inputs],
    ) -> None:
        self._registry = registry
        self._limits = limits
        self._encode = encode

    def explain(self, request: ExplainRequest) -> answers.Explanation:
        """Explains each row by contributions of features, by neighbours, or by a map of the image."""
        model, inputs = self._encode_rows(request)
        if isinstance(inputs, list):
            explanations = [
                self._explain_image(model, image, request) for image in inputs
            ]
        else:
            explanations = explanation.explain_rows(model, inputs, request.class_name)

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
        pictures = [_draw(model, image, request)[0] for image in inputs]
        return images.encode_png(images.stack(pictures))

    def _encode_rows(self, request: ExplainRequest) -> tuple[Model, Inputs]:
        model = self._registry.model(request.model)
        if not explanation.can_explain(model):
            known = [
                each.name
                for each in self._registry.models.values()
                if explanation.can_explain(each)
            ]
            family = model.card.family
            raise InvalidRequest(
                f"{model.name} is a {family}: it has no explanation; models that have: {', '.join(known) or 'none'}"
            )

        if model.size_px is not None and len(request.inputs) > MAX_IMAGES:
            raise TooLarge(
                f"inputs: {len(request.inputs)} images are over the {MAX_IMAGES} of one request"
            )

        if model.size_px is None and request.layer is not None:
            raise InvalidRequest(
                f"layer: {model.name} takes rows of features: it has no layers to show"
            )

        return model, self._encode([model], request.inputs)

    def _explain_image(
        self, model: Model, image: images.Pixels, request: ExplainRequest
    ) -> dict[str, Any]:
        picture, heat = _draw(model, image, request)
        encoded = {"b64": b64encode(images.encode_png(picture)).decode()}
        if heat is None:
            label, probabilities = model.run([image])
            answer = {
                "prediction": model.classes[label[0]],
                "probability": probabilities[0, label[0]],
            }
            return answer | {"layer": request.layer, "maps": encoded}

        return {
            "prediction": model.classes[heat.label],
            "class": model.classes[heat.chosen],
            "probability": heat.probability,
            "method": heat.method,
            "heat_map": encoded,
        }

    def describe_layers(self, name: str) -> answers.Layers:
        """Returns the layers of a network of images, and the filters of its first one."""
        model = self._with_layers(name)
        layers = [
            {
                "name": each.removeprefix(explanation.LAYER),
                "channels": shape[0],
                "height": shape[1],
                "width": shape[2],
            }
            for each, shape in model.layer_shapes.items()
        ]
        answer: dict[str, Any] = {
            "model": model.name,
            "version": model.version,
            "layers": layers,
        }
        if "filters" in model.extras:
            answer["filters"] = {
                "b64": b64encode(
                    images.encode_png(explanation.draw_filters(model))
                ).decode()
            }

        return cast(answers.Layers, answer)

    def draw_filters(self, name: str) -> bytes | None:
        """Draws the filters as one PNG; None where the file has none."""
        model = self._with_layers(name)
        return (
            images.encode_png(explanation.draw_filters(model))
            if "filters" in model.extras
            else None
        )

    def _with_layers(self, name: str) -> Model:
        model = self._registry.model(name)
        if not _has_layers(model):
            known = (
                ", ".join(
                    each.name
                    for each in self._registry.models.values()
                    if _has_layers(each)
                )
                or "none"
            )
            raise InvalidRequest(
                f"{name} has no layers to show; models that have: {known}"
            )

        return model

    def generate(self, request: GenerateRequest) -> answers.Generation:
        """Generates images, each as a PNG in base64."""
        model, generated = self._generate(request)
        encoded: list[answers.EncodedImage] = [
            {"b64": b64encode(images.encode_png(each)).decode()} for each in generated
        ]
        return {"model": model.name, "version": model.version, "images": encoded}

    def draw_generated(self, request: GenerateRequest) -> bytes:
        """Generates images and draws them side by side, as one PNG."""
        _, generated = self._generate(request)
        return images.encode_png(images.make_grid(generated))

    def _generate(self, request: GenerateRequest) -> tuple[Model, NDArray[np.uint8]]:
        model = self._registry.model(request.model)
        model.check_answers("generate")
        self._limits.check_count(request.count)

        return model, model.run(model.draw_noise(request.count, request.seed))[0]


def _has_layers(model: Model) -> bool:
    return model.size_px is not None and (
        "filters" in model.extras or bool(model.layer_names)
    )


def _draw(
    model: Model, image: images.Pixels, request: ExplainRequest
) -> tuple[images.Pixels, explanation.Heat | None]:
    """Draws the maps of the layer that is asked for, or else a heat map, and returns its heat too."""
    if request.layer is not None:
        return explanation.draw_maps(model, image, request.layer), None
    heat = explanation.find_heat(model, image, request.class_name)
    return explanation.draw_heat(image, heat), heat
