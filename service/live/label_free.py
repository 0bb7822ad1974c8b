"""Confidences, where they can be believed, give the accuracy of models on rows whose truth nobody has told."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.contract.live_answers import Drift, LabelFreeAccuracy
from service.live import alarms
from service.live.journal.reading.window import (
    UNLABELLED,
    ModelVersion,
    PredictionWindow,
)
from service.models.model import Model
from stats.groups import count_groups
from stats.monitoring import label_free

Rows = NDArray[np.bool_]

MIN_ROWS = 30
SURE = 1 - 1e-4
"""A model without probabilities gives its label one of 1; confidences are kept in parts of 1/65535."""
CONDITIONS = (
    "The model is as well calibrated on these rows as on the held-out ones, on which its calibration error is "
    "{ece:.3f}; a calibrated model shows less than {limit:.3f} on so many ({n_held_out}).",
    "The classes go with the features as they did in training: no drift of the features is shown, and a change of the "
    "classes alone is seen by labels only.",
    "Groups of rows are independent of each other; the rows of one group may be right or wrong together.",
)
"""An estimate holds where these do."""


class _NotEstimated(Exception):
    """The confidences cannot be believed, for the reason that this says."""


class _Calibration(NamedTuple):
    """The calibration error on so many held-out rows is under the limit of calibrated models.

    `squared_gap` is the most that the mean of (right - confidence) ** 2 may be there: the Brier score, which sums over
    all classes, and wrong rows of the surest kind up to the lower limit of the accuracy.
    """

    ece: float
    limit: float
    squared_gap: float
    n_held_out: int


def describe(
    model: Model, window: PredictionWindow, drift: Drift | None
) -> LabelFreeAccuracy:
    """Returns the accuracy to be expected of all rows that the model answered, or null with the reason."""
    version = ModelVersion(model.name, model.version)
    unknown = np.full(len(window.true_labels), np.nan)
    confidences = window.confidences.get(version, unknown)
    answered = np.isfinite(confidences)
    kept = confidences[answered]
    groups = window.groups[answered]
    described: LabelFreeAccuracy = {
        "value": None,
        "interval": None,
        "rows": len(kept),
        "groups": count_groups(groups, len(kept)),
    }

    try:
        _check_rows(kept)
        _check_drift(drift)
        calibration = _check_card(model, kept)
        _check_labels(version, window, answered)
    except _NotEstimated as reason:
        described["reason"] = f"not estimated: {reason}"
        return described

    value, interval = label_free.estimate_accuracy(
        kept,
        groups,
        ece=calibration.ece,
        squared_gap=calibration.squared_gap,
        n_held_out=calibration.n_held_out,
    )
    described["value"] = value
    described["interval"] = interval
    described["conditions"] = [
        each.format(**calibration._asdict()) for each in CONDITIONS
    ]

    return described


def _check_rows(confidences: NDArray[np.float64]) -> None:
    if len(confidences) < MIN_ROWS:
        raise _NotEstimated(
            f"the probabilities of {len(confidences)} rows are kept, and {MIN_ROWS} are needed"
        )
    if confidences.min() >= SURE:
        raise _NotEstimated("it gives all of its labels the probability 1")


def _check_drift(drift: Drift | None) -> None:
    if drift is None:
        raise _NotEstimated(
            "drift is not watched, since no card of the task has the distributions of training rows"
        )
    if drift["drifted"]:
        raise _NotEstimated(
            f"features have drifted, and with them calibration may have: {', '.join(drift['drifted'][:5])}"
        )

    correlations = drift.get("correlations")
    if correlations is not None and correlations["changed"]:
        first, second = correlations["pairs"][0]["features"]
        raise _NotEstimated(
            f"features go together in another way than they did, and calibration may be another: {first} and {second}, "
            f"say, of {correlations['changed']} pairs"
        )


def _check_card(model: Model, confidences: NDArray[np.float64]) -> _Calibration:
    """Returns what the card says of the calibration; raises _NotEstimated where that is bad."""
    ece = model.card.metrics.get("ece")
    n_held_out = model.card.provenance.split.get("held_out", 0)
    brier = model.card.metrics.get("brier")
    accuracy = alarms.read_accuracy(model.card)
    if ece is None or brier is None or accuracy is None or not n_held_out:
        raise _NotEstimated(
            "its card has no accuracy, Brier score and calibration error on held-out rows"
        )

    limit = label_free.limit_calibration_error(confidences, n_rows=n_held_out)
    if ece.value > limit:
        raise _NotEstimated(
            f"the model is not calibrated: its calibration error on {n_held_out} held-out rows is {ece.value:.3f}, "
            f"and a calibrated model shows less than {limit:.3f} there"
        )

    squared_gap = brier.value + accuracy[0] - accuracy[1]
    return _Calibration(ece.value, limit, squared_gap, n_held_out)


def _check_labels(
    version: ModelVersion, window: PredictionWindow, answered: Rows
) -> None:
    """Raises _NotEstimated where labelled rows are right more or less often than their confidences say."""
    labelled = answered & (window.true_labels != UNLABELLED)
    confidences = window.confidences[version][labelled]
    hits = (window.labels[version] == window.true_labels)[labelled]
    if label_free.contradicts(confidences, hits, window.groups[labelled]):
        raise _NotEstimated(
            f"the labels speak against it: it is right on {hits.mean():.1%} of {len(hits)} labelled rows, where its "
            f"confidences say {confidences.mean():.1%}"
        )
