"""This module gives the export gate networks of images: preprocessing, scores, probabilities and what they see."""

from __future__ import annotations

from typing import Any, Protocol, cast

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.data import image_preprocessing
from training.graph import add_constant_output, store_as_half
from training.images.gradient_descent import INFERENCE_BATCH_SIZE, ImageNetwork
from training.learning.network import to_onnx


class Backbone(Protocol):
    """A Backbone is what a network of images offers beside its scores, each part where it has it."""

    def layers(self, images: Tensor) -> list[Tensor]:
        """Returns what each layer gives, `(n_images, n_channels, height, width)`, which may be empty."""
        ...

    def score(self, last: Tensor) -> Tensor:
        """Returns scores `(n_images, n_scores)` of the last layer's output, or of the images without layers."""
        ...

    def locate(self, last: Tensor) -> Tensor:
        """Returns each score by place, `(n_images, n_scores, height, width)`; it is called only where there are
        layers.
        """
        ...

    def filters(self) -> Tensor | None:
        """Returns the first layer's weights as pictures, `(n_filters, height, width, 3)`."""
        ...

    def fold(self) -> None:
        """Makes normalisations part of the weights before them, in place."""
        ...


class PixelClassifier(nn.Module):
    """A PixelClassifier maps pixels uint8 `(n_images, height, width, 3)` of the network's size to the contract's
    outputs.

    With `mirrors` an image and its mirror image are scored, and the mean counts. With `moves` so are both moved by a
    pixel up and left, and down and right, which together count as much as those in place: K. Jordan, arXiv
    2404.00498.

    The attribute `scorer` keeps its name because the exported files hold it in the names of tensors.
    """

    def __init__(
        self, model: ImageNetwork, *, mirrors: bool, moves: bool = False
    ) -> None:
        super().__init__()
        self.scorer = model
        self.mirrors, self.moves = mirrors, moves
        self.body = cast(Backbone, model.body)
        sample = torch.zeros(2, 3, 32, 32)
        self.n_layers = (
            len(self.body.layers(sample)) if hasattr(self.body, "locate") else 0
        )

    @property
    def output_names(self) -> list[str]:
        layers = [f"layer/{number}" for number in range(1, self.n_layers + 1)]
        located = ["class_activation"] if layers else []
        return ["label", "probabilities", *located, *layers]

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        images = self.scorer.standardise(pixels)
        layers = self.body.layers(images)
        last = layers[-1] if layers else images
        located = [self.body.locate(last)] if layers else []
        scores = self._mean_with_mirrored(self.body.score(last), images)
        if self.moves:
            padded = nn.functional.pad(images, (1, 1, 1, 1), mode="reflect")
            moved = [padded[:, :, :-2, :-2], padded[:, :, 2:, 2:]]
            others = [
                self._mean_with_mirrored(self._score(each), each) for each in moved
            ]
            scores = (scores + (others[0] + others[1]) / 2) / 2

        return scores.argmax(dim=1), scores.softmax(dim=1), *located, *layers

    def _score(self, images: Tensor) -> Tensor:
        layers = self.body.layers(images)
        return self.body.score(layers[-1] if layers else images)

    def _mean_with_mirrored(self, scores: Tensor, images: Tensor) -> Tensor:
        """Returns the mean of these images' `scores` and of those of their mirror images."""
        return (scores + self._score(images.flip(3))) / 2 if self.mirrors else scores


class FittedImageClassifier:
    """A FittedImageClassifier takes images that are brought to `resize_px`, then cut to `crop_px`.

    With `half_precision` its weights are rounded to half precision, which the file holds: it is half as large, and as
    good.
    """

    kind = "classifier"
    packages: tuple[str, ...] = ("torch", "onnx", "onnxscript")
    summary_note = ""

    def __init__(
        self,
        model: ImageNetwork,
        *,
        mirrors: bool,
        resize_px: int,
        crop_px: int,
        filter_name: str = "bilinear",
        half_precision: bool = True,
        moves: bool = False,
    ) -> None:
        cast(Backbone, model.body).fold()
        with torch.no_grad():
            for parameter in model.body.parameters() if half_precision else ():
                parameter.copy_(parameter.half().float())

        self.module = PixelClassifier(model.eval(), mirrors=mirrors, moves=moves).eval()
        self.resize_px, self.crop_px, self.filter_name = resize_px, crop_px, filter_name

    def outputs(self, pixels: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """Returns what the source network says of images of `resize_px` by `resize_px`, by the contract's names."""
        start = round((self.resize_px - self.crop_px) / 2)
        pixels = pixels[:, start : start + self.crop_px, start : start + self.crop_px]

        with torch.inference_mode():
            parts = [
                self.module(part)[:2]
                for part in torch.split(torch.from_numpy(pixels), INFERENCE_BATCH_SIZE)
            ]

        label, probabilities = (
            torch.cat(each).numpy() for each in zip(*parts, strict=True)
        )

        return {"label": label, "probabilities": probabilities}

    def to_onnx(self, n_features: int) -> onnx.ModelProto:  # noqa: ARG002  # its size is fixed
        """Returns a graph that takes pixels of any size."""
        example = torch.zeros(2, self.crop_px, self.crop_px, 3, dtype=torch.uint8)
        model = to_onnx(
            self.module,
            example,
            input_name="cropped",
            output_names=self.module.output_names,
        )
        image_preprocessing.prepend(
            model,
            resize_px=self.resize_px,
            crop_px=self.crop_px,
            filter_name=self.filter_name,
        )
        filters = self.module.body.filters()
        if filters is not None:
            add_constant_output(model, "filters", filters.detach().numpy())

        store_as_half(model)

        return model
