"""Trees of a graph are followed before onnxruntime does so: in a cycle of nodes it would run without end.

Nothing else ends such a run, which the values of one request may begin: the flag that ends others is looked at between
operators. A cycle by the branch "false" onnxruntime refuses itself, and one by "true" it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.errors import ModelRefused
from service.models.parsing.onnx_fields import (
    ATTRIBUTE_NAME,
    ATTRIBUTE_REF_ATTR_NAME,
)
from service.models.parsing.protobuf_wire import Field, WireReader

OPERATORS = frozenset({"TreeEnsembleClassifier", "TreeEnsembleRegressor"})
"""Of the newer `TreeEnsemble` onnxruntime refuses every cycle."""
MAX_DEPTH = 10_000
_NUMBERS = ("nodes_treeids", "nodes_nodeids", "nodes_truenodeids", "nodes_falsenodeids")
_MODES = "nodes_modes"
_NAMES_BEGIN = b"nodes_"

Numbers = NDArray[np.int64]
Find = Callable[[Numbers], Numbers]
"""Returns the places of each node's children by their numbers, -1 for one that its tree does not have."""


@dataclass
class _Nodes:
    """_Nodes are those of all trees of one operator: the places of each one's children, -1 where it has none."""

    on_true: Numbers
    on_false: Numbers

    def check(self) -> None:
        """Raises ModelRefused where a node is reached from itself, by taking away, level by level, what is no child."""
        n_nodes = len(self.on_true)
        children = np.concatenate([self.on_true, self.on_false])
        n_parents = np.bincount(children[children >= 0], minlength=n_nodes)
        has_shared = bool((n_parents > 1).any())
        level = np.flatnonzero(n_parents == 0)
        n_followed = len(level)

        for _ in range(MAX_DEPTH):
            children = np.concatenate([self.on_true[level], self.on_false[level]])
            level = children[children >= 0]
            if has_shared:
                level, counts = np.unique(level, return_counts=True)
                n_parents[level] -= counts
                level = level[n_parents[level] == 0]
            n_followed += len(level)
            if not len(level):
                break

        if n_followed < n_nodes:
            raise ModelRefused(
                f"its trees have a node that is reached from itself, or are more than {MAX_DEPTH} nodes deep"
            )


def check_trees(wire: WireReader, attributes: list[Field]) -> None:
    """Raises ModelRefused where the trees of an operator do not end; onnxruntime says what else is wrong with them."""
    found: dict[str, Field] = {}
    for attribute in attributes:
        if not wire.has(attribute, _NAMES_BEGIN):
            continue

        texts = {}
        for each in wire.fields_but_values(attribute):
            if each.number in (ATTRIBUTE_NAME, ATTRIBUTE_REF_ATTR_NAME):
                texts[each.number] = wire.text(each)

        name = texts.get(ATTRIBUTE_NAME, "")
        if name not in (*_NUMBERS, _MODES):
            continue

        if ATTRIBUTE_REF_ATTR_NAME in texts or name in found:
            raise ModelRefused(
                f"its trees have {name!r} twice or from a function's argument: expected it once, in the operator"
            )
        found[name] = attribute

    nodes = _read_nodes(wire, found)
    if nodes is not None:
        nodes.check()


def _read_nodes(wire: WireReader, found: Mapping[str, Field]) -> _Nodes | None:
    """Returns the nodes; None where something is missing or of another length, which onnxruntime refuses."""
    if len(found) <= len(_NUMBERS):
        return None

    trees, ids, on_true, on_false = (wire.values(found[name]) for name in _NUMBERS)
    is_leaf = wire.are_leaves(found[_MODES])
    lengths = {len(each) for each in (trees, ids, on_true, on_false, is_leaf)}
    if len(lengths) > 1 or not len(ids):
        return None

    find = _find_in_order(trees, ids) or _find_in_any_order(trees, ids)

    return _Nodes(
        on_true=np.where(is_leaf, -1, find(on_true)),
        on_false=np.where(is_leaf, -1, find(on_false)),
    )


def _find_in_order(trees: Numbers, ids: Numbers) -> Find | None:
    """Returns what finds nodes where each tree's stand together and count from 0, as files are written."""
    is_first = np.concatenate([[True], trees[1:] != trees[:-1]])
    firsts = np.flatnonzero(is_first)
    numbers = trees[firsts]
    sizes = np.diff(firsts, append=len(trees))
    first = np.repeat(firsts, sizes)
    is_sorted = (numbers[1:] > numbers[:-1]).all()
    in_order = np.arange(len(ids)) - first
    if not is_sorted or (ids != in_order).any():
        return None

    size = np.repeat(sizes, sizes)

    def find(children: Numbers) -> Numbers:
        is_there = (children >= 0) & (children < size)
        return np.where(is_there, first + children, -1)

    return find


def _find_in_any_order(trees: Numbers, ids: Numbers) -> Find:
    """Returns what finds the places of nodes by their numbers, which a sort puts in order."""
    # One number for each tree and node: both are counted from 0 first, so that no product overflows.
    distinct, id_numbers = np.unique(ids, return_inverse=True)
    _, tree_numbers = np.unique(trees, return_inverse=True)
    tree_keys = tree_numbers * len(distinct)
    keys = tree_keys + id_numbers
    order = np.argsort(keys, kind="stable")
    keys = keys[order]

    def find(children: Numbers) -> Numbers:
        numbers = np.searchsorted(distinct, children).clip(max=len(distinct) - 1)
        wanted = tree_keys + numbers
        places = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
        is_there = (distinct[numbers] == children) & (keys[places] == wanted)
        return np.where(is_there, order[places], -1)

    return find
