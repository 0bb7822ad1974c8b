"""This module brings probabilities to the right confidence by one temperature, as Guo et al., ICML 2017, do.

The logarithms of the probabilities are divided by the temperature and made probabilities again. A probability of 0 is
the share of votes that a class did not get, not the certainty that it is impossible: whatever is under a floor counts
as the floor. Temperature and floor are those of the lowest log loss on rows that the model did not learn from. Few
rows say little, and rows that are all right would ask for a temperature of 0: so the logarithm of the temperature has
a normal prior around 0, which many rows outweigh.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto
from scipy.optimize import minimize_scalar

from model_card import Calibration
from training.graph import GraphBuilder, add_nodes, has_output, rename
from training.learning.family import FittedModel, summary_note

BINS = 15
FLOORS = (1e-37, 1e-7, 1e-3)
PRIOR_DEVIATION = 0.5
"""The logarithm of the temperature has this deviation, by five-fold log loss of six families on two data sets."""
MIN_TEMPERATURE, MAX_TEMPERATURE = 0.05, 50.0

Floats = NDArray[np.float64]


class CalibratedModel:
    """A CalibratedModel is a fitted classifier with a temperature after its probabilities."""

    kind = "classifier"

    def __init__(
        self, fitted: FittedModel, *, temperature: float, floor: float
    ) -> None:
        self.fitted = fitted
        self.temperature, self.floor = temperature, floor

    @property
    def packages(self) -> tuple[str, ...]:
        return (*self.fitted.packages, "scipy")

    @property
    def summary_note(self) -> str:
        return summary_note(self.fitted)

    def outputs(self, features: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """Returns the fitted model's outputs, with the temperature applied."""
        outputs = self.fitted.outputs(features)
        tempered = apply_temperature(
            outputs["probabilities"], temperature=self.temperature, floor=self.floor
        )
        probabilities = tempered.astype(np.float32)

        return outputs | {
            "label": probabilities.argmax(axis=1),
            "probabilities": probabilities,
        }

    def to_onnx(self, n_features: int) -> onnx.ModelProto:
        """Returns the fitted model's graph, with the temperature after it in float64.

        Float64 keeps rounding from deciding between equal votes. What explains the scores is divided by the
        temperature too; where the floor counts, it does not sum to them.
        """
        model = self.fitted.to_onnx(n_features)
        rename(model, "probabilities", "calibration/before")
        rename(model, "label", "calibration/label")
        builder = GraphBuilder("calibration/")
        before = builder.add("Cast", "calibration/before", to=TensorProto.DOUBLE)
        is_under = builder.add(
            "Less", before, self.floor
        )  # not Max, which would make a number of NaN
        floored = builder.add("Where", is_under, self.floor, before)
        scores = builder.add("Div", builder.add("Log", floored), self.temperature)
        after = builder.add("Softmax", scores, axis=1)
        probabilities = builder.add(
            "Cast", after, to=TensorProto.FLOAT, name="probabilities"
        )
        builder.add("ArgMax", probabilities, axis=1, keepdims=0, name="label")

        for name in ("contributions", "base", "class_activation"):
            if has_output(model, name):
                rename(model, name, f"calibration/{name}")
                builder.add(
                    "Div",
                    f"calibration/{name}",
                    np.float32(self.temperature),
                    name=name,
                )

        add_nodes(model, builder)

        return model


def calibrate(probabilities: NDArray[Any], target: NDArray[np.int64]) -> Calibration:
    """Returns temperature and floor for probabilities `(n_rows, n_classes)` of rows with this target, and what they
    do.
    """
    found = []
    for floor in FLOORS:

        def loss(logarithm: float, floor: float = floor) -> float:
            prior_loss = (logarithm / PRIOR_DEVIATION) ** 2 / (2 * len(target))
            return (
                log_loss(
                    apply_temperature(
                        probabilities, temperature=np.exp(logarithm), floor=floor
                    ),
                    target,
                )
                + prior_loss
            )

        best = minimize_scalar(
            loss,
            bounds=(np.log(MIN_TEMPERATURE), np.log(MAX_TEMPERATURE)),
            method="bounded",
        )
        found.append((best.fun, float(np.exp(best.x)), floor))

    _, temperature, floor = min(found)
    temperature = float(f"{temperature:.4g}")
    after = apply_temperature(probabilities, temperature=temperature, floor=floor)

    return Calibration(
        temperature=temperature,
        floor=floor,
        rows=len(target),
        before=_measure(probabilities.astype(np.float64), target),
        after=_measure(after, target),
    )


def apply_temperature(
    probabilities: NDArray[Any], *, temperature: float, floor: float
) -> Floats:
    """Returns probabilities `(n_rows, n_classes)` at a temperature: above 1 less certain, below 1 more."""
    scores = np.log(np.maximum(probabilities.astype(np.float64), floor)) / temperature
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    tempered: Floats = powers / powers.sum(axis=1, keepdims=True)
    return tempered


def log_loss(probabilities: Floats, target: NDArray[np.int64]) -> float:
    """Returns the mean negative logarithm of the true class's probability, in nats; a 0 counts as float64's epsilon."""
    true = np.maximum(
        probabilities[np.arange(len(target)), target], np.finfo(np.float64).eps
    )
    return float(-np.log(true).mean())


def expected_calibration_error(
    probabilities: Floats, target: NDArray[np.int64]
) -> float:
    """Returns the gap between confidence and accuracy over 15 bins of equal width, as in Guo et al., eq. 3."""
    confidence, label = probabilities.max(axis=1), probabilities.argmax(axis=1)
    bins = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    gaps = np.bincount(bins, weights=(label == target) - confidence, minlength=BINS)
    return float(np.abs(gaps).sum()) / len(target)


def _measure(probabilities: Floats, target: NDArray[np.int64]) -> dict[str, float]:
    figures = {
        "ece": expected_calibration_error(probabilities, target),
        "log_loss": log_loss(probabilities, target),
    }
    return {name: round(figure, 6) for name, figure in figures.items()}
