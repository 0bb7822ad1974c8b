"""An ensemble of trees is held as arrays of nodes, with what its graph does to rows ahead of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.models.parsing.encoding import Encoding

Integers = NDArray[np.int64]
Floats = NDArray[np.float32]
Booleans = NDArray[np.bool_]

COMPARISONS: dict[bytes, Callable[[Any, Any], Any]] = {
    b"BRANCH_LEQ": np.less_equal,
    b"BRANCH_LT": np.less,
    b"BRANCH_GTE": np.greater_equal,
    b"BRANCH_GT": np.greater,
    b"BRANCH_EQ": np.equal,
    b"BRANCH_NEQ": np.not_equal,
}
NODES_AT_A_TIME = 50_000
"""The values that so many nodes look at are held at a time, 13 MB for 64 rows."""


@dataclass(frozen=True, kw_only=True)
class TreeEnsemble:
    """An ensemble has all nodes of all trees in arrays `(n_nodes,)`; the places of children are -1 at a leaf.

    `weights` are `(n_leaves, n_outputs)`, in the order of `leaves`; what the leaves of a row add up to, with `bias`,
    are its scores, of which `post_transform` says what the operator makes.
    """

    column: Integers
    threshold: Floats
    mode: NDArray[np.int64]
    """Each node's place in `COMPARISONS`, -1 at a leaf."""
    on_true: Integers
    on_false: Integers
    missing_is_true: Booleans
    leaves: Integers
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    post_transform: str
    n_trees: int
    encoding: Encoding
    scale: float = 1.0
    """Scores are multiplied by this after the operator, and `shift` is added."""
    shift: float = 0.0

    def fits(self, features: Floats) -> bool:
        """Returns whether the columns that the nodes look at are there, and known to come from one feature each."""
        columns = self.encoding.apply(features)
        n_columns = columns.shape[-1]
        is_there = self.column.min() >= 0 and self.column.max() < n_columns
        if not is_there:
            return False

        return self.encoding.fits(features, columns)

    def compare(self, columns: Floats) -> Booleans:
        """Returns which nodes send which rows to their true child, `(n_nodes, n_rows)`."""
        shape = (len(self.mode), len(columns))
        goes: Booleans = np.zeros(shape, dtype=np.bool_)
        by_column = columns.T

        for number, comparison in enumerate(COMPARISONS.values()):
            nodes = np.flatnonzero(self.mode == number)
            for start in range(0, len(nodes), NODES_AT_A_TIME):
                chosen = nodes[start : start + NODES_AT_A_TIME]
                values = by_column[self.column[chosen]]
                thresholds = self.threshold[chosen, None]
                goes[chosen] = comparison(values, thresholds)

        tracks_true = np.flatnonzero(self.missing_is_true)
        if len(tracks_true) and np.isnan(columns).any():
            values = by_column[self.column[tracks_true]]
            goes[tracks_true] |= np.isnan(values)

        return goes
