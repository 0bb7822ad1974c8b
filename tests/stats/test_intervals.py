"""Every interval holds its value, whatever is counted, and none is without width."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stats import binomial, paired_differences, scores, sequential
from stats.paired_differences import Pair

COUNTS = st.integers(0, 10**6)
SIZES = st.integers(2, 60)


@st.composite
def shares(draw: st.DrawFn) -> tuple[int, int]:
    """Draws hits and rows."""
    n_rows = draw(st.integers(1, 10**9))
    return draw(st.integers(0, n_rows)), n_rows


@given(shares())
@example((7, 7))
@example((0, 5))
def test_wilsons_interval_holds_the_share(counts: tuple[int, int]) -> None:
    """Wilson's interval holds the share, and is wider than nothing."""
    low, high = binomial.wilson(*counts)
    assert 0 <= low <= counts[0] / counts[1] <= high <= 1
    assert low < high


def test_wilsons_limits_of_none_and_all_are_exact() -> None:
    """The lower limit of no hit is 0 and the upper limit of all hits 1, to the last digit, of any number of rows."""
    inexact = [
        n_rows
        for n_rows in (*range(1, 2000), 10**5, 10**9)
        if binomial.wilson(0, n_rows)[0] != 0.0
        or binomial.wilson(n_rows, n_rows)[1] != 1.0
    ]
    assert inexact == []


@given(st.integers(0, 3000), st.integers(0, 3000), st.floats(0.5, 0.999))
def test_the_exact_interval_holds_the_share(
    hits: int, misses: int, confidence: float
) -> None:
    """Clopper and Pearson's interval holds the share of one row and of thousands."""
    n_rows = hits + misses
    low, high = binomial.clopper_pearson(hits, n_rows, confidence=confidence)
    assert 0 <= low <= (hits / n_rows if n_rows else 0.5) <= high <= 1


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_the_interval_of_a_difference_holds_it(
    both: int, only_a: int, only_b: int, neither: int
) -> None:
    """Newcombe's interval holds the difference of two accuracies."""
    pair = Pair(both, only_a, only_b, neither + 1)
    low, high = paired_differences.difference_interval(pair)
    assert -1 <= low <= pair.difference <= high <= 1


@given(st.integers(0, 3000), st.integers(0, 3000))
@settings(max_examples=settings().max_examples // 2)
def test_the_interval_of_an_odds_ratio_holds_it(only_a: int, only_b: int) -> None:
    """The exact interval holds the ratio; what has no value or no end has a reason."""
    found = paired_differences.odds_ratio(Pair(1, only_a, only_b, 1))
    if found["value"] is None:
        assert found["reason"]
    else:
        low, high = found["interval"]
        assert low <= found["value"]
        assert high is None or found["value"] <= high


@given(st.integers(0, 2**32 - 1), SIZES, st.integers(2, 5), st.sampled_from([0.01, 1]))
@settings(max_examples=settings().max_examples // 2)
def test_every_metric_is_in_its_interval(
    seed: int, n_rows: int, n_classes: int, scale: float
) -> None:
    """Each metric of /compare lies in its interval, which has a width, or has a reason."""
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.full(n_classes, scale), n_rows)
    truth = generator.integers(0, n_classes, n_rows)
    if seed % 3 == 0:
        truth = probabilities.argmax(axis=1)  # all are right

    check(scores.score(probabilities, probabilities.argmax(axis=1), truth))


def test_the_metrics_of_equal_rows_have_no_interval_without_width() -> None:
    """Rows that are all alike have no interval of a mean, and the reason says why."""
    probabilities = np.tile([0.3, 0.7], (12, 1))
    found = scores.score(probabilities, np.ones(12, np.int64), np.zeros(12, np.int64))
    check(found)
    assert found["brier"]["interval"] is None
    assert found["brier"]["reason"] == "no interval: the losses differ by too little"


def test_an_interval_that_is_lost_in_rounding_is_none() -> None:
    """Losses that differ by less than a number can hold have no interval rather than one of no width."""
    losses = np.full(20, 1.0)
    losses[0] += 1e-15
    found = scores.mean_loss(losses, np.ones(20, np.bool_))
    assert found["interval"] is None
    assert found["reason"] == "no interval: the losses differ by too little"


def check(metrics: dict[str, Any]) -> None:
    for name, metric in metrics.items():
        if name == "confusion":
            continue
        if metric["interval"] is None:
            assert metric["reason"], name
        else:
            low, high = metric["interval"]
            assert low <= metric["value"] <= high, (name, metric)
            assert low < high, (name, metric)


@given(st.lists(COUNTS, min_size=3, max_size=3), st.floats(0.001, 0.5))
def test_a_confidence_sequence_holds_the_mean_of_its_rows(
    counts: list[int], alpha: float
) -> None:
    """The bounds of a sequential test hold the difference that was seen."""
    n_rows = sum(counts)
    lower, upper = sequential.bound(
        np.array([1.0, 0.0, -1.0]), np.array([counts]), alpha=alpha
    )[0]
    difference = (counts[0] - counts[2]) / n_rows if n_rows else 0.0
    assert -1 <= lower <= difference <= upper <= 1
