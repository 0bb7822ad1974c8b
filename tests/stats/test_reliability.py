"""Reliability bins, calibration errors and the parts of the Brier score equal scikit-learn's and definitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from stats import reliability, scores


def random_answers(n_classes: int, n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(n_classes + n_rows)
    return generator.dirichlet(np.full(n_classes, 0.7), n_rows), generator.integers(
        0, n_classes, n_rows
    )


@pytest.mark.parametrize(
    ("n_classes", "n_rows"), [(2, 1), (2, 300), (3, 300), (10, 1000)]
)
def test_the_parts_add_up_to_the_brier_score(n_classes: int, n_rows: int) -> None:
    """The four parts add up to scikit-learn's Brier score to 1e-9."""
    probabilities, truth = random_answers(n_classes, n_rows)
    parts = reliability.brier_parts(probabilities, truth)
    expected = (
        brier_score_loss(truth, probabilities[:, 1], labels=[0, 1])
        if n_classes == 2
        else ((probabilities - np.eye(n_classes)[truth]) ** 2).sum(axis=1).mean()
    )
    total = (
        parts["reliability"]
        - parts["resolution"]
        + parts["uncertainty"]
        + parts["spread"]
    )
    assert total == pytest.approx(expected, abs=1e-9)


def test_equal_forecasts_in_a_bin_leave_murphys_three_parts() -> None:
    """Parts computed by hand: 0.2 comes true in 1 of 4 rows, 0.8 in 3 of 4, and nothing is left within bins."""
    second = np.repeat([0.2, 0.8], 4)
    truth = np.array([1, 0, 0, 0, 1, 1, 1, 0])
    parts = reliability.brier_parts(np.stack([1 - second, second], axis=1), truth)
    expected = {
        "reliability": 0.0025,
        "resolution": 0.0625,
        "uncertainty": 0.25,
        "spread": 0.0,
    }
    assert parts == pytest.approx(expected, abs=1e-12)


def test_a_single_class_has_no_uncertainty() -> None:
    """Uncertainty and resolution are 0 where all rows are of one class."""
    parts = reliability.brier_parts(
        np.array([[0.1, 0.9], [0.3, 0.7]]), np.array([1, 1])
    )
    assert parts["uncertainty"] == 0
    assert parts["resolution"] == pytest.approx(0, abs=1e-12)


def test_bins_of_equal_width_are_scikit_learns() -> None:
    """The mean confidence and the share of hits of each bin that has rows equal scikit-learn's."""
    generator = np.random.default_rng(3)
    confidence = generator.uniform(0.3, 1, 500)
    hits = generator.random(500) < confidence
    bins = reliability.describe_bins(
        confidence, hits, reliability.equal_width(confidence)
    )
    share, mean = calibration_curve(hits, confidence, n_bins=15)
    assert [each["accuracy"] for each in bins] == pytest.approx(share, abs=1e-12)
    assert [each["confidence"] for each in bins] == pytest.approx(mean, abs=1e-12)


def test_the_calibration_error_of_equal_width_is_that_of_compare() -> None:
    """Two ways to compute the calibration error have the same figure."""
    probabilities, truth = random_answers(3, 400)
    predictions = probabilities.argmax(axis=1)
    confidence = probabilities.max(axis=1)
    bins = reliability.describe_bins(
        confidence, predictions == truth, reliability.equal_width(confidence)
    )
    expected = scores.expected_calibration_error(probabilities, predictions, truth)[
        "value"
    ]
    assert reliability.calibration_error(bins) == pytest.approx(expected, abs=1e-12)


def test_bins_of_equal_mass_hold_as_many_rows_each() -> None:
    """Bins are those of numpy's quantiles, in any order of the rows."""
    confidence = np.random.default_rng(4).permutation(np.linspace(0.2, 0.9, 150))
    assert np.bincount(reliability.equal_mass(confidence)).tolist() == [10] * 15
    expected = np.searchsorted(
        np.quantile(confidence, np.arange(1, 15) / 15), confidence
    )
    assert np.array_equal(reliability.equal_mass(confidence), expected)


def test_equal_confidence_is_never_parted() -> None:
    """Ties fall into one bin, and one row into one."""
    assert len(set(reliability.equal_mass(np.full(100, 0.7)).tolist())) == 1
    assert reliability.equal_mass(np.array([1.0])).tolist() == [0]


def test_a_calibrated_model_is_expected_to_show_an_error() -> None:
    """The mean and the limit equal those of errors computed one by one from drawn rows, within their noise."""
    generator = np.random.default_rng(8)
    confidence = generator.uniform(0.5, 1, 200)
    errors = []
    for _ in range(400):
        hits = generator.random(200) < confidence
        bins = reliability.describe_bins(
            confidence, hits, reliability.equal_width(confidence)
        )
        errors.append(reliability.calibration_error(bins))

    found = reliability.expect_error(confidence)
    assert found["mean"] == pytest.approx(np.mean(errors), abs=0.003)
    assert found["limit"] == pytest.approx(np.quantile(errors, 0.95), abs=0.01)
    assert found["together"] == found["limit"]


def test_models_that_share_the_level_have_a_higher_limit() -> None:
    """The limit of 32 models is exceeded by one of them in 5 of 3,200 samples, as binomial counts of one bin say."""
    found = reliability.expect_error(np.full(100, 0.95), n_models=32)
    counts = np.arange(101)
    gaps = np.abs(counts - 95) / 100
    shares = binom.pmf(counts, 100, 0.95)
    order = np.argsort(gaps, kind="stable")
    above = 1 - np.cumsum(shares[order])
    expected = gaps[order][np.flatnonzero(above <= 0.05 / 32)[0]]
    assert found["together"] == pytest.approx(expected, abs=0.011)
    assert found["together"] > found["limit"]


@pytest.mark.parametrize("n_rows", [1, 2, 7, 500])
def test_hits_of_unequal_rows_are_counted_as_row_by_row(n_rows: int) -> None:
    """The distribution equals that from adding one row after the other, and of equal rows the binomial one."""
    probabilities = np.random.default_rng(n_rows).uniform(0, 1, n_rows)
    expected = np.ones(1)
    for each in probabilities:
        expected = np.convolve(expected, [1 - each, each])

    found = reliability.count_hits(probabilities)
    assert found == pytest.approx(expected, abs=1e-14)
    equal = reliability.count_hits(np.full(n_rows, 0.3))
    assert equal == pytest.approx(
        binom.pmf(np.arange(n_rows + 1), n_rows, 0.3), abs=1e-14
    )
