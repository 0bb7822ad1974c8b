"""The folder that every contender serves has the shipped models and a wide one.

Eight classifiers of tumours are shipped, and are compared. The wide one is an MLP of 3,072 features (as many as a
32 x 32 image has values) with seeded weights, which were not trained.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto

from benchmarks.paths import SHIPPED_MODELS
from model_card import (
    Card,
    Feature,
    FeatureInput,
    Metric,
    Parity,
    Provenance,
    SelfCheck,
    from_metadata,
)
from training.graph import IR_VERSION, GraphBuilder

TASK = "breast_cancer"
LOGISTIC = "breast_cancer-logistic"
WIDE = "benchmark-mlp"
WIDTHS = (3072, 512, 128, 2)
SEED = 0


def write_models(folder: Path) -> None:
    """Copies the shipped models and adds a wide one."""
    for path in SHIPPED_MODELS.glob("*.onnx"):
        shutil.copy(path, folder)
    _write_wide(folder)


def write_copy(folder: Path, family: str) -> None:
    """Writes a copy of the logistic classifier under the name of this family."""
    model = onnx.load(folder / f"{LOGISTIC}.onnx")
    card = from_metadata({each.key: each.value for each in model.metadata_props})
    assert card is not None
    _write(folder, model, replace(card, family=family))


def _write_wide(folder: Path) -> None:
    random = np.random.default_rng(SEED)
    builder = GraphBuilder()
    values = "features"

    for layer, (n_inputs, n_outputs) in enumerate(pairwise(WIDTHS)):
        weights = random.normal(
            scale=np.sqrt(2 / n_inputs), size=(n_inputs, n_outputs)
        ).astype(np.float32)
        values = builder.add(
            "Gemm", values if not layer else builder.add("Relu", values), weights
        )

    builder.add("Softmax", values, name="probabilities", axis=1)
    builder.add("ArgMax", "probabilities", name="label", axis=1, keepdims=0)
    model = builder.model(
        WIDTHS[0],
        {
            "label": (TensorProto.INT64, ()),
            "probabilities": (TensorProto.FLOAT, (WIDTHS[-1],)),
        },
    )
    model.ir_version = IR_VERSION
    row = random.random((1, WIDTHS[0])).round(4).astype(np.float32)
    _write(folder, model, _wide_card(model, row))


def _wide_card(model: onnx.ModelProto, row: np.ndarray) -> Card:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    label, probabilities = session.run(["label", "probabilities"], {"features": row})
    values = tuple(float(str(value)) for value in row[0])
    task, family = WIDE.split("-")

    return Card(
        task=task,
        family=family,
        kind="classifier",
        summary="An MLP of 3,072 features with seeded weights, for measurements",
        input=FeatureInput(
            features=tuple(
                Feature(name=f"x{index}", type="number") for index in range(WIDTHS[0])
            ),
            example=values,
        ),
        classes=("first", "second"),
        self_check=SelfCheck(
            input=(values,),
            output={
                "label": (int(label[0]),),
                "probabilities": (tuple(map(float, probabilities[0])),),
            },
        ),
        metrics={"accuracy": Metric(value=0.5)},
        parity=Parity(rows=1, unequal_labels=0, max_abs_difference=0.0),
        provenance=Provenance(
            data_set="none",
            fingerprint="sha256:" + "0" * 64,
            split={"train": 1, "validation": 1, "held_out": 1},
            seed=SEED,
            packages={"onnx": onnx.__version__},
            command="python -m benchmarks",
        ),
        licence="MIT",
    )


def _write(folder: Path, model: onnx.ModelProto, card: Card) -> None:
    onnx.helper.set_model_props(model, card.to_metadata())
    (folder / f"{card.name}.onnx").write_bytes(model.SerializeToString())
