"""Shapley values of trees are exact: each leaf is a game of its own, whose values have a formula.

Mixtures of a row and a background row reach a leaf or do not. They reach it where, of the features on its path, those
that the background row fails come from the row, and those that the row fails from the background row. A leaf adds its
weight to that one coalition and to what contains it (the interventional values of Lundberg et al., Nature Machine
Intelligence 2020).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from service.calls.explaining.shapley import Attribution
from service.models import cancellation
from service.models.parsing.tree_ensemble import TreeEnsemble

MAX_SLOTS = 64
"""A path may have so many different features, a bit for each."""
MAX_DEPTH = 500
LEAVES_AT_A_TIME = 8192

Bits = NDArray[np.uint64]
Places = NDArray[np.int32]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Paths:
    """The paths have for each leaf the nodes above it, which way it goes there, and the slot of the node's feature.

    All are `(n_leaves, depth)`, with -1 for no node; `features` are those of the slots, `(n_leaves, n_slots)`.
    """

    nodes: Places
    goes_true: NDArray[np.bool_]
    slots: NDArray[np.int16]
    features: Places


class TreeExplainer:
    """A tree explainer knows an ensemble's paths, and explains the scores of rows."""

    def __init__(self, ensemble: TreeEnsemble) -> None:
        self.ensemble = ensemble

    @cached_property
    def paths(self) -> Paths | None:
        """Returns the paths of all leaves; None where one is too long."""
        return _trace(self.ensemble)

    @property
    def n_bytes(self) -> int:
        """Returns about how much memory the trees and their paths take."""
        parts = [self.ensemble, *([] if self.paths is None else [self.paths])]
        arrays = [each for part in parts for each in vars(part).values()]
        return sum(each.nbytes for each in arrays if isinstance(each, np.ndarray))

    def score(self, features: NDArray[np.float32]) -> Floats:
        """Returns the sums of the leaves that rows reach, `(n_rows, n_outputs)`, with the bias."""
        assert self.paths is not None
        ensemble = self.ensemble
        scores = np.tile(ensemble.bias, (len(features), 1))
        goes = ensemble.compare(ensemble.encoding.apply(features))
        for chosen in self._split():
            fails = self._find_fails(goes, chosen)
            scores += (fails == 0).T @ ensemble.weights[chosen]

        return scores

    def explain(
        self, rows: NDArray[np.float32], background: NDArray[np.float32], output: int
    ) -> list[Attribution]:
        """Returns the exact values of each row's score against background rows."""
        assert self.paths is not None
        ensemble = self.ensemble
        n_rows, n_features = rows.shape
        columns = ensemble.encoding.apply(np.concatenate([rows, background]))
        goes = ensemble.compare(columns)
        base = float(ensemble.bias[output])
        totals = np.full(n_rows, base)
        added = np.zeros((n_rows, n_features))
        for chosen in self._split(output):
            fails = self._find_fails(goes, chosen)
            weights = ensemble.weights[chosen, output]
            features = self.paths.features[chosen]
            totals += weights @ (fails[:, :n_rows] == 0)
            base += float(weights @ (fails[:, n_rows:] == 0).mean(axis=1))
            for row in range(n_rows):
                shares = _share(fails[:, row], fails[:, n_rows:], features.shape[1])
                np.add.at(added[row], features, shares * weights[:, None])

        return [
            Attribution(base, float(total), values)
            for total, values in zip(totals, added, strict=True)
        ]

    def _split(self, output: int | None = None) -> list[Integers]:
        """Returns the numbers of the leaves that say something of an output, some at a time."""
        weights = self.ensemble.weights
        numbers = np.arange(len(weights))
        if output is not None:
            numbers = np.flatnonzero(weights[:, output])
        starts = range(0, len(numbers), LEAVES_AT_A_TIME)

        return [numbers[start : start + LEAVES_AT_A_TIME] for start in starts]

    def _find_fails(self, goes: NDArray[np.bool_], leaves: Integers) -> Bits:
        """Returns a bit for each feature on a leaf's path that a row fails, `(n_leaves, n_rows)`."""
        assert self.paths is not None
        paths = self.paths
        fails = np.zeros((len(leaves), goes.shape[1]), dtype=np.uint64)
        for depth in cancellation.watch(range(paths.nodes.shape[1])):
            nodes = paths.nodes[leaves, depth]
            is_there = np.flatnonzero(nodes >= 0)
            if not len(is_there):
                break

            chosen = leaves[is_there]
            bits = np.uint64(1) << paths.slots[chosen, depth].astype(np.uint64)
            is_wrong = goes[nodes[is_there]] != paths.goes_true[chosen, depth, None]
            fails[is_there] |= is_wrong * bits[:, None]

        return fails


def _share(row_fails: Bits, background_fails: Bits, n_slots: int) -> Floats:
    """Returns what a leaf of weight 1 gives each slot `(n_leaves, n_slots)`, the mean over background rows."""
    n_leaves, n_background = background_fails.shape
    leaf, other = np.nonzero((row_fails[:, None] & background_fails) == 0)
    gives = background_fails[leaf, other]
    takes = row_fails[leaf]
    n_gives = np.bitwise_count(gives).astype(np.int64)
    n_takes = np.bitwise_count(takes).astype(np.int64)
    given = _WEIGHTS[n_gives, n_takes] / n_background
    taken = _WEIGHTS[n_takes, n_gives] / n_background

    shares = np.empty((n_leaves, n_slots))
    for slot in cancellation.watch(range(n_slots)):
        has_given = (gives >> np.uint64(slot)) & np.uint64(1)
        has_taken = (takes >> np.uint64(slot)) & np.uint64(1)
        shares[:, slot] = np.bincount(
            leaf, weights=has_given * given - has_taken * taken, minlength=n_leaves
        )

    return shares


def _weigh(n_own: int, n_other: int) -> float:
    """Returns (own - 1)! other! / (own + other)!, a feature's part of the orders in which all of its own are first."""
    return 1 / (n_own * math.comb(n_own + n_other, n_own)) if n_own else 0.0


_WEIGHTS = np.array(
    [
        [_weigh(own, other) for other in range(MAX_SLOTS + 1)]
        for own in range(MAX_SLOTS + 1)
    ]
)


def _trace(ensemble: TreeEnsemble) -> Paths | None:
    """Returns the paths from each leaf up to its root; None where one has too many nodes or features."""
    n_nodes = len(ensemble.mode)
    parent = np.full(n_nodes, -1, dtype=np.int64)
    is_true = np.zeros(n_nodes, dtype=np.bool_)
    inner = np.flatnonzero(ensemble.mode >= 0)
    parent[ensemble.on_true[inner]] = inner
    parent[ensemble.on_false[inner]] = inner
    is_true[ensemble.on_true[inner]] = True

    place = ensemble.leaves
    nodes, goes_true = [], []
    while (place >= 0).any():
        above = np.where(place >= 0, parent[place], -1)
        nodes.append(above)
        goes_true.append(is_true[place])
        place = above
        if len(nodes) > MAX_DEPTH:
            return None

    stacked = np.stack(nodes, axis=1)
    source = ensemble.encoding.source
    feature = ensemble.column if source is None else source[ensemble.column]
    slots, features = _number_slots(np.where(stacked >= 0, feature[stacked], -1))
    if features.shape[1] > MAX_SLOTS:
        return None

    return Paths(
        nodes=stacked.astype(np.int32),
        goes_true=np.stack(goes_true, axis=1),
        slots=slots.astype(np.int16),
        features=features.astype(np.int32),
    )


def _number_slots(features: Integers) -> tuple[Integers, Integers]:
    """Returns for each leaf the number of each node's feature among the different ones, and the feature of each number.

    A number that a leaf has no feature for stands for feature 0, and is given nothing.
    """
    order = np.argsort(features, axis=1, kind="stable")
    ascending = np.take_along_axis(features, order, axis=1)
    is_new = np.ones(features.shape, dtype=np.bool_)
    is_new[:, 1:] = ascending[:, 1:] != ascending[:, :-1]
    # What is no node comes first, as feature -1, and has no number.
    numbers = np.cumsum(is_new & (ascending >= 0), axis=1) - 1
    slots = np.empty_like(features)
    np.put_along_axis(slots, order, numbers, axis=1)
    known = np.zeros((len(features), max(1, int(numbers.max(initial=0)) + 1)), np.int64)
    leaf, place = np.nonzero(ascending >= 0)
    known[leaf, numbers[leaf, place]] = ascending[leaf, place]

    return slots, known
