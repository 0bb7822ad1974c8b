"""An ONNX file is known by its operators, functions and files beside it before onnxruntime sees it."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from service.errors import ModelRefused
from service.models.parsing import onnx_file
from service.models.parsing.external_tensors import ExternalTensor
from service.models.parsing.guarded_nodes import GuardedNode
from service.models.parsing.onnx_file import read_outline
from service.models.parsing.outline import Outline
from tests.support.graphs import (
    tensor,
    write_endless,
    write_function_bomb,
    write_graph,
    write_identity,
    write_with_weights,
    write_zip_map,
)


def test_the_outline_of_a_graph_has_its_operators(tmp_path: Path) -> None:
    """The operators, the number of nodes and what has no shape are read from the file."""
    outline = read_outline(
        write_identity(tmp_path, "open", TensorProto.FLOAT, None).read_bytes()
    )

    assert outline.operators == {("", "Identity")}
    assert outline.n_nodes == 1
    assert outline.unranked == {"x", "y"}
    assert not outline.has_control_flow
    assert not outline.depends_on_values


def test_an_outline_is_the_same_after_json() -> None:
    """An outline is made anew, with every type in it, of what JSON has of it."""
    outline = Outline(
        operators={("", "Add"), ("ai.onnx.ml", "ZipMap")},
        external=[ExternalTensor("w", "weights.bin", 4, 8)],
        zip_maps={"scores": ("red", 7)},
        unranked={"x", "y"},
        n_nodes=2,
        depends_on_values=True,
        guarded=[GuardedNode("Tile", "x", [["size"]])],
    )
    read = Outline.from_document(json.loads(json.dumps(outline.to_document())))

    assert read == outline
    assert [type(each) for each in read.external] == [ExternalTensor]
    assert [type(each) for each in read.guarded] == [GuardedNode]


def test_sizes_are_followed_to_the_inputs_that_make_them(tmp_path: Path) -> None:
    """A size that is joined again and again from an input is its input's, and one that is computed is nobody's."""
    joined = [
        helper.make_node("Concat", [f"s{n}", f"s{n}"], [f"s{n + 1}"], axis=0)
        for n in range(40)
    ]
    nodes = [
        helper.make_node("Identity", ["size"], ["s0"]),
        *joined,
        helper.make_node("ConstantOfShape", ["s40"], ["zeros"]),
        helper.make_node("Shape", ["x"], ["computed"]),
        helper.make_node("Tile", ["x", "computed"], ["y"]),
    ]
    inputs = [tensor("size", TensorProto.INT64, ["n"])]
    inputs.append(tensor("x", TensorProto.FLOAT, ["m"]))
    outputs = [tensor(name, TensorProto.FLOAT, None) for name in ("zeros", "y")]
    path = write_graph(tmp_path / "sizes.onnx", nodes, inputs, outputs)

    outline = read_outline(path.read_bytes())

    assert outline.guarded == [GuardedNode("ConstantOfShape", "", [["size"]])]


def test_a_shape_without_axes_is_a_shape(tmp_path: Path) -> None:
    """A scalar, whose shape has no axes, is not taken for a tensor of any shape."""
    path = write_identity(tmp_path, "scalar", TensorProto.FLOAT, [])

    assert not read_outline(path.read_bytes()).unranked


@pytest.mark.parametrize("keys", [["no", "yes"], [-1, 7]])
def test_the_names_of_a_zip_map_are_read(
    tmp_path: Path, keys: list[str] | list[int]
) -> None:
    """Class names of both kinds, numbers below zero too, are those of the file."""
    path = write_zip_map(tmp_path, "maps", keys)

    assert read_outline(path.read_bytes()).zip_maps == {"maps": tuple(keys)}


def test_weights_beside_the_file_are_found(tmp_path: Path) -> None:
    """A tensor in another file is known with the bytes that its shape needs there."""
    (found,) = read_outline(write_with_weights(tmp_path, "w").read_bytes()).external

    assert found == ("w", "w.onnx.data", 0, 8)


def test_a_loop_is_control_flow(tmp_path: Path) -> None:
    """A graph with a loop has control flow, and what it costs depends on values."""
    outline = read_outline(write_endless(tmp_path).read_bytes())

    assert outline.has_control_flow
    assert outline.depends_on_values
    assert ("", "Identity") in outline.operators


@pytest.mark.parametrize(("constant", "depends"), [(True, False), (False, True)])
def test_a_size_that_is_constant_is_no_value(
    tmp_path: Path, *, constant: bool, depends: bool
) -> None:
    """A size that a client sends decides the cost, and one that stands in the file does not."""
    inputs = [tensor("x", TensorProto.FLOAT, ["n"])]
    nodes = [helper.make_node("Tile", ["x", "repeats"], ["y"])]
    if constant:
        nodes.insert(0, helper.make_node("Constant", [], ["repeats"], value_ints=[2]))
    else:
        inputs.append(tensor("repeats", TensorProto.INT64, [1]))
    ends = (inputs, [tensor("y", TensorProto.FLOAT, ["m"])])
    content = write_graph(tmp_path / "tile.onnx", nodes, *ends).read_bytes()

    assert read_outline(content).depends_on_values == depends


def test_nodes_are_counted_with_functions_in_place(tmp_path: Path) -> None:
    """Functions that call each other twice count as what they become, and too many nodes are refused."""
    small = write_function_bomb(tmp_path, depth=5).read_bytes()
    assert read_outline(small).n_nodes == 1 + sum(2**level for level in range(1, 6))

    large = write_function_bomb(tmp_path, depth=30).read_bytes()
    assert len(large) < 5000
    with pytest.raises(ModelRefused, match="more than 200000 nodes once its functions"):
        read_outline(large)


def test_functions_that_call_themselves_are_refused(tmp_path: Path) -> None:
    """A function within itself, which would never end, is refused."""
    model = onnx.load(write_function_bomb(tmp_path, depth=3))
    model.functions[0].node[0].op_type = "f2"
    model.functions[0].node[0].domain = "bomb"

    with pytest.raises(ModelRefused, match="or themselves"):
        read_outline(model.SerializeToString())


def test_an_operator_of_a_foreign_domain_is_refused(tmp_path: Path) -> None:
    """An operator that needs a library of its own is named with its domain."""
    nodes = [helper.make_node("Steal", ["x"], ["y"], domain="evil.corp")]
    ends = ([tensor("x", 1, ["n"])], [tensor("y", 1, ["n"])])
    content = write_graph(tmp_path / "custom.onnx", nodes, *ends).read_bytes()

    with pytest.raises(ModelRefused, match=r"'Steal' is of the domain 'evil.corp'"):
        read_outline(content)


def test_graphs_within_graphs_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Graphs that are deeper within each other than the limit are refused."""
    monkeypatch.setattr(onnx_file, "MAX_DEPTH", 5)
    graph = helper.make_graph([], "inner", [], [])
    for _ in range(onnx_file.MAX_DEPTH + 2):
        node = helper.make_node("If", ["c"], ["y"], then_branch=graph)
        graph = helper.make_graph([node], "outer", [], [])
    content = helper.make_model(graph).SerializeToString()

    with pytest.raises(ModelRefused, match=f"more than {onnx_file.MAX_DEPTH} deep"):
        read_outline(content)


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    """Each beginning of a file but the whole is refused, or has no graph, and nothing else is raised."""
    content = write_endless(tmp_path).read_bytes()
    for length in range(len(content) - 20):
        with pytest.raises(ModelRefused):
            read_outline(content[:length])


@pytest.mark.parametrize("place", ["input", "axis", "operator", "key", "text"])
def test_a_name_that_is_no_text_is_refused(tmp_path: Path, place: str) -> None:
    """Names of tensors, axes, operators and what is stored beside the graph are UTF-8, or the file is refused."""
    names = {
        each: "MARK" if each == place else each
        for each in ("input", "axis", "operator", "key", "text")
    }
    graph = helper.make_graph(
        [helper.make_node(names["operator"], [names["input"]], ["y"])],
        "graph",
        [tensor(names["input"], TensorProto.FLOAT, [names["axis"]])],
        [tensor("y", TensorProto.FLOAT, ["n"])],
    )
    model = helper.make_model(graph)
    helper.set_model_props(model, {names["key"]: names["text"]})
    content = model.SerializeToString()

    assert read_outline(content).n_nodes == 1
    with pytest.raises(ModelRefused, match=r"a name in it, b'M\\xffRK', is no UTF-8"):
        read_outline(content.replace(b"MARK", b"M\xffRK"))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    """Bytes of any kind raise nothing but a refusal."""
    try:
        read_outline(content)
    except ModelRefused as error:
        assert str(error)  # noqa: PT017  # most bytes are refused, and some are not


@given(st.data())
def test_a_damaged_file_is_read_or_refused(data: st.DataObject) -> None:
    """A file of which a few bytes are changed raises nothing but a refusal."""
    content = bytearray(_DAMAGED)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))

    try:
        read_outline(bytes(content))
    except ModelRefused as error:
        assert str(error)  # noqa: PT017  # most are refused, and some are not


_DAMAGED = helper.make_model(
    helper.make_graph(
        [helper.make_node("ZipMap", ["x"], ["m"], classlabels_int64s=[1, -2, 300])],
        "graph",
        [tensor("x", 1, ["n", 3])],
        [tensor("y", 1, None)],
        [helper.make_tensor("w", 1, [2], [1.0, 2.0])],
    )
).SerializeToString()
