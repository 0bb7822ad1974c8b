"""The live comparison: how the classifiers of a task compare on what they were really asked."""

from __future__ import annotations

from itertools import combinations
from math import isnan
from typing import Any, cast

import numpy as np

from service.contract import answers
from service.live.challengers import ShadowDeployment
from service.live.journal.reader import (
    UNLABELLED,
    ModelVersion,
    PairCounts,
    PredictionWindow,
)
from service.live.journal.records import NO_ANSWER, Labels
from service.models.model import Model
from stats import agreement, scores, sequential

MAX_WINDOW_ROWS = 10_000
EMPTY_WINDOW = PredictionWindow(
    labels={},
    true_labels=np.empty(0, np.int64),
    examples=[],
    pairs=[],
    n_shed=0,
    n_dropped=0,
)


def describe(
    models: list[Model],
    deployment: ShadowDeployment | None,
    window: PredictionWindow,
    drift: answers.Drift | None = None,
) -> answers.LiveComparison:
    """Returns the answer for the classifiers of a task that are served; other versions in the window are left out."""
    versions = [ModelVersion(model.name, model.version) for model in models]
    classes = models[0].classes
    no_answers = np.full(len(window.true_labels), NO_ANSWER)
    labels = [window.labels.get(version, no_answers) for version in versions]

    comparison = {
        "task": models[0].card.task,
        "classes": classes,
        "champion": None if deployment is None else deployment.champion.name,
        "window": {
            "rows": len(window.true_labels),
            "most_rows": MAX_WINDOW_ROWS,
            "labelled": int((window.true_labels != UNLABELLED).sum()),
        },
        "shed": window.n_shed,
        "dropped": window.n_dropped,
        "models": [
            _describe_model(version, of_model, window.true_labels)
            for version, of_model in zip(versions, labels, strict=True)
        ],
        "pairs": _describe_pairs(versions, labels, n_classes=len(classes)),
        "tests": [] if deployment is None else _describe_tests(deployment, window),
        "disagreements": _describe_disagreements(set(versions), classes, window),
        "drift": drift,
    }

    return cast(answers.LiveComparison, comparison)


def _describe_model(
    version: ModelVersion, labels: Labels, true_labels: Labels
) -> dict[str, Any]:
    """Returns the accuracy over the rows that the model answered and whose true label is known."""
    answered = labels != NO_ANSWER
    labelled = answered & (true_labels != UNLABELLED)
    n_labelled = int(labelled.sum())
    n_right = int((labels == true_labels)[labelled].sum())

    accuracy: dict[str, Any] = {
        "value": None,
        "interval": None,
        "reason": "undefined: no row that it answered is labelled",
    }
    if n_labelled:
        right_and_wrong = np.array([[n_right, n_labelled - n_right], [0, 0]])
        accuracy = scores.accuracy(right_and_wrong)

    return {
        "model": version.name,
        "version": version.version,
        "rows": int(answered.sum()),
        "labelled": n_labelled,
        "accuracy": accuracy,
    }


def _describe_pairs(
    versions: list[ModelVersion], labels: list[Labels], *, n_classes: int
) -> list[dict[str, Any]]:
    """Returns the agreement of each pair over the rows that both answered; pairs without such rows are left out."""
    pairs = []

    for first, second in combinations(range(len(versions)), 2):
        both = (labels[first] != NO_ANSWER) & (labels[second] != NO_ANSWER)
        if not both.any():
            continue

        table = np.stack([labels[first][both], labels[second][both]], axis=1)
        agreements = agreement.agreements(table)
        kappas = agreement.kappas(agreements, table, n_classes=n_classes)
        kappa = float(kappas[0, 1])
        pair: dict[str, Any] = {
            "models": [versions[first].name, versions[second].name],
            "rows": int(both.sum()),
            "agreement": float(agreements[0, 1]),
            "kappa": None if isnan(kappa) else kappa,
        }
        if isnan(kappa):
            pair["reason"] = agreement.NO_KAPPA

        pairs.append(pair)

    return pairs


def _describe_tests(
    deployment: ShadowDeployment, window: PredictionWindow
) -> list[dict[str, Any]]:
    """Returns the tests over all labelled rows since these versions met: a test of the window would prove nothing."""
    model = deployment.champion
    champion = ModelVersion(model.name, model.version)
    alpha = sequential.ALPHA / len(deployment.challengers)
    pairs = {
        pair.challenger: pair for pair in window.pairs if pair.champion == champion
    }
    described = []

    for each in deployment.challengers:
        challenger = ModelVersion(each.name, each.version)
        no_rows = PairCounts(champion, challenger, (0, 0, 0), (-1.0, 1.0))
        described.append(_describe_test(pairs.get(challenger, no_rows), alpha))

    return described


def _describe_test(pair: PairCounts, alpha: float) -> dict[str, Any]:
    """Returns the test of one pair; its interval is what the counts of now and the bounds so far both allow."""
    only_challenger, _, only_champion = pair.counts
    n_rows = sum(pair.counts)
    now = sequential.bound(np.array([pair.counts]), alpha=alpha)
    narrowed = sequential.narrow(np.array([pair.bounds]), now)
    lower, upper = narrowed[0].tolist()

    described: dict[str, Any] = {
        "champion": pair.champion.name,
        "challenger": pair.challenger.name,
        "rows": n_rows,
        "only_challenger": only_challenger,
        "only_champion": only_champion,
        "difference": (only_challenger - only_champion) / n_rows if n_rows else None,
        "interval": [lower, upper] if lower <= upper else None,
        "alpha": alpha,
        "verdict": sequential.judge(lower, upper),
    }
    difference = described["difference"]
    if lower > upper:
        described["reason"] = (
            "no interval: no one difference fits all rows, so it has changed on the way"
        )
    elif difference is not None and not lower <= difference <= upper:
        described["reason"] = (
            "the interval is what all rows allowed at any time, so the difference of now may lie beside it"
        )

    return described


def _describe_disagreements(
    versions: set[ModelVersion], classes: tuple[str, ...], window: PredictionWindow
) -> list[dict[str, Any]]:
    """Returns the rows on which models disagree and that any of these versions answered."""
    described = []

    for example in window.examples:
        if not versions & example.labels.keys():
            continue

        is_labelled = example.true_label != UNLABELLED
        described.append(
            {
                "id": example.row_id,
                "inputs": example.inputs,
                "predictions": {
                    version.name: classes[label]
                    for version, label in example.labels.items()
                    if label != NO_ANSWER and version in versions
                },
                "label": classes[example.true_label] if is_labelled else None,
            }
        )

    return described
