"""Differences from discordant counts alone are checked against a likelihood that is maximised by SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar

from stats.binomial import wilson
from stats.labelling.discordant import (
    interval_from_sample,
    share_by_strata,
    tango_interval,
)

Z = 1.959963984540054


def score_by_likelihood(
    only_a: int, only_b: int, n_rows: int, difference: float
) -> float:
    """Returns Tango's score with the nuisance share found by maximising the likelihood of three cells."""

    def lose(share_b: float) -> float:
        share_a = share_b + difference
        rest = 1 - share_a - share_b
        cells = ((only_a, share_a), (only_b, share_b), (n_rows - only_a - only_b, rest))
        return -sum(n * math.log(max(p, 1e-300)) for n, p in cells if n)

    low, high = max(0.0, -difference), (1 - difference) / 2
    found = minimize_scalar(
        lose, bounds=(low, high), method="bounded", options={"xatol": 1e-13}
    )
    variance = n_rows * (2 * found.x + difference - difference**2)
    return (only_a - only_b - n_rows * difference) / math.sqrt(variance)


@pytest.mark.parametrize(
    ("only_a", "only_b", "n_rows"),
    [(8, 2, 100), (1, 12, 60), (20, 19, 500), (3, 1, 20)],
)
def test_the_score_at_each_end_is_the_normal_quantile(
    only_a: int, only_b: int, n_rows: int
) -> None:
    """The ends lie within 1e-6 of where the score, maximised by SciPy, is 1.96 and -1.96."""
    low, high = tango_interval(only_a, only_b, n_rows)

    def find(sign: int, start: float, end: float) -> float:
        return brentq(
            lambda each: score_by_likelihood(only_a, only_b, n_rows, each) - sign * Z,
            start,
            end,
            xtol=1e-12,
        )

    value = (only_a - only_b) / n_rows
    assert low == pytest.approx(find(1, -0.9, value - 1e-6), abs=1e-6)
    assert high == pytest.approx(find(-1, value + 1e-6, 0.9), abs=1e-6)


def test_equal_models_have_the_interval_that_is_known_in_closed_form() -> None:
    """The ends of no discordant row among n are z^2 / (n + z^2) on either side: (n d)^2 = z^2 n d (1 - d)."""
    low, high = tango_interval(0, 0, 50)
    assert high == pytest.approx(Z**2 / (50 + Z**2), abs=1e-9)
    assert low == pytest.approx(-high, abs=1e-12)


def test_an_interval_holds_its_value_where_all_rows_are_discordant() -> None:
    """The value is 1 with one model alone right on all rows, and so is the upper end."""
    low, high = tango_interval(10, 0, 10)
    assert 0 < low < high == 1


def cover(n_samples: int, *, n_rows: int, keep: float) -> tuple[float, float, float]:
    """Returns how often the difference's and the accuracy's interval hold the truth, and the mean error of accuracy.

    Models are a alone right, b alone right, both or neither, on 4, 3, 83 and 10 % of rows; of the rows on which they
    disagree a part is labelled, and of the others a fifth of it.
    """
    shares = np.array([0.04, 0.03, 0.83, 0.10])
    generator = np.random.default_rng(5)
    held = right = 0
    errors = []

    for _ in range(n_samples):
        cells = generator.choice(4, size=n_rows, p=shares)
        disagree = cells < 2
        is_labelled = generator.random(n_rows) < np.where(disagree, keep, keep / 5)
        seen = is_labelled & disagree
        if not seen.any():
            continue
        only_a, only_b = (int((seen & (cells == each)).sum()) for each in (0, 1))
        low, high = interval_from_sample(
            only_a,
            only_b,
            n_labelled=int(seen.sum()),
            n_disagree=int(disagree.sum()),
            n_rows=n_rows,
        )
        held += low <= 0.01 <= high
        hits = (cells == 0) | (cells == 2)
        strata = [disagree, ~disagree]
        value, (low, high) = share_by_strata(
            *(
                np.array([int((each & what).sum()) for each in strata])
                for what in (np.ones(n_rows, bool), is_labelled, is_labelled & hits)
            )
        )
        right += low <= 0.87 <= high
        errors.append(value - 0.87)

    return held / n_samples, right / n_samples, float(np.mean(errors))


def test_labels_of_disagreements_hold_the_truth_and_leave_accuracy_unbiased() -> None:
    """The intervals of the difference and of the accuracy each hold the truth in 91 % of 300 samples, half labelled."""
    held, right, bias = cover(300, n_rows=1000, keep=0.5)
    assert held >= 0.91
    assert right >= 0.91
    assert abs(bias) < 0.005


def test_a_stratum_that_is_labelled_whole_is_as_good_as_all_rows() -> None:
    """The share with every row labelled is that of all rows, and its interval about Wilson's."""
    counts = np.array([60, 340])
    hits = np.array([30, 320])
    value, (low, high) = share_by_strata(counts, counts, hits)

    assert value == pytest.approx(350 / 400)
    assert (low, high) == pytest.approx(wilson(350, 400), abs=0.006)


@pytest.mark.long
@pytest.mark.parametrize("keep", [0.25, 0.5, 1.0])
def test_coverage_over_two_thousand_samples(keep: float) -> None:
    """The intervals each hold the truth in 93.5 % of 2,000 samples or more, and accuracy is off by less than 0.2 %."""
    held, right, bias = cover(2000, n_rows=1500, keep=keep)
    assert held >= 0.935
    assert right >= 0.935
    assert abs(bias) < 0.002
