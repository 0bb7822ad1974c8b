"""Every classifier of a task is asked for the same labelled rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from service.errors import EvaluationError, InvalidRequest, TooLarge
from service.judging.classifiers import ClassifiedRows, Classifier, Classifiers
from service.judging.labelled_rows import LabelledData
from service.judging.row_hashes import Hashes
from service.models.images.media_types import ImageFile
from verdict.predictions import ClassifierAnswers, Predictions

ROWS_AT_A_TIME = 500
IMAGES_AT_A_TIME = 32

OnRows = Callable[[int, int], None]
"""Told how many rows are done, and of how many."""


def run(
    task: str, contenders: Classifiers, labelled: LabelledData, *, on_rows: OnRows
) -> Predictions:
    """Asks every contender in batches; raises VeredictoError that names the place of a row at fault."""
    batches = _classify_all(contenders, labelled, on_rows)
    latencies = contenders.latencies_ms(labelled.batch(0, 1)[0])
    answers = [
        _join(each, latency, batch)
        for each, latency, batch in zip(
            contenders.contenders, latencies, batches, strict=True
        )
    ]

    return Predictions(
        task=task,
        classes=contenders.contenders[0].card.classes or (),
        source=labelled.source,
        fingerprint=labelled.fingerprint,
        places=labelled.places,
        truth=labelled.truth,
        answers=answers,
        timing=contenders.timing,
        grouping=labelled.grouping,
        slicings=labelled.slicings,
        n_learnt_judged=len(labelled.learnt) - labelled.n_learnt,
        learnt_by=_find_learners(contenders, labelled),
        n_learnt=labelled.n_learnt,
        learnt_unknown=find_unknown(contenders.contenders),
        learnt_rows=_count_learnt(contenders.contenders, labelled.learnt),
    )


def _classify_all(
    contenders: Classifiers, labelled: LabelledData, on_rows: OnRows
) -> list[list[ClassifiedRows]]:
    """Returns each contender's answers to all rows, batch by batch."""
    batches: list[list[ClassifiedRows]] = [[] for _ in contenders.contenders]
    n_rows = len(labelled.truth)
    is_image = labelled.files or isinstance(labelled.rows[0], ImageFile)
    size = IMAGES_AT_A_TIME if is_image else ROWS_AT_A_TIME

    for start in range(0, n_rows, size):
        stop = min(start + size, n_rows)
        answered = _classify(contenders, labelled, start, stop)
        for batch, parts in zip(batches, answered, strict=True):
            batch += parts

        on_rows(stop, n_rows)

    return batches


def find_unknown(contenders: Sequence[Classifier]) -> list[str]:
    """Returns the models of which nobody knows which rows they were learnt from."""
    return [each.name for each in contenders if each.learnt is None]


def _count_learnt(contenders: Sequence[Classifier], learnt: Hashes) -> dict[str, int]:
    """Returns from how many of the rows each model was learnt, of the models that were learnt from any."""
    counts = {
        each.name: int(np.isin(learnt, each.learnt).sum())
        for each in contenders
        if each.learnt is not None
    }
    return {name: count for name, count in counts.items() if count}


def _find_learners(contenders: Classifiers, labelled: LabelledData) -> list[str]:
    """Returns the models whose data set these rows are, and none where learnt rows were left out."""
    if labelled.n_learnt:
        return []
    return [
        each.name
        for each in contenders.contenders
        if each.card.provenance.fingerprint == labelled.data_set
    ]


def _join(
    classifier: Classifier, latency_ms: float, parts: list[ClassifiedRows]
) -> ClassifierAnswers:
    return ClassifierAnswers(
        model=classifier.name,
        version=classifier.version,
        family=classifier.card.family,
        size_bytes=classifier.size_bytes,
        latency_ms=round(latency_ms, 4),
        label=np.concatenate([part.label for part in parts]),
        probabilities=np.concatenate([part.probabilities for part in parts]),
    )


def _classify(
    contenders: Classifiers, labelled: LabelledData, start: int, stop: int
) -> list[list[ClassifiedRows]]:
    """Returns a batch's answers, for each contender in one or more parts.

    Raises EvaluationError, in which `inputs[3]` has become the place of that row.
    """
    try:
        return [[said] for said in contenders.classify(labelled.batch(start, stop))]
    except TooLarge as error:
        if stop - start == 1:
            raise EvaluationError(
                f"{labelled.source}, {labelled.places[start]}: {error}"
            ) from None

        middle = (start + stop) // 2
        halves = (
            _classify(contenders, labelled, start, middle),
            _classify(contenders, labelled, middle, stop),
        )

        return [first + second for first, second in zip(*halves, strict=True)]
    except (InvalidRequest, EvaluationError) as error:

        def place(match: re.Match[str]) -> str:
            return f"{labelled.source}, {labelled.places[start + int(match[1])]}"

        raise EvaluationError(re.sub(r"inputs\[(\d+)\]", place, str(error))) from None
