"""The verdict of a task says which of its classifiers to trust, from what their files keep of held-out rows."""

from __future__ import annotations

from collections import Counter, OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from model_card import CardError
from row_records import HeldOut
from service.contract.answers import VERDICT_METRICS as METRICS
from service.contract.answers import Verdict
from service.contract.codec import read_switch
from service.errors import InvalidRequest
from service.models.model import Model
from stats.groups import number_groups

if TYPE_CHECKING:
    from verdict.grouping import Grouping
    from verdict.predictions import Predictions

RISK = 0.01
"""This share of wrong answers is wanted of a model that may decline."""
MAX_KEPT = 64
"""So many verdicts are kept, since each takes a tenth of a second to compute and never changes."""
RISK_COVERAGE = "risk_coverage"
ROC = "roc"
NO_RECORD = "its file keeps no answers to held-out rows"
OTHER_ROWS = (
    "its file keeps answers to other held-out rows than the files of most models"
)

Judged = list[tuple[Model, HeldOut]]


class KeptVerdict(NamedTuple):
    """A verdict is kept whole, and without the curves of risk and coverage, which most clients do not want."""

    whole: Verdict
    plain: Verdict


class Verdicts:
    """Verdicts are computed once for the versions of a task's models; any thread may ask."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, ...], KeptVerdict] = OrderedDict()
        self._lock = Lock()

    def judge(
        self, models: list[Model], *, by: str = METRICS[0], curves: str = ""
    ) -> Verdict:
        """Returns the verdict on the classifiers of one task, with `curves` 1 their curves of risk and coverage too.

        It raises InvalidRequest where there is nothing to judge.
        """
        has_curves = read_switch("curves", curves)
        if by not in METRICS:
            raise InvalidRequest(
                f"by: expected one of {', '.join(METRICS)}, got {by!r}"
            )

        key = (by, *(model.version for model in models))
        with self._lock:
            found = self._kept.get(key)
        if found is None:
            whole = judge_held_out(models, by=by)
            found = KeptVerdict(whole, _leave_out_curves(whole))

        with self._lock:
            self._kept[key] = found
            self._kept.move_to_end(key)
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)

        return found.whole if has_curves else found.plain


def _leave_out_curves(verdict: Verdict) -> Verdict:
    numbers = verdict["numbers"]
    models = [
        {name: value for name, value in each.items() if name != RISK_COVERAGE}
        for each in numbers["models"]
    ]
    return {**verdict, "numbers": {**numbers, "models": models}}


def judge_held_out(models: list[Model], *, by: str = METRICS[0]) -> Verdict:
    """Returns the verdict on those classifiers whose files keep answers to the same held-out rows.

    Of the curves only those of risk and coverage are kept. By another metric than accuracy the sentences are of that,
    and `numbers_by` has its numbers.
    """
    # The statistics of a report are imported at the first verdict, since most servers are never asked for one.
    from verdict.analysis import judge
    from verdict.sentences import write_verdict

    judged, left_out = select_judged(models)
    predictions = _gather(judged)
    task = predictions.task
    numbers = judge(predictions, risk=RISK)
    costs: dict[str, dict[str, float | None]] = {
        answer.model: {"latency_ms": None, "size_bytes": answer.size_bytes}
        for answer in predictions.answers
    }
    said = write_verdict(
        numbers, task=task, costs=costs, risk=RISK, grouping=predictions.grouping
    )
    for each in numbers["models"]:
        del each[ROC]

    verdict = {
        "task": task,
        "classes": list(predictions.classes),
        "by": by,
        "rows": len(predictions.truth),
        **said,
        "versions": {model.name: model.version for model, _ in judged},
        "left_out": left_out,
        "numbers": numbers,
        **_judge_by(predictions, by),
    }

    return cast(Verdict, verdict)


def _judge_by(predictions: Predictions, by: str) -> dict[str, Any]:
    """Returns headline, findings and numbers by another metric than accuracy, nothing for that."""
    if by == METRICS[0]:
        return {}

    from verdict.by_criterion import NoProbabilities, judge_by
    from verdict.criterion import Criterion
    from verdict.criterion_sentences import write_by

    criterion = Criterion(metric=by)
    try:
        numbers = judge_by(predictions, criterion)
    except NoProbabilities as error:
        raise InvalidRequest(f"by: {error}") from None

    return {**write_by(numbers, predictions, criterion), "numbers_by": numbers}


def _gather(judged: Judged) -> Predictions:
    """Returns what the files keep, as a report takes it."""
    from verdict.predictions import ClassifierAnswers, Predictions

    first, record = judged[0]
    answers = [
        ClassifierAnswers(
            model=model.name,
            version=model.version,
            family=model.card.family,
            size_bytes=model.graph.session.n_bytes,
            latency_ms=None,
            label=each.labels,
            probabilities=each.probabilities,
        )
        for model, each in judged
    ]

    return Predictions(
        task=first.card.task,
        classes=first.classes,
        source="held-out rows",
        fingerprint=record.rows,
        places=[f"held-out row {number}" for number in range(len(record.truth))],
        truth=record.truth,
        answers=answers,
        timing="",
        grouping=_find_grouping(record),
    )


def _find_grouping(record: HeldOut) -> Grouping:
    from verdict.grouping import EACH_BY_ITSELF, Grouping

    if record.groups is None:
        return EACH_BY_ITSELF

    n_equal = len(record.groups) - len(np.unique(record.groups))
    return Grouping(groups=number_groups(record.groups), column=None, n_equal=n_equal)


def select_judged(models: list[Model]) -> tuple[Judged, dict[str, str]]:
    """Returns the models with answers to the same rows as most have, and why each other one is left out.

    It raises InvalidRequest where no file keeps any answers.
    """
    records: dict[str, HeldOut] = {}
    left_out: dict[str, str] = {}
    for model in models:
        try:
            record = model.held_out
        except CardError as error:
            left_out[model.name] = str(error)
            continue

        if record is None:
            left_out[model.name] = NO_RECORD
        else:
            records[model.name] = record

    if not records:
        raise InvalidRequest(
            f"the files of {models[0].card.task!r} keep no answers to held-out rows: train the models again, "
            "or judge them on rows of yours with: veredicto evaluate"
        )

    counts = Counter(record.rows for record in records.values())
    rows = counts.most_common(1)[0][0]
    left_out |= {
        name: OTHER_ROWS for name, each in records.items() if each.rows != rows
    }
    judged = [
        (model, records[model.name]) for model in models if model.name not in left_out
    ]

    return judged, dict(sorted(left_out.items()))
