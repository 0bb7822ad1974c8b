"""Evidence keeps what a report follows from: data, answers, versions, every number; it is made and read here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.gate import Gate
from evaluation.latency_verdict import judge_with_clock
from service.contract import codec
from service.errors import EvaluationError
from service.judging import evidence as gathering
from service.judging.evidence import FORMAT, SCHEMA_VERSION
from verdict.analysis import WITHIN
from verdict.criterion import Criterion, read_criterion
from verdict.grouping import read_grouping
from verdict.predictions import ClassifierAnswers, Predictions
from verdict.slicing import read_slicings


def gather(
    predictions: Predictions,
    *,
    risk: float,
    gates: Sequence[Gate],
    software: dict[str, str],
    within: float = WITHIN,
    criterion: Criterion | None = None,
    load: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Returns the evidence as JSON values; `load` is what was measured of the models under a load.

    `criterion` is the metric that matters where that is not accuracy.
    """
    gathered = gathering.gather(
        predictions,
        risk=risk,
        gates=gates,
        software=software,
        within=within,
        criterion=criterion,
    )
    if load is None:
        return gathered
    return gathered | {"load": load} | _judge_with_clock(gathered, predictions, load)


def conclude(
    predictions: Predictions,
    *,
    risk: float,
    gates: Sequence[Gate],
    within: float = WITHIN,
    criterion: Criterion | None = None,
    load: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Returns all that follows from predictions, with a load the verdict with a clock too."""
    concluded = gathering.conclude(
        predictions, risk=risk, gates=gates, within=within, criterion=criterion
    )
    if load is None:
        return concluded
    return concluded | _judge_with_clock(concluded, predictions, load)


def _judge_with_clock(
    concluded: dict[str, Any], predictions: Predictions, load: dict[str, Any]
) -> dict[str, Any]:
    numbers = concluded["numbers"]
    clock = judge_with_clock(numbers, load, task=predictions.task)
    return {"clock": codec.as_json(clock)}


def read(path: Path) -> dict[str, Any]:
    """Raises EvaluationError for a file that is no evidence."""
    try:
        evidence = codec.read_json(path.read_bytes())
    except OSError as error:
        raise EvaluationError(
            f"{path}: expected a file of evidence: {error.strerror}"
        ) from None
    except ValueError as error:
        raise EvaluationError(
            f"{path.name}: expected a file of evidence: {error}"
        ) from None

    if not isinstance(evidence, dict) or evidence.get("format") != FORMAT:
        raise EvaluationError(
            f'{path.name}: expected {{"format": "{FORMAT}", ...}}, as --evidence writes it'
        )

    if evidence.get("schema_version") != SCHEMA_VERSION:
        came = evidence.get("schema_version")
        raise EvaluationError(
            f"{path.name}: expected evidence of schema {SCHEMA_VERSION}, got {came}, "
            "which the version that it names under software.veredicto verifies"
        )

    return evidence


def read_predictions(evidence: dict[str, Any]) -> Predictions:
    """Returns the predictions that evidence keeps; raises EvaluationError where it is incomplete or impossible."""
    try:
        predictions = Predictions(
            task=evidence["task"],
            classes=tuple(evidence["classes"]),
            source=evidence["data"]["source"],
            fingerprint=evidence["data"]["fingerprint"],
            places=evidence["data"]["places"],
            truth=np.array(evidence["truth"], dtype=np.int64),
            answers=[_read_answer(answer) for answer in evidence["answers"]],
            timing=evidence["timing"],
            grouping=read_grouping(evidence["data"]["grouping"]),
            slicings=read_slicings(
                evidence["data"]["slicings"], len(evidence["truth"])
            ),
            learnt_by=list(evidence["data"]["learnt_by"]),
            n_learnt=int(evidence["data"].get("n_learnt", 0)),
            learnt_unknown=list(evidence["data"].get("learnt_unknown", [])),
            n_learnt_judged=int(evidence["data"].get("n_learnt_judged", 0)),
            learnt_rows=dict(evidence["data"].get("learnt_rows", {})),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise EvaluationError(
            f"the evidence is incomplete: {type(error).__name__}: {error}"
        ) from None

    _check(predictions)

    return predictions


def _check(predictions: Predictions) -> None:
    """Raises EvaluationError where an answer or a group is missing, or what is stored is impossible."""
    shape = (len(predictions.truth), len(predictions.classes))

    for answer in predictions.answers:
        if answer.probabilities.shape != shape or answer.label.shape != shape[:1]:
            raise EvaluationError(
                f"the evidence is incomplete: {answer.model} has no answer to each of {shape[0]} rows"
            )
        if not ((answer.probabilities >= 0) & (answer.probabilities <= 1)).all():
            raise EvaluationError(
                f"the evidence is impossible: {answer.model} has probabilities that are not from 0 to 1"
            )

    if predictions.groups is not None and len(predictions.groups) != shape[0]:
        raise EvaluationError(
            f"the evidence is incomplete: expected a group of each of {shape[0]} rows, got {len(predictions.groups)}"
        )

    indices = np.concatenate(
        [predictions.truth, *(answer.label for answer in predictions.answers)]
    )
    if not len(predictions.truth) or indices.min() < 0 or indices.max() >= shape[1]:
        raise EvaluationError(
            f"the evidence is impossible: expected indices of {shape[1]} classes for at least one row"
        )


def read_criterion_of(evidence: dict[str, Any]) -> Criterion | None:
    """Returns the criterion that evidence was made by, None for accuracy; raises EvaluationError for what is none."""
    try:
        return read_criterion(evidence["options"].get("by"), len(evidence["classes"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EvaluationError(
            f"the evidence is incomplete: by: {type(error).__name__}: {error}"
        ) from None


def _read_answer(answer: dict[str, Any]) -> ClassifierAnswers:
    label = np.array(answer["label"], dtype=np.int64)
    probabilities = np.array(answer["probabilities"], dtype=np.float64)
    return ClassifierAnswers(
        **(answer | {"label": label, "probabilities": probabilities})
    )
