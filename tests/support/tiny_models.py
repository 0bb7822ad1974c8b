"""Real ONNX models of a kilobyte are written here, with cards: a linear classifier, and the other kinds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from model_card import (
    Card,
    Feature,
    FeatureInput,
    ImageInput,
    Metric,
    NoiseInput,
    Parity,
    Provenance,
    SelfCheck,
)

COLOURS = ("red", "green", "blue")
WEIGHTS = np.array([[1.0, -1.0], [2.0, 0.5]], dtype=np.float32)


def tiny_card(**changes: Any) -> Card:
    """Returns a card of two features, the number `size` and the category `colour`."""
    fields: dict[str, Any] = {
        "task": "colour",
        "family": "first",
        "kind": "classifier",
        "summary": "A tiny classifier for tests",
        "input": FeatureInput(
            features=(
                Feature(name="size", type="number", range=(-1.0, 1.0)),
                Feature(name="colour", type="category", values=COLOURS),
            ),
            example=(0.5, "green"),
        ),
        "classes": ("no", "yes"),
        "self_check": self_check(row=(0.5, 1.0), probabilities=(0.5, 0.5)),
        "metrics": {"accuracy": Metric(value=0.9, interval=(0.8, 0.95))},
        "parity": Parity(rows=10, unequal_labels=0, max_abs_difference=1e-7),
        "provenance": Provenance(
            data_set="made by the tests",
            fingerprint="sha256:" + "0" * 64,
            split={"train": 80, "validation": 10, "held_out": 10},
            seed=0,
            packages={"python": "3.11"},
            command="python -m training first --task colour",
        ),
        "licence": "MIT",
    }
    return Card(**(fields | changes))


def self_check(
    *, row: tuple[float, ...], probabilities: tuple[float, ...]
) -> SelfCheck:
    """Returns a self-check of one row and this answer, which need not be true."""
    label = probabilities.index(max(probabilities))
    return SelfCheck(
        input=(row,), output={"label": (label,), "probabilities": (probabilities,)}
    )


def tiny_probabilities(features: np.ndarray, *, sign: float = 1.0) -> np.ndarray:
    """Returns what a tiny model answers, the softmax of `features @ (sign * WEIGHTS)`, computed by numpy."""
    scores = features.astype(np.float32) @ (np.float32(sign) * WEIGHTS)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def tiny_graph(
    *, sign: float = 1.0, feature_type: int = TensorProto.FLOAT, n_classes: int = 2
) -> onnx.ModelProto:
    """Returns a graph from features `(n, 2)` to label `(n,)` and probabilities `(n, n_classes)`."""
    weights = np.resize(np.float32(sign) * WEIGHTS, (2, n_classes)).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["features"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["numbers", "weights"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["probabilities"], ["label"], axis=1, keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("features", feature_type, ["n", 2])],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, ["n"]),
            helper.make_tensor_value_info(
                "probabilities", TensorProto.FLOAT, ["n", n_classes]
            ),
        ],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10

    return model


def write_tiny(
    folder: Path,
    card: Card | None,
    *,
    sign: float = 1.0,
    stem: str | None = None,
    records: Mapping[str, str] | None = None,
    **graph: Any,
) -> Path:
    """Writes a tiny model; its card's self-check is made true, unless the card says something about it.

    `records` are further metadata of the file.
    """
    model = tiny_graph(sign=sign, **graph)
    if card is not None:
        if card.self_check.output["probabilities"] == ((0.5, 0.5),):
            card = replace(card, self_check=true_self_check(sign=sign))
        helper.set_model_props(model, card.to_metadata() | dict(records or {}))

    path = folder / f"{stem or (card.name if card else 'tiny')}.onnx"
    path.write_bytes(model.SerializeToString())

    return path


def true_self_check(*, sign: float = 1.0) -> SelfCheck:
    """Returns a self-check of the row (0.5, green) and the answer that numpy computes for it."""
    probabilities = tiny_probabilities(np.array([[0.5, 1.0]]), sign=sign)[0]
    return self_check(
        row=(0.5, 1.0), probabilities=tuple(float(value) for value in probabilities)
    )


NUMBERS = FeatureInput(
    features=(
        Feature(name="x", type="number", range=(0.0, 9.0)),
        Feature(name="y", type="number", imputed=3.0),
    ),
    example=(1.0, None),
)


def write_kind(folder: Path, kind: str) -> Path:
    """Writes `tiny-<kind>`, a regressor, clusterer or transformer of x and y (3 where missing), or a generator."""
    operators, outputs, check = _KINDS[kind]
    is_generator = kind == "generator"
    nodes = _generator_nodes() if is_generator else _number_nodes(operators)
    constants = _GENERATOR_CONSTANTS if is_generator else _NUMBER_CONSTANTS
    model_input: Any = NoiseInput(size=2) if is_generator else NUMBERS
    card = tiny_card(
        task="tiny",
        family=kind,
        kind=kind,
        classes=None,
        input=model_input,
        metrics={},
        self_check=SelfCheck(**check),
    )
    graph = helper.make_graph(
        nodes,
        "tiny",
        [
            helper.make_tensor_value_info(
                model_input.tensor, TensorProto.FLOAT, ["n", 2]
            )
        ],
        [
            helper.make_tensor_value_info(name, *shape)
            for name, shape in outputs.items()
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )

    return _save(folder, card, graph)


def _generator_nodes() -> list[onnx.NodeProto]:
    """Returns the nodes from noise `(n, 2)` to images `(n, 2, 2, 3)`, each row of an image as grey as its number."""
    return [
        helper.make_node("Clip", ["noise", "low", "high"], ["clipped"]),
        helper.make_node("Mul", ["clipped", "scale"], ["grey"]),
        helper.make_node("Cast", ["grey"], ["bytes"], to=TensorProto.UINT8),
        helper.make_node("Reshape", ["bytes", "shape"], ["small"]),
        helper.make_node("Tile", ["small", "repeats"], ["images"]),
    ]


def _number_nodes(
    operators: list[tuple[str, list[str], str, dict[str, int]]],
) -> list[onnx.NodeProto]:
    """Returns the nodes that fill in what is missing, and then these operators of the `complete` rows."""
    filled = [
        helper.make_node("IsNaN", ["features"], ["missing"]),
        helper.make_node("Where", ["missing", "imputed", "features"], ["complete"]),
    ]
    return filled + [
        helper.make_node(operator, inputs, [name], **options)
        for operator, inputs, name, options in operators
    ]


def _save(folder: Path, card: Card, graph: onnx.GraphProto) -> Path:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    helper.set_model_props(model, card.to_metadata())
    path = folder / f"{card.name}.onnx"
    path.write_bytes(model.SerializeToString())

    return path


_GENERATOR_CONSTANTS = {
    "low": np.float32(0),
    "high": np.float32(1),
    "scale": np.float32(255),
    "shape": np.array([-1, 2, 1, 1]),
    "repeats": np.array([1, 1, 2, 3]),
}
_NUMBER_CONSTANTS = {
    "imputed": np.float32(3),
    "one": np.array([1]),
    "two": np.float32(2),
    "centres": np.array([[0, 5]], dtype=np.float32),
    "ones": np.ones((1, 2), dtype=np.float32),
}
_KINDS: dict[str, Any] = {
    "regressor": (
        [("ReduceSum", ["complete", "one"], "value", {"keepdims": 0})],
        {"value": (TensorProto.FLOAT, ["n"])},
        {"input": ((1.0, None), (2.0, 5.0)), "output": {"value": (4.0, 7.0)}},
    ),
    "clusterer": (
        [
            ("ReduceSum", ["complete", "one"], "sum", {"keepdims": 1}),
            ("Sub", ["sum", "centres"], "apart", {}),
            ("Abs", ["apart"], "distances", {}),
            ("ArgMin", ["distances"], "cluster", {"axis": 1, "keepdims": 0}),
        ],
        {
            "cluster": (TensorProto.INT64, ["n"]),
            "distances": (TensorProto.FLOAT, ["n", 2]),
        },
        {
            "input": ((1.0, None), (2.0, 5.0)),
            "output": {"cluster": (1, 1), "distances": ((4.0, 1.0), (7.0, 2.0))},
        },
    ),
    "transformer": (
        [
            ("ReduceSum", ["complete", "one"], "codes", {"keepdims": 1}),
            ("Div", ["codes", "two"], "half", {}),
            ("Mul", ["half", "ones"], "reconstruction", {}),
        ],
        {
            "codes": (TensorProto.FLOAT, ["n", 1]),
            "reconstruction": (TensorProto.FLOAT, ["n", 2]),
        },
        {
            "input": ((1.0, None),),
            "output": {"codes": ((4.0,),), "reconstruction": ((2.0, 2.0),)},
        },
    ),
    "generator": (
        [],
        {"images": (TensorProto.UINT8, ["n", 2, 2, 3])},
        {
            "input": ((0.0, 1.0),),
            "output": {"images": ((((0,) * 3,) * 2, ((255,) * 3,) * 2),)},
        },
    ),
}

IMAGE_PX = 16


def write_image_model(
    folder: Path, *, task: str = "hue", family: str = "first"
) -> Path:
    """Writes a classifier of images by the softmax of the mean of each channel, in tenths of a grey level."""
    card = tiny_card(
        task=task,
        family=family,
        input=ImageInput(height=IMAGE_PX, width=IMAGE_PX),
        classes=COLOURS,
        self_check=SelfCheck(
            input=((((255, 0, 0), (255, 0, 0)),),),
            output={"label": (0,), "probabilities": ((1.0, 0.0, 0.0),)},
        ),
    )

    return _save(folder, card, _image_graph())


def _image_graph() -> onnx.GraphProto:
    """Returns a graph from pixels `(n, height, width, 3)` to label `(n,)` and probabilities `(n, 3)`."""
    axes = numpy_helper.from_array(np.array([1, 2]), "axes")
    tenth = numpy_helper.from_array(np.float32(10), "tenth")
    nodes = [
        helper.make_node("Cast", ["pixels"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["numbers", "axes"], ["means"], keepdims=0),
        helper.make_node("Div", ["means", "tenth"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["probabilities"], ["label"], axis=1, keepdims=0),
    ]

    return helper.make_graph(
        nodes,
        "tiny",
        [
            helper.make_tensor_value_info(
                "pixels", TensorProto.UINT8, ["n", "height", "width", 3]
            )
        ],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, ["n"]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 3]),
        ],
        [axes, tenth],
    )
