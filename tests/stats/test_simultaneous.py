"""Critical values are SciPy's, and the truly best model is seldom thrown out."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from scipy.stats import studentized_range

from stats import simultaneous
from stats.binomial import Z
from stats.paired import Pair, difference_interval


def draw_hits(
    accuracies: list[float], n_rows: int, generator: np.random.Generator
) -> np.ndarray:
    """Returns hits of models whose rows are alike in how hard they are."""
    limits = np.array([NormalDist().inv_cdf(each) for each in accuracies])
    of_row = generator.normal(size=(n_rows, 1))
    of_answer = generator.normal(size=(n_rows, len(limits)))
    hits: np.ndarray = 0.6**0.5 * of_row + 0.4**0.5 * of_answer < limits
    return hits


@pytest.mark.parametrize("n_models", [3, 5, 8])
def test_the_critical_value_is_that_of_the_studentised_range(n_models: int) -> None:
    """Of independent models that are right equally often it is SciPy's studentised range over the root of two."""
    hits = np.random.default_rng(n_models).random((100_000, n_models)) < 0.8
    found = simultaneous.critical_value(simultaneous.draw_errors(hits))
    expected = studentized_range.ppf(0.95, n_models, np.inf) / 2**0.5
    assert found == pytest.approx(expected, abs=0.04)


def test_of_two_models_it_is_that_of_one_difference() -> None:
    """A single pair has the critical value of a single interval, and models that are the same have no other."""
    hits = np.random.default_rng(1).random((500, 2)) < 0.8
    found = simultaneous.critical_value(simultaneous.draw_errors(hits))
    assert found == pytest.approx(Z, abs=0.03)
    twins = np.repeat(hits[:, :1], 3, axis=1)
    assert simultaneous.critical_value(simultaneous.draw_errors(twins)) == Z
    assert simultaneous.find_best(twins) == [0, 1, 2]


def test_who_is_clearly_worse_is_not_the_best() -> None:
    """A model that is far worse is thrown out, and a single model is the best of all."""
    hits = draw_hits([0.95, 0.94, 0.7], 400, np.random.default_rng(2))
    assert simultaneous.find_best(hits) == [0, 1]
    assert simultaneous.find_best(hits[:, :1]) == [0]


def test_rows_that_are_repeated_throw_nobody_out() -> None:
    """Thirty rows a hundred times over throw out nobody whom the thirty rows do not throw out."""
    hits = draw_hits([0.9, 0.8, 0.85], 30, np.random.default_rng(3))
    groups = np.tile(np.arange(30), 100)
    once = simultaneous.find_best(hits)
    assert set(once) <= set(simultaneous.find_best(np.tile(hits, (100, 1)), groups))
    assert simultaneous.find_best(np.tile(hits, (100, 1))) != once


def check(accuracies: list[float], n_rows: int, n_samples: int, error: float) -> None:
    """Checks that the first model stays, and that all intervals hold, in 95 % of samples up to an error."""
    generator = np.random.default_rng(n_rows)
    stays = 0
    holds = 0
    for _ in range(n_samples):
        hits = draw_hits(accuracies, n_rows, generator)
        stays += 0 in simultaneous.find_best(hits)
        z = simultaneous.critical_value(simultaneous.draw_errors(hits))
        holds += all(
            low <= accuracies[first] - accuracies[second] <= high
            for first in range(len(accuracies))
            for second in range(first)
            for low, high in [
                difference_interval(Pair.of(hits[:, first], hits[:, second]), z=z)
            ]
        )

    assert stays / n_samples >= 0.95 - error
    assert holds / n_samples >= 0.95 - error


def test_the_best_is_seldom_thrown_out() -> None:
    """In 60 samples of five equal models the first stays among the best, and all intervals hold, in nine of ten."""
    check([0.85] * 5, 114, 60, 0.06)


@pytest.mark.long
@pytest.mark.parametrize("n_rows", [30, 114, 360])
@pytest.mark.parametrize(
    "accuracies", [[0.95] * 7, [0.85] * 7, [0.97, 0.96, 0.95, 0.93, 0.91, 0.88, 0.8]]
)
def test_the_best_stays_in_95_of_100_samples(
    accuracies: list[float], n_rows: int
) -> None:
    """In 600 samples of seven models the best stays, and all 21 intervals hold at once, as often as is said."""
    check(accuracies, n_rows, 600, 0.02)
