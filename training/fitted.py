"""What a family gives to the export gate, and what it tells while it learns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import onnx
from numpy.typing import NDArray


class LearningError(Exception):
    """Nothing can be learnt this way; the text says what would work."""


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """Losses in nats after an epoch, without penalties; `best` is the lowest validation loss so far."""

    number: int
    train_loss: float
    validation_loss: float
    best: float


OnEpoch = Callable[[Epoch], None]


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
