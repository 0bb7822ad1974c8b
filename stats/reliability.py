"""Reliability is how well probabilities are calibrated: bins, calibration error, the parts of the Brier score.

Axes: confidence `(n_rows,)` is the probability, from 0 to 1, of the label that is given; hits `(n_rows,)` are True
where it is right.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stats.binomial import wilson
from stats.groups import Groups, design_effect
from stats.scores import ECE_BINS

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Hits = NDArray[np.bool_]

SEED = 0
ALPHA = 0.05
N_DRAWS = 20_000
"""Of 32 models that share 5 % thirty draws are over the limit, which makes its level uncertain by a fifth."""


def equal_width(values: Floats, *, bins: int = ECE_BINS) -> Labels:
    """Returns the bin of each value between 0 and 1, `(n_rows,)`, from 0 to `bins` - 1.

    A bin is closed above, as in Guo et al., ICML 2017; the first holds 0 too.
    """
    upper_edges = np.ceil(values * bins).astype(np.int64)
    return np.clip(upper_edges - 1, 0, bins - 1)


def equal_mass(values: Floats, *, bins: int = ECE_BINS) -> Labels:
    """Returns the bin of each value, `(n_rows,)`; bins have about as many rows each. Nguyen and O'Connor, EMNLP 2015.

    Equal values are never parted, so that the order of the rows counts for nothing: there may be fewer bins.
    """
    lowest_ranks = np.searchsorted(np.sort(values), values)
    return lowest_ranks * bins // len(values)


def describe_bins(
    confidence: Floats, hits: Hits, bin_of: Labels, groups: Groups | None = None
) -> list[dict[str, Any]]:
    """Returns the rows, mean confidence and accuracy with Wilson's interval of each bin that has rows.

    `bin_of` has the bin of each row, `(n_rows,)`; the lowest bin comes first. `groups` has the group of each row.
    """
    described = []

    for each in np.unique(bin_of):
        inside = bin_of == each
        n_rows = int(inside.sum())
        right = hits[inside]
        n_hits = int(right.sum())
        within = None if groups is None else groups[inside]
        effect = design_effect(right - n_hits / n_rows, within)
        described.append(
            {
                "rows": n_rows,
                "confidence": float(confidence[inside].mean()),
                "accuracy": n_hits / n_rows,
                "interval": wilson(n_hits / effect, n_rows / effect),
            }
        )

    return described


def calibration_error(bins: list[dict[str, Any]]) -> float:
    """Returns the mean gap of confidence and accuracy, weighted by rows, from 0 to 1; Guo et al., ICML 2017, eq. 3.

    Over bins of equal width it is what `scores.expected_calibration_error` computes.
    """
    n_rows = sum(each["rows"] for each in bins)
    total = 0.0
    for each in bins:
        gap = abs(each["confidence"] - each["accuracy"])
        total += each["rows"] * gap

    return float(total / n_rows)


def expect_error(confidence: Floats, *, n_models: int = 1) -> dict[str, float]:
    """Returns the calibration error that a calibrated model would show on so many rows: its mean and upper 95 % limit.

    Rows are right with the probability that the model gives (consistency resampling; Bröcker and Smith, Weather
    Forecast. 22, 2007, 651), each by itself. Bins of equal width, as in `scores.expected_calibration_error`. `together`
    is the limit at a level that `n_models` share (Bonferroni): all of them keep to it in 95 % of samples at least,
    whichever is looked at for what it showed on the same rows.
    """
    bin_of = equal_width(confidence)
    generator = np.random.default_rng(SEED)
    errors = np.zeros(N_DRAWS)

    for each in np.unique(bin_of):
        inside = confidence[bin_of == each]
        cumulative = np.cumsum(count_hits(inside))
        drawn = np.searchsorted(cumulative, generator.random(N_DRAWS) * cumulative[-1])
        errors += np.abs(drawn - inside.sum()) / len(confidence)

    limit, together = np.quantile(errors, [1 - ALPHA, 1 - ALPHA / n_models])

    return {
        "mean": float(errors.mean()),
        "limit": float(limit),
        "together": float(together),
    }


def count_hits(probabilities: Floats) -> Floats:
    """Returns the probability of each number of hits, `(n_rows + 1,)`, where each row is one with its probability.

    That is the Poisson binomial distribution, the product of the rows' generating functions, multiplied by pairs.
    """
    n_leaves = 1 << (len(probabilities) - 1).bit_length()
    padded = np.pad(probabilities, (0, n_leaves - len(probabilities)))
    products = np.stack([1 - padded, padded], axis=1)

    while len(products) > 1:
        size = 2 * products.shape[1] - 1
        spectra = np.fft.rfft(products, n=size, axis=1)
        multiplied = spectra[::2] * spectra[1::2]
        products = np.fft.irfft(multiplied, n=size, axis=1)

    found: Floats = np.clip(products[0, : len(probabilities) + 1], 0, None)

    return found


def brier_parts(probabilities: Floats, truth: Labels) -> dict[str, float]:
    """Returns the Brier score as reliability - resolution + uncertainty + spread; all four are means over the rows.

    Probabilities are `(n_rows, n_classes)`, `truth` has the true classes `(n_rows,)`. Murphy's three parts (J. Appl.
    Meteor. 12, 1973) over 15 bins of equal width add up only where forecasts in a bin are equal; `spread` is what they
    leave within bins, variance less twice the covariance (Stephenson, Coelho and Jolliffe, Weather Forecast. 23, 2008),
    so that the sum is exact. Of two classes the second alone is looked at, as in `scores.brier_scores`; of several
    each against the rest, and their parts are added.
    """
    n_classes = probabilities.shape[1]
    classes = [1] if n_classes == 2 else range(n_classes)
    parts_by_class = [
        _brier_parts_of_class(probabilities[:, each], (truth == each).astype(float))
        for each in classes
    ]
    reliability, resolution, uncertainty, spread = np.sum(parts_by_class, axis=0)

    return {
        "reliability": float(reliability),
        "resolution": float(resolution),
        "uncertainty": float(uncertainty),
        "spread": float(spread),
    }


def _brier_parts_of_class(
    forecasts: Floats, outcomes: Floats
) -> tuple[float, float, float, float]:
    """Returns the four parts of one class, whose rows have the outcome 1 and all others 0."""
    bin_of = equal_width(forecasts)
    n_rows = np.bincount(bin_of, minlength=ECE_BINS)
    divisors = np.maximum(n_rows, 1)
    mean_forecasts = _sum_by_bin(bin_of, forecasts) / divisors
    rates = _sum_by_bin(bin_of, outcomes) / divisors
    base_rate = float(outcomes.mean())

    weights = n_rows / len(forecasts)
    reliability = weights @ (mean_forecasts - rates) ** 2
    resolution = weights @ (rates - base_rate) ** 2
    uncertainty = base_rate * (1 - base_rate)

    deviations = forecasts - mean_forecasts[bin_of]
    residuals = outcomes - rates[bin_of]
    spread = (deviations**2 - 2 * deviations * residuals).mean()

    return float(reliability), float(resolution), uncertainty, float(spread)


def _sum_by_bin(bin_of: Labels, values: Floats) -> Floats:
    sums = np.bincount(bin_of, weights=values, minlength=ECE_BINS)
    return sums.astype(np.float64, copy=False)
