"""Answering only where it is sure: risk against coverage, and the threshold for a wanted risk.

Axes: confidence `(n_rows,)`, the probability of the label that is given; hits `(n_rows,)`, True where it is right.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stats.binomial import upper_limit

Floats = NDArray[np.float64]
Hits = NDArray[np.bool_]

ALPHA = 0.05


def risk_coverage(confidence: Floats, hits: Hits) -> tuple[Floats, Floats, Floats]:
    """Coverage, risk and threshold, `(n_points,)` each, by falling threshold; El-Yaniv and Wiener, JMLR 11 (2010).

    Answered are the rows of at least the threshold's confidence; coverage is their share of all rows, risk the share
    of wrong ones among them.
    """
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    wrong = np.cumsum(~hits[order])
    last = np.append(
        np.flatnonzero(np.diff(ranked)), len(ranked) - 1
    )  # rows of equal confidence go together
    answered = last + 1

    return answered / len(ranked), wrong[last] / answered, ranked[last]


def area(confidence: Floats, hits: Hits) -> float:
    """Mean risk over the coverages of one row to all; Geifman, Uziel and El-Yaniv, ICLR 2019.

    Of rows of equal confidence each counts with the risk that all of them together have.
    """
    coverage, risk, _ = risk_coverage(confidence, hits)
    return float(np.diff(coverage, prepend=0) @ risk)


def threshold(confidence: Floats, hits: Hits, *, risk: float) -> dict[str, Any]:
    """The lowest threshold whose risk on these rows is at most the wanted one; no promise for other rows."""
    coverage, risks, thresholds = risk_coverage(confidence, hits)
    fitting = np.flatnonzero(risks <= risk)
    if not len(fitting):
        return {
            "threshold": None,
            "coverage": 0.0,
            "risk": None,
            "reason": "no threshold has so low a risk here",
        }

    return _point(coverage, risks, thresholds, int(fitting[-1]))


def guaranteed_threshold(
    confidence: Floats, hits: Hits, *, risk: float
) -> dict[str, Any]:
    """A threshold whose true risk is at most the wanted one with 95 % confidence; Geifman and El-Yaniv, NeurIPS 2017.

    Their Algorithm 1: a binary search over thresholds, each judged by the exact binomial limit of its risk at a level
    divided by the number of steps. The rows must not have been used to learn or to calibrate.
    """
    coverage, risks, thresholds = risk_coverage(confidence, hits)
    steps = len(hits).bit_length()  # a search over so many thresholds takes no more
    found: dict[str, Any] | None = None
    low = 0
    high = len(thresholds) - 1

    while low <= high:
        middle = (low + high + 1) // 2
        answered = round(coverage[middle] * len(hits))
        limit = upper_limit(
            round(risks[middle] * answered), answered, alpha=ALPHA / steps
        )
        if limit <= risk:
            found = _point(coverage, risks, thresholds, middle) | {"limit": limit}
            low = middle + 1
        else:
            high = middle - 1

    if found is None:
        reason = f"{len(hits)} rows are too few, or the risk too high, to promise it for any threshold"
        return {"threshold": None, "coverage": 0.0, "risk": None, "reason": reason}

    return found


def _point(
    coverage: Floats, risk: Floats, thresholds: Floats, place: int
) -> dict[str, Any]:
    return {
        "threshold": float(thresholds[place]),
        "coverage": float(coverage[place]),
        "risk": float(risk[place]),
    }
