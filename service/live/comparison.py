"""How the classifiers of a task stand against each other in what they were really asked: the live comparison."""

from __future__ import annotations

from itertools import combinations
from math import isnan
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from service.contract import answers
from service.live.challengers import Lineup
from service.live.journal.reader import UNKNOWN, Key, Window
from service.live.journal.records import NO_ANSWER
from service.models.model import Model
from stats import agreement, scores, sequential

Labels = NDArray[np.int64]

MOST_ROWS = 10_000
"""Of the live window."""
NOTHING = Window(
    labels={}, truth=np.empty(0, np.int64), examples=[], pairs=[], shed=0, dropped=0
)


def describe(
    models: list[Model],
    lineup: Lineup | None,
    window: Window,
    drift: answers.Drift | None = None,
) -> answers.Standing:
    """The answer for the classifiers of a task that are served; what is logged of other versions is left out."""
    keys = [Key(model.name, model.version) for model in models]
    classes = models[0].classes
    silent = np.full(len(window.truth), NO_ANSWER)
    labels = [window.labels.get(key, silent) for key in keys]
    standing = {
        "task": models[0].card.task,
        "classes": classes,
        "champion": None if lineup is None else lineup.champion.name,
        "window": {
            "rows": len(window.truth),
            "most_rows": MOST_ROWS,
            "labelled": int((window.truth != UNKNOWN).sum()),
        },
        "shed": window.shed,
        "dropped": window.dropped,
        "models": [
            _describe_model(key, each, window.truth)
            for key, each in zip(keys, labels, strict=True)
        ],
        "pairs": _describe_pairs(keys, labels, n_classes=len(classes)),
        "tests": [] if lineup is None else _describe_tests(lineup, window),
        "disagreements": _describe_examples(set(keys), classes, window),
        "drift": drift,
    }

    return cast(answers.Standing, standing)


def _describe_model(key: Key, labels: Labels, truth: Labels) -> dict[str, Any]:
    """Accuracy over the rows that it answered and whose truth is known."""
    answered = labels != NO_ANSWER
    labelled = answered & (truth != UNKNOWN)
    right = int((labels == truth)[labelled].sum())
    accuracy: dict[str, Any] = {
        "value": None,
        "interval": None,
        "reason": "undefined: no row that it answered is labelled",
    }
    if labelled.any():
        accuracy = scores.accuracy(
            np.array([[right, int(labelled.sum()) - right], [0, 0]])
        )

    counts = {
        "rows": int(answered.sum()),
        "labelled": int(labelled.sum()),
        "accuracy": accuracy,
    }

    return {"model": key.name, "version": key.version} | counts


def _describe_pairs(
    keys: list[Key], labels: list[Labels], *, n_classes: int
) -> list[dict[str, Any]]:
    """Over the rows that both answered; pairs without such rows have nothing to say."""
    pairs = []
    for first, second in combinations(range(len(keys)), 2):
        both = (labels[first] != NO_ANSWER) & (labels[second] != NO_ANSWER)
        if both.any():
            table = np.stack([labels[first][both], labels[second][both]], axis=1)
            agreements = agreement.agreements(table)
            beyond_chance = float(
                agreement.kappas(agreements, table, n_classes=n_classes)[0, 1]
            )
            pairs.append(
                {
                    "models": [keys[first].name, keys[second].name],
                    "rows": int(both.sum()),
                    "agreement": float(agreements[0, 1]),
                    "kappa": None if isnan(beyond_chance) else beyond_chance,
                }
            )

    return pairs


def _describe_tests(lineup: Lineup, window: Window) -> list[dict[str, Any]]:
    """Of all labelled rows since these versions meet, not of the window: a test that forgot would prove nothing."""
    champion = Key(lineup.champion.name, lineup.champion.version)
    found = {
        pair.challenger: pair for pair in window.pairs if pair.champion == champion
    }
    alpha = sequential.ALPHA / len(lineup.challengers)

    return [
        _describe_test(
            lineup.champion.name,
            each,
            *_read_pair(found, Key(each.name, each.version)),
            alpha,
        )
        for each in lineup.challengers
    ]


def _read_pair(
    found: dict[Key, Any], challenger: Key
) -> tuple[Labels, tuple[float, float]]:
    pair = found.get(challenger)
    return (
        (np.zeros(3, np.int64), (-1.0, 1.0))
        if pair is None
        else (np.array(pair.counts), pair.bounds)
    )


def _describe_test(
    champion: str,
    challenger: Model,
    counts: Labels,
    before: tuple[float, float],
    alpha: float,
) -> dict[str, Any]:
    now = sequential.bound(counts[None], alpha=alpha)
    lower, upper = sequential.narrow(np.array([before]), now)[0].tolist()
    rows = int(counts.sum())
    described: dict[str, Any] = {
        "champion": champion,
        "challenger": challenger.name,
        "rows": rows,
        "only_challenger": int(counts[0]),
        "only_champion": int(counts[2]),
        "difference": float(counts[0] - counts[2]) / rows if rows else None,
        "interval": [lower, upper] if lower <= upper else None,
        "alpha": alpha,
        "verdict": sequential.judge(lower, upper),
    }
    if lower > upper:
        described["reason"] = (
            "no interval: no one difference fits all rows, so it has changed on the way"
        )

    return described


def _describe_examples(
    keys: set[Key], classes: tuple[str, ...], window: Window
) -> list[dict[str, Any]]:
    return [
        {
            "id": example.id,
            "inputs": example.inputs,
            "predictions": {
                key.name: classes[label]
                for key, label in example.labels.items()
                if label != NO_ANSWER and key in keys
            },
            "label": None if example.truth == UNKNOWN else classes[example.truth],
        }
        for example in window.examples
        if keys & example.labels.keys()
    ]
