"""This module keeps probabilities away from 0: each class gets a small equal share besides, in the graph too.

A sigmoid or softmax in float32 is exactly 0 or 1 far from where it learnt, and a temperature below 1 does the same to
what was only small. One row of that class then has an infinite loss.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from training.data.datasets import Dataset, Split
from training.export.calibration import calibrate
from training.graph import GraphBuilder, add_nodes, rename
from training.learning.family import FittedModel, OnEpoch, summary_note
from training.learning.wrapped import WrappedFamily

SMALLEST = 1e-6
"""No probability is less once the temperature is applied, so that none is 1 in float32 either."""
MIN_SHARE, MAX_SHARE = 1e-30, 0.01
SHARE = 1e-5
"""Without validation rows to find a temperature on, a temperature of 0.7 makes 1e-7 of it."""
ROUNDS = 10
CLOSE = 0.01
"""The search ends when the temperature moves by less than this share of itself."""


class SmoothedModel:
    """A SmoothedModel is a fitted classifier whose classes all get the same small share besides.

    Its rows sum to a little more than 1, which the temperature's softmax divides by; the order of classes stays.
    """

    kind = "classifier"

    def __init__(self, fitted: FittedModel, *, share: float) -> None:
        self.fitted, self.share = fitted, np.float32(share)

    @property
    def packages(self) -> tuple[str, ...]:
        return self.fitted.packages

    @property
    def summary_note(self) -> str:
        return summary_note(self.fitted)

    def outputs(self, features: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """Returns the fitted model's outputs, with the share added to its probabilities."""
        outputs = self.fitted.outputs(features)
        return outputs | {"probabilities": outputs["probabilities"] + self.share}

    def to_onnx(self, n_features: int) -> onnx.ModelProto:
        """Returns the fitted model's graph, with one node more."""
        model = self.fitted.to_onnx(n_features)
        rename(model, "probabilities", "smoothing/before")
        builder = GraphBuilder("smoothing/")
        builder.add("Add", "smoothing/before", self.share, name="probabilities")
        add_nodes(model, builder)

        return model


def find_share(probabilities: NDArray[Any], target: NDArray[np.int64]) -> float:
    """Returns the share that leaves 1e-6 at the temperature of these rows, which depends on the share a little.

    A model that is too sure has a temperature above 1, and its small probabilities still say something.
    """
    share, before = 0.0, np.inf
    for _ in range(ROUNDS):
        temperature = calibrate(probabilities + share, target).temperature
        share = min(MAX_SHARE, max(MIN_SHARE, float(SMALLEST**temperature)))
        if abs(temperature - before) < CLOSE * temperature:
            break
        before = temperature

    return float(f"{share:.3g}")


@dataclass(frozen=True, kw_only=True)
class SmoothedFamily(WrappedFamily):
    """A SmoothedFamily is an `inner` family whose classifiers answer no 0."""

    def fit(
        self,
        dataset: Dataset,
        rows: Split,
        options: argparse.Namespace,
        on_epoch: OnEpoch,
    ) -> FittedModel:
        """Fits the inner family; the share is that of the rows that a temperature will be fitted on."""
        fitted = self.inner.fit(dataset, rows, options, on_epoch)
        if fitted.kind != "classifier":
            return fitted

        share = SHARE
        if len(rows.validation):
            outputs = fitted.outputs(dataset.inputs[rows.validation])
            target = dataset.target[rows.validation].astype(np.int64)
            share = find_share(outputs["probabilities"], target)

        return SmoothedModel(fitted, share=share)
