"""Shapley values are what their definition says, exactly or within the error that is stated."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import numpy as np
import pytest

from service.calls.explaining import shapley
from service.calls.explaining.trees import TreeExplainer
from service.errors import DeadlinePassed
from service.models.cancellation import CancellationToken, activate
from service.models.parsing.ensemble_reader import read_tree_ensemble
from tests.support.random_trees import draw_whole_rows, make_trees

Evaluate = Callable[[np.ndarray], np.ndarray]


def entangle(rows: np.ndarray) -> np.ndarray:
    """The features of this function are not independent of each other."""
    values = rows.astype(np.float64)
    return np.tanh(values[:, 0] * values[:, 1]) + values[:, 2:].prod(axis=1)


def go_through_orders(
    evaluate: Evaluate, row: np.ndarray, background: np.ndarray
) -> np.ndarray:
    """The mean over all orders of the features and all background rows is the definition."""
    orders = list(permutations(range(len(row))))
    added = np.zeros(len(row))
    for start in background:
        for order in orders:
            mixed = start.copy()
            before = evaluate(mixed[None])[0]
            for feature in order:
                mixed[feature] = row[feature]
                after = evaluate(mixed[None])[0]
                added[feature] += after - before
                before = after

    return added / len(orders) / len(background)


def test_exact_values_are_the_mean_over_all_orders(
    generator: np.random.Generator,
) -> None:
    """The values from all coalitions are those from all orders, and add up to the answer."""
    row, *background = generator.normal(size=(4, 4)).astype(np.float32)
    found = shapley.compute_exactly(entangle, row, np.array(background))

    assert found.errors is None
    assert found.values == pytest.approx(
        go_through_orders(entangle, row, np.array(background)), abs=1e-12
    )
    assert found.base + found.values.sum() == pytest.approx(found.total, abs=1e-12)
    assert found.total == pytest.approx(entangle(row[None])[0], abs=1e-12)


def test_sampled_values_are_near_the_exact_ones(generator: np.random.Generator) -> None:
    """Sampled values lie within four standard errors of the exact ones, and add up to the answer all the same."""
    row, *rows = generator.normal(size=(65, 6)).astype(np.float32)
    background = np.array(rows)
    exact = shapley.compute_exactly(entangle, row, background)
    found = shapley.sample(entangle, row, background)

    assert found.errors is not None
    assert (np.abs(found.values - exact.values) <= 4 * found.errors + 1e-12).all()
    assert found.base + found.values.sum() == pytest.approx(found.total, abs=1e-12)
    assert found.base == pytest.approx(exact.base, abs=1e-12)


def test_the_same_row_has_the_same_values(generator: np.random.Generator) -> None:
    """Sampling is seeded, so that an answer can be had again."""
    row, *rows = generator.normal(size=(17, 40)).astype(np.float32)
    first, second = (
        shapley.sample(entangle, row, np.array(rows)).values for _ in range(2)
    )

    assert (first == second).all()


@pytest.mark.parametrize(
    ("n_features", "is_exact"),
    [(1, True), (8, True), (9, False), (64, False), (1000, False)],
)
def test_a_plan_is_bounded(n_features: int, is_exact: bool) -> None:  # noqa: FBT001
    """A row of few features is explained exactly, of many by at least 8 pairs of orders, at about 4,096 answers."""
    plan = shapley.make_plan(n_features)

    assert plan.is_exact == is_exact
    assert plan.n_evaluations <= max(4096, 16 * n_features)
    assert plan.n_background >= 8


def test_work_that_nobody_waits_for_ends(generator: np.random.Generator) -> None:
    """Sampling of many features looks between its parts whether anybody waits, and ends."""
    token = CancellationToken()
    row, *rows = generator.normal(size=(9, 600)).astype(np.float32)
    n_answers = 0

    def count(given: np.ndarray) -> np.ndarray:
        nonlocal n_answers
        n_answers += len(given)
        token.cancel()
        return np.zeros(len(given))

    with activate(token), pytest.raises(DeadlinePassed):
        shapley.sample(count, row, np.array(rows))

    assert n_answers == len(rows) + 1


@pytest.mark.parametrize("seed", range(5))
def test_values_of_trees_are_those_of_all_coalitions(seed: int) -> None:
    """The formula for leaves gives what all coalitions give, for every comparison and for missing values."""
    generator = np.random.default_rng(seed)
    ensemble = read_tree_ensemble(make_trees(generator).SerializeToString())
    assert ensemble is not None
    explainer = TreeExplainer(ensemble)
    rows = draw_whole_rows(generator, 12)

    found = explainer.explain(rows[:2], rows[2:], 0)

    for row, each in zip(rows[:2], found, strict=True):
        exact = shapley.compute_exactly(
            lambda mixed: explainer.score(mixed)[:, 0], row, rows[2:]
        )
        assert each.values == pytest.approx(exact.values, abs=1e-12)
        assert each.base == pytest.approx(exact.base, abs=1e-12)
        assert each.base + each.values.sum() == pytest.approx(each.total, abs=1e-12)
