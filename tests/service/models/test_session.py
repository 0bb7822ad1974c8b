"""A session has what the protocol can say: what a graph has beyond that is turned into it, or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from service.errors import ModelRefused
from service.models import graph as graph_module
from service.models.content import read_one
from service.models.datatypes import from_bfloat16, to_bfloat16
from service.models.graph import Graph
from service.models.model import load_graph
from service.models.runtime.arena import shrink_arena
from service.models.session import MAX_TWICE_BYTES, Session
from tests.support.graphs import (
    tensor,
    write_endless,
    write_graph,
    write_identity,
    write_zip_map,
)
from tests.support.server import ROOT

MODELS = ROOT / "exported_models"


def load(path: Path) -> Graph:
    return load_graph(path, name=path.stem)


def test_trees_are_not_searched_for_common_subexpressions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The search is left out for trees alone, whose self-check gives what it gave with it."""
    # The session that belongs to the arena is opened before the first of a model.
    shrink_arena()
    left_out: list[set[str]] = []
    real = onnxruntime.InferenceSession

    def open_session(*given: Any, **options: Any) -> onnxruntime.InferenceSession:
        left_out.append(set(options["disabled_optimizers"]))
        return real(*given, **options)

    monkeypatch.setattr(onnxruntime, "InferenceSession", open_session)
    for name in ("wine-random_forest", "wine-logistic"):
        assert load(MODELS / f"{name}.onnx").model is not None

    assert left_out == [{"CommonSubexpressionElimination"}, set()]


@pytest.mark.parametrize("keys", [["b", "a", "c"], [3, -1, 7], ["alone"]])
def test_maps_become_a_tensor_with_names(
    tmp_path: Path, keys: list[str] | list[int]
) -> None:
    """The columns of what was a map in each row are in the order of the file's class names."""
    graph = load(write_zip_map(tmp_path, "maps", keys))
    rows = np.arange(2 * len(keys), dtype=np.float32).reshape(2, -1)

    assert graph.outputs["maps"].shape == (-1, len(keys))
    assert graph.labels("maps") == tuple(map(str, keys))
    assert np.array_equal(graph.run(["maps"], {"x": rows})[0], rows)
    assert graph.run(["maps"], {"x": rows[:0]})[0].shape == (0, len(keys))


def test_bfloat16_goes_through_as_two_bytes(tmp_path: Path) -> None:
    """A tensor of bfloat16 has the same bytes after an identity as before."""
    graph = load(write_identity(tmp_path, "same", TensorProto.BFLOAT16, ["n", 2]))
    given = to_bfloat16(np.array([[1.0, -2.5], [3e38, 1e-40]], np.float32))
    (found,) = graph.run(["y"], {"x": given})

    assert found.tobytes() == given.tobytes()
    assert from_bfloat16(found)[0].tolist() == [1.0, -2.5]


def test_bfloat16_is_the_nearest(tmp_path: Path) -> None:
    """The even one of two values of bfloat16 as near to a float32 is taken, as in IEEE 754."""
    ulp = 2.0**-7
    given = np.array([1 + ulp / 2, 1 + 1.5 * ulp, 1 + 0.6 * ulp], np.float32)

    assert from_bfloat16(to_bfloat16(given)).tolist() == [1.0, 1 + 2 * ulp, 1 + ulp]


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


def write_normalizer(folder: Path, locale: str) -> Path:
    """Writes a graph that makes texts lower case as they do in a locale."""
    node = helper.make_node(
        "StringNormalizer", ["x"], ["y"], case_change_action="LOWER", locale=locale
    )
    texts = [tensor(name, TensorProto.STRING, ["n"]) for name in ("x", "y")]
    return write_graph(folder / "normalizer.onnx", [node], texts[:1], texts[1:])


def test_a_locale_that_is_not_there_is_told_with_one_that_is(tmp_path: Path) -> None:
    """A graph is refused by the locale that the system lacks, and with the one that is named it is served."""
    with pytest.raises(ModelRefused) as refused:
        load(write_normalizer(tmp_path, "xx_XX.UTF-8"))
    graph = load(write_normalizer(tmp_path, "C.UTF-8"))

    assert str(refused.value) == (
        "its StringNormalizer is for the locale xx_XX.UTF-8, which this system does not have: install it, or export "
        "the operator with the attribute locale C.UTF-8, which is everywhere"
    )
    found = graph.run(["y"], {"x": np.array(["ÑANDÚ"], dtype=np.object_)})
    assert found[0].tolist() == ["ñandú"]


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
