"""Several classifiers on the same rows, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import isnan
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from service import agreement, payloads
from service.scores import score

Labels = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one model says: label `(n_rows,)`, probabilities `(n_rows, n_classes)`."""

    model: str
    version: str
    label: Labels
    probabilities: NDArray[np.float32]
    latency_ms: float


def compare(task: str, classes: tuple[str, ...], answers: list[Answer], truth: Labels | None) -> payloads.Comparison:
    """The answer of `/compare`; `truth` holds the class index of each row, where the client knows it.

    The statistics are computed from the probabilities as the answer writes them, so that a client who
    computes them again from the answer gets the same figures.
    """
    labels = np.array([answer.label for answer in answers])
    probabilities = np.array(payloads.as_json([answer.probabilities for answer in answers]), dtype=np.float64)
    comparison: dict[str, Any] = {
        "task": task,
        "classes": classes,
        "models": [
            _describe(answer, each, classes, truth) for answer, each in zip(answers, probabilities, strict=True)
        ],
        "consensus": _consensus(probabilities.sum(axis=0) / len(answers), labels, classes),
        "pairs": _pairs(answers, labels.T, len(classes), truth),
    }
    if truth is not None:
        comparison["cochran_q"] = agreement.cochran_q(truth[:, None] == labels.T)
    return cast(payloads.Comparison, comparison)


def _describe(
    answer: Answer, probabilities: NDArray[np.float64], classes: tuple[str, ...], truth: Labels | None
) -> dict[str, Any]:
    description: dict[str, Any] = {
        "model": answer.model,
        "version": answer.version,
        "predictions": payloads.name_classes(classes, answer.label),
        "probabilities": answer.probabilities,
        "latency_ms": round(answer.latency_ms, 4),
    }
    return description if truth is None else description | {"metrics": score(probabilities, answer.label, truth)}


def _consensus(mean: NDArray[np.float64], labels: Labels, classes: tuple[str, ...]) -> dict[str, Any]:
    """The mean of the probabilities, its most probable class, and the share of models that agree with it."""
    label = mean.argmax(axis=1)
    agree = (labels == label).sum(axis=0) / len(labels)
    return {"predictions": payloads.name_classes(classes, label), "probabilities": mean, "agreement": agree}


def _pairs(answers: list[Answer], labels: Labels, n_classes: int, truth: Labels | None) -> list[dict[str, Any]]:
    agreements = agreement.agreements(labels)
    agreed, beyond_chance = agreements.tolist(), agreement.kappas(agreements, labels, n_classes=n_classes).tolist()
    places = list(combinations(range(len(answers)), 2))
    pairs: list[dict[str, Any]] = [
        {
            "models": [answers[first].model, answers[second].model],
            "agreement": agreed[first][second],
            "kappa": None if isnan(beyond_chance[first][second]) else beyond_chance[first][second],
        }
        for first, second in places
    ]
    if truth is None:
        return pairs
    hits = labels == truth[:, None]
    tests = [agreement.mcnemar(hits[:, first], hits[:, second]) for first, second in places]
    adjusted = agreement.holm([test["p_value"] for test in tests])
    return [
        pair | {"mcnemar": test | {"p_value_holm": p_value}}
        for pair, test, p_value in zip(pairs, tests, adjusted, strict=True)
    ]
