"""This module measures what pretrained weights are worth: accuracy by number of images, fine-tuned and from scratch."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from model_card import Metric
from training.data.datasets import Split
from training.data.images import ImageDataset
from training.export.evaluation import evaluate_classifier
from training.images.classifier import fit_model
from training.images.network import FittedImageClassifier
from training.images.pretrained import Pretrained

SIZES = (50, 500)
"""So many images of each class are learnt from; all of them come last."""

Point = tuple[int, Metric, Metric]
"""A point is images for each class, and the accuracy, with its interval, fine-tuned and from scratch."""


def measure(
    family: Pretrained,
    dataset: ImageDataset,
    rows: Split,
    options: argparse.Namespace,
    *,
    sizes: Sequence[int] = SIZES,
    on_progress: Callable[[str], None] = lambda _: None,
) -> list[Point]:
    """Returns points on the held-out images; both networks learn the same images with the same schedule.

    The network from scratch learns in one go.
    """
    counts = np.bincount(dataset.target[rows.train])
    points = []

    for size in (*(each for each in sizes if each < counts.min()), int(counts.max())):
        on_progress(f"fine-tuning and from scratch, {size} images of each class")
        part = choose(dataset, rows, size, seed=options.seed)
        tuned = _measure(_fine_tune(family, dataset, part, options), dataset, rows)
        points.append(
            (
                size,
                tuned,
                _measure(
                    _train_from_scratch(family, dataset, part, options), dataset, rows
                ),
            )
        )

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


def _fine_tune(
    family: Pretrained, dataset: ImageDataset, rows: Split, options: argparse.Namespace
) -> FittedImageClassifier:
    model, head = family.make_model(dataset, rows, options)
    family.fine_tune(model, head, dataset, rows, options, lambda _: None)
    return family.make_fitted(model, dataset, options)


def _train_from_scratch(
    family: Pretrained, dataset: ImageDataset, rows: Split, options: argparse.Namespace
) -> FittedImageClassifier:
    model = family.make_untrained_model(dataset, rows, options)
    fit_model(model, dataset, rows, family.schedule(options), lambda _: None)
    return family.make_fitted(model, dataset, options)


def _measure(
    fitted: FittedImageClassifier, dataset: ImageDataset, rows: Split
) -> Metric:
    outputs = fitted.outputs(dataset.pixels[rows.held_out])
    return evaluate_classifier(outputs, dataset.target[rows.held_out])["accuracy"]
