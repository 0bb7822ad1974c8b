"""A file is loaded with the steps that it gains by, or is refused with what would work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from service.errors import InvalidRequest, ModelRefused
from service.models.graph import Graph
from service.models.model import load_graph
from service.models.runtime.arena import shrink_arena
from tests.support.graphs import (
    tensor,
    write_graph,
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


def test_a_newer_file_format_is_told_with_what_is_read(tmp_path: Path) -> None:
    """A file of an ir_version that onnxruntime does not read is refused with the highest that works."""
    path = write_normalizer(tmp_path, "C.UTF-8")
    model = onnx.load(path)
    model.ir_version = 99
    path.write_bytes(model.SerializeToString())

    with pytest.raises(ModelRefused) as refused:
        load(path)

    version = re.escape(onnxruntime.__version__)
    assert re.fullmatch(
        rf"it has ONNX's file format 99 \(ir_version\), and onnxruntime {version} reads those "
        r"up to (\d+): export it with an ir_version of at most \1, or install a newer onnxruntime",
        str(refused.value),
    )


def test_a_refusal_begins_with_what_is_wrong(tmp_path: Path) -> None:
    """Functions and files of onnxruntime's sources are no part of it, neither at the load nor at a run."""
    x, y = (tensor(name, TensorProto.FLOAT, ["n"]) for name in "xy")
    nodes = [helper.make_node("Neg", ["x"], ["z"])]
    with pytest.raises(ModelRefused) as refused:
        load(write_graph(tmp_path / "unmade.onnx", nodes, [x], [y]))

    assert str(refused.value) == (
        "onnxruntime cannot load it: [ONNXRuntimeError] : 1 : FAIL : This is an invalid model. Graph output (y) does "
        "not exist in the graph."
    )

    shape = helper.make_node("Constant", [], ["shape"], value_ints=[2, -1])
    reshape = helper.make_node("Reshape", ["x", "shape"], ["y"])
    nodes = [shape, reshape]
    y = tensor("y", TensorProto.FLOAT, [2, "m"])
    graph = load(write_graph(tmp_path / "halves.onnx", nodes, [x], [y]))
    with pytest.raises(InvalidRequest) as invalid:
        graph.run(["y"], {"x": np.zeros(3, np.float32)})

    assert "::" not in str(invalid.value)
    assert "Input shape:{3}, requested shape:{2,-1}" in str(invalid.value)
