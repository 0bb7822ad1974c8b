"""This module lets a family of classifiers learn from more images of digits than there are, so that it reads drawings.

To the training rows it adds distorted copies of them, and digits drawn with a pen, in shapes that the data set's
writers seldom used. Validation and held-out rows stay as they are.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from training import option_types as types
from training.data import strokes
from training.data.datasets import Dataset, Split
from training.data.distortion import distort
from training.learning.family import Family, FittedModel, OnEpoch, TrainingError

TASK = "digits"
COPIES = 2
DRAWN = 50


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--copies",
        type=types.natural,
        default=argparse.SUPPRESS,
        help=f"distorted copies of each image of --task {TASK} that are learnt besides; {COPIES} without it",
    )
    parser.add_argument(
        "--drawn",
        type=types.natural,
        default=argparse.SUPPRESS,
        help=f"drawings of each digit of --task {TASK} that are learnt besides; {DRAWN} without it",
    )


def fill_defaults(options: argparse.Namespace, family: Family) -> None:
    """Sets what the digits' classifiers learn besides, in place, where the options do not say it."""
    if options.task == TASK and "classifier" in family.KINDS:
        options.copies = getattr(options, "copies", COPIES)
        options.drawn = getattr(options, "drawn", DRAWN)


def enlarge_family(family: Family, options: argparse.Namespace) -> Family:
    """Returns the family as the options enlarge it; raises TrainingError for a task that has no copies."""
    asked = [name for name in ("copies", "drawn") if hasattr(options, name)]
    if asked and options.task != TASK:
        raise TrainingError(
            f"--{asked[0]} is for --task {TASK}: no other rows are images of digits"
        )

    if not any(getattr(options, name) for name in asked):
        return family
    return EnlargedFamily(inner=family)


@dataclass(frozen=True, kw_only=True)
class EnlargedFamily:
    """An EnlargedFamily is an `inner` family whose every fit, those of folds included, sees more training rows."""

    inner: Family

    @property
    def SUMMARY(self) -> str:  # noqa: N802  # a Family's names
        return self.inner.SUMMARY

    @property
    def NEEDS_VALIDATION(self) -> bool:  # noqa: N802
        return self.inner.NEEDS_VALIDATION

    @property
    def NEEDS_CALIBRATION(self) -> bool:  # noqa: N802
        return self.inner.NEEDS_CALIBRATION

    @property
    def KINDS(self) -> tuple[str, ...]:  # noqa: N802
        return self.inner.KINDS

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        self.inner.add_options(parser)

    def fit(
        self,
        dataset: Dataset,
        rows: Split,
        options: argparse.Namespace,
        on_epoch: OnEpoch,
    ) -> FittedModel:
        """Fits the inner family to the enlarged training rows; the model says in its summary what was added."""
        larger, more = enlarge(
            dataset,
            rows,
            n_copies=options.copies,
            n_drawn=options.drawn,
            seed=options.seed,
        )
        fitted: Any = self.inner.fit(larger, more, options, on_epoch)
        fitted.summary_note = (
            f", learnt with {options.copies} distorted copies of each image "
            f"and {options.drawn} drawings of each digit"
        )
        return fitted  # type: ignore[no-any-return]  # a FittedModel with a note


def enlarge(
    dataset: Dataset, rows: Split, *, n_copies: int, n_drawn: int, seed: int
) -> tuple[Dataset, Split]:
    """Returns the data set with rows added at its end, and the split with these among the training rows.

    The training rows come first, then their copies in the same order, then the drawings.
    """
    assert dataset.image_shape is not None
    generator = np.random.default_rng(seed)
    train, target = dataset.features[rows.train], dataset.target[rows.train]
    images = train.reshape(-1, *dataset.image_shape)
    features: list[Any] = [dataset.features]
    targets: list[Any] = [dataset.target]

    for _ in range(n_copies):
        features.append(distort(images, generator).reshape(train.shape))
        targets.append(target)

    if n_drawn:
        drawings, digits = strokes.draw_digits(n_drawn, seed=seed)
        features.append(drawings)
        targets.append(digits)

    larger = replace(
        dataset, features=np.concatenate(features), target=np.concatenate(targets)
    )
    added = np.arange(len(dataset.target), len(larger.target), dtype=np.int64)

    return larger, replace(rows, train=np.concatenate([rows.train, added]))
