"""Evidence is verified: its numbers are computed again from its answers, or its models are asked again."""

from __future__ import annotations

from typing import Any

import numpy as np

from evaluation.evidence import conclude, read_criterion_of, read_predictions
from evaluation.gate import Gate
from evaluation.json_differences import find_differences
from service.errors import EvaluationError
from verdict.criterion import Criterion
from verdict.predictions import ClassifierAnswers, Predictions

ANSWER_TOLERANCE = 1e-5
"""A probability that a model is asked for again may differ by so much: processors round differently."""
MAX_SHOWN = 20


def verify(evidence: dict[str, Any]) -> list[str]:
    """Computes everything again from the stored answers; returns a line for each difference."""
    predictions = read_predictions(evidence)
    try:
        risk = float(evidence["options"]["risk"])
        within = float(evidence["options"]["within"])
        claims = evidence["options"]["gates"]
        criterion = read_criterion_of(evidence)
        load = evidence.get("load")
        followed = _list_followed(evidence, criterion)
        stored = {key: evidence[key] for key in followed}
    except (KeyError, TypeError, ValueError) as error:
        raise EvaluationError(
            f"the evidence is incomplete: {type(error).__name__}: {error}"
        ) from None

    gates = [
        Gate.parse(
            claim,
            task=predictions.task,
            models=[each.model for each in predictions.answers],
            criterion=criterion,
        )
        for claim in claims
    ]

    again = _conclude_again(
        predictions,
        risk=risk,
        within=within,
        gates=gates,
        criterion=criterion,
        load=load,
    )

    return find_differences(stored, {key: again[key] for key in stored})


def _list_followed(evidence: dict[str, Any], criterion: Criterion | None) -> list[str]:
    """Returns the parts of evidence that follow from its answers and options."""
    followed = ["numbers", "verdict", "gates"]
    if criterion is not None:
        followed.append("by")
    if evidence.get("load"):
        followed.append("clock")
    if "sets" in evidence:
        followed.append("sets")

    return followed


def _conclude_again(predictions: Predictions, **options: Any) -> dict[str, Any]:
    """Raises EvaluationError where the load test that is kept lacks what a verdict needs."""
    try:
        return conclude(predictions, **options)
    except (KeyError, TypeError, AttributeError) as error:
        raise EvaluationError(
            f"the evidence is incomplete: load: {type(error).__name__}: {error}"
        ) from None


def verify_answers(evidence: dict[str, Any], again: Predictions) -> list[str]:
    """Returns what models that are asked again say otherwise, and where data or versions are others."""
    predictions = read_predictions(evidence)
    if predictions.fingerprint != again.fingerprint:
        return [
            f"data: stored {predictions.fingerprint}, these are {again.fingerprint}"
        ]

    asked = {answer.model: answer for answer in again.answers}
    missing = [
        answer.model for answer in predictions.answers if answer.model not in asked
    ]
    lines = [f"answers: {name} is not there to be asked again" for name in missing]
    for answer in predictions.answers:
        if answer.model in asked:
            lines += _differ(answer, asked[answer.model], predictions.places)

    return lines


def _differ(
    stored: ClassifierAnswers, found: ClassifierAnswers, places: list[str]
) -> list[str]:
    """Compares one model's version, labels and probabilities."""
    if stored.version != found.version:
        return [
            f"answers: {stored.model} was of version {stored.version}, this is {found.version}"
        ]

    lines = [
        f"answers: {stored.model}, {places[row]}: stored class {stored.label[row]}, answers {found.label[row]}"
        for row in np.flatnonzero(stored.label != found.label)[:MAX_SHOWN]
    ]
    worst = float(np.abs(stored.probabilities - found.probabilities).max())
    if worst > ANSWER_TOLERANCE:
        lines.append(
            f"answers: {stored.model}: probabilities differ by up to {worst:.2g}"
        )

    return lines
