"""The live comparison says how the classifiers of a task compare on what they were really asked."""

from __future__ import annotations

from itertools import combinations
from math import isnan
from typing import Any, cast

import numpy as np

from service.contract import live_answers
from service.live import alarms, challenger_tests, label_free
from service.live.challengers import ShadowDeployment
from service.live.journal.challenger_counts import ACCURACY
from service.live.journal.reading.window import (
    UNLABELLED,
    ModelVersion,
    PredictionWindow,
)
from service.live.journal.records import NO_ANSWER, Costs, Labels
from service.models.model import Model
from stats import agreement, scores
from stats.groups import count_groups, design_effect

MAX_WINDOW_ROWS = 10_000
ERROR_BUDGET = 0.02
EMPTY_WINDOW = PredictionWindow(
    labels={},
    true_labels=np.empty(0, np.int64),
    groups=np.empty(0, np.int64),
    examples=[],
    pairs=[],
    n_shed=0,
    n_dropped=0,
    n_lineups=0,
)
POLICY_BIAS = (
    "biased, mostly downwards where a model has few rows: the policy {policy} gives a model more requests when it has "
    "been right, so the interval does not hold its 95 %"
)


def describe(
    models: list[Model],
    deployment: ShadowDeployment | None,
    window: PredictionWindow,
    drift: live_answers.Drift | None = None,
    policy: str = "champion",
    error_budget: float = ERROR_BUDGET,
    *,
    by: str = ACCURACY,
    costs: Costs | None = None,
) -> live_answers.LiveComparison:
    """Returns the answer for a task's classifiers that are served; other versions in the window are left out.

    `policy` chooses who answers; `error_budget` is that of alarms; tests are by the metric `by`, or by `costs`.
    """
    versions = [ModelVersion(model.name, model.version) for model in models]
    labels = [_find_labels(window, version) for version in versions]
    classes = models[0].classes
    described = [
        _describe_model(model, of_model, window, policy)
        | _describe_state(model, window, drift, error_budget)
        for model, of_model in zip(models, labels, strict=True)
    ]

    answer = {
        "task": models[0].card.task,
        "classes": classes,
        "by": by,
        "metrics": challenger_tests.list_metrics(costs),
        "champion": None if deployment is None else deployment.champion.name,
        "window": _describe_window(window),
        "shed": window.n_shed,
        "dropped": window.n_dropped,
        "models": described,
        "pairs": _describe_pairs(versions, labels, n_classes=len(classes)),
        "tests": challenger_tests.describe(deployment, window, by, costs),
        "disagreements": _describe_disagreements(models[0], set(versions), window),
        "drift": drift,
    }
    return cast(live_answers.LiveComparison, answer)


def _find_labels(window: PredictionWindow, version: ModelVersion) -> Labels:
    no_answers = np.full(len(window.true_labels), NO_ANSWER)
    return window.labels.get(version, no_answers)


def _describe_window(window: PredictionWindow) -> live_answers.LiveWindow:
    return {
        "rows": len(window.true_labels),
        "most_rows": MAX_WINDOW_ROWS,
        "labelled": int((window.true_labels != UNLABELLED).sum()),
    }


def _describe_model(
    model: Model, labels: Labels, window: PredictionWindow, policy: str
) -> dict[str, Any]:
    """Returns the accuracy over the rows that the model answered and whose true label is known.

    Rows that belong together are worth as few as the variance between groups says.
    """
    answered = labels != NO_ANSWER
    labelled = answered & (window.true_labels != UNLABELLED)
    n_labelled = int(labelled.sum())
    hits = (labels == window.true_labels)[labelled]
    n_right = int(hits.sum())
    groups = window.groups[labelled]

    accuracy: dict[str, Any] = {
        "value": None,
        "interval": None,
        "reason": "undefined: no row that it answered is labelled",
    }
    if n_labelled:
        right_and_wrong = np.array([[n_right, n_labelled - n_right], [0, 0]])
        effect = design_effect(hits - n_right / n_labelled, groups)
        accuracy = scores.accuracy(right_and_wrong, effect)

    described = {
        "model": model.name,
        "version": model.version,
        "rows": int(answered.sum()),
        "labelled": n_labelled,
        "groups": count_groups(groups, n_labelled),
        "accuracy": accuracy,
    }
    if policy != "champion" and n_labelled:
        described["bias"] = POLICY_BIAS.format(policy=policy)

    return described


def _describe_state(
    model: Model,
    window: PredictionWindow,
    drift: live_answers.Drift | None,
    error_budget: float,
) -> dict[str, Any]:
    return {
        "accuracy_without_labels": label_free.describe(model, window, drift),
        "alarm": alarms.describe(model, window.hits, error_budget),
    }


def _describe_pairs(
    versions: list[ModelVersion], labels: list[Labels], *, n_classes: int
) -> list[dict[str, Any]]:
    """Returns the agreement of each pair over the rows that both answered; pairs without such rows are left out."""
    pairs = []

    for first, second in combinations(range(len(versions)), 2):
        of_pair = np.stack([labels[first], labels[second]], axis=1)
        both = (of_pair != NO_ANSWER).all(axis=1)
        if not both.any():
            continue

        table = of_pair[both]
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


def _describe_disagreements(
    model: Model, versions: set[ModelVersion], window: PredictionWindow
) -> list[dict[str, Any]]:
    """Returns the rows on which models disagree and that any of these versions answered, with their dates."""
    classes = model.classes
    described = []

    for example in window.examples:
        if not versions & example.labels.keys():
            continue

        is_labelled = example.true_label != UNLABELLED
        described.append(
            {
                "id": example.row_id,
                "inputs": None
                if is_image(example.inputs)
                else model.join_dates(example.inputs),
                "predictions": {
                    version.name: classes[label]
                    for version, label in example.labels.items()
                    if label != NO_ANSWER and version in versions
                },
                "label": classes[example.true_label] if is_labelled else None,
            }
        )

    return described


def is_image(inputs: Any) -> bool:
    """Returns whether a kept row is an image, which a comparison leaves out: twenty of them may be 20 MB."""
    return isinstance(inputs, dict) and list(inputs) == ["b64"]
