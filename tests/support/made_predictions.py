"""Predictions are made up here: seeded answers of models that are right as often as they should be."""

from __future__ import annotations

import numpy as np

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
        label = np.where(
            right,
            truth,
            (truth + generator.integers(1, max(2, len(classes)), n_rows))
            % len(classes),
        )
        confidence = 0.6 + 0.4 * np.round(
            generator.random(n_rows) ** np.where(right, 0.3, 1.5), 3
        )
        rest = (1 - confidence) / max(1, len(classes) - 1)
        probabilities = np.repeat(rest[:, None], len(classes), axis=1)
        probabilities[np.arange(n_rows), label] = confidence
        answers.append(
            ClassifierAnswers(
                model=f"task-{name}",
                version=f"{number:012x}",
                family=name,
                size_bytes=1000 * (number + 1),
                latency_ms=0.01 * 3**number,
                label=label,
                probabilities=probabilities,
            )
        )

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
