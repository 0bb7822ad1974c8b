"""From a data set to an exported model: split, encode, learn, calibrate, validate, export."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_card import Calibration, Card, CrossValidation, Spread
from training.data.datasets import Dataset, Split, split, split_folds
from training.data.images import ImageDataset, Probes
from training.export import calibration as calibrating
from training.export.encoding import Encoded, Encoding
from training.export.evaluation import evaluate
from training.export.freshness import fingerprint_code
from training.export.gate import Origin, export
from training.graph import Outputs
from training.learning.family import (
    Accompanied,
    Epoch,
    Family,
    Fitted,
    LearningError,
    OnEpoch,
    remark,
)

CALIBRATION_FOLDS = 5
FEWEST_PER_FOLD = 2


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Whom to tell how far it is."""

    stage: Callable[[str], None] = lambda _: None
    epoch: OnEpoch = lambda _: None


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """A family, what it is to learn from, and how."""

    name: str
    family: Family
    dataset: Dataset | ImageDataset
    options: argparse.Namespace
    command: str
    watch: Watch = field(default_factory=Watch)

    @property
    def kind(self) -> str:
        """What the family learns to be here; raises LearningError where the task has nothing for it."""
        kinds = self.family.KINDS
        supervised = "classifier" if self.dataset.classes else "regressor"
        if supervised in kinds:
            return supervised

        if kinds[0] in ("classifier", "regressor"):
            has = "classes" if self.dataset.classes else "numbers"
            raise LearningError(
                f"{self.name} is a {kinds[0]}, and the target of {self.dataset.task!r} has {has}"
            )

        return kinds[0]


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """A lesson's outcome, before and after export."""

    fitted: Fitted
    card: Card
    path: Path
    dataset: Dataset | ImageDataset
    rows: Split
    epochs: tuple[Epoch, ...] = ()


def train(lesson: Lesson, folder: Path) -> list[Learnt]:
    """Learns, exports into the folder, and says what came of it; raises LearningError or ExportError."""
    dataset, options = lesson.dataset, lesson.options
    check(lesson)
    rows = _split(lesson)
    epochs: list[Epoch] = []
    fitted, calibration, imputed = learn(lesson, rows, epochs.append)
    cross_validation = cross_validate(lesson)
    lesson.watch.stage("exporting")
    origin = Origin(
        family=lesson.name,
        summary=f"{lesson.family.SUMMARY}{remark(fitted)}",
        command=lesson.command,
        seed=options.seed,
        code=fingerprint_code(lesson.family),
        imputed=imputed,
        calibration=calibration,
        cross_validation=cross_validation,
    )
    path, card = export(fitted, dataset, rows, origin, folder)
    learnt = [
        Learnt(
            fitted=fitted,
            card=card,
            path=path,
            dataset=dataset,
            rows=rows,
            epochs=tuple(epochs),
        )
    ]

    for companion in fitted.companions if isinstance(fitted, Accompanied) else ():
        beside = replace(
            origin,
            family=companion.family,
            summary=companion.summary,
            cross_validation=None,
            imputed=(),
        )
        path, card = export(
            companion.fitted, companion.dataset, companion.rows, beside, folder
        )
        learnt.append(
            Learnt(
                fitted=companion.fitted,
                card=card,
                path=path,
                dataset=companion.dataset,
                rows=companion.rows,
            )
        )

    return learnt


def _split(lesson: Lesson) -> Split:
    """Of probes all are held out: nothing is learnt from them."""
    dataset = lesson.dataset
    if isinstance(dataset, Probes):
        every = np.arange(len(dataset.target), dtype=np.int64)
        return Split(train=every[:0], validation=every[:0], held_out=every)
    return split(dataset, seed=lesson.options.seed, validates=lesson.family.VALIDATES)


def check(lesson: Lesson) -> None:
    """Raises LearningError where the family can learn nothing from this data set."""
    if isinstance(lesson.dataset, ImageDataset):
        return
    if lesson.kind == "transformer" and any(lesson.dataset.categories):
        columns = zip(
            lesson.dataset.feature_names, lesson.dataset.categories, strict=True
        )
        names = [name for name, values in columns if values]
        raise LearningError(
            f"{lesson.name} needs numbers throughout: --exclude {shlex.join(names)}"
        )


def learn(
    lesson: Lesson, rows: Split, on_epoch: OnEpoch
) -> tuple[Fitted, Calibration | None, tuple[float | None, ...]]:
    """The learnt model of the raw inputs, calibrated where its family is, and how it fills each feature's gaps."""
    if isinstance(lesson.dataset, ImageDataset):
        return *_learn(lesson, lesson.dataset, rows, on_epoch), ()

    encoding = Encoding(lesson.dataset, rows)
    fitted, calibration = _learn(lesson, encoding.apply(lesson.dataset), rows, on_epoch)

    return (
        (Encoded(fitted, encoding) if encoding.is_needed else fitted),
        calibration,
        encoding.fill,
    )


def _learn(
    lesson: Lesson, dataset: Dataset | ImageDataset, rows: Split, on_epoch: OnEpoch
) -> tuple[Fitted, Calibration | None]:
    def tell(epoch: Epoch) -> None:
        on_epoch(epoch)
        lesson.watch.epoch(epoch)

    fitted = lesson.family.fit(dataset, rows, lesson.options, tell)
    calibration = None
    if (
        fitted.kind == "classifier"
        and lesson.family.CALIBRATES
        and not isinstance(dataset, Probes)
    ):
        probabilities, target = _unseen(lesson, fitted, dataset, rows)
        calibration = calibrating.calibrate(probabilities, target)
        fitted = calibrating.Calibrated(
            fitted, temperature=calibration.temperature, floor=calibration.floor
        )

    return fitted, calibration


def cross_validate(lesson: Lesson) -> CrossValidation | None:
    """Mean and standard deviation of each metric over `--folds` folds of all rows; None without folds."""
    folds = lesson.options.folds
    if not folds:
        return None

    if lesson.dataset.classes:
        fewest = int(np.bincount(lesson.dataset.target.astype(np.int64)).min())
        if fewest < folds:
            raise LearningError(
                f"--folds {folds}: the smallest class has only {fewest} rows"
            )

    every = np.arange(len(lesson.dataset.target), dtype=np.int64)
    measured = []
    for number, outputs, rows in _predict_folds(lesson, every, folds=folds):
        lesson.watch.stage(f"fold {number} of {folds}")
        measured.append(evaluate(lesson.kind, outputs, lesson.dataset, rows.held_out))

    names = [name for name in measured[0] if all(name in each for each in measured)]
    values = {name: [each[name].value for each in measured] for name in names}
    spreads = {
        name: Spread(
            mean=float(f"{np.mean(each):.8g}"),
            standard_deviation=float(f"{np.std(each, ddof=1):.8g}"),
        )
        for name, each in values.items()
    }

    return CrossValidation(folds=folds, metrics=spreads)


def _predict_folds(
    lesson: Lesson, every: NDArray[np.int64], *, folds: int
) -> Iterator[tuple[int, Outputs, Split]]:
    """What a model that learnt from the other folds says of each fold."""
    splits = split_folds(
        lesson.dataset,
        every,
        folds=folds,
        seed=lesson.options.seed,
        validates=lesson.family.VALIDATES,
    )
    for number, rows in enumerate(splits, start=1):
        fitted, _, _ = learn(lesson, rows, lambda _: None)
        yield number, fitted.outputs(lesson.dataset.inputs[rows.held_out]), rows


def _unseen(
    lesson: Lesson, fitted: Fitted, dataset: Dataset | ImageDataset, rows: Split
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Probabilities of rows that the model did not learn from, and their target: what a temperature is fitted on.

    These are the validation rows or, in a family without, the training rows, each seen by a model of the others.
    """
    target = dataset.target.astype(np.int64)
    if lesson.family.VALIDATES:
        return fitted.outputs(dataset.inputs[rows.validation])["probabilities"], target[
            rows.validation
        ]

    folds = min(CALIBRATION_FOLDS, int(np.bincount(target[rows.train]).min()))
    if folds < FEWEST_PER_FOLD:
        raise LearningError(
            f"a class of {dataset.task!r} has too few rows to calibrate on"
        )

    parts = list(
        split_folds(
            dataset, rows.train, folds=folds, seed=lesson.options.seed, validates=False
        )
    )
    probabilities = np.empty((len(target), len(dataset.classes)))

    for part in parts:
        other = lesson.family.fit(dataset, part, lesson.options, lambda _: None)
        probabilities[part.held_out] = other.outputs(dataset.inputs[part.held_out])[
            "probabilities"
        ]

    return probabilities[rows.train], target[rows.train]
