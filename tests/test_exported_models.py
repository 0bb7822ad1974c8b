"""The conformance suite: every shipped file keeps every promise of its card."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest

from model_card import Card, FeatureInput, from_metadata
from service.model import Model

FILES = sorted((Path(__file__).resolve().parent.parent / "exported_models").glob("*.onnx"))
TABULAR = ("logistic", "perceptron", "mlp", "naive_bayes", "knn", "decision_tree", "random_forest")
SHIPPED = {f"{task}-{family}" for task in ("points", "breast_cancer", "wine", "digits") for family in TABULAR}
SHIPPED |= {"digits-cnn"}


def card_of(path: Path) -> Card:
    card = from_metadata({each.key: each.value for each in onnx.load(path).metadata_props})
    assert card is not None
    return card


def rows_within_ranges(card: Card, n_rows: int) -> np.ndarray:
    """Seeded rows, uniform between the lowest and highest value of training."""
    assert isinstance(card.input, FeatureInput)
    ranges = np.array([feature.range for feature in card.input.features])
    return np.random.default_rng(0).uniform(ranges[:, 0], ranges[:, 1], size=(n_rows, len(ranges))).astype(np.float32)


def test_what_should_be_shipped_is_shipped() -> None:
    """No more and no less."""
    assert {path.stem for path in FILES} == SHIPPED


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_the_file_is_valid_onnx_of_the_stated_version(path: Path) -> None:
    """Opset 18, IR 10, one file, operators of ONNX itself."""
    model = onnx.load(path, load_external_data=False)
    onnx.checker.check_model(model, full_check=True)
    assert model.ir_version == 10
    assert [(each.domain, each.version) for each in model.opset_import if each.domain == ""] == [("", 18)]
    assert {node.domain for node in model.graph.node} <= {"", "ai.onnx.ml"}
    assert not any(each.external_data for each in model.graph.initializer)


def test_the_file_holds_no_trace_of_the_machine(path: Path) -> None:
    """No path, no stack trace, no exporter's notes."""
    model = onnx.load(path)
    for traces in (model.graph.metadata_props, *(node.metadata_props for node in model.graph.node)):
        assert not traces
    content = path.read_bytes()
    here = [str(place) for place in (Path.cwd(), Path.home()) if place != Path(place.anchor)]
    for trace in ("site-packages", "/home/", "/Users/", "Traceback", ".py", *here):
        assert trace.encode() not in content


def test_the_service_loads_it(path: Path) -> None:
    """Card, graph and self-check agree."""
    model = Model.load(path)
    assert model is not None
    assert model.version == hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def test_rows_are_independent_and_probabilities_are_probabilities(path: Path) -> None:
    """A batch answers as its rows do alone; rows sum to 1; the label is the most probable."""
    model = Model.load(path)
    assert model is not None
    features = rows_within_ranges(model.card, 65)
    label, probabilities = model.classify(features)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert np.array_equal(label, probabilities.argmax(axis=1))
    alone = np.concatenate([model.classify(features[row : row + 1])[1] for row in range(len(features))])
    assert np.allclose(alone, probabilities, atol=1e-6)


def test_the_card_says_how_good_it_is(path: Path) -> None:
    """Measured on held-out rows, with parity to its source."""
    card = card_of(path)
    assert card.parity.unequal_labels == 0
    assert card.parity.max_abs_difference <= 1e-5
    assert card.parity.rows == card.provenance.split["held_out"]
    accuracy = card.metrics["accuracy"]
    assert accuracy.interval is not None
    assert accuracy.interval[0] <= accuracy.value <= accuracy.interval[1]
    assert accuracy.value >= 0.86
    assert {"balanced_accuracy", "macro_f1", "log_loss", "brier", "roc_auc"} <= set(card.metrics)


def test_the_card_says_where_it_comes_from(path: Path) -> None:
    """Without a clock, so that the same command gives the same file."""
    provenance = card_of(path).provenance
    assert provenance.command.startswith("python -m training ")
    assert {"onnx", "onnxruntime", "numpy", "python"} <= set(provenance.packages)
