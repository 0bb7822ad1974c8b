"""This module declares what a family offers, what it gives to the export gate, and what it tells while it learns."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import onnx
from numpy.typing import NDArray

from training.data.datasets import Dataset, Split


class TrainingError(Exception):
    """A TrainingError says why nothing can be learnt this way, and what would work."""


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """An Epoch holds the losses after a pass over the training rows, without penalties, by part of the data.

    They are in nats for classifiers; in units of the target's variance for regressors, of the features' for
    autoencoders.
    """

    number: int
    losses: Mapping[str, float]


OnEpoch = Callable[[Epoch], None]


class FittedModel(Protocol):
    """A FittedModel is a fitted model of any library."""

    @property
    def kind(self) -> str:
        """Returns the card's kind, which decides the names of the outputs."""
        ...

    @property
    def packages(self) -> tuple[str, ...]:
        """Returns the distributions whose versions decide the exported bytes."""
        ...

    def outputs(self, features: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Returns what the source model itself says, by the contract's output names."""
        ...

    def to_onnx(self, n_features: int) -> onnx.ModelProto:
        """Returns its graph, from `features` (or `noise`) to the contract's outputs."""
        ...


@dataclass(frozen=True, kw_only=True)
class Companion:
    """A Companion is a model that was fitted along with another, of its own family and task."""

    family: str
    summary: str
    fitted: FittedModel
    dataset: Dataset
    rows: Split


@runtime_checkable
class HasCompanions(Protocol):
    """A HasCompanions is a fitted model that does not come alone."""

    companions: tuple[Companion, ...]


@runtime_checkable
class FittedGenerator(Protocol):
    """A FittedGenerator takes noise `(n_images, noise_size)`."""

    noise_size: int


def summary_note(fitted: FittedModel) -> str:
    """Returns what the summary says of a fitted model after the family's name, which is mostly nothing."""
    return str(getattr(fitted, "summary_note", ""))


def find_imputed(fitted: FittedModel) -> tuple[float | None, ...]:
    """Returns what a missing value of each feature counts as, nothing where the model says nothing of gaps."""
    return tuple(getattr(fitted, "imputed", ()))


class Family(Protocol):
    """A Family is what a family's module offers."""

    @property
    def SUMMARY(self) -> str: ...  # noqa: N802  # these four are constants of the module

    @property
    def NEEDS_VALIDATION(self) -> bool:  # noqa: N802
        """Tells if it needs validation rows, to stop or to choose by; otherwise it learns from them too."""
        ...

    @property
    def NEEDS_CALIBRATION(self) -> bool:  # noqa: N802
        """Tells if its probabilities are brought to the right confidence by a temperature."""
        ...

    @property
    def KINDS(self) -> tuple[str, ...]:  # noqa: N802  # a constant of the module
        """Returns what it can learn to be; between classifier and regressor the task decides."""
        ...

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Adds its own options to the command."""
        ...

    def fit(
        self, dataset: Any, rows: Split, options: argparse.Namespace, on_epoch: OnEpoch
    ) -> FittedModel:
        """Fits a Dataset, or a family for images an ImageDataset.

        The same data, rows and options give the same model.
        """
        ...
