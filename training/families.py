"""The table of families: `python -m training FAMILY` finds its module here."""

from __future__ import annotations

import argparse
from typing import Any, Protocol

import numpy as np
import onnx
from numpy.typing import NDArray

from training import logistic, mlp
from training.datasets import Dataset, Split
from training.descent import OnEpoch


class Fitted(Protocol):
    """A learnt model of any library."""

    @property
    def packages(self) -> tuple[str, ...]:
        """Distributions whose versions decide the exported bytes."""
        ...

    def outputs(self, features: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """What the source model itself says, by the contract's output names."""
        ...

    def to_onnx(self, n_features: int) -> onnx.ModelProto:
        """Its graph, from `features` to the contract's outputs."""
        ...


class Family(Protocol):
    """What a family's module offers."""

    SUMMARY: str

    def add_options(self, parser: argparse.ArgumentParser) -> None: ...

    def fit(self, dataset: Dataset, rows: Split, options: argparse.Namespace, on_epoch: OnEpoch) -> Fitted: ...


FAMILIES: dict[str, Family] = {
    "logistic": logistic,
    "mlp": mlp,
}
