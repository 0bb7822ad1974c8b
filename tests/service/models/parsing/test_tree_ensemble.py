"""An ensemble that is read gives what onnxruntime gives, and one of an unknown form is not read."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from service.calls.explaining.trees import TreeExplainer
from service.models.parsing.ensemble_reader import has_trees, read_tree_ensemble
from service.models.parsing.protobuf_wire import WireReader
from tests.conftest import EXPORTED_MODELS
from tests.support.random_trees import draw_whole_rows, finish, make_trees


def run(model: onnx.ModelProto, rows: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    [value] = session.run(["value"], {"features": rows})
    return value


@pytest.mark.parametrize("mode", ["BRANCH_LEQ", "all"])
def test_scores_are_onnxruntimes(mode: str, generator: np.random.Generator) -> None:
    """Rows that meet thresholds exactly, or miss values, reach the leaves that onnxruntime takes them to."""
    modes = {} if mode == "all" else {"modes": (mode,)}
    model = make_trees(generator, **modes)
    rows = draw_whole_rows(generator, 500)
    ensemble = read_tree_ensemble(model.SerializeToString())

    assert ensemble is not None
    assert ensemble.n_trees == 3

    scores = TreeExplainer(ensemble).score(rows)

    assert scores[:, 0] == pytest.approx(run(model, rows), abs=1e-5)


def test_packed_numbers_are_read(generator: np.random.Generator) -> None:
    """An attribute whose numbers stand packed, as other writers have them, is read as one whose numbers have tags."""
    content = b"\x3a\x08" + np.array([1.5, -2.0], "<f4").tobytes() + b"\x3d\0\0\x40\x40"
    wire = WireReader(b"\x0a" + bytes([len(content)]) + content)
    [attribute] = wire.fields(0, len(content) + 2)

    assert wire.floats(attribute).tolist() == [1.5, -2.0, 3.0]


def test_trees_behind_unknown_operators_are_not_read(
    generator: np.random.Generator,
) -> None:
    """An ensemble that takes what another operator made of the features is none that is read."""
    model = make_trees(generator)
    [trees, _] = model.graph.node
    trees.input[0] = "doubled"
    doubled = helper.make_node("Add", ["features", "features"], ["doubled"])
    behind = finish([doubled, trees], 4)

    assert read_tree_ensemble(behind.SerializeToString()) is None


def test_trees_behind_a_scale_are_read(generator: np.random.Generator) -> None:
    """Numbers that are shifted and divided one by one, as a scaler of a pipeline does, still come from one feature."""
    model = make_trees(generator)
    [trees, _] = model.graph.node
    trees.input[0] = "scaled"
    nodes = [
        helper.make_node("Identity", ["features"], ["given"]),
        helper.make_node("Sub", ["given", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "scale"], ["scaled"]),
    ]
    behind = finish([*nodes, trees], 4)
    for name, values in (("mean", [1, 0, 2, 1]), ("scale", [1, 2, 4, 0.5])):
        constant = np.array([values], np.float32)
        behind.graph.initializer.append(onnx.numpy_helper.from_array(constant, name))
    rows = draw_whole_rows(generator, 200)
    ensemble = read_tree_ensemble(behind.SerializeToString())

    assert ensemble is not None
    assert TreeExplainer(ensemble).score(rows)[:, 0] == pytest.approx(
        run(behind, rows), abs=1e-5
    )


def test_encoded_features_are_followed(generator: np.random.Generator) -> None:
    """Columns that stand for a category's values come from one feature, and missing values are filled."""
    model = make_trees(generator, tracks_missing=False)
    constants = {
        "fills": np.array([1, 2], np.float32),
        "source": np.array([0, 1, 1, 1], np.int64),
        "codes": np.array([0, 0, 1, 2], np.float32),
        "is_code": np.array([False, True, True, True]),
    }
    nodes = [
        helper.make_node("IsNaN", ["features"], ["missing"]),
        helper.make_node("Where", ["missing", "fills", "features"], ["complete"]),
        helper.make_node("Gather", ["complete", "source"], ["columns"], axis=1),
        helper.make_node("Equal", ["columns", "codes"], ["matches"]),
        helper.make_node("Cast", ["matches"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Where", ["is_code", "numbers", "columns"], ["encoded"]),
    ]
    [trees, _] = model.graph.node
    trees.input[0] = "encoded"
    encoded = finish([*nodes, trees], 2)
    encoded.graph.initializer.extend(
        onnx.numpy_helper.from_array(value, name) for name, value in constants.items()
    )
    rows = np.array([[0, 0], [np.nan, 1], [2, np.nan], [3, 2]], np.float32)
    ensemble = read_tree_ensemble(encoded.SerializeToString())

    assert ensemble is not None
    assert ensemble.encoding.source is not None
    assert ensemble.encoding.source.tolist() == [0, 1, 1, 1]

    scores = TreeExplainer(ensemble).score(rows)

    assert scores[:, 0] == pytest.approx(run(encoded, rows), abs=1e-5)


def test_only_graphs_with_trees_have_trees() -> None:
    """An outline's operators tell whether a file is worth another look, and a network is not."""
    content = (EXPORTED_MODELS / "wine-mlp.onnx").read_bytes()

    assert has_trees({("ai.onnx.ml", "TreeEnsembleClassifier")})
    assert not has_trees({("", "MatMul")})
    assert read_tree_ensemble(content) is None


def test_a_node_with_two_parents_is_not_read(generator: np.random.Generator) -> None:
    """A leaf that is reached on two ways has no one path, so that its ensemble is not read."""
    model = make_trees(generator, n_trees=1, depth=2)
    [trees, _] = model.graph.node
    [children] = [each for each in trees.attribute if each.name == "nodes_falsenodeids"]
    children.ints[2] = children.ints[1]

    assert read_tree_ensemble(model.SerializeToString()) is None


def test_columns_of_two_features_are_not_taken_for_one(
    generator: np.random.Generator,
) -> None:
    """A column that is made of two features, side by side, comes from neither, so that its ensemble is not read."""
    model = make_trees(generator, tracks_missing=False)
    [trees, _] = model.graph.node
    trees.input[0] = "mixed"
    nodes = [
        helper.make_node("Gather", ["features", "turned"], ["others"], axis=1),
        helper.make_node("IsNaN", ["features"], ["missing"]),
        helper.make_node("Where", ["missing", "others", "features"], ["mixed"]),
    ]
    behind = finish([*nodes, trees], 4)
    turned = np.array([3, 2, 1, 0], np.int64)
    behind.graph.initializer.append(onnx.numpy_helper.from_array(turned, "turned"))

    assert len(run(behind, draw_whole_rows(generator, 3))) == 3
    assert read_tree_ensemble(behind.SerializeToString()) is None


def test_columns_that_are_not_there_do_not_fit(generator: np.random.Generator) -> None:
    """An ensemble that looks at a fourth column does not fit rows of three."""
    ensemble = read_tree_ensemble(make_trees(generator).SerializeToString())

    assert ensemble is not None
    assert ensemble.fits(np.zeros((2, 4), np.float32))
    assert not ensemble.fits(np.zeros((2, 3), np.float32))
