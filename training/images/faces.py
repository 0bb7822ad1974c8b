"""Faces are recognised by eigenfaces, the nearest known portrait, and a distance beyond which a person is unknown.

The source is M. Turk and A. Pentland, "Eigenfaces for Recognition", J. Cognitive Neuroscience 3 (1991), 71-86. The
distance is the one at which, on the validation portraits, as many strangers are taken for a known person as known
persons rejected (the equal error rate): a known person is a stranger to the others' portraits. Once it is found, the
validation portraits are known too. A class `unknown` of the data is of strangers throughout; it is never learnt, and
tells the distance too.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from torch import Tensor, nn

from training import option_types as types
from training.data.datasets import Split
from training.data.images import ImageDataset
from training.images.classifier import ImageFamily
from training.images.gradient_descent import ImageNetwork, score
from training.images.network import FittedImageClassifier
from training.learning.family import OnEpoch, TrainingError

TASK = "people"
UNKNOWN = "unknown"
SIZE_PX = 64
COMPONENTS = 50
LUMA = (0.299, 0.587, 0.114)
"""Red, green and blue have these shares in brightness, by Recommendation ITU-R BT.601."""
EPSILON = 1e-6

Floats = NDArray[np.float64]


class Eigenfaces(nn.Module):
    """Eigenfaces maps images `(n_images, 3, height, width)` to scores `(n_images, n_persons + 1)`, the last the
    unknown's.

    A score is the negative distance to a person's nearest portrait, in units of `scale`; the unknown's is the
    threshold's. `components` are `(n_components, n_pixels)`, `mean` is `(n_pixels,)`.
    """

    luma: Tensor

    def __init__(self, mean: Tensor, components: Tensor, size_px: int) -> None:
        super().__init__()
        self.size_px = size_px
        self.mean = nn.Parameter(mean, requires_grad=False)
        self.components = nn.Parameter(components, requires_grad=False)
        self.gallery = nn.Parameter(
            torch.zeros(0, 0, len(components)), requires_grad=False
        )
        self.register_buffer("luma", torch.tensor(LUMA).view(1, 3, 1, 1))
        self.threshold, self.scale = 1.0, 1.0

    def enrol(self, images: Tensor, target: NDArray[np.int64]) -> None:
        """Keeps the codes of each person's portraits, `(n_persons, max_portraits, n_components)`."""
        codes = self.centre(images) @ self.components.T
        of_person = [
            codes[torch.from_numpy(target == person)]
            for person in range(target.max() + 1)
        ]
        max_portraits = max(len(each) for each in of_person)
        filled = [
            torch.cat([each, each[:1].expand(max_portraits - len(each), -1)])
            for each in of_person
        ]
        self.gallery.data = torch.stack(filled)

    def centre(self, images: Tensor) -> Tensor:
        """Returns brightness `(n_images, n_pixels)` less the mean face."""
        return flatten(images, self.luma) - self.mean

    def distances(self, faces: Tensor) -> Tensor:
        """Returns distances to each person's nearest portrait as the eigenfaces make it, `(n_images, n_persons)`.

        They add the distance among the eigenfaces and that from them, because what they cannot make is no known
        person.
        """
        portraits = self.gallery.flatten(0, 1)
        codes = faces @ self.components.T
        squares = (
            (faces**2).sum(1, keepdim=True)
            + (portraits**2).sum(1)
            - 2 * codes @ portraits.T
        )
        nearest = squares.reshape(-1, *self.gallery.shape[:2]).amin(2)

        return torch.sqrt(torch.clamp(nearest, min=0.0))

    def layers(self, images: Tensor) -> list[Tensor]:  # noqa: ARG002  # as the other bodies
        """Returns nothing, because no layer is an image."""
        return []

    def score(self, last: Tensor) -> Tensor:
        """Returns scores of the images themselves."""
        distances = self.distances(self.centre(last))
        limit = torch.full_like(distances[:, :1], self.threshold)
        return -torch.cat([distances, limit], dim=1) / self.scale

    def filters(self) -> Tensor:
        """Returns the mean face and the eigenfaces, as grey pictures."""
        faces = torch.cat([self.mean[None], self.components])
        return faces.reshape(-1, self.size_px, self.size_px, 1).expand(-1, -1, -1, 3)

    def fold(self) -> None:
        """Does nothing, because there is no normalisation to fold."""

    def forward(self, images: Tensor) -> Tensor:
        return self.score(images)


@dataclass(frozen=True, kw_only=True)
class Faces(ImageFamily):
    """Faces is a family that learns persons from their portraits."""

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        text = "eigenfaces, at most; there are fewer than portraits"
        parser.add_argument(
            "--components", type=types.count, default=COMPONENTS, help=text
        )
        parser.set_defaults(size=SIZE_PX)

    def fit(
        self,
        dataset: ImageDataset,
        rows: Split,
        options: argparse.Namespace,
        on_epoch: OnEpoch,  # noqa: ARG002  # nothing is repeated
    ) -> FittedImageClassifier:
        """Learns the persons of all classes but the last, which is the unknown's; raises TrainingError."""
        if dataset.classes[-1] != UNKNOWN:
            raise TrainingError(
                f"expected the last class to be {UNKNOWN!r}, got {dataset.classes[-1]!r}"
            )

        size_px = dataset.pixels.shape[1]
        known = rows.train[dataset.target[rows.train] < len(dataset.classes) - 1]
        model = ImageNetwork(
            _fit_eigenfaces(dataset.pixels[known], options),
            np.zeros((1, 1, 1, 3), dtype=np.uint8),
        )
        note = _enrol_and_limit(model, dataset, rows)
        fitted = FittedImageClassifier(
            model,
            mirrors=False,
            resize_px=size_px,
            crop_px=size_px,
            half_precision=False,
        )
        fitted.packages = (*fitted.packages, "scikit-learn")
        fitted.summary_note = note

        return fitted


def prepare(dataset: ImageDataset) -> ImageDataset:
    """Returns the same portraits with the class `unknown` as the last, which may be a folder of strangers, or empty."""
    known = [name for name in dataset.classes if name != UNKNOWN]
    order = [*known, UNKNOWN]
    target = np.array(
        [order.index(dataset.classes[each]) for each in dataset.target], dtype=np.int64
    )

    return replace(dataset, classes=tuple(order), target=target)


def choose_threshold(own: Floats, other: Floats) -> tuple[float, float]:
    """Returns the distance of equal error rate, and that rate: the larger of both errors, where that is least.

    `own` are distances of known persons to their own portraits, `other` of strangers to the nearest.
    """
    every = np.unique(np.concatenate([own, other]))
    between = np.concatenate([every[:1] / 2, (every[:-1] + every[1:]) / 2])
    rejected = 1 - np.searchsorted(np.sort(own), between, side="right") / len(own)
    accepted = np.searchsorted(np.sort(other), between, side="right") / len(other)
    errors = np.maximum(rejected, accepted)
    best = np.flatnonzero(errors == errors.min())

    return float(between[best[len(best) // 2]]), float(errors.min())


def flatten(images: Tensor, luma: Tensor) -> Tensor:
    """Returns brightness `(n_images, n_pixels)` with mean 0 and deviation 1 of each image, so that light does not
    count.
    """
    grey = (images * luma).sum(1).flatten(1)
    centred = grey - grey.mean(1, keepdim=True)
    return centred / torch.sqrt((centred**2).mean(1, keepdim=True) + EPSILON)


def _fit_eigenfaces(
    pixels: NDArray[np.uint8], options: argparse.Namespace
) -> Eigenfaces:
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    faces = flatten(images, torch.tensor(LUMA).view(1, 3, 1, 1)).numpy()
    n_components = min(options.components, len(faces) - 1, faces.shape[1])
    pca = PCA(n_components, svd_solver="randomized", random_state=options.seed).fit(
        faces
    )
    mean, components = (
        torch.from_numpy(each.astype(np.float32))
        for each in (pca.mean_, pca.components_)
    )

    return Eigenfaces(mean, components, pixels.shape[1])


def _enrol_and_limit(model: ImageNetwork, dataset: ImageDataset, rows: Split) -> str:
    """Sets the threshold by the validation portraits, then keeps them too; returns what the summary says of both."""
    body = model.body
    assert isinstance(body, Eigenfaces)
    _enrol(model, dataset, rows.train)
    own, other = _measure_distances(model, dataset, rows.validation)
    body.threshold, error_rate = choose_threshold(own, other)

    n_enrolled = _enrol(model, dataset, np.concatenate([rows.train, rows.validation]))
    _, strangers = _measure_distances(model, dataset, rows.held_out)
    taken = float((strangers <= body.threshold).mean())
    body.scale = max(float(np.std(own)), EPSILON)

    return (
        f", {n_enrolled} portraits known, unknown beyond a distance of {body.threshold:.4g} (equal error rate "
        f"{error_rate:.1%}; {taken:.1%} of {len(strangers)} held-out strangers are taken for someone)"
    )


def _enrol(model: ImageNetwork, dataset: ImageDataset, rows: NDArray[np.int64]) -> int:
    """Keeps these portraits of known persons, in place of others, and returns how many they are."""
    assert isinstance(model.body, Eigenfaces)
    known = rows[dataset.target[rows] < len(dataset.classes) - 1]
    images = model.standardise(torch.from_numpy(dataset.pixels[known]))
    model.body.enrol(images, dataset.target[known])
    return len(known)


def _measure_distances(
    model: ImageNetwork, dataset: ImageDataset, rows: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Returns distances of these portraits to their own person, and to the nearest other; raises TrainingError."""
    n_known = len(dataset.classes) - 1
    distances = -score(model, dataset.pixels[rows]).double().numpy()[:, :n_known]
    target = dataset.target[rows]
    is_own = np.arange(n_known) == target[:, None]
    other = np.where(is_own, np.inf, distances).min(axis=1)
    other = other[np.isfinite(other)]
    if not len(other):
        raise TrainingError(
            f"one person alone: a folder {UNKNOWN!r} with portraits of others is needed"
        )

    return distances[is_own], other


FACES = Faces(
    SUMMARY="Face recognition",
    body=lambda options, size_px, n_classes: nn.Identity(),  # noqa: ARG005  # what it is comes from the portraits
    epochs=0,
    learning_rate=0.0,
    weight_decay=0.0,
    shift_px=0,
    smoothing=0.0,
)
