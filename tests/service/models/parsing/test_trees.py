"""The trees of a graph end, or its file is refused before onnxruntime follows them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from service.errors import ModelRefused
from service.models.model import load_graph
from service.models.parsing import protobuf_wire as wire_module
from service.models.parsing import trees
from service.models.parsing.onnx_file import read_outline
from service.models.parsing.protobuf_wire import Field, WireReader
from tests.conftest import EXPORTED_MODELS
from tests.support.graphs import tensor

BRANCH, LEAF = "BRANCH_LEQ", "LEAF"
FOREST = EXPORTED_MODELS / "diabetes-random_forest.onnx"


def make_node(
    modes: list[str],
    on_true: list[int],
    on_false: list[int],
    ids: list[int] | None = None,
) -> onnx.NodeProto:
    """Returns a regressor of one tree, each of whose leaves is worth its own number."""
    ids = ids or list(range(len(modes)))
    leaves = [number for number, mode in zip(ids, modes, strict=True) if mode == LEAF]
    return helper.make_node(
        "TreeEnsembleRegressor",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        n_targets=1,
        nodes_treeids=[7] * len(modes),
        nodes_nodeids=ids,
        nodes_featureids=[0] * len(modes),
        nodes_modes=modes,
        nodes_values=[float(number) for number in range(len(modes))],
        nodes_truenodeids=on_true,
        nodes_falsenodeids=on_false,
        target_treeids=[7] * len(leaves) or [7],
        target_nodeids=leaves or [0],
        target_ids=[0] * len(leaves) or [0],
        target_weights=[float(leaf) for leaf in leaves] or [0.0],
    )


def make_model(
    node: onnx.NodeProto, functions: list[onnx.FunctionProto] | None = None
) -> onnx.ModelProto:
    graph = helper.make_graph(
        [node],
        "graph",
        [tensor("x", TensorProto.FLOAT, ["n", 1])],
        [tensor("y", TensorProto.FLOAT, ["n", 1])],
    )
    domains = {"": 18, "ai.onnx.ml": 3, "own": 1}
    made = helper.make_model(
        graph,
        functions=functions or [],
        opset_imports=[helper.make_opsetid(*each) for each in domains.items()],
    )
    made.ir_version = 10
    return made


def test_a_tree_that_never_ends_is_refused() -> None:
    """A branch that leads back to its tree's root is found before a row takes it."""
    node = make_node([BRANCH, BRANCH, LEAF, LEAF], [1, 0, 0, 0], [3, 2, 0, 0])

    with pytest.raises(ModelRefused, match="a node that is reached from itself"):
        read_outline(make_model(node).SerializeToString())


def test_trees_that_end_are_served(tmp_path: Path) -> None:
    """The nodes may have any numbers and stand in any order, and what a leaf says of its children is no matter."""
    node = make_node(
        [BRANCH, BRANCH, LEAF, LEAF, LEAF],
        [4, 1, 3, 3, 4],
        [0, 2, 4, 3, 0],
        ids=[3, 4, 0, 1, 2],
    )
    path = tmp_path / "tree.onnx"
    path.write_bytes(make_model(node).SerializeToString())
    graph = load_graph(path, name="tree")
    (answer,) = graph.run(["y"], {"x": np.array([[-1], [0.5], [2]], np.float32)})

    assert answer.ravel().tolist() == [1, 0, 0]


def test_a_subtree_of_two_branches_ends() -> None:
    """Two branches to one node are no cycle."""
    node = make_node([BRANCH, BRANCH, LEAF, LEAF], [2, 2, 0, 0], [1, 3, 0, 0])

    assert read_outline(make_model(node).SerializeToString()).n_nodes == 1


def test_a_tree_too_deep_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain of more branches than may follow each other is refused, and one of as many is not."""
    node = make_node([BRANCH] * 4 + [LEAF] * 2, [1, 2, 3, 5, 0, 0], [4, 4, 4, 4, 0, 0])
    content = make_model(node).SerializeToString()

    monkeypatch.setattr(trees, "MAX_DEPTH", 4)
    read_outline(content)

    monkeypatch.setattr(trees, "MAX_DEPTH", 3)
    with pytest.raises(ModelRefused, match="more than 3 nodes deep"):
        read_outline(content)


def test_trees_from_a_functions_arguments_are_refused() -> None:
    """An argument that a call gives to a function is not followed, so no tree may come from there."""
    node = make_node([BRANCH, LEAF, LEAF], [1, 0, 0], [2, 0, 0])
    (given,) = (each for each in node.attribute if each.name == "nodes_truenodeids")
    node.attribute.remove(given)
    node.attribute.append(
        onnx.AttributeProto(
            name="nodes_truenodeids",
            ref_attr_name="on_true",
            type=onnx.AttributeProto.INTS,
        )
    )
    function = helper.make_function(
        "own",
        "Tree",
        ["x"],
        ["y"],
        [node],
        [helper.make_opsetid("ai.onnx.ml", 3)],
        ["on_true"],
    )
    call = helper.make_node("Tree", ["x"], ["y"], domain="own", on_true=[0, 0, 0])

    with pytest.raises(ModelRefused, match=r"'nodes_truenodeids' .* function's arg"):
        read_outline(make_model(call, [function]).SerializeToString())


@pytest.mark.parametrize("name", ["nodes_truenodeids", "nodes_values", "nodes_modes"])
def test_values_are_those_that_onnx_reads(name: str) -> None:
    """Numbers and texts of a forest's attribute are read as ONNX's own library reads them."""
    node = next(
        each
        for each in onnx.load(FOREST).graph.node
        if each.op_type.startswith("TreeEnsemble")
    )
    (attribute,) = (each for each in node.attribute if each.name == name)
    content = attribute.SerializeToString()
    wire = WireReader(content)
    whole = Field(5, 0, 0, len(content), is_number=False)

    assert wire.values(whole).tolist() == list(attribute.ints)
    assert wire.texts(whole) == list(attribute.strings)


@pytest.mark.parametrize("is_packed", [False, True])
def test_numbers_of_any_length_are_read(*, is_packed: bool) -> None:
    """Numbers of one byte to ten, those below zero too, are read whether each has a tag or all share one."""
    numbers = [0, 1, 127, 128, 300, 2**31, 2**62, 2**63 - 1, -1, -(2**63)]
    content = onnx.AttributeProto(ints=numbers).SerializeToString()
    if is_packed:
        values = b"".join(
            onnx.AttributeProto(ints=[each]).SerializeToString()[1:] for each in numbers
        )
        content = b"\x42" + bytes([len(values)]) + values

    found = WireReader(content).values(Field(5, 0, 0, len(content), is_number=False))

    assert found.tolist() == numbers


def ends_for_every_row(modes: list[str], children: list[tuple[int, int]]) -> bool:
    """Returns whether no path of branches comes back to a node, by walking all of them."""

    def walk(node: int, above: frozenset[int]) -> bool:
        if node in above:
            return False
        if modes[node] == LEAF:
            return True
        return all(
            walk(child, above | {node})
            for child in children[node]
            if 0 <= child < len(modes)
        )

    return all(walk(node, frozenset()) for node in range(len(modes)))


@given(st.data())
def test_a_cycle_is_found_whatever_the_order_of_the_nodes(data: st.DataObject) -> None:
    """Trees are refused where a walk along all branches does not end, in order of their numbers and in any other."""
    n_nodes = data.draw(st.integers(1, 7))
    modes = data.draw(
        st.lists(st.sampled_from([BRANCH, LEAF]), min_size=n_nodes, max_size=n_nodes)
    )
    numbers = st.integers(-1, n_nodes)
    children = [data.draw(st.tuples(numbers, numbers)) for _ in range(n_nodes)]
    order = data.draw(st.permutations(range(n_nodes)))
    ends = ends_for_every_row(modes, children)

    for places in (list(range(n_nodes)), order):
        node = make_node(
            [modes[place] for place in places],
            [children[place][0] for place in places],
            [children[place][1] for place in places],
            ids=places,
        )
        content = make_model(node).SerializeToString()
        if ends:
            read_outline(content)
        else:
            with pytest.raises(ModelRefused, match="reached from itself"):
                read_outline(content)


def test_each_tree_has_nodes_of_its_own() -> None:
    """A number that another tree has is no node of this one, whether trees stand together or alternate."""
    for places in ([0, 1, 2, 3], [0, 2, 1, 3]):
        node = make_node([BRANCH, LEAF, BRANCH, LEAF], [1, 0, 1, 0], [2, 0, 2, 0])
        found = {each.name: each for each in node.attribute}
        for name, numbers in {
            "nodes_treeids": [0, 0, 1, 1],
            "nodes_nodeids": [0, 1, 0, 1],
        }.items():
            found[name].ints[:] = [numbers[place] for place in places]
        found["nodes_modes"].strings[:] = [
            [b"BRANCH_LEQ", b"LEAF"][place % 2] for place in places
        ]
        found["nodes_truenodeids"].ints[:] = [1 - place % 2 for place in places]
        found["nodes_falsenodeids"].ints[:] = [2 for _ in places]

        assert read_outline(make_model(node).SerializeToString()).n_nodes == 1


def read_all(content: bytes) -> object:
    """Returns all that an attribute is read for, or why it is refused."""
    wire = WireReader(content)
    whole = Field(5, 0, 0, len(content), is_number=False)
    try:
        return (
            [each[:4] for each in wire.fields_but_values(whole)],
            wire.values(whole).tolist(),
            wire.floats(whole).tobytes(),
            wire.texts(whole),
            wire.are_leaves(whole).tolist(),
        )
    except ModelRefused as error:
        return str(error)


_INT64 = st.integers(-(2**63), 2**63 - 1)
_VALUES = st.one_of(
    st.builds(
        lambda ints, n: {"ints": ints * n, "type": 7},
        st.lists(st.one_of(st.integers(0, 300), _INT64), min_size=1, max_size=9),
        st.integers(1, 300),
    ),
    st.builds(
        lambda floats, n: {"floats": floats * n, "type": 6},
        st.lists(st.floats(width=32), min_size=1, max_size=9),
        st.integers(1, 300),
    ),
    st.builds(
        lambda texts, n: {"strings": [each.encode() for each in texts] * n, "type": 8},
        st.lists(
            st.sampled_from([BRANCH, LEAF, "BRANCH_GTE", "BRANCH_EQ", "J", "LEAFJ"]),
            min_size=1,
            max_size=9,
        ),
        st.integers(1, 300),
    ),
)


@given(st.data())
def test_long_values_are_read_as_short_ones(data: st.DataObject) -> None:
    """All values at once or by a pattern are the same, also of an attribute that is damaged."""
    fields = data.draw(_VALUES)
    if data.draw(st.booleans()):
        fields = {**fields, "name": "nodes_modes"}
    if data.draw(st.booleans()):
        fields.pop("type")
    content = bytearray(onnx.AttributeProto(**fields).SerializeToString())
    for _ in range(data.draw(st.integers(0, 2))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(
            st.integers(0, 255)
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire_module, "MIN_WHOLE_BYTES", 1)
        at_once = read_all(bytes(content))
        patch.setattr(wire_module, "MIN_WHOLE_BYTES", len(content) + 1)
        by_pattern = read_all(bytes(content))

    assert at_once == by_pattern
