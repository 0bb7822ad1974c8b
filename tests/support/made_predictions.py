"""Predictions are made up here: seeded answers of models that are right as often as they should be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from verdict.predictions import ClassifierAnswers, Predictions


def make_predictions(
    accuracies: dict[str, float],
    *,
    n_rows: int = 300,
    classes: tuple[str, ...] = ("no", "yes"),
    seed: int = 0,
) -> Predictions:
    """Returns predictions of models that are right in about this share of rows, and a little surer where they are."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, len(classes), n_rows)
    answers = []

    for number, (name, accuracy) in enumerate(accuracies.items()):
        right = generator.random(n_rows) < accuracy
        steps = generator.integers(1, max(2, len(classes)), n_rows)
        label = np.where(right, truth, (truth + steps) % len(classes))
        surer = generator.random(n_rows) ** np.where(right, 0.3, 1.5)
        confidence = 0.6 + 0.4 * np.round(surer, 3)
        probabilities = _spread(label, confidence, n_classes=len(classes))
        answers.append(_name_answers(name, number, label, probabilities))

    return Predictions(
        task="task",
        classes=classes,
        source="rows.csv",
        fingerprint="sha256:" + "0" * 64,
        places=[f"line {row + 2}" for row in range(n_rows)],
        truth=truth,
        answers=answers,
        timing="one row",
    )


def _name_answers(
    name: str, number: int, label: NDArray[np.int64], probabilities: NDArray[np.float64]
) -> ClassifierAnswers:
    """Returns the answers of a model, which is the larger and the slower the higher its number is."""
    return ClassifierAnswers(
        model=f"task-{name}",
        version=f"{number:012x}",
        family=name,
        size_bytes=1000 * (number + 1),
        latency_ms=0.01 * 3**number,
        label=label,
        probabilities=probabilities,
    )


def _spread(
    label: NDArray[np.int64], confidence: NDArray[np.float64], *, n_classes: int
) -> NDArray[np.float64]:
    """Returns probabilities `(n_rows, n_classes)` of which the label has this one, and all others share the rest."""
    rest = (1 - confidence) / max(1, n_classes - 1)
    probabilities = np.repeat(rest[:, None], n_classes, axis=1)
    probabilities[np.arange(len(label)), label] = confidence

    return probabilities
