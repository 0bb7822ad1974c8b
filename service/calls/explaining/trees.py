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
        n_bytes = _count_bytes(self.ensemble)
        if self.paths is not None:
            n_bytes += _count_bytes(self.paths)

        return n_bytes

    def score(self, features: NDArray[np.float32]) -> Floats:
        """Returns the sums of the leaves that rows reach, `(n_rows, n_outputs)`, with the bias."""
        assert self.paths is not None
        ensemble = self.ensemble
        scores = np.tile(ensemble.bias, (len(features), 1))
        columns = ensemble.encoding.apply(features)
        goes = ensemble.compare(columns)

        for chosen in self._split():
            fails = self._find_fails(goes, chosen)
            reaches = fails == 0
            scores += reaches.T @ ensemble.weights[chosen]

        return scores

    def explain(
        self, rows: NDArray[np.float32], background: NDArray[np.float32], output: int
    ) -> list[Attribution]:
        """Returns the exact values of each row's score against background rows."""
        assert self.paths is not None
        ensemble = self.ensemble
        n_rows, n_features = rows.shape
        all_rows = np.concatenate([rows, background])
        columns = ensemble.encoding.apply(all_rows)
        goes = ensemble.compare(columns)

        base = float(ensemble.bias[output])
        totals = np.full(n_rows, base)
        added = np.zeros((n_rows, n_features))

        for chosen in self._split(output):
            fails = self._find_fails(goes, chosen)
            row_fails = fails[:, :n_rows]
            background_fails = fails[:, n_rows:]
            weights = ensemble.weights[chosen, output]
            features = self.paths.features[chosen]
            n_slots = features.shape[1]

            totals += weights @ (row_fails == 0)
            base += float(weights @ (background_fails == 0).mean(axis=1))

            for row in range(n_rows):
                shares = _share(row_fails[:, row], background_fails, n_slots)
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
        n_rows = goes.shape[1]
        max_depth = paths.nodes.shape[1]
        fails = np.zeros((len(leaves), n_rows), dtype=np.uint64)

        for depth in cancellation.watch(range(max_depth)):
            nodes = paths.nodes[leaves, depth]
            is_there = np.flatnonzero(nodes >= 0)
            if not len(is_there):
                break

            chosen = leaves[is_there]
            slots = paths.slots[chosen, depth].astype(np.uint64)
            bits = np.uint64(1) << slots
            row_goes = goes[nodes[is_there]]
            path_goes = paths.goes_true[chosen, depth, None]
            is_wrong = row_goes != path_goes
            fails[is_there] |= is_wrong * bits[:, None]

        return fails


def _count_bytes(part: TreeEnsemble | Paths) -> int:
    """Returns the bytes of the arrays of an ensemble or of its paths."""
    arrays = [each for each in vars(part).values() if isinstance(each, np.ndarray)]
    return sum(each.nbytes for each in arrays)


def _share(row_fails: Bits, background_fails: Bits, n_slots: int) -> Floats:
    """Returns what a leaf of weight 1 gives each slot `(n_leaves, n_slots)`, the mean over background rows."""
    n_leaves, n_background = background_fails.shape
    both_fail = row_fails[:, None] & background_fails
    leaf, other = np.nonzero(both_fail == 0)

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
        added = has_given * given - has_taken * taken
        shares[:, slot] = np.bincount(leaf, weights=added, minlength=n_leaves)

    return shares


def _weigh(n_own: int, n_other: int) -> float:
    """Returns (own - 1)! other! / (own + other)!, a feature's part of the orders in which all of its own are first."""
    if not n_own:
        return 0.0

    n_choices = math.comb(n_own + n_other, n_own)
    return 1 / (n_own * n_choices)


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
    true_child = ensemble.on_true[inner]
    false_child = ensemble.on_false[inner]
    parent[true_child] = inner
    parent[false_child] = inner
    is_true[true_child] = True

    place = ensemble.leaves
    nodes = []
    goes_true = []
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
    on_path = np.where(stacked >= 0, feature[stacked], -1)
    slots, features = _number_slots(on_path)
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
    # What is no node comes first, as feature -1, and has no number.
    is_node = ascending >= 0

    is_new = np.ones(features.shape, dtype=np.bool_)
    is_new[:, 1:] = ascending[:, 1:] != ascending[:, :-1]
    numbers = np.cumsum(is_new & is_node, axis=1) - 1
    slots = np.empty_like(features)
    np.put_along_axis(slots, order, numbers, axis=1)

    n_slots = max(1, int(numbers.max(initial=0)) + 1)
    known = np.zeros((len(features), n_slots), np.int64)
    leaf, place = np.nonzero(is_node)
    number = numbers[leaf, place]
    known[leaf, number] = ascending[leaf, place]

    return slots, known
