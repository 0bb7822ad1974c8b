"""This module leads from a data set to an exported model: split, encode, fit, calibrate, validate, export."""

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
from training.data.images import ImageDataset, ParityImages
from training.export import calibration as calibrating
from training.export.evaluation import evaluate
from training.export.freshness import fingerprint_code
from training.export.gate import Origin, export
from training.graph import Outputs
from training.learning.family import (
    Epoch,
    Family,
    FittedModel,
    HasCompanions,
    OnEpoch,
    TrainingError,
    find_imputed,
    summary_note,
)

CALIBRATION_FOLDS = 5
MIN_ROWS_PER_FOLD = 2


@dataclass(frozen=True, kw_only=True)
class Callbacks:
    """Callbacks are called with how far a training is."""

    stage: Callable[[str], None] = lambda _: None
    epoch: OnEpoch = lambda _: None


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """A TrainingRun holds a family, what it is to learn from, and how."""

    name: str
    family: Family
    dataset: Dataset | ImageDataset
    options: argparse.Namespace
    command: str
    callbacks: Callbacks = field(default_factory=Callbacks)

    @property
    def kind(self) -> str:
        """Returns what the family learns to be here; raises TrainingError where the task has nothing for it."""
        kinds = self.family.KINDS
        supervised = "classifier" if self.dataset.classes else "regressor"
        if supervised in kinds:
            return supervised

        if kinds[0] in ("classifier", "regressor"):
            has = "classes" if self.dataset.classes else "numbers"
            raise TrainingError(
                f"{self.name} is a {kinds[0]}, and the target of {self.dataset.task!r} has {has}"
            )

        return kinds[0]


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """A TrainedModel is what came of a run, before and after export."""

    fitted: FittedModel
    card: Card
    path: Path
    dataset: Dataset | ImageDataset
    rows: Split
    epochs: tuple[Epoch, ...] = ()


def train(training_run: TrainingRun, folder: Path) -> list[TrainedModel]:
    """Fits, exports into the folder, and returns the models; raises TrainingError or ExportError."""
    dataset, options = training_run.dataset, training_run.options
    check_dataset(training_run)
    rows = _split(training_run)
    epochs: list[Epoch] = []
    fitted, calibration, imputed = fit(training_run, rows, epochs.append)
    cross_validation = cross_validate(training_run)
    training_run.callbacks.stage("exporting")
    origin = Origin(
        family=training_run.name,
        summary=f"{training_run.family.SUMMARY}{summary_note(fitted)}",
        command=training_run.command,
        seed=options.seed,
        code=fingerprint_code(training_run.family),
        imputed=imputed,
        calibration=calibration,
        cross_validation=cross_validation,
    )
    path, card = export(fitted, dataset, rows, origin, folder)
    trained = [
        TrainedModel(
            fitted=fitted,
            card=card,
            path=path,
            dataset=dataset,
            rows=rows,
            epochs=tuple(epochs),
        )
    ]

    for companion in fitted.companions if isinstance(fitted, HasCompanions) else ():
        companion_origin = replace(
            origin,
            family=companion.family,
            summary=companion.summary,
            cross_validation=None,
            imputed=(),
        )
        path, card = export(
            companion.fitted,
            companion.dataset,
            companion.rows,
            companion_origin,
            folder,
        )
        trained.append(
            TrainedModel(
                fitted=companion.fitted,
                card=card,
                path=path,
                dataset=companion.dataset,
                rows=companion.rows,
            )
        )

    return trained


def _split(training_run: TrainingRun) -> Split:
    """Returns the split, which holds out all of parity images, because nothing is learnt from them."""
    dataset = training_run.dataset
    if isinstance(dataset, ParityImages):
        all_rows = np.arange(len(dataset.target), dtype=np.int64)
        return Split(train=all_rows[:0], validation=all_rows[:0], held_out=all_rows)
    return split(
        dataset,
        seed=training_run.options.seed,
        needs_validation=training_run.family.NEEDS_VALIDATION,
    )


def check_dataset(training_run: TrainingRun) -> None:
    """Raises TrainingError where the family can learn nothing from this data set."""
    if isinstance(training_run.dataset, ImageDataset):
        return
    if training_run.kind == "transformer" and any(training_run.dataset.categories):
        columns = zip(
            training_run.dataset.feature_names,
            training_run.dataset.categories,
            strict=True,
        )
        names = [name for name, values in columns if values]
        raise TrainingError(
            f"{training_run.name} needs numbers throughout: --exclude {shlex.join(names)}"
        )


def fit(
    training_run: TrainingRun, rows: Split, on_epoch: OnEpoch
) -> tuple[FittedModel, Calibration | None, tuple[float | None, ...]]:
    """Returns the fitted model of the raw inputs, its calibration, and what it takes each feature's gaps for."""
    dataset = training_run.dataset

    def report_epoch(epoch: Epoch) -> None:
        on_epoch(epoch)
        training_run.callbacks.epoch(epoch)

    fitted = training_run.family.fit(dataset, rows, training_run.options, report_epoch)
    imputed = find_imputed(fitted)
    calibration = None
    if (
        fitted.kind == "classifier"
        and training_run.family.NEEDS_CALIBRATION
        and not isinstance(dataset, ParityImages)
    ):
        probabilities, target = _predict_unseen(training_run, fitted, dataset, rows)
        calibration = calibrating.calibrate(probabilities, target)
        fitted = calibrating.CalibratedModel(
            fitted, temperature=calibration.temperature, floor=calibration.floor
        )

    return fitted, calibration, imputed


def cross_validate(training_run: TrainingRun) -> CrossValidation | None:
    """Returns mean and standard deviation of each metric over `--folds` folds of all rows, or None without folds."""
    folds = training_run.options.folds
    if not folds:
        return None

    if training_run.dataset.classes:
        min_class_rows = int(
            np.bincount(training_run.dataset.target.astype(np.int64)).min()
        )
        if min_class_rows < folds:
            raise TrainingError(
                f"--folds {folds}: the smallest class has only {min_class_rows} rows"
            )

    all_rows = np.arange(len(training_run.dataset.target), dtype=np.int64)
    measured = []
    for number, outputs, rows in _predict_folds(training_run, all_rows, folds=folds):
        training_run.callbacks.stage(f"fold {number} of {folds}")
        measured.append(
            evaluate(training_run.kind, outputs, training_run.dataset, rows.held_out)
        )

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
    training_run: TrainingRun, all_rows: NDArray[np.int64], *, folds: int
) -> Iterator[tuple[int, Outputs, Split]]:
    """Yields what a model that learnt from the other folds says of each fold."""
    splits = split_folds(
        training_run.dataset,
        all_rows,
        folds=folds,
        seed=training_run.options.seed,
        needs_validation=training_run.family.NEEDS_VALIDATION,
    )
    for number, rows in enumerate(splits, start=1):
        fitted, _, _ = fit(training_run, rows, lambda _: None)
        yield number, fitted.outputs(training_run.dataset.inputs[rows.held_out]), rows


def _predict_unseen(
    training_run: TrainingRun,
    fitted: FittedModel,
    dataset: Dataset | ImageDataset,
    rows: Split,
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Returns probabilities of rows that the model did not learn from, and their target, to fit a temperature on.

    These are the validation rows or, in a family without, the training rows, each seen by a model of the others.
    """
    target = dataset.target.astype(np.int64)
    if training_run.family.NEEDS_VALIDATION:
        return fitted.outputs(dataset.inputs[rows.validation])["probabilities"], target[
            rows.validation
        ]

    folds = min(CALIBRATION_FOLDS, int(np.bincount(target[rows.train]).min()))
    if folds < MIN_ROWS_PER_FOLD:
        raise TrainingError(
            f"a class of {dataset.task!r} has too few rows to calibrate on"
        )

    parts = list(
        split_folds(
            dataset,
            rows.train,
            folds=folds,
            seed=training_run.options.seed,
            needs_validation=False,
        )
    )
    probabilities = np.empty((len(target), len(dataset.classes)))

    for part in parts:
        fold_model = training_run.family.fit(
            dataset, part, training_run.options, lambda _: None
        )
        probabilities[part.held_out] = fold_model.outputs(
            dataset.inputs[part.held_out]
        )["probabilities"]

    return probabilities[rows.train], target[rows.train]
