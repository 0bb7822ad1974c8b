"""What a family offers, what it gives to the export gate, and what it tells while it learns."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import onnx
from numpy.typing import NDArray

from training.data.datasets import Dataset, Split


class TrainingError(Exception):
    """Nothing can be learnt this way; the text says what would work."""


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """Losses after a pass over the training rows, without penalties, by what they were measured on.

    In nats for classifiers; in units of the target's variance for regressors, of the features' for autoencoders.
    """

    number: int
    losses: Mapping[str, float]


OnEpoch = Callable[[Epoch], None]


class FittedModel(Protocol):
    """A learnt model of any library."""

    @property
    def kind(self) -> str:
        """The card's kind, which decides the names of the outputs."""
        ...

    @property
    def packages(self) -> tuple[str, ...]:
        """Distributions whose versions decide the exported bytes."""
        ...

    def outputs(self, features: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """What the source model itself says, by the contract's output names."""
        ...

    def to_onnx(self, n_features: int) -> onnx.ModelProto:
        """Its graph, from `features` (or `noise`) to the contract's outputs."""
        ...


@dataclass(frozen=True, kw_only=True)
class Companion:
    """A model that was learnt along with another, of its own family and task."""

    family: str
    summary: str
    fitted: FittedModel
    dataset: Dataset
    rows: Split


@runtime_checkable
class HasCompanions(Protocol):
    """A learnt model that does not come alone."""

    companions: tuple[Companion, ...]


@runtime_checkable
class FittedGenerator(Protocol):
    """A learnt generator."""

    noise_size: int


def summary_note(fitted: FittedModel) -> str:
    """What is to be said of a learnt model in its summary, after the family's name; mostly nothing."""
    return str(getattr(fitted, "summary_note", ""))


class Family(Protocol):
    """What a family's module offers."""

    @property
    def SUMMARY(self) -> str: ...  # noqa: N802  # these four are constants of the module

    @property
    def NEEDS_VALIDATION(self) -> bool:  # noqa: N802
        """Whether it needs validation rows, to stop or to choose by; otherwise it learns from them too."""
        ...

    @property
    def NEEDS_CALIBRATION(self) -> bool:  # noqa: N802
        """Whether its probabilities are brought to the right confidence by a temperature."""
        ...

    @property
    def KINDS(self) -> tuple[str, ...]:  # noqa: N802  # a constant of the module
        """What it can learn to be; between classifier and regressor the task decides."""
        ...

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Adds its own options to the command."""
        ...

    def fit(
        self, dataset: Any, rows: Split, options: argparse.Namespace, on_epoch: OnEpoch
    ) -> FittedModel:
        """Learns from a Dataset, or a family for images from an ImageDataset.

        The same data, rows and options give the same model.
        """
        ...
