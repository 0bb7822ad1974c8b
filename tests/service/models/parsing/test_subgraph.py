"""A subgraph answers as the whole graph, and has the nodes that its outputs need."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, checker, helper
from onnx.utils import Extractor

from service.models.parsing.subgraph import extract_subgraph
from service.models.session import MAX_TWICE_BYTES
from tests.conftest import EXPORTED_MODELS
from tests.support.graphs import tensor

OPERATORS = {"Add": 2, "Sub": 2, "Max": 3, "Abs": 1, "Sigmoid": 1, "Sum": 4}
ROWS = np.linspace(-2, 2, 12, dtype=np.float32).reshape(4, 3)


def draw_graph(generator: np.random.Generator) -> onnx.ModelProto:
    """Draws a graph of 30 nodes, each of which takes what any before it give; four of them are its outputs."""
    names = ["features", "weights"]
    nodes = []
    for index in range(30):
        operator = str(generator.choice(list(OPERATORS)))
        taken = generator.choice(names, OPERATORS[operator]).tolist()
        names.append(f"t{index}")
        nodes.append(helper.make_node(operator, taken, [names[-1]]))

    outputs = generator.choice(names[2:], 4, replace=False).tolist()
    weights = helper.make_tensor("weights", TensorProto.FLOAT, [3], [0.5, -1.0, 2.0])
    graph = helper.make_graph(
        nodes,
        "graph",
        [tensor("features", TensorProto.FLOAT, ["n", 3])],
        [tensor(name, TensorProto.FLOAT, ["n", 3]) for name in outputs],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    helper.set_model_props(model, {"card": "x" * 300})

    return model


def run(content: bytes, names: list[str]) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(content)
    found: list[np.ndarray] = session.run(names, {"features": ROWS})
    return found


@pytest.mark.parametrize("seed", range(20))
def test_a_subgraph_has_the_nodes_that_onnx_extracts(seed: int) -> None:
    """The library of ONNX extracts the same nodes of random graphs, and the answers are the same to the bit."""
    model = draw_graph(np.random.default_rng(seed))
    wanted = [output.name for output in model.graph.output[:2]]
    whole = model.SerializeToString()
    extracted = Extractor(model).extract_model(["features"], wanted)
    part = extract_subgraph(whole, wanted)
    if part is None:
        assert len(extracted.graph.node) > 0.8 * len(model.graph.node)
        return

    found = onnx.load_from_string(part)
    checker.check_model(found)

    assert list(found.graph.node) == list(extracted.graph.node)
    assert {output.name for output in found.graph.output} == set(wanted)
    assert list(found.metadata_props) == list(model.metadata_props)

    for expected, given in zip(run(whole, wanted), run(part, wanted), strict=True):
        assert np.array_equal(expected, given)


def test_a_graph_within_a_node_leaves_the_file_whole() -> None:
    """The branches of an If may use any node around it, and nobody looks which."""
    branch = helper.make_graph(
        [helper.make_node("Identity", ["a"], ["b"])],
        "branch",
        [],
        [tensor("b", TensorProto.FLOAT, ["n", 3])],
    )
    condition = helper.make_tensor("yes", TensorProto.BOOL, [], [True])
    nodes = [
        helper.make_node("Abs", ["features"], ["a"]),
        helper.make_node("If", ["yes"], ["y"], then_branch=branch, else_branch=branch),
        *[helper.make_node("Abs", ["features"], [f"t{index}"]) for index in range(9)],
    ]
    graph = helper.make_graph(
        nodes,
        "graph",
        [tensor("features", TensorProto.FLOAT, ["n", 3])],
        [tensor(name, TensorProto.FLOAT, ["n", 3]) for name in ("y", "t0")],
        [condition],
    )

    assert extract_subgraph(helper.make_model(graph).SerializeToString(), ["y"]) is None


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in sorted(EXPORTED_MODELS.glob("*-l*.onnx"))
        if path.stat().st_size <= MAX_TWICE_BYTES
    ],
    ids=lambda path: path.stem,
)
def test_shipped_models_of_contributions_are_cut(path) -> None:
    """Linear and logistic models of rows have a quarter of their nodes, or more, for contributions alone."""
    whole = onnx.load(path)
    outputs = {output.name for output in whole.graph.output}
    part = extract_subgraph(
        path.read_bytes(), outputs & {"label", "probabilities", "value"}
    )
    if "contributions" not in outputs:
        assert part is None
        return

    assert part is not None
    left = onnx.load_from_string(part).graph.node
    assert len(left) <= 0.75 * len(whole.graph.node)
