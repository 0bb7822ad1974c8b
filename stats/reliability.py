"""Whether probabilities mean what they say: reliability bins, calibration error, the parts of the Brier score.

Axes: confidence `(n_rows,)`, the probability of the label that is given; hits `(n_rows,)`, True where it is right.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stats.scores import ECE_BINS, wilson

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Hits = NDArray[np.bool_]


def equal_width(values: Floats, *, bins: int = ECE_BINS) -> Labels:
    """The bin of each value between 0 and 1, `(n_rows,)`; a bin is closed above, as in Guo et al., ICML 2017."""
    return np.clip(np.ceil(values * bins).astype(np.int64) - 1, 0, bins - 1)


def equal_mass(values: Floats, *, bins: int = ECE_BINS) -> Labels:
    """The bin of each value where bins hold about as many rows each; Nguyen and O'Connor, EMNLP 2015.

    Equal values are never parted, so that the order of the rows counts for nothing: there may be fewer bins.
    """
    lowest_rank = np.searchsorted(np.sort(values), values)
    return lowest_rank * bins // len(values)


def describe_bins(
    confidence: Floats, hits: Hits, bin_of: Labels
) -> list[dict[str, Any]]:
    """Each bin that has rows: their number, mean confidence, share of hits with Wilson's interval."""
    described = []
    for each in np.unique(bin_of):
        inside = bin_of == each
        n_rows = int(inside.sum())
        right = int(hits[inside].sum())
        described.append(
            {
                "rows": n_rows,
                "confidence": float(confidence[inside].mean()),
                "accuracy": right / n_rows,
                "interval": wilson(right, n_rows),
            }
        )

    return described


def calibration_error(bins: list[dict[str, Any]]) -> float:
    """Mean gap of confidence and accuracy, weighted by rows: over bins of equal width what `/compare` calls ece."""
    gaps = [each["rows"] * abs(each["confidence"] - each["accuracy"]) for each in bins]
    return float(sum(gaps) / sum(each["rows"] for each in bins))


def brier_parts(probabilities: Floats, truth: Labels) -> dict[str, float]:
    """The Brier score as reliability - resolution + uncertainty + spread; all four are means over the rows.

    Murphy's three parts (J. Appl. Meteor. 12, 1973) over 15 bins of equal width add up only where forecasts in a bin
    are equal; `spread` is what they leave within bins, variance less twice the covariance (Stephenson, Coelho and
    Jolliffe, Weather Forecast. 23, 2008), so that the sum is exact. Of two classes the second alone is looked at, as
    in `brier`; of several each against the rest, and their parts are added.
    """
    n_classes = probabilities.shape[1]
    classes = [1] if n_classes == 2 else range(n_classes)
    parts = np.sum(
        [
            _parts(probabilities[:, each], (truth == each).astype(float))
            for each in classes
        ],
        axis=0,
    )

    return dict(
        zip(
            ("reliability", "resolution", "uncertainty", "spread"),
            parts.tolist(),
            strict=True,
        )
    )


def _parts(forecast: Floats, happened: Floats) -> tuple[float, float, float, float]:
    """Of one class: `happened` is 1 for its rows."""
    bin_of = equal_width(forecast)
    rows = np.bincount(bin_of, minlength=ECE_BINS)
    filled = np.maximum(rows, 1)
    mean = np.bincount(bin_of, weights=forecast, minlength=ECE_BINS) / filled
    rate = np.bincount(bin_of, weights=happened, minlength=ECE_BINS) / filled
    overall = float(happened.mean())
    weights = rows / len(forecast)
    within = forecast - mean[bin_of]
    spread = (within**2 - 2 * within * (happened - rate[bin_of])).mean()

    return (
        float(weights @ (mean - rate) ** 2),
        float(weights @ (rate - overall) ** 2),
        overall * (1 - overall),
        float(spread),
    )
