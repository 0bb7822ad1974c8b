"""Real ONNX models of a kilobyte, with cards: a classifier by the softmax of a linear score, and the other kinds."""

from __future__ import annotations

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
    """A card of two features: the number `size` and the category `colour`."""
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
    """One row and its answer, whether it is true or not."""
    label = probabilities.index(max(probabilities))
    return SelfCheck(
        input=(row,), output={"label": (label,), "probabilities": (probabilities,)}
    )


def tiny_probabilities(features: np.ndarray, *, sign: float = 1.0) -> np.ndarray:
    """What a tiny model answers: softmax of `features @ (sign * WEIGHTS)`, computed by numpy."""
    scores = features.astype(np.float32) @ (np.float32(sign) * WEIGHTS)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def tiny_graph(
    *, sign: float = 1.0, feature_type: int = TensorProto.FLOAT, n_classes: int = 2
) -> onnx.ModelProto:
    """features `(n, 2)` -> label `(n,)`, probabilities `(n, n_classes)`."""
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
    **graph: Any,
) -> Path:
    """Writes a tiny model; its card's self-check is made true, unless the card says something about it."""
    model = tiny_graph(sign=sign, **graph)
    if card is not None:
        if card.self_check.output["probabilities"] == ((0.5, 0.5),):
            card = replace(card, self_check=true_self_check(sign=sign))
        helper.set_model_props(model, card.to_metadata())

    path = folder / f"{stem or (card.name if card else 'tiny')}.onnx"
    path.write_bytes(model.SerializeToString())

    return path


def true_self_check(*, sign: float = 1.0) -> SelfCheck:
    """The row (0.5, green) and the answer that numpy computes for it."""
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
    """`tiny-<kind>`: a regressor, clusterer or transformer of x and y (3 where it is missing), or a generator."""
    values, outputs, check = _KINDS[kind]
    if kind == "generator":
        nodes = [
            helper.make_node("Clip", ["noise", "low", "high"], ["clipped"]),
            helper.make_node("Mul", ["clipped", "scale"], ["grey"]),
            helper.make_node("Cast", ["grey"], ["bytes"], to=TensorProto.UINT8),
            helper.make_node("Reshape", ["bytes", "shape"], ["small"]),
            helper.make_node("Tile", ["small", "repeats"], ["images"]),
        ]
        constants = {
            "low": np.float32(0),
            "high": np.float32(1),
            "scale": np.float32(255),
        }
        constants |= {
            "shape": np.array([-1, 2, 1, 1]),
            "repeats": np.array([1, 1, 2, 3]),
        }
    else:
        nodes = [
            helper.make_node("IsNaN", ["features"], ["missing"]),
            helper.make_node("Where", ["missing", "imputed", "features"], ["complete"]),
            *(
                helper.make_node(operator, inputs, [name], **options)
                for operator, inputs, name, options in values
            ),
        ]
        constants = {
            "imputed": np.float32(3),
            "one": np.array([1]),
            "two": np.float32(2),
        }
        constants |= {
            "centres": np.array([[0, 5]], dtype=np.float32),
            "ones": np.ones((1, 2), dtype=np.float32),
        }

    model_input: Any = NoiseInput(size=2) if kind == "generator" else NUMBERS
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
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    card = tiny_card(
        task="tiny",
        family=kind,
        kind=kind,
        classes=None,
        input=model_input,
        metrics={},
        self_check=SelfCheck(**check),
    )
    helper.set_model_props(model, card.to_metadata())
    path = folder / f"{card.name}.onnx"
    path.write_bytes(model.SerializeToString())

    return path


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
    """A classifier of images by their mean colour: the softmax of the mean of each channel, a tenth of a grey level."""
    axes = numpy_helper.from_array(np.array([1, 2]), "axes")
    tenth = numpy_helper.from_array(np.float32(10), "tenth")
    nodes = [
        helper.make_node("Cast", ["pixels"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["numbers", "axes"], ["means"], keepdims=0),
        helper.make_node("Div", ["means", "tenth"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["probabilities"], ["label"], axis=1, keepdims=0),
    ]
    graph = helper.make_graph(
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
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
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
    helper.set_model_props(model, card.to_metadata())
    path = folder / f"{card.name}.onnx"
    path.write_bytes(model.SerializeToString())

    return path
