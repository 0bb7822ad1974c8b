"""Shapley values share the difference between an answer and a base value among the features, exactly or by sampling.

A feature that is not in a coalition has the value of a background row, so that a value is the mean of games, one for
each such row (Strumbelj and Kononenko, KAIS 2014; Lundberg and Lee, NeurIPS 2017).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.models import cancellation

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]
Evaluate = Callable[[Rows], Floats]
"""It returns what is explained of rows `(n_rows, n_features)`, `(n_rows,)`."""

MAX_EVALUATIONS = 4096
"""A row is explained by about so many answers of the model, or by those of 8 pairs of orders where that is more."""
MIN_PAIRS = 8
MAX_PAIRS = 64
MIN_BACKGROUND = 16
MAX_BACKGROUND = 64
SEED = 0
VALUES_AT_A_TIME = 1_000_000
"""Rows that are made up are answered in parts of so many values, 4 MB."""


class Attribution(NamedTuple):
    """An attribution has a `base` and what each feature adds to it, `(n_features,)`; together they are the `total`.

    `errors` are standard errors of values that were sampled.
    """

    base: float
    total: float
    values: Floats
    errors: Floats | None = None


class Plan(NamedTuple):
    """A plan says how many background rows there are, and whether all coalitions are looked at."""

    n_background: int
    is_exact: bool
    n_evaluations: int


def make_plan(n_features: int) -> Plan:
    """Returns how a row of so many features is explained: exactly where that takes few answers."""
    n_background = min(MAX_BACKGROUND, MAX_EVALUATIONS // 2 ** min(n_features, 30))
    if n_background >= MIN_BACKGROUND:
        return Plan(
            n_background,
            is_exact=True,
            n_evaluations=n_background * 2**n_features,
        )

    per_pair = 2 * n_features
    n_pairs = int(np.clip(MAX_EVALUATIONS // per_pair, MIN_PAIRS, MAX_PAIRS))

    return Plan(n_pairs, is_exact=False, n_evaluations=n_pairs * per_pair)


def explain(evaluate: Evaluate, row: Rows, background: Rows) -> Attribution:
    """Returns the Shapley values of a row `(n_features,)` against the rows of a plan's background."""
    plan = make_plan(len(row))
    background = background[: plan.n_background]
    if plan.is_exact:
        return compute_exactly(evaluate, row, background)

    # Each background row has as many orders as any other.
    n_times = plan.n_background // len(background)
    return sample(evaluate, row, np.tile(background, (n_times, 1)))


def compute_exactly(evaluate: Evaluate, row: Rows, background: Rows) -> Attribution:
    """Returns the values from all coalitions, 2^n_features of them for each background row."""
    n_features = len(row)
    numbers = np.arange(2**n_features)
    bits = numbers[:, None] >> np.arange(n_features)
    has = bits & 1 == 1
    mixed = np.where(has, row, background[:, None])
    values = _evaluate_in_parts(evaluate, mixed.reshape(-1, n_features))
    means = values.reshape(len(background), -1).mean(axis=0)

    n_others = has.sum(axis=1)
    n_choices = [math.comb(n_features - 1, size) for size in range(n_features)]
    weights = np.array([1 / (n_features * each) for each in n_choices])

    added = np.empty(n_features)
    for feature in range(n_features):
        without = numbers[~has[:, feature]]
        with_it = without | 1 << feature
        steps = means[with_it] - means[without]
        added[feature] = weights[n_others[without]] @ steps

    return Attribution(means[0], means[-1], added)


def sample(evaluate: Evaluate, row: Rows, background: Rows) -> Attribution:
    """Returns the mean over random orders of the features, one for each background row, and its reverse.

    In an order the features take the row's values one after the other, and each is given what the answer changes then:
    the values add up to the difference exactly, however few the orders. The same row has the same orders each time.
    """
    n_pairs, n_features = background.shape
    generator = np.random.default_rng(SEED)
    in_order = np.tile(np.arange(n_features), (n_pairs, 1))
    orders = generator.permuted(in_order, axis=1)
    ranks = np.argsort(orders, axis=1)

    ends = evaluate(np.concatenate([row[None], background]))
    total = ends[0]
    starts = ends[1:]
    at_a_time = max(1, VALUES_AT_A_TIME // (2 * n_features * n_features))

    parts = []
    for first in range(0, n_pairs, at_a_time):
        cancellation.check()
        chosen = slice(first, first + at_a_time)
        steps = _take_steps(
            evaluate, row, background[chosen], ranks[chosen], starts[chosen], total
        )
        parts.append(steps)

    added = np.concatenate(parts)
    errors = added.std(axis=0, ddof=1) / math.sqrt(n_pairs)

    base = float(starts.mean())
    values = added.mean(axis=0)

    return Attribution(base, float(total), values, errors)


def _take_steps(
    evaluate: Evaluate,
    row: Rows,
    background: Rows,
    ranks: NDArray[np.int64],
    starts: Floats,
    total: float,
) -> Floats:
    """Returns what each feature adds in an order and its reverse, on average, `(n_pairs, n_features)`."""
    n_pairs, n_features = background.shape
    both = np.stack([ranks, n_features - 1 - ranks], axis=1)
    places = np.arange(1, n_features)[:, None]
    has = both[:, :, None] < places
    mixed = np.where(has, row, background[:, None, None])
    values = _evaluate_in_parts(evaluate, mixed.reshape(-1, n_features))

    first = np.broadcast_to(starts[:, None, None], (n_pairs, 2, 1))
    between = values.reshape(n_pairs, 2, n_features - 1)
    last = np.full((n_pairs, 2, 1), total)
    answers = np.concatenate([first, between, last], axis=2)

    steps = np.diff(answers, axis=2)
    by_feature = np.take_along_axis(steps, both, axis=2)
    added: Floats = by_feature.mean(axis=1)

    return added


def _evaluate_in_parts(evaluate: Evaluate, rows: Rows) -> Floats:
    """Returns the answers to rows, some at a time, as long as anyone waits for them."""
    if not len(rows):
        return np.zeros(0)

    size = max(1, VALUES_AT_A_TIME // rows.shape[1])
    starts = range(0, len(rows), size)
    answers = [
        evaluate(rows[start : start + size]) for start in cancellation.watch(starts)
    ]

    return np.concatenate(answers)
