"""Accuracy without labels is the mean confidence, with an interval that holds in calibrated worlds and in others."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom

from stats import reliability
from stats.binomial import wilson
from stats.monitoring import label_free

N_LIVE = 1_000


def draw(
    generator: np.random.Generator, n_rows: int, *, sharpness: float, distance: float
) -> tuple[np.ndarray, np.ndarray]:
    """Returns confidences and hits of two normal classes; with a sharpness of 1 the model is calibrated."""
    truth = generator.integers(0, 2, n_rows)
    scores = generator.normal(np.where(truth, distance, -distance), 1)
    positive = 1 / (1 + np.exp(-2 * distance * sharpness * scores))
    return np.maximum(positive, 1 - positive), (positive > 0.5) == truth


def measure_error(confidences: np.ndarray, hits: np.ndarray) -> float:
    bins = reliability.describe_bins(
        confidences, hits, reliability.equal_width(confidences)
    )
    return reliability.calibration_error(bins)


def simulate(
    *, sharpness: float, distance: float, n_held_out: int, n_samples: int
) -> tuple[int, int]:
    """Returns how many samples have an estimate, and how many of their intervals hold the accuracy on the rows."""
    generator = np.random.default_rng(n_held_out)
    n_shown = 0
    n_held = 0

    for _ in range(n_samples):
        held_out = draw(generator, n_held_out, sharpness=sharpness, distance=distance)
        confidences, hits = draw(
            generator, N_LIVE, sharpness=sharpness, distance=distance
        )
        ece = measure_error(*held_out)
        if ece > label_free.limit_calibration_error(confidences, n_rows=n_held_out):
            continue

        n_right = int(held_out[1].sum())
        lower = wilson(n_right, n_held_out)[0]
        brier = float(((held_out[1] - held_out[0]) ** 2).mean())
        _, (low, high) = label_free.estimate_accuracy(
            confidences,
            np.arange(N_LIVE),
            ece=ece,
            squared_gap=brier + n_right / n_held_out - lower,
            n_held_out=n_held_out,
        )
        n_shown += 1
        n_held += low <= hits.mean() <= high

    return n_shown, n_held


WORLDS = [
    (sharpness, distance, n_held_out)
    for sharpness in (0.7, 1.0, 1.5, 2.0, 3.0)
    for distance in (1.0, 1.5, 2.0)
    for n_held_out in (36, 114, 360, 2_000)
]


@pytest.mark.parametrize(
    ("sharpness", "distance", "n_held_out"),
    [(1.0, 1.5, 114), (1.0, 1.5, 360), (1.5, 2.0, 36), (3.0, 2.0, 114)],
)
def test_the_interval_holds_in_calibrated_and_other_worlds(
    sharpness: float, distance: float, n_held_out: int
) -> None:
    """An interval that is given holds the accuracy in 95 % of samples or more, also where the model is too sure."""
    check_world(sharpness, distance, n_held_out, n_samples=100)


@pytest.mark.long
@pytest.mark.parametrize(("sharpness", "distance", "n_held_out"), WORLDS)
def test_the_interval_holds_in_all_worlds(
    sharpness: float, distance: float, n_held_out: int
) -> None:
    """Intervals that are given hold in 60 worlds of few and many held-out rows, and calibrated models have one."""
    check_world(sharpness, distance, n_held_out, n_samples=1_000)


def check_world(
    sharpness: float, distance: float, n_held_out: int, *, n_samples: int
) -> None:
    n_shown, n_held = simulate(
        sharpness=sharpness,
        distance=distance,
        n_held_out=n_held_out,
        n_samples=n_samples,
    )
    # By the exact tail, since a model that is too sure has an interval in one of a thousand samples.
    assert binom.cdf(n_held, n_shown, 0.95) > 0.001
    if sharpness == 1:
        assert n_shown >= 0.85 * n_samples


def test_a_model_that_is_far_too_sure_has_no_estimate() -> None:
    """Nearly all samples of 360 held-out rows show that a model is three times too sure."""
    n_shown, _ = simulate(sharpness=3.0, distance=1.5, n_held_out=360, n_samples=100)
    assert n_shown <= 2


def test_the_estimate_is_the_mean_confidence() -> None:
    """Three rows by hand: NannyML's CBPE takes the mean of the highest probabilities of several classes."""
    confidences = np.array([0.5, 0.8, 0.9])
    value, (low, high) = label_free.estimate_accuracy(
        confidences, np.array([1, 2, 3]), ece=0.01, squared_gap=0.1, n_held_out=100
    )
    variance = (0.25 + 0.16 + 0.09) / 9 + 0.1 / 100
    half_width = 0.01 + 1.959963984540054 * math.sqrt(variance)
    assert value == pytest.approx(2.2 / 3, abs=1e-12)
    assert low == pytest.approx(value - half_width, abs=1e-12)
    assert high == 1.0


def test_rows_of_a_group_count_as_one() -> None:
    """Copies of a row in one group narrow nothing: the interval is that of the row alone."""
    options = {"ece": 0.0, "squared_gap": 0.0, "n_held_out": 100}
    alone = label_free.estimate_accuracy(np.array([0.6]), np.array([7]), **options)
    copies = label_free.estimate_accuracy(np.full(50, 0.6), np.full(50, 7), **options)
    assert copies[1] == pytest.approx(alone[1], abs=1e-12)


@pytest.mark.parametrize("n_rows", [36, 114, 360, 3_000])
def test_the_limit_is_that_of_resampling(n_rows: int) -> None:
    """The closed limit of a calibrated model's error is within a tenth of the one that is drawn from many samples."""
    generator = np.random.default_rng(n_rows)
    confidences = 0.5 + 0.5 * generator.beta(5, 1, n_rows)
    found = label_free.limit_calibration_error(confidences, n_rows=n_rows)
    drawn = reliability.expect_error(confidences)["limit"]
    assert found == pytest.approx(drawn, rel=0.1)


def test_labels_contradict_confidences_that_they_do_not_bear_out() -> None:
    """Forty rows right in half of the cases refute a confidence of 0.9, and those right in nine of ten do not."""
    confidences = np.full(40, 0.9)
    groups = np.arange(40)
    half = np.arange(40) % 2 == 0
    most = np.arange(40) % 10 > 0
    assert label_free.contradicts(confidences, half, groups)
    assert not label_free.contradicts(confidences, most, groups)
    assert not label_free.contradicts(confidences, half, np.zeros(40, np.int64))
    assert not label_free.contradicts(np.empty(0), np.empty(0, bool), groups[:0])
