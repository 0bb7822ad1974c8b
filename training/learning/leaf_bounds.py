"""This module keeps trees within what a file has room for, and writes leaves of many classes in few bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeClassifier

from training.learning.estimator import FittedEstimator

MAX_BYTES = 10_000_000
MAX_WHOLE_ROWS = 2000
"""Trees of so many rows grow whole where the file has room for it; those of more have the leaves that it can take."""
LEAF_BYTES, CLASS_BYTES = 95, 16
"""A leaf with the question above it takes so many bytes in a file, and so many more for each class that it names."""
MAX_NAMED_CLASSES = 16
"""A leaf of a model with so many classes names all of them; where there are more, only those of its own rows."""

Grow = Callable[..., Any]
"""Whoever grows takes `max_leaf_nodes` and returns an estimator of scikit-learn that is not fitted yet."""


class FittedTrees(FittedEstimator):
    """FittedTrees are a tree or a forest, of which the summary says where the file's room ended its growth."""

    def __init__(
        self, estimator: Any, *, votes: int | None, max_leaves: int | None
    ) -> None:
        super().__init__(estimator, votes=votes)
        counts = [int(tree.n_leaves) for tree in find_trees(estimator)]
        bounded = max_leaves is not None and max(counts) >= max_leaves
        whose = "a tree" if len(counts) > 1 else "in all"
        self.bounds_note = (
            f", of {max_leaves:,} leaves {whose}, for which its file has room"
            if bounded
            else ""
        )
        self.summary_note = self.bounds_note

    def to_onnx(self, n_features: int) -> onnx.ModelProto:
        """Returns its graph, in which a leaf of many classes names those alone that have a share of it."""
        model = super().to_onnx(n_features)
        if self.kind == "classifier" and self.estimator.n_classes_ > MAX_NAMED_CLASSES:
            for node in model.graph.node:
                if node.op_type == "TreeEnsembleClassifier":
                    _drop_zero_shares(node)

        return model


def fit_within_room(
    grow: Grow,
    features: NDArray[np.float32],
    target: NDArray[Any],
    *,
    n_classes: int,
    n_trees: int,
    votes: int | None,
) -> FittedTrees:
    """Returns the fitted trees, whole where all their leaves are few enough for a file, or else bounded.

    `features` are `(n_rows, n_features)`, `target` `(n_rows,)`; there are no classes for a regressor.
    """
    sparse = n_classes > MAX_NAMED_CLASSES
    most = bound_leaves(len(target), n_trees=n_trees, n_classes=n_classes)
    if most is not None and sparse:
        most = _try_leaves(grow, features, target, n_trees=n_trees)

    fitted = grow(max_leaf_nodes=most).fit(features, target)

    if most is None and count_bytes(fitted, n_classes=n_classes) > MAX_BYTES:
        most = (
            _try_leaves(grow, features, target, n_trees=n_trees)
            if sparse
            else count_affordable(n_trees=n_trees, n_classes=n_classes)
        )
        fitted = grow(max_leaf_nodes=most).fit(features, target)

    return FittedTrees(fitted, votes=votes, max_leaves=most)


def bound_leaves(n_rows: int, *, n_trees: int, n_classes: int) -> int | None:
    """Returns how many leaves a tree may have so that the file is at most 10 MB, or None for as many as it grows."""
    most = count_affordable(n_trees=n_trees, n_classes=n_classes)
    return None if n_rows <= max(MAX_WHOLE_ROWS, most) else most


def count_affordable(*, n_trees: int, n_classes: int) -> int:
    """Returns how many leaves each tree may have, at least 2, if each names all classes."""
    return max(2, MAX_BYTES // (n_trees * (LEAF_BYTES + CLASS_BYTES * n_classes)))


def count_bytes(estimator: Any, *, n_classes: int) -> int:
    """Returns about how many bytes the leaves of all trees take in a file."""
    n_bytes = 0
    for tree in find_trees(estimator):
        n_named = tree.n_leaves * n_classes
        if n_classes > MAX_NAMED_CLASSES:
            n_named = int(_count_named(tree)[tree.children_left < 0].sum())
        n_bytes += LEAF_BYTES * int(tree.n_leaves) + CLASS_BYTES * n_named

    return n_bytes


def find_trees(estimator: Any) -> list[Any]:
    """Returns the trees of a forest, or the one tree, as scikit-learn keeps them in arrays."""
    return [each.tree_ for each in getattr(estimator, "estimators_", [estimator])]


def _try_leaves(
    grow: Grow, features: NDArray[np.float32], target: NDArray[Any], *, n_trees: int
) -> int:
    """Returns how many leaves a tree may have if leaves name the classes of their own rows, by growing one such tree.

    A tree of bounded leaves is grown best question first, and its nodes are numbered as they came, so that each
    beginning of it is the tree of fewer leaves.
    """
    one = grow(
        max_leaf_nodes=max(2, MAX_BYTES // (n_trees * (LEAF_BYTES + CLASS_BYTES)))
    )
    settings = one.get_params()
    shared = DecisionTreeClassifier().get_params().keys() & settings.keys()
    tree = (
        DecisionTreeClassifier(**{name: settings[name] for name in shared})
        .fit(features, target)
        .tree_
    )
    named = _count_named(tree)
    parents = np.flatnonzero(tree.children_left >= 0)
    parents = parents[np.argsort(tree.children_left[parents])]
    left, right = tree.children_left[parents], tree.children_right[parents]
    n_named = named[0] + np.cumsum(named[left] + named[right] - named[parents])
    n_leaves = np.arange(2, len(parents) + 2)
    n_bytes = n_trees * (LEAF_BYTES * n_leaves + CLASS_BYTES * n_named)

    return max(2, int(n_leaves[n_bytes <= MAX_BYTES].max(initial=2)))


def _count_named(tree: Any) -> NDArray[np.int64]:
    """Returns how many classes have a share of each node, `(n_nodes,)`."""
    counts: NDArray[np.int64] = (tree.value[:, 0, :] > 0).sum(axis=1)
    return counts


def _drop_zero_shares(node: onnx.NodeProto) -> None:
    """Removes the classes without a share from the leaves of a TreeEnsembleClassifier, in place."""
    lists = {each.name: each for each in node.attribute}
    kept = np.flatnonzero(np.array(lists["class_weights"].floats) != 0)
    for name in ("class_treeids", "class_nodeids", "class_ids", "class_weights"):
        field = "floats" if name == "class_weights" else "ints"
        values = np.array(getattr(lists[name], field))[kept].tolist()
        lists[name].ClearField(field)
        getattr(lists[name], field).extend(values)
