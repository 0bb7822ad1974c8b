"""A graph is written here that works for as long as a value of its request says."""

from __future__ import annotations

from pathlib import Path

from onnx import TensorProto, helper

from tests.support.graphs import tensor, write_graph

ENDLESS_TRIPS = 2**60
"""A loop of so many trips ends in no test."""


def write_counter(folder: Path, name: str = "counter") -> Path:
    """Writes a graph that adds 1 to 0 as many times as its input `trips` says, and gives the sum."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Add", ["a", "one"], ["b"]),
        ],
        "body",
        [
            tensor("i", TensorProto.INT64, []),
            tensor("go", TensorProto.BOOL, []),
            tensor("a", TensorProto.INT64, []),
        ],
        [tensor("go_on", TensorProto.BOOL, []), tensor("b", TensorProto.INT64, [])],
    )
    nodes = [
        helper.make_node(
            "Constant",
            [],
            ["true"],
            value=helper.make_tensor("true", TensorProto.BOOL, [], [True]),
        ),
        helper.make_node("Constant", [], ["zero"], value_int=0),
        helper.make_node("Constant", [], ["one"], value_int=1),
        helper.make_node("Constant", [], ["axes"], value_ints=[0]),
        helper.make_node("Squeeze", ["trips", "axes"], ["n"]),
        helper.make_node("Loop", ["n", "true", "zero"], ["total"], body=body),
        helper.make_node("Unsqueeze", ["total", "axes"], ["sum"]),
    ]
    return write_graph(
        folder / f"{name}.onnx",
        nodes,
        [tensor("trips", TensorProto.INT64, [1])],
        [tensor("sum", TensorProto.INT64, [1])],
    )
