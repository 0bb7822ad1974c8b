"""A session has what the protocol can say: what a graph has beyond that is turned into it, or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from service.errors import ModelRefused
from service.models import graph as graph_module
from service.models.content import read_one
from service.models.graph import Graph
from service.models.model import load_graph
from service.models.session import MAX_TWICE_BYTES, Session
from tests.support.graphs import (
    tensor,
    write_endless,
    write_graph,
    write_identity,
)


def load(path: Path) -> Graph:
    return load_graph(path, name=path.stem)


def test_any_shape_fits_where_the_file_leaves_it_open(tmp_path: Path) -> None:
    """A tensor without a shape is not ranked, and runs on scalars and on rows."""
    graph = load(write_identity(tmp_path, "open", TensorProto.FLOAT, None))

    assert not graph.inputs["x"].is_ranked
    for shape in ((), (3,), (1, 2, 3)):
        assert graph.run(["y"], {"x": np.ones(shape, np.float32)})[0].shape == shape


def test_a_shape_that_is_not_true_is_corrected(tmp_path: Path) -> None:
    """An output that is said to have one row and has as many as the input is free in its rows."""
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    ends = ([tensor("x", 1, ["n"])], [tensor("y", 1, ["n"])])
    path = write_graph(tmp_path / "wrong.onnx", nodes, *ends)
    graph = load(path)
    graph.session.outputs["y"] = graph.session.outputs["y"]._replace(shape=(1,))
    graph.try_out()

    assert graph.outputs["y"].shape == (-1,)


def write_sequence(folder: Path, *, as_input: bool, also_tensor: bool = False) -> Path:
    """Writes a graph that has a sequence among its inputs, or its outputs."""
    sequence = helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, None)
    rows = tensor("x", TensorProto.FLOAT, ["n"])
    if as_input:
        nodes = [helper.make_node("ConcatFromSequence", ["s"], ["x"], axis=0)]
        return write_graph(folder / "sequence.onnx", nodes, [sequence], [rows])

    nodes = [helper.make_node("SequenceConstruct", ["x"], ["s"])]
    outputs = [sequence]
    if also_tensor:
        nodes.append(helper.make_node("Neg", ["x"], ["y"]))
        outputs.append(tensor("y", TensorProto.FLOAT, ["n"]))

    return write_graph(folder / "sequence.onnx", nodes, [rows], outputs)


@pytest.mark.parametrize(
    ("as_input", "words"),
    [
        (True, r"its input 's' is seq\(tensor\(float\)\), which the Open Inference"),
        (False, r"it has no output .* type for: 's' is seq\(tensor\(float\)\)"),
    ],
)
def test_a_sequence_is_refused_at_load(
    tmp_path: Path, *, as_input: bool, words: str
) -> None:
    """A graph that could never be asked, or never answer, is refused by the name of its sequence."""
    with pytest.raises(ModelRefused, match=words):
        load(write_sequence(tmp_path, as_input=as_input))


def test_a_sequence_beside_tensors_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The other outputs are served, and the log names what is left out."""
    graph = load(write_sequence(tmp_path, as_input=False, also_tensor=True))

    assert list(graph.outputs) == ["y"]
    assert "the output 's' is left out: it is seq(tensor(float))" in caplog.text


def test_a_graph_that_does_not_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A graph whose first run goes on is ended after the limit, and refused with words."""
    monkeypatch.setattr(graph_module, "MAX_FIRST_RUN_S", 0.2)

    with pytest.raises(ModelRefused, match=r"its first run did not end within 0.2 s"):
        load(write_endless(tmp_path))


def test_a_graph_that_needs_too_much_memory_is_refused(tmp_path: Path) -> None:
    """A graph of a constant that no memory holds is refused, and no client is blamed for it."""
    nodes = [
        helper.make_node("Constant", [], ["shape"], value_ints=[2**46]),
        helper.make_node("ConstantOfShape", ["shape"], ["zeros"]),
        helper.make_node("ReduceSum", ["zeros"], ["sum"], keepdims=0),
        helper.make_node("Add", ["x", "sum"], ["y"]),
    ]
    ends = ([tensor("x", 1, ["n"])], [tensor("y", 1, ["n"])])

    with pytest.raises(ModelRefused, match=r"memory|load it"):
        load(write_graph(tmp_path / "large.onnx", nodes, *ends))


def write_explained(folder: Path) -> Path:
    """Writes a graph whose `why` fails for indices that `value` never looks at."""
    table = helper.make_tensor("table", TensorProto.FLOAT, [2], [1.0, 2.0])
    nodes = [
        helper.make_node("Identity", ["x"], ["value"]),
        helper.make_node("Gather", ["table", "x"], ["why"]),
    ]
    ends = (
        [tensor("x", TensorProto.INT64, ["n"])],
        [tensor("value", TensorProto.INT64, ["n"]), tensor("why", 1, ["n"])],
    )
    path = write_graph(folder / "explained.onnx", nodes, *ends)
    model = onnx.load(path)
    model.graph.initializer.append(table)
    onnx.save(model, path)

    return path


def test_what_is_not_asked_for_is_not_computed(tmp_path: Path) -> None:
    """A run for the answer alone does not fail where what explains it would, and the explanation can still be asked."""
    content = read_one(write_explained(tmp_path))
    session = Session(content)
    good, bad = ({"x": np.array([index])} for index in (1, 7))
    with pytest.raises(Exception, match="indices element out of data bounds"):
        session.run(["value"], bad, session.options)

    session.add_subgraph(content, ["value"])

    assert session.run(["value"], bad, session.options)[0].tolist() == [7]
    assert session.run(["why", "value"], good, session.options)[0].tolist() == [2.0]
    assert list(session.outputs) == ["value", "why"]
    with pytest.raises(Exception, match="indices element out of data bounds"):
        session.run(["why"], bad, session.options)


def test_a_large_file_is_held_once(tmp_path: Path) -> None:
    """A file beyond the limit is not held twice, and neither is one whose outputs are all wanted."""
    path = write_explained(tmp_path)
    small = read_one(path)
    session = Session(small)
    model = onnx.load(path)
    model.doc_string = "x" * MAX_TWICE_BYTES
    onnx.save(model, path)

    assert session.can_add_subgraph(small, ["value"])
    assert not session.can_add_subgraph(small, ["why", "value"])
    assert not session.can_add_subgraph(read_one(path), ["value"])


@pytest.mark.parametrize("length", [2**29, 2**40, 2**62])
def test_an_input_that_no_request_can_have_is_refused(
    tmp_path: Path, length: int
) -> None:
    """It is refused by its bytes, without memory for an example: the start of a server would need gigabytes."""
    path = write_identity(tmp_path, "huge", TensorProto.FLOAT, [length, 2])

    with pytest.raises(ModelRefused) as refused:
        load_graph(path, name="huge").try_out()

    assert str(refused.value) == (
        f"its input 'x' of shape ({length}, 2) takes at least {length * 8} bytes, and no request has more than "
        "2147483647: export it with a smaller or a free axis"
    )
