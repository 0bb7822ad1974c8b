"""A GELU as torch's exporter writes it is one operator for onnxruntime, and its answers stay the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, checker, helper, numpy_helper

from service.errors import ModelRefused
from service.models.content import ModelContent
from service.models.parsing.gelu_order import may_have_gelu, order_gelus
from service.models.parsing.onnx_file import read_outline
from service.models.session import Session
from tests.conftest import EXPORTED_MODELS
from tests.support.graphs import tensor

ROWS = np.linspace(-6, 6, 24, dtype=np.float32).reshape(4, 6)
Nodes = list[onnx.NodeProto]


def write_gelu(
    start: str, end: str, *, swaps: Sequence[bool] = (False, False, False)
) -> Nodes:
    """Writes the operators of torch's exporter; each swap turns a sum's or a product's two inputs around."""

    def pair(first: str, second: str, swap: bool) -> list[str]:  # noqa: FBT001  # it is one of `swaps`
        return [second, first] if swap else [first, second]

    erf, total, half = f"{end}/erf", f"{end}/total", f"{end}/half"
    return [
        helper.make_node("Div", [start, "root"], [f"{end}/scaled"]),
        helper.make_node("Erf", [f"{end}/scaled"], [erf]),
        helper.make_node("Add", pair(erf, "one", swaps[0]), [total]),
        helper.make_node("Mul", pair("half", total, swaps[1]), [half]),
        helper.make_node("Mul", pair(start, half, swaps[2]), [end]),
    ]


def make_file(
    nodes: Nodes, outputs: Sequence[str] = ("y",), half: float = 0.5
) -> bytes:
    """Makes a file of a graph whose input is `x`, with the constants of a GELU."""
    constants = {"root": np.sqrt(2), "one": 1.0, "half": half}
    graph = helper.make_graph(
        nodes,
        "graph",
        [tensor("x", TensorProto.FLOAT, ["n", 6])],
        [tensor(name, TensorProto.FLOAT, ["n", 6]) for name in outputs],
        [
            numpy_helper.from_array(np.array(value, np.float32), name)
            for name, value in constants.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    helper.set_model_props(model, {"card": "x" * 300})

    content: bytes = model.SerializeToString()
    return content


def run(content: bytes, *, level: str = "ORT_DISABLE_ALL") -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(
        onnxruntime.GraphOptimizationLevel, level
    )
    session = onnxruntime.InferenceSession(content, options)
    found: list[np.ndarray] = session.run(None, {"x": ROWS})
    return found


def count_optimised(content: bytes, folder: Path) -> Counter[str]:
    """Counts the operators that are left once onnxruntime has made fewer of them."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = (
        onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    )
    options.optimized_model_filepath = str(folder / "optimised.onnx")
    onnxruntime.InferenceSession(content, options)
    graph = onnx.load(options.optimized_model_filepath).graph

    return Counter(node.op_type for node in graph.node)


@pytest.mark.parametrize("swaps", list(np.ndindex(2, 2, 2)))
def test_a_gelu_becomes_one_operator_with_the_same_answers(
    swaps: tuple[int, int, int], tmp_path: Path
) -> None:
    """Whatever comes first in its sum and products, the bits of its answers stay where each operator is computed."""
    turned = [bool(each) for each in swaps]
    nodes = [*write_gelu("x", "a", swaps=turned), *write_gelu("a", "y", swaps=turned)]
    content = make_file(nodes)
    ordered = order_gelus(content)

    model = onnx.load_from_string(ordered)
    checker.check_model(model)

    assert count_optimised(content, tmp_path)["Gelu"] == 0
    assert count_optimised(ordered, tmp_path) == {"Gelu": 2}
    assert np.array_equal(run(content)[0], run(ordered)[0])
    assert model.metadata_props == onnx.load_from_string(content).metadata_props
    assert order_gelus(ordered) is ordered


@pytest.mark.parametrize("name", ["cat_or_automobile-cnn", "cifar10-cnn"])
def test_the_shipped_networks_have_no_other_gelus(name: str, tmp_path: Path) -> None:
    """Each erf of a shipped network is that of a GELU, and none is left to be computed by itself."""
    content = (EXPORTED_MODELS / f"{name}.onnx").read_bytes()
    n_erfs = sum(
        node.op_type == "Erf" for node in onnx.load_from_string(content).graph.node
    )

    assert may_have_gelu(read_outline(content).operators)
    left = count_optimised(order_gelus(content), tmp_path)
    assert left["Gelu"] == n_erfs > 0
    assert left["Erf"] == 0


def test_a_session_answers_as_the_file_does() -> None:
    """A session of ours differs from onnxruntime's of the same file by rounding alone."""
    content = make_file(write_gelu("x", "y"))
    session = Session(ModelContent(graph=content, outline=read_outline(content)))

    found = session.run(["y"], {"x": ROWS}, session.options)

    as_one = run(order_gelus(content), level="ORT_ENABLE_ALL")[0]
    one_by_one = run(content, level="ORT_ENABLE_ALL")[0]
    assert np.array_equal(found[0], as_one)
    assert np.allclose(as_one, one_by_one, atol=1e-6)


USED_TWICE = [*write_gelu("x", "y"), helper.make_node("Neg", ["y/half"], ["z"])]
OF_ANOTHER = [
    helper.make_node("Neg", ["x"], ["other"]),
    *write_gelu("x", "y")[:-1],
    helper.make_node("Mul", ["other", "y/half"], ["y"]),
]
SQUARED = [*write_gelu("x", "y")[:-1], helper.make_node("Mul", ["y/half"] * 2, ["y"])]


@pytest.mark.parametrize(
    "content",
    [
        make_file(USED_TWICE, ["y", "z"]),
        make_file(write_gelu("x", "y"), ["y", "y/half"]),
        make_file(OF_ANOTHER),
        make_file(SQUARED),
        make_file(write_gelu("x", "y"), half=0.25),
    ],
    ids=["used twice", "an output", "of another", "squared", "a quarter"],
)
def test_what_only_looks_like_a_gelu_is_left_as_it_is(content: bytes) -> None:
    """A half that something else needs, another factor and another share leave the file untouched."""
    assert may_have_gelu(read_outline(content).operators)
    assert order_gelus(content) is content


def write_broken_half(content: bytes, dims: Sequence[int] = ()) -> bytes:
    """Writes a GELU whose half has these bytes and lengths."""
    model = onnx.load_from_string(make_file(write_gelu("x", "y")))
    half = model.graph.initializer[2]
    half.raw_data = content
    half.dims[:] = dims
    written: bytes = model.SerializeToString()
    return written


def write_without_inputs(place: int) -> bytes:
    """Writes a GELU one of whose nodes has no inputs."""
    nodes = write_gelu("x", "y")
    del nodes[place].input[:]
    return make_file(nodes)


@pytest.mark.parametrize(
    "content",
    [
        write_broken_half(b"abc"),
        write_broken_half(b"\0\0\0\x3f", [-1, -1]),
        write_broken_half(b"\0\0\0\x3f" * 2),
        *map(write_without_inputs, range(5)),
    ],
)
def test_a_broken_gelu_is_refused_as_any_broken_file_is(content: bytes) -> None:
    """A graph is brought into order ahead of onnxruntime's look at it, which has the words for what is wrong."""
    with pytest.raises(ModelRefused, match="onnxruntime cannot load it"):
        Session(ModelContent(graph=content, outline=read_outline(content)))


@pytest.mark.parametrize(
    ("operators", "may"),
    [
        ({("", "Mul"), ("", "Div"), ("", "Erf"), ("", "Add")}, True),
        ({("", "Mul"), ("", "Div"), ("", "Erf"), ("", "Sub")}, False),
        ({("", "Mul"), ("", "Div"), ("", "Erf"), ("", "Add"), ("", "If")}, False),
        ({("", "Mul"), ("", "Div"), ("", "Erf"), ("", "Add"), ("own", "Mul")}, False),
    ],
)
def test_names_within_other_graphs_and_own_operators_are_not_followed(
    operators: set[tuple[str, str]], *, may: bool
) -> None:
    """A graph within a node may use any name, and an operator of the file's own may do anything."""
    assert may_have_gelu(operators) is may
