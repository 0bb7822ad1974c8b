"""Selective classification answers only where a model is confident, with less risk and less coverage.

Axes: confidence `(n_rows,)` is the probability, from 0 to 1, of the label that is given; hits `(n_rows,)` are True
where it is right. There is at least one row. Coverage is the share of rows that are answered, risk the share of wrong
ones among those.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stats.binomial import upper_limit

Floats = NDArray[np.float64]
Hits = NDArray[np.bool_]

ALPHA = 0.05


def find_set_threshold(of_truth: Floats, coverage: float) -> float | None:
    """Returns the probability from which on a class belongs to a set that holds the truth with this probability.

    `of_truth` `(n_rows,)` are probabilities of the true classes of rows that nothing was learnt from: split conformal
    prediction (Papadopoulos et al., ECML 2002; Lei et al., JASA 113, 2018). It is None where the rows are too few.
    """
    n_rows = len(of_truth)
    rank = math.ceil((n_rows + 1) * coverage - 1e-9)
    if rank > n_rows:
        return None

    return float(np.sort(of_truth)[n_rows - max(rank, 1)])


def risk_coverage(confidence: Floats, hits: Hits) -> tuple[Floats, Floats, Floats]:
    """Returns coverage, risk and threshold, `(n_points,)` each; El-Yaniv and Wiener, JMLR 11 (2010) 1605.

    There is one point for each distinct confidence, the highest first; the rows of at least that confidence are
    answered.
    """
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    n_wrong = np.cumsum(~hits[order])

    # Rows of equal confidence are answered together: the last of them is the point.
    changes = np.flatnonzero(np.diff(ranked))
    last = np.append(changes, len(ranked) - 1)
    n_answered = last + 1

    return n_answered / len(ranked), n_wrong[last] / n_answered, ranked[last]


def risk_area(confidence: Floats, hits: Hits) -> float:
    """Returns the mean risk over the coverages of one row to all; Geifman, Uziel and El-Yaniv, ICLR 2019.

    Of rows of equal confidence each counts with the risk that all of them together have.
    """
    coverage, risk, _ = risk_coverage(confidence, hits)
    return float(np.diff(coverage, prepend=0) @ risk)


def threshold_at_risk(confidence: Floats, hits: Hits, *, risk: float) -> dict[str, Any]:
    """Returns the lowest threshold whose risk on these rows is at most `risk`; it is no promise for other rows.

    Threshold and risk are None, with a reason, where no threshold has so low a risk.
    """
    coverages, risks, thresholds = risk_coverage(confidence, hits)
    places = np.flatnonzero(risks <= risk)
    if not len(places):
        return _no_threshold("no threshold has so low a risk here")

    return _describe_point(coverages, risks, thresholds, int(places[-1]))


def guaranteed_threshold(
    confidence: Floats, hits: Hits, *, risk: float, n_models: int = 1
) -> dict[str, Any]:
    """Returns a threshold whose true risk is at most `risk` with 95 % confidence; Geifman and El-Yaniv, NeurIPS 2017.

    Their Algorithm 1: a binary search over thresholds, each judged by the exact binomial limit of its risk at a level
    divided by the number of steps. The rows must not have been used to learn or to calibrate. Of `n_models` of which
    one is chosen on the same rows each has a part of the level, so that all thresholds hold together (Bonferroni).
    """
    coverages, risks, thresholds = risk_coverage(confidence, hits)
    max_steps = len(hits).bit_length()  # of a search over so many thresholds
    alpha = ALPHA / (max_steps * n_models)
    found: dict[str, Any] | None = None
    low = 0
    high = len(thresholds) - 1

    while low <= high:
        middle = (low + high + 1) // 2
        n_answered = round(coverages[middle] * len(hits))
        n_wrong = round(risks[middle] * n_answered)
        limit = upper_limit(n_wrong, n_answered, alpha=alpha)

        if limit <= risk:
            found = _describe_point(coverages, risks, thresholds, middle)
            found["limit"] = limit
            low = middle + 1
        else:
            high = middle - 1

    if found is None:
        return _no_threshold(
            f"{len(hits)} rows are too few, or the risk too high, to promise it for any threshold"
        )

    return found


def _describe_point(
    coverages: Floats, risks: Floats, thresholds: Floats, place: int
) -> dict[str, Any]:
    return {
        "threshold": float(thresholds[place]),
        "coverage": float(coverages[place]),
        "risk": float(risks[place]),
    }


def _no_threshold(reason: str) -> dict[str, Any]:
    return {"threshold": None, "coverage": 0.0, "risk": None, "reason": reason}
