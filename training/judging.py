"""This module keeps a trained file only where it is better than an answer that looks at nothing.

Such an answer is the mean of the training rows for a regressor, and their most frequent class for a classifier.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from training.export.gate import write_atomically
from training.learning.family import Epoch, TrainingError
from training.pipeline import TrainedModel, TrainingRun, train

FREQUENT = 0.8
"""Where one class has so great a share of the rows, its share is said beside the accuracy."""
GROWTH = 10.0
"""A training loss that ends at so many times its lowest has exploded."""


def train_and_judge(
    training_run: TrainingRun, folder: Path, *, force: bool
) -> tuple[list[TrainedModel], tuple[str, ...]]:
    """Returns the models, whose files are in the folder, and what is to be said of them.

    It raises TrainingError, and leaves the folder as it was, where a model is worse than a constant answer and
    `force` is not set. Models that were fitted along with it are not judged: a discriminator is to be fooled.
    """
    with tempfile.TemporaryDirectory(prefix="veredicto-trial-") as trial:
        trained = train(training_run, Path(trial))
        first = trained[0]
        notes = [
            *describe_bounds(first),
            *describe_explosion(first.epochs),
            *describe_imbalance(first),
        ]
        fault = find_fault(first)
        if fault is not None and not force:
            hint = "--force exports it all the same"
            raise TrainingError("; ".join([fault, *notes, hint]))

        kept = [_move(each, folder) for each in trained]

    return kept, (*([fault] if fault else []), *notes)


def describe_bounds(trained: TrainedModel) -> list[str]:
    """Returns a sentence on what a family bounded of a large table's model, and nothing where it bounded nothing."""
    fitted: Any = trained.fitted
    while (inner := getattr(fitted, "fitted", None)) is not None:
        fitted = inner

    note = getattr(fitted, "bounds_note", "").removeprefix(", ")

    return [f"{trained.card.name} is bounded: {note}"] if note else []


def describe_explosion(epochs: Sequence[Epoch]) -> list[str]:
    """Returns a sentence where the training loss grew instead of falling, and nothing elsewhere."""
    losses = [each.losses["train"] for each in epochs if "train" in each.losses]
    if not losses or losses[-1] < GROWTH * max(min(losses), 1.0):
        return []

    lowest = int(np.argmin(losses))

    return [
        f"the training loss exploded, from {losses[lowest]:.4g} in epoch {epochs[lowest].number} to {losses[-1]:.4g} "
        f"in epoch {epochs[len(losses) - 1].number}: lower --learning-rate; the best epoch is kept"
    ]


def describe_imbalance(trained: TrainedModel) -> list[str]:
    """Returns a sentence where one class is so frequent that the accuracy says little, and nothing elsewhere."""
    if trained.card.kind != "classifier" or "accuracy" not in trained.card.metrics:
        return []

    majority, share, _ = find_majority(trained)
    if share < FREQUENT:
        return []

    return [
        f"{trained.card.name}: always answering {majority!r} is right on {share:.1%} of the held-out rows, "
        f"this model on {trained.card.metrics['accuracy'].value:.1%}; its balanced accuracy is "
        f"{trained.card.metrics['balanced_accuracy'].value:.3f} of 1",
        *describe_threshold(trained, majority),
    ]


def describe_threshold(trained: TrainedModel, majority: str) -> list[str]:
    """Returns a sentence on another threshold than a half for the rare one of two classes, where it finds more of it.

    The rare class's share of the training rows is the threshold of the best balanced accuracy, if probabilities hold:
    it weighs a row of each class by one over the class's share.
    """
    classes = trained.dataset.classes
    if len(classes) != 2 or trained.card.calibration is None:
        return []

    target = trained.dataset.target.astype(np.int64)
    rare = 1 - classes.index(majority)
    threshold = float((target[trained.rows.train] == rare).mean())
    held_out = trained.rows.held_out
    outputs = trained.fitted.outputs(trained.dataset.inputs[held_out])
    is_taken = outputs["probabilities"][:, rare] >= threshold
    is_rare = target[held_out] == rare
    found, wrong = is_taken[is_rare].mean(), is_taken[~is_rare].mean()
    balanced = (found + 1 - wrong) / 2
    if balanced <= trained.card.metrics["balanced_accuracy"].value:
        return []

    return [
        f"{trained.card.name}: {classes[rare]!r} taken from a probability of {threshold:.3g} on, its share of the "
        f"training rows, finds {found:.1%} of its held-out rows, and takes {wrong:.1%} of the others for it: balanced "
        f"accuracy {balanced:.3f}; where to miss one costs r times as much as to take another for it, the threshold "
        "is 1 / (1 + r) (/predict_proba has the probabilities)"
    ]


def find_fault(trained: TrainedModel) -> str | None:
    """Returns the sentence that says by which figures a model is worse than a constant answer, or None."""
    if trained.card.kind == "regressor":
        return _find_regressor_fault(trained)
    if trained.card.kind == "classifier" and "accuracy" in trained.card.metrics:
        return _find_classifier_fault(trained)
    return None


def find_majority(trained: TrainedModel) -> tuple[str, float, float]:
    """Returns the training rows' most frequent class, its share of held-out rows, and the shares' log loss there."""
    target = trained.dataset.target.astype(np.int64)
    counts = np.bincount(
        target[trained.rows.train], minlength=len(trained.dataset.classes)
    )
    held_out = target[trained.rows.held_out]
    shares = np.maximum(counts, 1) / np.maximum(counts, 1).sum()
    majority = int(counts.argmax())

    return (
        trained.dataset.classes[majority],
        float((held_out == majority).mean()),
        float(-np.log(shares[held_out]).mean()),
    )


def _find_regressor_fault(trained: TrainedModel) -> str | None:
    r2 = trained.card.metrics.get("r2")
    if r2 is None or r2.value >= 0:
        return None
    return (
        f"{trained.card.name} is worse than the mean of the training rows: "
        f"R² {r2.value:.4g} on {len(trained.rows.held_out)} held-out rows"
    )


def _find_classifier_fault(trained: TrainedModel) -> str | None:
    """Returns a fault where the accuracy is surely under the majority's, and the probabilities are no better either.

    A classifier of a rare class may be right less often than one that never names it, and its probabilities still
    say more.
    """
    metrics = trained.card.metrics
    majority, share, prior_loss = find_majority(trained)
    highest = (metrics["accuracy"].interval or (0.0, metrics["accuracy"].value))[1]
    if highest >= share or metrics["log_loss"].value < prior_loss:
        return None
    return (
        f"{trained.card.name} is worse than always answering {majority!r}: accuracy {metrics['accuracy'].value:.3f} "
        f"against {share:.3f} on {len(trained.rows.held_out)} held-out rows"
    )


def _move(trained: TrainedModel, folder: Path) -> TrainedModel:
    path = folder / trained.path.name
    write_atomically(path, trained.path.read_bytes())
    return replace(trained, path=path)
