"""The comparison of a request shows several classifiers on the same rows, side by side."""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from math import isnan
from struct import pack
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from service.contract import codec
from service.contract.answers import Comparison
from service.models import cancellation
from stats import agreement, paired_tests
from stats.scores import score

Labels = NDArray[np.int64]
MAX_CACHED_LABELS = 64
"""The pairs of at most this many labels are cached: on few rows most models agree, so that they repeat."""

MAX_PLAIN_CLASSES = 32
"""Of more classes arrays are as quick for one row as plain numbers are."""


class NotFinite(Exception):
    """This is raised where a model's probabilities are not finite."""


class ClassifierOutput(NamedTuple):
    """One model gives `label` `(n_rows,)` and `probabilities` `(n_rows, n_classes)` for a request."""

    model: str
    version: str
    label: Labels
    probabilities: NDArray[np.float32]
    latency_ms: float


def compare(
    task: str,
    classes: tuple[str, ...],
    outputs: list[ClassifierOutput],
    truth: Labels | None,
) -> Comparison:
    """Returns the answer of `/compare`; `truth` has the class index of each row, where the client knows it.

    The statistics are computed from the probabilities as the answer writes them, so that a client who computes them
    again from the answer gets the same figures. It raises NotFinite.
    """
    shape = outputs[0].probabilities.shape
    if truth is None and shape[0] == 1 and shape[1] <= MAX_PLAIN_CLASSES:
        return _compare_row(task, classes, outputs)

    return _compare_rows(task, classes, outputs, truth)


def _compare_rows(
    task: str,
    classes: tuple[str, ...],
    outputs: list[ClassifierOutput],
    truth: Labels | None,
) -> Comparison:
    labels = np.array([output.label for output in outputs])
    written = codec.as_json([output.probabilities for output in outputs])
    probabilities = np.array(written, dtype=np.float64)
    mean = _average(probabilities, written)
    # What is not finite is written as null, and read as NaN.
    if not np.vdot(mean, mean) < np.inf:
        raise NotFinite

    described = zip(outputs, labels.tolist(), written, strict=True)
    models = [
        _describe(output, label, each, classes)
        for output, label, each in cancellation.watch(described)
    ]
    names = tuple(output.model for output in outputs)
    comparison: dict[str, Any] = {
        "task": task,
        "classes": classes,
        "models": models,
        "consensus": _consensus(mean, labels, classes),
        "pairs": _pairs(names, labels, len(classes), truth),
    }
    if truth is not None:
        scored = zip(models, labels, probabilities, strict=True)
        for model, label, each in cancellation.watch(scored):
            model["metrics"] = score(each, label, truth)
        comparison["cochran_q"] = paired_tests.cochran_q(truth[:, None] == labels.T)

    return cast(Comparison, comparison)


def _compare_row(
    task: str, classes: tuple[str, ...], outputs: list[ClassifierOutput]
) -> Comparison:
    """Returns what `compare` does of one row without a truth, as most requests have, by plain numbers.

    Behind the runs of eight models numpy's code lies in no cache of the processor: a comparison takes a sixth less
    processor time than by arrays, of which a loop of nothing else shows little.
    """
    labels = [output.label.item() for output in outputs]
    written = codec.as_json([output.probabilities for output in outputs])
    mean = _average_row([rows[0] for rows in written])
    consensus = mean.index(max(mean))
    models = [
        {
            "model": output.model,
            "version": output.version,
            "predictions": [classes[label]],
            "probabilities": each,
            "latency_ms": round(output.latency_ms, 4),
        }
        for output, label, each in zip(outputs, labels, written, strict=True)
    ]
    names = tuple([output.model for output in outputs])
    comparison: dict[str, Any] = {
        "task": task,
        "classes": classes,
        "models": models,
        "consensus": {
            "predictions": [classes[consensus]],
            "probabilities": [mean],
            "agreement": [labels.count(consensus) / len(labels)],
        },
        "pairs": _relate_cached(names, pack(f"{len(labels)}q", *labels), len(classes)),
    }

    return cast(Comparison, comparison)


def _average_row(rows: list[list[float]]) -> list[float]:
    """Returns what `_average` does of one row `(n_models, n_classes)`, by the same steps; raises NotFinite."""
    n_models = len(rows)
    voters = [row for row in rows if 1 in row]
    n_others = n_models - len(voters)
    try:
        total = _add(rows)
        if voters and n_others:
            surest = sum([max(row) for row in rows])
            sure = (surest - len(voters)) / n_others
            rest = (1 - sure) / (len(total) - 1)
            total = [
                each + vote * (sure - rest - 1) + len(voters) * rest
                for each, vote in zip(total, _add(voters), strict=True)
            ]
        return [each / n_models for each in total]
    except TypeError:  # null is written for what is not finite
        raise NotFinite from None


def _add(rows: list[list[float]]) -> list[float]:
    """Returns the sums of columns, row after row: `sum` of later versions of Python rounds otherwise than numpy."""
    total = rows[0]
    for row in rows[1:]:
        total = [before + each for before, each in zip(total, row, strict=True)]

    return total


def _average(
    probabilities: NDArray[np.float64], written: list[list[list[float]]]
) -> NDArray[np.float64]:
    """Returns the mean `(n_rows, n_classes)` of the models' probabilities; one that only votes is sure of nothing.

    A model votes whose every row here has a probability of 1, as a perceptron's have. Its vote counts as much as the
    others are sure on average, and the rest is divided among the other classes.
    """
    total: NDArray[np.float64] = np.add.reduce(probabilities)
    n_models, n_rows, n_classes = probabilities.shape
    # Lists of so few values are searched in 1 us for seven models, and arrays would take twenty times as long.
    voters = [at for at, rows in enumerate(written) if rows and 1 in rows[0]]
    if n_rows > 1:
        voters = [at for at in voters if all(1 in row for row in written[at])]
    n_others = n_models - len(voters)
    if not voters or not n_others:
        total /= n_models
        return total

    votes = probabilities[voters[0]]
    for at in voters[1:]:
        votes = votes + probabilities[at]
    surest: Any
    if n_rows == 1:
        # Most requests have one row, for which plain numbers take 5 us less than arrays of one.
        surest = sum([max(rows[0]) for rows in written])
    else:
        surest = np.add.reduce(np.maximum.reduce(probabilities, axis=2))[:, None]
    sure = (surest - len(voters)) / n_others
    rest = (1 - sure) / (n_classes - 1)
    # Sums take half of what it takes to replace the votes in a copy of all probabilities.
    votes = votes * (sure - rest - 1)
    total += votes
    total += len(voters) * rest
    total /= n_models

    return total


def _describe(
    output: ClassifierOutput,
    label: list[int],
    written: list[list[float]],
    classes: tuple[str, ...],
) -> dict[str, Any]:
    """Returns one model's part of the answer, with the labels and the probabilities as they are written."""
    return {
        "model": output.model,
        "version": output.version,
        "predictions": [classes[index] for index in label],
        "probabilities": written,
        "latency_ms": round(output.latency_ms, 4),
    }


def _consensus(
    mean: NDArray[np.float64], labels: Labels, classes: tuple[str, ...]
) -> dict[str, Any]:
    """Returns the mean of the weighed probabilities, its most probable class, and the share of models that agree."""
    label = mean.argmax(axis=1)
    agree = np.add.reduce(labels == label) / len(labels)
    return {
        "predictions": codec.name_classes(classes, label),
        "probabilities": mean,
        "agreement": agree,
    }


def _pairs(
    names: tuple[str, ...], labels: Labels, n_classes: int, truth: Labels | None
) -> list[dict[str, Any]]:
    """Returns how alike the models of each pair are by labels `(n_models, n_rows)`, with McNemar's test by a truth."""
    relate = _relate if labels.size > MAX_CACHED_LABELS else _relate_cached
    pairs = relate(names, labels.tobytes(), n_classes)
    if truth is None:
        return pairs

    hits = labels == truth
    tests = [
        paired_tests.mcnemar(first, second)
        for first, second in cancellation.watch(combinations(hits, 2))
    ]
    adjusted = paired_tests.holm([test["p_value"] for test in tests])

    return [
        pair | {"mcnemar": test | {"p_value_holm": p_value}}
        for pair, test, p_value in zip(pairs, tests, adjusted, strict=True)
    ]


def _relate(
    names: tuple[str, ...], content: bytes, n_classes: int
) -> list[dict[str, Any]]:
    """Returns agreement and kappa of each pair of models, by the bytes of their labels `(n_models, n_rows)`."""
    labels = np.frombuffer(content, np.int64).reshape(len(names), -1).T
    agreements = agreement.agreements(labels)
    agreed = agreements.tolist()
    beyond_chance = agreement.kappas(agreements, labels, n_classes=n_classes).tolist()

    pairs = []
    for first, second in combinations(range(len(names)), 2):
        kappa = beyond_chance[first][second]
        pair = {
            "models": [names[first], names[second]],
            "agreement": agreed[first][second],
            "kappa": None if isnan(kappa) else kappa,
        }
        if isnan(kappa):
            pair["reason"] = agreement.NO_KAPPA
        pairs.append(pair)

    return pairs


_relate_cached = lru_cache(maxsize=256)(_relate)
