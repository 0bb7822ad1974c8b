"""This module holds what a report draws: a trained model, its file, and what the file says."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from model_card import OUTPUTS
from training.data.datasets import Dataset
from training.export.calibration import CalibratedModel
from training.export.encoding import EncodedModel
from training.export.recalibration import RecalibratedModel
from training.graph import Outputs, run
from training.learning.estimator import FittedEstimator
from training.learning.family import FittedModel
from training.learning.network import FittedNetwork
from training.pipeline import TrainedModel

Floats = NDArray[np.float64]
Pictures = Iterator[tuple[str, Figure]]
"""Pictures come with the names of their files."""


class DrawnModel:
    """A DrawnModel is a trained model, its file, and what the file says of the held-out rows."""

    def __init__(self, trained: TrainedModel) -> None:
        self.card = trained.card
        self.dataset = trained.dataset
        self.rows = trained.rows
        self.fitted = trained.fitted
        self.epochs = trained.epochs
        self._content = trained.path.read_bytes()
        self.about = f"{self.card.name}, {len(self.rows.held_out)} held-out rows"

    @property
    def table(self) -> Dataset:
        """Returns the data set, which must be one of rows of features."""
        assert isinstance(self.dataset, Dataset)
        return self.dataset

    def say(self, inputs: NDArray[Any]) -> Outputs:
        return run(self._content, inputs, OUTPUTS[self.card.kind])

    @cached_property
    def held_out(self) -> Outputs:
        return self.say(self.dataset.inputs[self.rows.held_out])

    @property
    def target(self) -> NDArray[Any]:
        """Returns the target of the held-out rows."""
        return self.dataset.target[self.rows.held_out]

    @cached_property
    def encoded(self) -> Dataset:
        """Returns the table as the family learnt from it: without categories and, but for boosted trees, gaps."""
        within = (
            self.fitted.fitted
            if isinstance(self.fitted, CalibratedModel)
            else self.fitted
        )
        return (
            within.encoding.apply(self.table)
            if isinstance(within, EncodedModel)
            else self.table
        )

    @property
    def source(self) -> Any:
        """Returns the estimator or network under encoding, calibration and scaling, or None where it is neither."""
        fitted: FittedModel = self.fitted
        while isinstance(fitted, EncodedModel | CalibratedModel | RecalibratedModel):
            fitted = fitted.fitted

        if isinstance(fitted, FittedEstimator):
            return (
                fitted.estimator[-1]
                if isinstance(fitted.estimator, Pipeline)
                else fitted.estimator
            )

        return fitted.module if isinstance(fitted, FittedNetwork) else None

    @property
    def uncalibrated(self) -> Floats | None:
        """Returns probabilities of the held-out rows before the temperature, or None where there is none."""
        if not isinstance(self.fitted, CalibratedModel):
            return None

        probabilities: Floats = self.fitted.fitted.outputs(
            self.dataset.inputs[self.rows.held_out]
        )["probabilities"]

        return probabilities

    def points(self) -> dict[str, tuple[NDArray[np.float32], NDArray[Any]]]:
        """Returns features and target of the training and the held-out rows in which nothing is missing."""
        known = ~np.isnan(self.table.features).max(axis=1)
        parts = {"train": self.rows.train, "held-out": self.rows.held_out}
        kept = {part: rows[known[rows]] for part, rows in parts.items()}

        return {
            part: (self.table.features[rows], self.dataset.target[rows])
            for part, rows in kept.items()
        }
