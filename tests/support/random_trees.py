"""Random ensembles of trees are written here as ONNX files, with a card of a regressor or none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

MODES = (
    "BRANCH_LEQ",
    "BRANCH_LT",
    "BRANCH_GTE",
    "BRANCH_GT",
    "BRANCH_EQ",
    "BRANCH_NEQ",
)
LEAF = "LEAF"
N_FEATURES = 4
THRESHOLDS = (0.0, 1.0, 2.0)
"""Few values, so that rows of whole numbers meet them."""


def make_trees(
    generator: np.random.Generator,
    *,
    n_trees: int = 3,
    depth: int = 4,
    modes: Sequence[str] = MODES,
    tracks_missing: bool = True,
) -> onnx.ModelProto:
    """Returns a regressor of complete trees, each node with a mode, feature and threshold of its own."""
    nodes: list[dict[str, Any]] = [
        _draw_node(
            generator,
            tree,
            number,
            is_leaf=number >= 2**depth - 1,
            modes=modes,
            tracks_missing=tracks_missing,
        )
        for tree in range(n_trees)
        for number in range(2 ** (depth + 1) - 1)
    ]
    leaves = [
        (each["treeids"], each["nodeids"]) for each in nodes if each["modes"] == LEAF
    ]
    trees, numbers = zip(*leaves, strict=True)
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["features"],
        ["variable"],
        domain="ai.onnx.ml",
        n_targets=1,
        base_values=[0.5],
        target_treeids=list(trees),
        target_nodeids=list(numbers),
        target_ids=[0] * len(leaves),
        target_weights=[float(each) for each in generator.normal(size=len(leaves))],
        **{f"nodes_{name}": [each[name] for each in nodes] for name in nodes[0]},
    )
    return finish([node], N_FEATURES)


def _draw_node(
    generator: np.random.Generator,
    tree: int,
    number: int,
    *,
    is_leaf: bool,
    modes: Sequence[str],
    tracks_missing: bool,
) -> dict[str, Any]:
    """Returns a node's attributes; its children have the numbers that they have in a heap."""
    tracks = tracks_missing and not is_leaf and generator.random() < 0.5
    return {
        "treeids": tree,
        "nodeids": number,
        "featureids": 0 if is_leaf else int(generator.integers(N_FEATURES)),
        "modes": LEAF if is_leaf else str(generator.choice(modes)),
        "values": 0.0 if is_leaf else float(generator.choice(THRESHOLDS)),
        "truenodeids": 0 if is_leaf else 2 * number + 1,
        "falsenodeids": 0 if is_leaf else 2 * number + 2,
        "missing_value_tracks_true": int(tracks),
    }


def finish(nodes: list[onnx.NodeProto], n_features: int) -> onnx.ModelProto:
    """Returns a model of these nodes, from `features` to `value`, which is `variable` in one axis."""
    flatten = helper.make_node("Squeeze", ["variable", "axis"], ["value"])
    graph = helper.make_graph(
        [*nodes, flatten],
        "trees",
        [
            helper.make_tensor_value_info(
                "features", TensorProto.FLOAT, ["n", n_features]
            )
        ],
        [helper.make_tensor_value_info("value", TensorProto.FLOAT, ["n"])],
        [helper.make_tensor("axis", TensorProto.INT64, [1], [1])],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets)
    model.ir_version = 10

    return model


def draw_whole_rows(generator: np.random.Generator, n_rows: int) -> np.ndarray:
    """Returns rows of the numbers -1 to 3, some of which are missing."""
    rows = generator.integers(-1, 4, (n_rows, N_FEATURES)).astype(np.float32)
    rows[generator.random(rows.shape) < 0.15] = np.nan

    return rows
