"""The trees of a graph are read from its file, with what the graph does to rows ahead of them.

Only what is certain is read: an ensemble of another form, or behind operators that are not followed here, is None.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.models.parsing.encoding import Encoding, read_encoding
from service.models.parsing.small_graph import Node, SmallGraph, read_small_graph
from service.models.parsing.tree_ensemble import (
    COMPARISONS,
    Booleans,
    Floats,
    Integers,
    TreeEnsemble,
)
from service.models.parsing.trees import OPERATORS

_NUMBERS = (
    "nodes_treeids",
    "nodes_nodeids",
    "nodes_featureids",
    "nodes_truenodeids",
    "nodes_falsenodeids",
)


_LEAF = b"LEAF"
MAX_WEIGHTS = 20_000_000
"""An ensemble of more nodes times outputs is not read."""


def has_trees(operators: Iterable[tuple[str, str]]) -> bool:
    """Returns whether one of the operators, each a domain and a name, is an ensemble of trees."""
    return any(name in OPERATORS for _, name in operators)


def read_tree_ensemble(content: bytes) -> TreeEnsemble | None:
    """Returns the one ensemble of a file that onnxruntime has loaded, or None."""
    graph = read_small_graph(content)
    if graph is None:
        return None

    found = [node for node in graph.nodes if node.operator in OPERATORS]
    if len(found) != 1:
        return None

    (node,) = found
    encoding = read_encoding(graph, node.inputs[0])
    if encoding is None:
        return None

    ensemble = _read_ensemble(graph, node, encoding)
    if ensemble is None or not _is_sound(ensemble):
        return None

    return ensemble


class _Nodes(NamedTuple):
    """The nodes of an operator are arrays `(n_nodes,)`, as its attributes have them."""

    trees: Integers
    ids: Integers
    column: Integers
    on_true: Integers
    on_false: Integers
    threshold: Floats
    mode: Integers


def _read_nodes(graph: SmallGraph, node: Node) -> _Nodes | None:
    """Returns the nodes; None where something is missing, of another length or unknown."""
    wire = graph.wire
    attributes = node.attributes
    expected = {*_NUMBERS, "nodes_modes", "nodes_values"}
    if not expected <= attributes.keys():
        return None

    texts = wire.texts(attributes["nodes_modes"])
    if not set(texts) <= {_LEAF, *COMPARISONS}:
        return None

    places = {name: place for place, name in enumerate(COMPARISONS)}
    modes = [places.get(text, -1) for text in texts]
    trees, ids, column, on_true, on_false = (
        wire.values(attributes[name]) for name in _NUMBERS
    )
    nodes = _Nodes(
        trees=trees,
        ids=ids,
        column=column,
        on_true=on_true,
        on_false=on_false,
        threshold=wire.floats(attributes["nodes_values"]),
        mode=np.array(modes, dtype=np.int64),
    )
    lengths = {len(each) for each in nodes}
    if len(lengths) > 1:
        return None

    return nodes


def _read_ensemble(
    graph: SmallGraph, node: Node, encoding: Encoding
) -> TreeEnsemble | None:
    nodes = _read_nodes(graph, node)
    if nodes is None or not len(nodes.ids):
        return None

    find = _Finder(nodes.trees, nodes.ids)
    is_leaf = nodes.mode < 0
    leaves = np.flatnonzero(is_leaf)
    weighed = _read_weights(graph, node, find, leaves, len(is_leaf))
    if weighed is None:
        return None

    weights, bias = weighed
    n_trees = len(np.unique(nodes.trees))
    if graph.read_text(node, "aggregate_function") == "AVERAGE":
        weights = weights / n_trees

    on_true = find(nodes.trees, nodes.on_true)
    on_false = find(nodes.trees, nodes.on_false)
    scale, shift = _read_affine(graph, node.outputs[-1])

    return TreeEnsemble(
        column=np.where(is_leaf, 0, nodes.column),
        threshold=nodes.threshold,
        mode=nodes.mode,
        on_true=np.where(is_leaf, -1, on_true),
        on_false=np.where(is_leaf, -1, on_false),
        missing_is_true=_read_missing(graph, node, len(is_leaf)),
        leaves=leaves,
        weights=weights,
        bias=bias,
        post_transform=graph.read_text(node, "post_transform") or "NONE",
        n_trees=n_trees,
        encoding=encoding,
        scale=scale,
        shift=shift,
    )


class _Finder:
    """A finder knows the place of each node by its tree and its number; -1 stands for none."""

    def __init__(self, trees: Integers, ids: Integers) -> None:
        self._trees, tree_numbers = np.unique(trees, return_inverse=True)
        self._ids, id_numbers = np.unique(ids, return_inverse=True)
        keys = tree_numbers * len(self._ids) + id_numbers
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]
        self.is_unique = bool((np.diff(self._keys) > 0).all())

    def __call__(self, trees: Integers, ids: Integers) -> Integers:
        tree_numbers = _find_numbers(self._trees, trees)
        id_numbers = _find_numbers(self._ids, ids)
        wanted = tree_numbers * len(self._ids) + id_numbers
        places = _find_numbers(self._keys, wanted)

        is_there = self._trees[tree_numbers] == trees
        is_there &= self._ids[id_numbers] == ids
        is_there &= self._keys[places] == wanted

        return np.where(is_there, self._order[places], -1)


def _find_numbers(known: Integers, wanted: Integers) -> Integers:
    """Returns where each wanted number stands among the known ones, which ascend, if it is one of them."""
    places = np.searchsorted(known, wanted)
    return places.clip(max=len(known) - 1)


def _read_weights(
    graph: SmallGraph, node: Node, find: _Finder, leaves: Integers, n_nodes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Returns weights `(n_leaves, n_outputs)` and bias `(n_outputs,)`; two classes may have one output."""
    wire = graph.wire
    kind = "class" if node.operator.endswith("Classifier") else "target"
    names = [f"{kind}_{each}" for each in ("treeids", "nodeids", "ids", "weights")]
    if not set(names) <= node.attributes.keys() or not find.is_unique:
        return None

    trees, ids, outputs = (wire.values(node.attributes[name]) for name in names[:3])
    given = wire.floats(node.attributes[names[3]])
    lengths = {len(each) for each in (trees, ids, outputs, given)}
    if len(lengths) > 1 or not len(given):
        return None

    if len(np.unique(outputs)) == 1:
        outputs = np.zeros_like(outputs)
    n_outputs = int(outputs.max()) + 1
    places = find(trees, ids)
    is_known = min(outputs.min(), places.min()) >= 0
    if not is_known or n_outputs * n_nodes > MAX_WEIGHTS:
        return None

    bias = _read_bias(graph, node, n_outputs)
    if bias is None:
        return None

    weights = np.zeros((n_nodes, n_outputs))
    np.add.at(weights, (places, outputs), given.astype(np.float64))

    return weights[leaves], bias


def _read_bias(
    graph: SmallGraph, node: Node, n_outputs: int
) -> NDArray[np.float64] | None:
    """Returns the bias `(n_outputs,)`, zeros where an operator has none; None for one of another length."""
    base = node.attributes.get("base_values")
    if base is None:
        return np.zeros(n_outputs)

    bias = graph.wire.floats(base).astype(np.float64)
    if not len(bias):
        return np.zeros(n_outputs)
    if len(bias) != n_outputs:
        return None

    return bias


def _read_missing(graph: SmallGraph, node: Node, n_nodes: int) -> Booleans:
    nowhere: Booleans = np.zeros(n_nodes, dtype=np.bool_)
    found = node.attributes.get("nodes_missing_value_tracks_true")
    if found is None:
        return nowhere

    tracks = graph.wire.values(found)
    if len(tracks) != n_nodes:
        return nowhere

    is_true: Booleans = tracks != 0
    return is_true


def _read_affine(graph: SmallGraph, output: str) -> tuple[float, float]:
    """Returns what the graph multiplies scores by, and adds to them, in nodes right behind the trees."""
    factors = {"Mul": 1.0, "Add": 0.0}
    for operator in factors:
        for node in graph.nodes:
            if node.operator != operator or node.inputs[0] != output:
                continue

            number = _read_second_input(graph, node)
            if number is not None:
                factors[operator] = number
                output = node.outputs[0]
                break

    return factors["Mul"], factors["Add"]


def _read_second_input(graph: SmallGraph, node: Node) -> float | None:
    """Returns the constant number that a node has for its second of two inputs, or None."""
    if len(node.inputs) != 2:
        return None

    constant = graph.read_constant(node.inputs[1])
    if constant is None or constant.size != 1:
        return None

    return float(constant.reshape(-1)[0])


def _is_sound(ensemble: TreeEnsemble) -> bool:
    """Returns whether each node but a root has one parent, so that each leaf has one path."""
    children = np.concatenate([ensemble.on_true, ensemble.on_false])
    n_nodes = len(ensemble.mode)
    n_parents = np.bincount(children[children >= 0], minlength=n_nodes)
    n_roots = int((n_parents == 0).sum())
    if n_parents.max(initial=0) > 1 or n_roots != ensemble.n_trees:
        return False

    is_inner = ensemble.mode >= 0
    has_both = (ensemble.on_true >= 0) & (ensemble.on_false >= 0)

    return bool(has_both[is_inner].all())
