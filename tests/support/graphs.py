"""Graphs without cards are written here, as anyone may have them."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto, helper

from tests.support.tiny_models import write_image_model, write_kind

NUMERIC = {
    "BOOL": TensorProto.BOOL,
    **{
        f"{sign}INT{bits}": getattr(TensorProto, f"{sign}INT{bits}")
        for sign in ("U", "")
        for bits in (8, 16, 32, 64)
    },
    **{
        "FP16": TensorProto.FLOAT16,
        "FP32": TensorProto.FLOAT,
        "FP64": TensorProto.DOUBLE,
    },
}


def write_graph(
    path: Path, nodes: list[onnx.NodeProto], inputs: list, outputs: list
) -> Path:
    graph = helper.make_graph(nodes, "graph", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())

    return path


def tensor(name: str, kind: int, shape: list[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def write_simple(folder: Path, *, version: str | None = None) -> Path:
    """Writes Triton's `simple`: sum and difference of two rows of sixteen INT32, in its layout with a version."""
    names = ("INPUT0", "INPUT1"), ("OUTPUT0", "OUTPUT1")
    inputs, outputs = (
        [tensor(name, TensorProto.INT32, ["n", 16]) for name in each] for each in names
    )
    nodes = [
        helper.make_node(operator, list(names[0]), [name])
        for operator, name in (("Add", "OUTPUT0"), ("Sub", "OUTPUT1"))
    ]
    path = (
        folder / "simple.onnx"
        if version is None
        else folder / "simple" / version / "model.onnx"
    )

    return write_graph(path, nodes, inputs, outputs)


def write_identity(folder: Path, name: str, kind: int, shape: list[int | str]) -> Path:
    """Writes a graph whose output `y` is its input `x`."""
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    return write_graph(
        folder / f"{name}.onnx",
        nodes,
        [tensor("x", kind, shape)],
        [tensor("y", kind, shape)],
    )


def write_gather(folder: Path) -> Path:
    """Writes a graph that fails while it runs: an index from 3 on is beyond its table."""
    nodes = [
        helper.make_node("Constant", [], ["table"], value_floats=[1.0, 2.0, 3.0]),
        helper.make_node("Gather", ["table", "index"], ["row"]),
    ]
    ends = (
        [tensor("index", TensorProto.INT64, ["n"])],
        [tensor("row", TensorProto.FLOAT, ["n"])],
    )
    return write_graph(folder / "gather.onnx", nodes, *ends)


def write_all(folder: Path) -> None:
    """Writes graphs without cards, one in two versions, a model of images and a generator."""
    for version in ("1", "2"):
        write_simple(folder, version=version)

    for name, kind in NUMERIC.items():
        write_identity(folder, f"identity_{name}", kind, ["n", 3])

    write_identity(folder, "identity_BYTES", TensorProto.STRING, ["n", 2])
    write_identity(folder, "scalar", TensorProto.FLOAT, [])
    write_identity(folder, "free", TensorProto.FLOAT, ["n", "m", "k"])
    write_gather(folder)
    write_image_model(folder)
    write_kind(folder, "generator")
