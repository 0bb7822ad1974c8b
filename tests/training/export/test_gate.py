"""The gate writes no file that does not pass."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn

from row_records import hash_rows, read_held_out, read_learnt
from training.data.datasets import Dataset, load, split
from training.export import gate
from training.export.gate import (
    ExportError,
    Origin,
    compare_outputs,
    export,
    write_atomically,
)
from training.graph import clean, run
from training.learning.network import Classifier, FittedNetwork

ORIGIN = Origin(
    family="logistic",
    summary="Logistic regression",
    command="python -m training logistic",
    seed=0,
)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load("wine")


@pytest.fixture(scope="module")
def fitted(dataset: Dataset) -> FittedNetwork:
    torch.manual_seed(0)
    return FittedNetwork(
        Classifier(nn.Linear(13, 3), dataset.features, n_classes=3), kind="classifier"
    )


class Changed:
    """A Changed is a fitted network whose own outputs or graph are changed on the way to the gate."""

    kind = "classifier"
    packages = FittedNetwork.packages

    def __init__(
        self,
        fitted: FittedNetwork,
        *,
        shift: float = 0.0,
        swap: bool = False,
        edit: Any = None,
    ) -> None:
        self.fitted = fitted
        self.shift = shift
        self.swap = swap
        self.edit = edit

    def outputs(self, features: np.ndarray) -> dict[str, Any]:
        outputs = self.fitted.outputs(features)
        label = (outputs["label"] + 1) % 3 if self.swap else outputs["label"]
        return {
            "label": label,
            "probabilities": outputs["probabilities"] + np.float32(self.shift),
        }

    def to_onnx(self, n_features: int) -> onnx.ModelProto:
        model = self.fitted.to_onnx(n_features)
        if self.edit is not None:
            self.edit(model)
        return model


def try_to_export(fitted: Any, dataset: Dataset, folder: Path) -> str:
    """Returns the gate's refusal; asserts that nothing was left in the folder."""
    with pytest.raises(ExportError) as refused:
        export(fitted, dataset, split(dataset, seed=0), ORIGIN, folder)
    assert list(folder.iterdir()) == []
    return str(refused.value)


def test_what_passes_is_written_under_its_name(
    fitted: FittedNetwork, dataset: Dataset, tmp_path: Path
) -> None:
    """A file that passes is written under its name, and its card was measured on it."""
    path, card = export(fitted, dataset, split(dataset, seed=0), ORIGIN, tmp_path)
    assert path == tmp_path / "wine-logistic.onnx"
    assert [each.name for each in tmp_path.iterdir()] == ["wine-logistic.onnx"]
    rows = split(dataset, seed=0).held_out
    label = run(path.read_bytes(), dataset.features[rows])["label"]
    assert card.metrics["accuracy"].value == (label == dataset.target[rows]).mean()
    assert card.parity.rows == len(rows) == 36


def test_the_file_keeps_its_answers_and_what_it_learnt(
    fitted: FittedNetwork, dataset: Dataset, tmp_path: Path
) -> None:
    """The file keeps the true classes and its own labels of the held-out rows, and the hashes of all other rows."""
    rows = split(dataset, seed=0)
    path, _ = export(fitted, dataset, rows, ORIGIN, tmp_path)
    metadata = {each.key: each.value for each in onnx.load(path).metadata_props}
    record, learnt = read_held_out(metadata), read_learnt(metadata)

    assert record is not None
    assert learnt is not None
    answers = run(path.read_bytes(), dataset.features[rows.held_out])
    assert np.array_equal(record.truth, dataset.target[rows.held_out])
    assert np.array_equal(record.labels, answers["label"])
    assert np.abs(record.probabilities - answers["probabilities"]).max() < 1e-4
    others = np.concatenate([rows.train, rows.validation])
    assert np.array_equal(learnt, np.unique(hash_rows(dataset.features[others])))
    assert not np.isin(hash_rows(dataset.features[rows.held_out]), learnt).any()


def test_the_same_model_is_the_same_file(
    fitted: FittedNetwork, dataset: Dataset, tmp_path: Path
) -> None:
    """A model that is exported twice gives the same file, byte for byte."""
    rows = split(dataset, seed=0)
    one, _ = export(fitted, dataset, rows, ORIGIN, tmp_path / "one")
    other, _ = export(fitted, dataset, rows, ORIGIN, tmp_path / "other")
    assert one.read_bytes() == other.read_bytes()


def test_other_probabilities_do_not_pass(
    fitted: FittedNetwork, dataset: Dataset, tmp_path: Path
) -> None:
    """Probabilities that are more than 1e-5 apart do not pass."""
    message = try_to_export(Changed(fitted, shift=2e-5), dataset, tmp_path)
    assert message.startswith("parity: probabilities differ by up to 2")
    assert message.endswith(" from the source model's, more than 1e-05")


def test_a_regressor_is_compared_in_units_of_its_spread() -> None:
    """A difference that is small beside the values does not pass where it is large beside their spread."""
    value = np.array([1e9, 1e9 + 100, 1e9 + 200])
    near = (value + 0.004).astype(np.float64)
    assert (
        compare_outputs("regressor", {"value": value}, {"value": near}).unequal_labels
        == 0
    )

    with pytest.raises(
        ExportError, match="float32 is too coarse for these values: subtract a constant"
    ):
        compare_outputs(
            "regressor", {"value": value}, {"value": value.astype(np.float32)}
        )


def test_other_labels_do_not_pass(
    fitted: FittedNetwork, dataset: Dataset, tmp_path: Path
) -> None:
    """A single other label does not pass."""
    message = try_to_export(Changed(fitted, swap=True), dataset, tmp_path)
    assert (
        message
        == "parity: 36 of 36 held-out rows get another label than the source model's"
    )


def _foreign_operator(model: onnx.ModelProto) -> None:
    model.graph.node.append(
        helper.make_node("Gelu", ["features"], ["elsewhere"], domain="com.microsoft")
    )


def _other_opset(model: onnx.ModelProto) -> None:
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid("", 20))


def _external_data(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].external_data.add(key="location", value="weights.bin")


def _path_in_a_name(model: onnx.ModelProto) -> None:
    model.producer_name = str(Path.cwd())


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            _foreign_operator,
            "expected operators of ONNX itself, got some of ['com.microsoft']",
        ),
        (_other_opset, "expected opset 18, got {'': 20}"),
        (_external_data, "expected all weights in the file, got external data for "),
        (_path_in_a_name, "expected no path of this machine in the file, found "),
    ],
)
def test_a_graph_that_breaks_a_rule_does_not_pass(
    fitted: FittedNetwork, dataset: Dataset, tmp_path: Path, edit: Any, message: str
) -> None:
    """A graph does not pass, whichever rule it breaks."""
    assert try_to_export(Changed(fitted, edit=edit), dataset, tmp_path).startswith(
        message
    )


def test_a_missing_output_does_not_pass(
    fitted: FittedNetwork, dataset: Dataset
) -> None:
    """A graph without label or probabilities does not pass, because both are promised."""
    outputs = fitted.outputs(dataset.features)
    with pytest.raises(
        ExportError,
        match=r"expected the outputs \['label', 'probabilities'\], got \['label'\]",
    ):
        compare_outputs("classifier", outputs, {"label": outputs["label"]})


def test_an_old_file_stays_when_the_new_one_does_not_pass(
    fitted: FittedNetwork, dataset: Dataset, tmp_path: Path
) -> None:
    """An old file stays whole when the new one does not pass."""
    (tmp_path / "wine-logistic.onnx").write_bytes(b"the old one")
    with pytest.raises(ExportError):
        export(
            Changed(fitted, shift=1.0),
            dataset,
            split(dataset, seed=0),
            ORIGIN,
            tmp_path,
        )

    assert (tmp_path / "wine-logistic.onnx").read_bytes() == b"the old one"


def test_a_full_disk_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new bytes never take the name on a full disk, and nothing is left behind."""
    path = tmp_path / "model.onnx"
    path.write_bytes(b"the old one")

    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(gate.os, "fsync", no_space)
    with pytest.raises(OSError, match="No space left on device"):
        write_atomically(path, b"the new one")

    assert path.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [path]


def test_cleaning_removes_what_exporters_leave() -> None:
    """Cleaning removes notes on graph, nodes and values, and opsets named twice."""
    node = helper.make_node(
        "Identity", ["features"], ["label"], doc_string="File /home/somebody/model.py"
    )
    node.metadata_props.add(key="stack_trace", value="/home/somebody")
    value = helper.make_tensor_value_info("features", TensorProto.FLOAT, [1])
    graph = helper.make_graph(
        [node],
        "g",
        [value],
        [helper.make_tensor_value_info("label", TensorProto.FLOAT, [1])],
    )
    graph.metadata_props.add(key="signature", value="/home/somebody")
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid("", 18)]
    )

    assert b"somebody" in model.SerializeToString()
    content = clean(model).SerializeToString()
    assert b"somebody" not in content
    assert [(each.domain, each.version) for each in model.opset_import] == [("", 18)]
    assert model.ir_version == 10


def test_the_self_check_has_a_row_of_each_class(
    fitted: FittedNetwork, dataset: Dataset, tmp_path: Path
) -> None:
    """The self-check has a row of each class, so that none goes untested at load."""
    _, card = export(fitted, dataset, split(dataset, seed=0), ORIGIN, tmp_path)
    assert len(card.self_check.input) == 3
    assert card.self_check.input[0] in {
        tuple(float(str(value)) for value in row) for row in dataset.features
    }


def test_a_task_of_another_name_is_another_file(
    fitted: FittedNetwork, dataset: Dataset, tmp_path: Path
) -> None:
    """The file's name is task and family."""
    path, _ = export(
        fitted,
        replace(dataset, task="burgundy"),
        split(dataset, seed=0),
        ORIGIN,
        tmp_path,
    )
    assert path.name == "burgundy-logistic.onnx"
