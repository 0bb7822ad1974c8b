"""A judgement is made of labelled rows that somebody sends: the evidence of a report, of which nothing is kept."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from model_card import CardError, FeatureInput
from row_records import read_learnt
from service.contract.answers import VERDICT_METRICS as METRICS
from service.contract.answers import LearntRows
from service.contract.limits import MAX_JUDGING, Limits
from service.errors import EvaluationError, InvalidRequest, Overloaded
from service.judging import predictions
from service.judging.classifiers import Classifiers, LoadedClassifiers
from service.judging.labelled_csv import KEEP_LEARNT, TableLimits, read_labelled_csv
from service.judging.labelled_rows import (
    LabelledData,
    find_fit_images,
    fingerprint_images,
    index_labels,
    leave_out_learnt,
)
from service.judging.row_hashes import Hashes, collect_learnt, hash_images
from service.models import cancellation
from service.models.images.media_types import ImageFile
from service.models.model import Model
from service.models.registry import Registry
from verdict.grouping import find_groups

TIMING = "one row in this server, beside what else it did"
N_RUNS = 5
SOURCE = "images"
"""Images that are judged have no file that they are from."""
NO_HASHES = "its file keeps no hashes: it was learnt elsewhere, by an earlier version, or from more rows than are kept"


def list_learnt(model: Model) -> LearntRows:
    """Returns the hashes of the rows that a model was learnt from, by which others leave such rows out too.

    They are base64 of ascending unsigned 64-bit numbers, little-endian. It raises InvalidRequest for broken ones.
    """
    try:
        learnt = read_learnt(model.graph.session.metadata)
    except CardError as error:
        raise InvalidRequest(f"{model.name}: {error}") from None

    listed: LearntRows = {
        "model": model.name,
        "version": model.version,
        "hashes": None,
    }
    if learnt is None:
        return {**listed, "reason": NO_HASHES}
    return {**listed, "hashes": b64encode(learnt.astype("<u8").tobytes()).decode()}


@dataclass(frozen=True, kw_only=True)
class JudgeRequest:
    """Labelled rows are a table, or images with a class for each; `names` say where each image is from."""

    task: str
    by: str = "accuracy"
    label: str | None = None
    group: str | None = None
    keeps_learnt: bool = False
    table: bytes | None = None
    source: str = "table.csv"
    images: Sequence[ImageFile] = ()
    names: Sequence[str] = ()
    labels: Sequence[str] = ()


class Judgements:
    """Judgements are made one at a time in a process, since each takes a thread for seconds."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = Lock()

    def judge(self, registry: Registry, request: JudgeRequest) -> dict[str, Any]:
        """Returns the evidence; raises InvalidRequest, NotFound, TooLarge, and Overloaded while another is made."""
        models = registry.task(request.task)
        if request.by not in METRICS:
            raise InvalidRequest(
                f"by: expected one of {', '.join(METRICS)}, got {request.by[:100]!r}"
            )
        if not self._lock.acquire(blocking=False):
            raise Overloaded(
                f"{MAX_JUDGING} judgement is being made already, which is the limit of one process: try again"
            )

        try:
            return self._judge(models, request)
        except EvaluationError as error:
            raise InvalidRequest(str(error)) from None
        finally:
            self._lock.release()

    def _judge(self, models: list[Model], request: JudgeRequest) -> dict[str, Any]:
        # The statistics of a report are imported at the first judgement, since most servers are never asked for one.
        from service.judging.evidence import RISK, gather
        from verdict.criterion import Criterion

        contenders = LoadedClassifiers(
            models,
            [model.graph.session.n_bytes for model in models],
            timing=TIMING,
            n_runs=N_RUNS,
            max_pixels=self._limits.max_pixels,
        )
        labelled = self._read(contenders, request)
        judged = predictions.run(
            request.task, contenders, labelled, on_rows=lambda *_: cancellation.check()
        )
        cancellation.check()
        criterion = None if request.by == METRICS[0] else Criterion(metric=request.by)
        evidence = gather(judged, risk=RISK, software={}, criterion=criterion)

        return evidence | {"notes": labelled.notes}

    def _read(self, contenders: Classifiers, request: JudgeRequest) -> LabelledData:
        card = contenders.contenders[0].card
        learnt = collect_learnt(contenders.contenders)
        takes_rows = isinstance(card.input, FeatureInput)
        if takes_rows != (request.table is not None):
            expected = "a CSV" if takes_rows else "images in a form"
            got = "images" if takes_rows else "a table"
            raise EvaluationError(f"{request.task} takes {expected}, got {got}")
        if request.table is None:
            return self._read_images(contenders, request, learnt)

        return read_labelled_csv(
            request.table,
            card,
            source=request.source,
            limits=TableLimits(self._limits.max_rows, self._limits.max_json_bytes),
            label=request.label,
            group=request.group,
            learnt=learnt,
            keeps_learnt=request.keeps_learnt,
        )

    def _read_images(
        self, contenders: Classifiers, request: JudgeRequest, learnt: Hashes
    ) -> LabelledData:
        """Returns images with their classes; those that a model was learnt from are left out unless they are kept."""
        images = list(request.images)
        self._limits.check_rows(len(images))
        if len(request.labels) != len(images):
            raise EvaluationError(
                f"labels: expected {len(images)}, one for each image, got {len(request.labels)}"
            )

        locations = [f"labels[{index}]" for index in range(len(images))]
        truth = index_labels(request.labels, contenders.contenders[0].card, locations)
        names = list(map("/".join, zip(request.labels, request.names, strict=True)))
        contents = (each.content for each in cancellation.watch(images))
        hashed = hash_images(contents, max_pixels=self._limits.max_pixels)
        fit, notes = find_fit_images(names, hashed.unfit, SOURCE)
        keeps_learnt = request.keeps_learnt
        judged = leave_out_learnt(
            hashed.hashes[fit], learnt, SOURCE, KEEP_LEARNT, keeps_learnt=keeps_learnt
        )
        new = [fit[at] for at in judged.kept]
        digests = [hashlib.sha256(images[at].content).hexdigest() for at in new]
        places = [names[at] for at in new]
        groups = [(request.labels[at], of) for at, of in zip(new, digests, strict=True)]

        return LabelledData(
            source=SOURCE,
            fingerprint=fingerprint_images(places, digests),
            places=places,
            truth=truth[new],
            rows=[images[at] for at in new],
            notes=notes,
            grouping=find_groups(groups),
            learnt=judged.learnt,
            n_learnt=judged.n_left_out,
        )
