"""This module measures what pretrained weights are worth: accuracy by number of images, fine-tuned and from scratch."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from model_card import Metric
from training.data.datasets import Split
from training.data.images import ImageDataset
from training.export.evaluation import evaluate_classifier
from training.images.architecture import CONVNET
from training.images.classifier import fit_model
from training.images.network import FittedImageClassifier
from training.transfer.pretrained import Pretrained, has_own_weights, use_own_network

SIZES = (50, 500)
"""So many images of each class are learnt from; all of them come last."""
SCRATCH = f"{CONVNET}, from scratch"

Point = tuple[int, Mapping[str, Metric]]
"""A point is images for each class, and the accuracy, with its interval, of each network by its name."""
Learn = Callable[[Split], FittedImageClassifier]


def measure(
    family: Pretrained,
    dataset: ImageDataset,
    rows: Split,
    options: argparse.Namespace,
    *,
    whole: Metric | None = None,
    sizes: Sequence[int] = SIZES,
    on_progress: Callable[[str], None] = lambda _: None,
) -> list[Point]:
    """Returns points on the held-out images; all networks learn the same images.

    The small network from scratch learns in one go. `whole` is what the network has attained with all images, where
    that is known.
    """
    counts = np.bincount(dataset.target[rows.train])
    learners = _list_learners(family, dataset, options)
    points: list[Point] = []

    for size in (*(each for each in sizes if each < counts.min()), int(counts.max())):
        part = choose(dataset, rows, size, seed=options.seed)
        accuracies = {}
        for name, learn in learners.items():
            on_progress(f"{name}, {size} images of each class")
            is_known = whole and size == counts.max() and name == options.arch
            accuracies[name] = (
                whole if whole and is_known else _measure(learn(part), dataset, rows)
            )

        points.append((size, accuracies))

    return points


def choose(dataset: ImageDataset, rows: Split, size: int, *, seed: int) -> Split:
    """Returns so many training images of each class, or all that there are; a larger choice holds the smaller ones."""
    order = np.random.default_rng(seed).permutation(rows.train)
    kept = [
        order[dataset.target[order] == each][:size]
        for each in range(len(dataset.classes))
    ]
    return replace(
        rows, train=np.sort(np.concatenate(kept)), validation=rows.validation[:0]
    )


def _list_learners(
    family: Pretrained, dataset: ImageDataset, options: argparse.Namespace
) -> dict[str, Learn]:
    """Returns the network itself, our own where its weights are here, and our own from scratch."""
    own = use_own_network(options)
    tuned = [options]
    if options.arch != CONVNET and has_own_weights(own):
        tuned.append(own)

    def fine_tune(part: Split, given: argparse.Namespace) -> FittedImageClassifier:
        model, head = family.make_model(dataset, part, given)
        family.fine_tune(model, head, dataset, part, given, lambda _: None)
        return family.make_fitted(model, dataset, given)

    def start_from_scratch(part: Split) -> FittedImageClassifier:
        model = family.make_untrained_model(dataset, part, own)
        fit_model(model, dataset, part, family.schedule(own), lambda _: None)
        return family.make_fitted(model, dataset, own)

    learners: dict[str, Learn] = {
        each.arch: lambda part, each=each: fine_tune(part, each)  # type: ignore[misc]  # mypy knows no defaults here
        for each in tuned
    }

    return learners | {SCRATCH: start_from_scratch}


def _measure(
    fitted: FittedImageClassifier, dataset: ImageDataset, rows: Split
) -> Metric:
    outputs = fitted.outputs(dataset.pixels[rows.held_out])
    return evaluate_classifier(outputs, dataset.target[rows.held_out])["accuracy"]
