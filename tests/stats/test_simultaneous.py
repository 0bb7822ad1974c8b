"""Critical values are SciPy's, and the truly best model is seldom thrown out."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from arch.bootstrap import MCS, SPA
from scipy.stats import studentized_range

from stats import simultaneous
from stats.binomial import Z
from stats.paired_differences import Pair, difference_interval


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
    """The critical value of independent, equally good models is SciPy's studentised range over the root of two."""
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


def compare_with_others(hits: np.ndarray, model: int, *, reps: int) -> SPA:
    """Returns arch's bootstrap test of whether any other model is better than this one, rows drawn one by one."""
    losses = 1.0 - hits
    others = np.delete(losses, model, axis=1)
    reality_check = SPA(losses[:, model], others, block_size=1, reps=reps, seed=0)
    reality_check.compute()

    return reality_check


@pytest.mark.parametrize("n_models", [2, 3, 5])
def test_who_is_thrown_out_takes_the_limit_of_the_reality_check(n_models: int) -> None:
    """The limit that others' differences to a model have to pass is that of arch's bootstrap, in deviations.

    arch does not studentise, so that models are taken whose differences have equal deviations.
    """
    hits = np.random.default_rng(n_models).random((600, n_models)) < 0.8
    spread = simultaneous.draw_errors(hits)
    limits: list[float] = []

    def keep(first: int, second: int, z: float) -> float:
        limits.append(z)
        return -1.0

    simultaneous.find_best_of(spread, keep)
    reality_check = compare_with_others(hits, 0, reps=4000)
    deviation = spread.deviations[0, 1:].mean()
    expected = reality_check.critical_values(0.05)["upper"] / deviation
    assert limits[0] == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("seed", range(8))
def test_one_of_two_is_thrown_out_where_the_reality_check_does_so(seed: int) -> None:
    """The one of two models that arch refutes to be the best at 5 % is thrown out, unless it is within 2 % of that."""
    hits = draw_hits([0.9, 0.86], 500, np.random.default_rng(seed))
    kept = simultaneous.find_best(hits)
    for model in (0, 1):
        p_value = compare_with_others(hits, model, reps=1000).pvalues["upper"]
        if abs(p_value - 0.05) > 0.02:
            assert (model in kept) == (p_value > 0.05)


@pytest.mark.parametrize(
    "accuracies",
    [[0.95, 0.94, 0.7], [0.9, 0.6, 0.91, 0.5, 0.89], [0.97, 0.85, 0.75, 0.6]],
)
def test_the_set_is_the_model_confidence_set_where_worlds_are_clear(
    accuracies: list[float],
) -> None:
    """Models far worse than the best are out and those about as good are in, by Hansen, Lunde and Nason too."""
    for seed in range(3):
        hits = draw_hits(accuracies, 400, np.random.default_rng(seed))
        confidence_set = MCS(1.0 - hits, size=0.05, block_size=1, reps=1000, seed=0)
        confidence_set.compute()
        clear = [
            place
            for place, each in enumerate(accuracies)
            if each > max(accuracies) - 0.03
        ]
        assert simultaneous.find_best(hits) == confidence_set.included == clear


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
    """The first of five equal models stays among the best, and all intervals hold, in nine of ten of 60 samples."""
    check([0.85] * 5, 114, 60, 0.06)


@pytest.mark.long
@pytest.mark.parametrize("n_rows", [30, 114, 360])
@pytest.mark.parametrize(
    "accuracies", [[0.95] * 7, [0.85] * 7, [0.97, 0.96, 0.95, 0.93, 0.91, 0.88, 0.8]]
)
def test_the_best_stays_in_95_of_100_samples(
    accuracies: list[float], n_rows: int
) -> None:
    """The best of seven models stays, and all 21 intervals hold at once, as often as is said in 600 samples."""
    check(accuracies, n_rows, 600, 0.02)
