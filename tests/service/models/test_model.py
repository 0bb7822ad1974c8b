"""A file is served when its card, its graph and its self-check agree, and refused with the reason otherwise."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from model_card import METADATA_KEY, Feature, FeatureInput, ImageInput
from service.errors import InvalidRequest, ModelRefused
from service.models.model import MANY_ROWS, Model
from service.models.session import Placement
from tests.conftest import EXPORTED_MODELS
from tests.support.tiny_models import (
    self_check,
    tiny_card,
    tiny_graph,
    tiny_probabilities,
    write_tiny,
)


def load(path: Path) -> Model:
    model = Model.load(path)
    assert model is not None
    return model


def test_a_model_answers_what_numpy_computes(
    models: Path, generator: np.random.Generator
) -> None:
    """Labels and probabilities equal those that numpy computes."""
    model = load(models / "colour-first.onnx")
    features = generator.normal(size=(20, 2)).astype(np.float32)
    expected = tiny_probabilities(features)
    label, probabilities = model.run(features)

    assert np.allclose(probabilities, expected, atol=1e-6)
    assert np.array_equal(label, expected.argmax(axis=1))


def test_the_version_is_the_start_of_the_files_digest(models: Path) -> None:
    """The version is the first twelve hex digits of the file's SHA-256."""
    path = models / "colour-first.onnx"

    assert load(path).version == hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def test_a_model_says_what_it_runs_on(models: Path) -> None:
    """The device is that of the session's own providers, not of those that were asked for."""
    description = load(models / "colour-first.onnx").describe()

    assert description["name"] == "colour-first"
    assert description["runtime"]["providers"] == ["CPUExecutionProvider"]
    assert description["runtime"]["threads"] == 1
    assert description["runtime"]["load_ms"] > 0
    assert description["runtime"]["warm_up_ms"] > 0


def test_a_file_without_a_card_is_no_model(tmp_path: Path) -> None:
    """A file without a card loads as None and raises nothing."""
    assert Model.load(write_tiny(tmp_path, None)) is None


@pytest.mark.parametrize("kept", [0, 1, 100, -1])
def test_a_truncated_file_is_refused(tmp_path: Path, kept: int) -> None:
    """A file is refused wherever it is cut off."""
    path = write_tiny(tmp_path, tiny_card())
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ModelRefused, match=r"^onnxruntime cannot load it: "):
        Model.load(path)


def test_changed_weights_fail_the_self_check(tmp_path: Path) -> None:
    """Bytes that still parse but compute something else fail the self-check."""
    path = write_tiny(tmp_path, tiny_card())
    weight = np.float32(2.0).tobytes()
    content = path.read_bytes()

    assert content.count(weight) == 1

    path.write_bytes(content.replace(weight, np.float32(3.0).tobytes()))

    with pytest.raises(
        ModelRefused,
        match=r"^its self-check fails: 'probabilities' differs by 0\.\d+ from the stored",
    ):
        Model.load(path)


def test_a_broken_card_is_refused_with_its_fault(tmp_path: Path) -> None:
    """The refusal passes the card's own message on."""
    model = tiny_graph()
    helper.set_model_props(model, {METADATA_KEY: '{"schema_version": 1}'})
    path = tmp_path / "colour-first.onnx"
    path.write_bytes(model.SerializeToString())

    with pytest.raises(
        ModelRefused,
        match=r"^its card breaks the contract: self_check: expected an object, got None",
    ):
        Model.load(path)


def _three_features() -> FeatureInput:
    names = ("a", "b", "c")
    return FeatureInput(
        features=tuple(Feature(name=name, type="number") for name in names),
        example=(0.0, 0.0, 0.0),
    )


@pytest.mark.parametrize(
    ("changes", "writing", "message"),
    [
        (
            {},
            {"stem": "other-name"},
            "its card is of 'colour-first': the file must be named colour-first.onnx",
        ),
        (
            {
                "input": _three_features(),
                "self_check": self_check(row=(0.5, 1.0, 2.0), probabilities=(0.6, 0.4)),
            },
            {},
            "its card promises 'features' of shape (n, 3), its graph has (n, 2)",
        ),
        (
            {
                "classes": ("no", "yes", "maybe"),
                "self_check": self_check(row=(0.5, 1.0), probabilities=(0.6, 0.2, 0.2)),
            },
            {},
            "its card promises 'probabilities' of shape (n, 3), its graph has (n, 2)",
        ),
        (
            {},
            {"feature_type": TensorProto.DOUBLE},
            "its 'features' is tensor(double), the contract says tensor(float)",
        ),
        (
            {"input": ImageInput(height=8, width=8)},
            {},
            "its card promises the input 'pixels', its graph has ['features']",
        ),
    ],
)
def test_a_card_that_contradicts_its_file_is_refused(
    tmp_path: Path, changes: dict[str, Any], writing: dict[str, Any], message: str
) -> None:
    """A card that contradicts its file in name, shape, type or input is refused."""
    path = write_tiny(tmp_path, tiny_card(**changes), **writing)
    with pytest.raises(ModelRefused) as refused:
        Model.load(path)

    assert str(refused.value).startswith(message)


def test_a_missing_output_is_refused(tmp_path: Path) -> None:
    """A file whose graph lacks an output that the card promises is refused."""
    path = write_tiny(tmp_path, tiny_card())
    model = onnx.load(path)
    del model.graph.output[0]
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelRefused) as refused:
        Model.load(path)

    assert (
        str(refused.value)
        == "its card promises the output 'label', its graph has ['probabilities']"
    )


def test_a_fixed_batch_is_refused(tmp_path: Path) -> None:
    """A graph with a fixed number of rows is refused, since a request may have any number."""
    path = write_tiny(tmp_path, tiny_card())
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    path.write_bytes(model.SerializeToString())

    with pytest.raises(
        ModelRefused,
        match=r"its card promises 'features' of shape \(n, 2\), its graph has \(1, 2\)",
    ):
        Model.load(path)


def test_an_answer_that_is_not_finite_is_refused(models: Path) -> None:
    """An answer that is not finite raises an error; it is never null, nor the class that NaN is taken for."""
    model = load(models / "colour-first.onnx")
    features = np.array([[0.5, 1.0], [3e38, 3e38]], dtype=np.float32)
    with pytest.raises(InvalidRequest) as refused:
        model.run(features)

    assert str(refused.value) == (
        "inputs[1]: colour-first has no finite answer to these values; they are far outside of the ranges seen in "
        "training, which its card states"
    )


def test_cuda_that_is_not_there_is_refused(models: Path) -> None:
    """CUDA that was asked for by name and is missing refuses the file and does not fall back in silence."""
    with pytest.raises(
        ModelRefused, match="the device 'cuda' was asked for, and the session runs on"
    ):
        Model.load(models / "colour-first.onnx", Placement("cuda"))


def test_an_automatic_device_falls_back(models: Path) -> None:
    """The automatic device falls back to the CPU, and the model says so."""
    model = Model.load(models / "colour-first.onnx", Placement("auto"))
    assert model is not None
    assert model.describe()["runtime"]["providers"][-1] == "CPUExecutionProvider"


def test_a_model_that_is_much_used_computes_no_explanations() -> None:
    """Another session answers after MANY_ROWS, with the same labels, and contributions can be asked for as before."""
    path = EXPORTED_MODELS / "breast_cancer-logistic.onnx"
    model = Model.load(path)
    assert model is not None
    known = model.self_check_inputs()
    rows = np.resize(known, (MANY_ROWS, known.shape[1]))
    explained = [*model.output_names, "contributions", "base"]
    whole = model.graph.session.run
    before = model.run_outputs(explained, rows[:7])
    model.run(rows[: MANY_ROWS - 8])
    assert model.graph.session.run == whole

    model.run(rows[:1])
    for thread in threading.enumerate():
        if thread.name == "subgraph":
            thread.join()

    assert model.graph.session.run != whole
    for expected, given in zip(before, model.run(rows[:7]), strict=False):
        assert np.array_equal(expected, given)
    for expected, given in zip(
        before, model.run_outputs(explained, rows[:7]), strict=True
    ):
        assert np.array_equal(expected, given)


def test_a_model_answers_where_no_thread_can_begin(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A container that allows no more threads goes on with the whole graph, and says so once."""
    model = Model.load(EXPORTED_MODELS / "tacos-linear.onnx")
    assert model is not None
    known = model.self_check_inputs()
    rows = np.resize(known, (MANY_ROWS, known.shape[1]))

    def refuse(thread: threading.Thread) -> None:  # as Thread.start
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        (value,) = model.run(rows)
        model.run(rows)

    assert value.shape == (MANY_ROWS,)
    assert [each.getMessage() for each in caplog.records] == [
        "tacos-linear goes on computing its explanations: can't start new thread"
    ]
