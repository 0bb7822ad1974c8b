"""Evidence holds data, answers, versions and every number of a judgement, so that anyone can compute it again."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

from service import VERSION
from service.contract import codec
from service.errors import EvaluationError
from stats import class_means
from verdict.analysis import WITHIN, judge
from verdict.by_criterion import NoProbabilities, UnknownPrice, judge_by
from verdict.criterion import Criterion, write_criterion
from verdict.criterion_sentences import write_by
from verdict.grouping import write_grouping
from verdict.learnt_rows import tell_learnt
from verdict.prediction_sets import judge_sets
from verdict.predictions import ClassifierAnswers, Predictions
from verdict.sentences import write_verdict
from verdict.slicing import write_slicings

FORMAT = "veredicto evidence"
SCHEMA_VERSION = 4
RISK = 0.01
"""This share of wrong answers is wanted of a model that may decline, where nobody says otherwise."""
PACKAGES = ("numpy", "onnxruntime", "onnxruntime-gpu", "pillow", "simplejpeg")


class Claim(Protocol):
    """A claim about two models is checked on the predictions."""

    @property
    def claim(self) -> str:
        """Returns the claim as it was given."""
        ...

    def check(self, predictions: Predictions) -> dict[str, Any]:
        """Returns whether it is shown."""
        ...


def gather(
    predictions: Predictions,
    *,
    risk: float,
    gates: Sequence[Claim] = (),
    software: dict[str, str],
    within: float = WITHIN,
    criterion: Criterion | None = None,
) -> dict[str, Any]:
    """Returns the evidence as JSON values; `criterion` is the metric that matters where that is not accuracy."""
    options: dict[str, Any] = {"risk": risk, "within": within, "gates": gates}
    evidence = {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        "task": predictions.task,
        "classes": predictions.classes,
        "data": _write_data(predictions),
        "options": {
            "risk": risk,
            "within": within,
            "gates": [gate.claim for gate in gates],
            **({} if criterion is None else {"by": write_criterion(criterion)}),
        },
        "seeds": {"draws": class_means.SEED, "replicates": class_means.REPLICATES},
        "software": {**_find_versions(), **software},
        "timing": predictions.timing,
        "truth": predictions.truth,
        "answers": [_write_answer(answer) for answer in predictions.answers],
        **conclude(predictions, **options, criterion=criterion),
    }
    values: dict[str, Any] = codec.as_json(evidence)
    return values


def conclude(
    predictions: Predictions,
    *,
    risk: float,
    gates: Sequence[Claim] = (),
    within: float = WITHIN,
    criterion: Criterion | None = None,
) -> dict[str, Any]:
    """Returns all that follows from predictions: numbers, verdict and claims, and those by a criterion."""
    numbers = judge(predictions, risk=risk, within=within)
    verdict = write_verdict(
        numbers,
        task=predictions.task,
        classes=predictions.classes,
        costs=_list_costs(predictions),
        risk=risk,
        grouping=predictions.grouping,
        learnt=tell_learnt(predictions),
    )
    concluded = {
        "numbers": numbers,
        "sets": judge_sets(predictions),
        "verdict": verdict,
        "gates": [gate.check(predictions) for gate in gates],
    }
    if criterion is not None:
        concluded["by"] = _judge_by(predictions, criterion)

    values: dict[str, Any] = codec.as_json(concluded)

    return values


def _list_costs(predictions: Predictions) -> dict[str, dict[str, float | None]]:
    return {
        answer.model: {"latency_ms": answer.latency_ms, "size_bytes": answer.size_bytes}
        for answer in predictions.answers
    }


def _judge_by(predictions: Predictions, criterion: Criterion) -> dict[str, Any]:
    try:
        numbers = judge_by(predictions, criterion)
    except NoProbabilities as error:
        raise EvaluationError(f"by: {error}") from None
    except UnknownPrice as error:
        raise EvaluationError(f"--price-ms and --price-mb: {error}") from None

    return {"numbers": numbers, "verdict": write_by(numbers, predictions, criterion)}


def _write_data(predictions: Predictions) -> dict[str, Any]:
    return {
        "source": predictions.source,
        "fingerprint": predictions.fingerprint,
        "places": predictions.places,
        "grouping": write_grouping(predictions.grouping),
        "slicings": write_slicings(predictions.slicings),
        "learnt_by": predictions.learnt_by,
        "n_learnt": predictions.n_learnt,
        "learnt_unknown": predictions.learnt_unknown,
        "n_learnt_judged": predictions.n_learnt_judged,
        "learnt_rows": dict(predictions.learnt_rows),
    }


def _write_answer(answer: ClassifierAnswers) -> dict[str, Any]:
    return {
        **{"model": answer.model, "version": answer.version, "family": answer.family},
        **{"size_bytes": answer.size_bytes, "latency_ms": answer.latency_ms},
        **{"label": answer.label, "probabilities": answer.probabilities},
    }


def _find_versions() -> dict[str, str]:
    found = {"veredicto": VERSION, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue

    return found
