"""A classifier's probabilities are judged: calibration, ROC curves, and the threshold that can be promised of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stats import reliability, risk_coverage, roc
from verdict.predictions import ClassifierAnswers, Predictions

MAX_POINTS = 150
"""A curve in a report has at most so many points; what is computed from curves is computed from all of their points."""
MAX_CURVES = 12
OF_PROBABILITIES = ("ece_equal_mass", "brier_parts", "calibrated_ece")
"""A model that votes has none of these."""


def judge_probabilities(
    answer: ClassifierAnswers, predictions: Predictions, even: list[dict[str, Any]]
) -> dict[str, Any]:
    """Returns what only probabilities have, and a vote has not; `even` are bins of equal mass."""
    hits = answer.label == predictions.truth
    calibrated = judge_calibration(
        answer.confidence,
        hits,
        predictions.groups,
        n_models=len(predictions.answers),
    )
    return {
        "ece_equal_mass": reliability.calibration_error(even),
        "brier_parts": reliability.brier_parts(answer.probabilities, predictions.truth),
        "calibrated_ece": calibrated,
        "roc": _trace_curves(answer, predictions),
    }


def judge_calibration(
    confidence: NDArray[np.float64],
    hits: NDArray[np.bool_],
    members: NDArray[np.int64] | None,
    *,
    n_models: int,
) -> dict[str, Any]:
    """Returns the calibration error of the first row of each group beside what a calibrated model would show there."""
    confidence, hits = _take_first(confidence, hits, members)
    bins = reliability.describe_bins(
        confidence, hits, reliability.equal_width(confidence)
    )

    return {
        "error": reliability.calibration_error(bins),
        "rows": len(hits),
        **reliability.expect_error(confidence, n_models=n_models),
    }


def _take_first(
    confidence: NDArray[np.float64],
    hits: NDArray[np.bool_],
    members: NDArray[np.int64] | None,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Returns the first row of each group, and all rows where each is by itself."""
    if members is None:
        return confidence, hits
    _, first = np.unique(members, return_index=True)
    return confidence[first], hits[first]


def promise_threshold(
    confidence: NDArray[np.float64],
    hits: NDArray[np.bool_],
    members: NDArray[np.int64] | None,
    *,
    risk: float,
    n_models: int,
) -> dict[str, Any]:
    """Returns the threshold that can be promised, of the first row of each group where rows belong together.

    The promises of all models hold together, since who leads is chosen on the same rows.
    """
    confidence, hits = _take_first(confidence, hits, members)

    return risk_coverage.guaranteed_threshold(
        confidence, hits, risk=risk, n_models=n_models
    )


def _trace_curves(
    answer: ClassifierAnswers, predictions: Predictions
) -> list[dict[str, Any]]:
    """ROC curves: of two classes that of the second, of several one for each of the first twelve that can have one."""
    n_classes = len(predictions.classes)
    rows = np.bincount(predictions.truth, minlength=n_classes)
    possible = [
        each for each in range(n_classes) if 0 < rows[each] < len(predictions.truth)
    ]
    chosen = possible[1:] if n_classes == 2 else possible[:MAX_CURVES]
    curves = []

    for each in chosen:
        false, true, _ = roc.roc_curve(
            answer.probabilities[:, each], predictions.truth == each
        )
        false, true = roc.thin_curve(false, true, most=MAX_POINTS)
        curves.append(
            {
                "class": predictions.classes[each],
                "false_positive_rate": false,
                "true_positive_rate": true,
            }
        )

    return curves
