"""The classifiers of a task that are to be judged are run in this process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from model_card import Card, CardError
from row_records import read_learnt
from service.contract import codec
from service.errors import EvaluationError
from service.models.images import rows as image_rows
from service.models.model import Inputs, Model

MAX_PIXELS = 2_000_000_000
"""Of a batch of images, where nobody sends them from outside."""
RUNS = 50
"""Of one row, after which its median time is known well enough."""


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """A model by its card; `size_bytes` is None where the file is not at hand.

    `learnt` are the hashes of the rows that it was learnt from, ascending, None where that is not known.
    """

    name: str
    version: str
    card: Card
    size_bytes: int | None
    learnt: NDArray[np.uint64] | None = None


class ClassifiedRows(NamedTuple):
    """Holds a model's answers for rows: label `(n_rows,)`, indices of classes; probabilities `(n_rows, n_classes)`."""

    label: NDArray[np.int64]
    probabilities: NDArray[np.float64]


class Classifiers(Protocol):
    """All classifiers of one task; `timing` says what `latencies_ms` measures."""

    contenders: list[Classifier]
    timing: str
    software: dict[str, str]

    def classify(self, rows: list[Any]) -> list[ClassifiedRows]:
        """Returns what each contender answers; raises VeredictoError that names a row at fault as `inputs[i]`."""
        ...

    def latencies_ms(self, row: Any) -> list[float]:
        """Returns the latency of one row for each contender."""
        ...

    def close(self) -> None:
        """Ends what is held open, as a connection."""
        ...


class LoadedClassifiers:
    """Models of one task that are loaded here answer rows; `n_runs` of one row give its latency."""

    def __init__(
        self,
        models: Sequence[Model],
        sizes_bytes: Sequence[int | None],
        *,
        timing: str,
        n_runs: int = RUNS,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self._models = models
        self._n_runs = n_runs
        self._max_pixels = max_pixels
        self.contenders = [
            _describe(model, size)
            for model, size in zip(models, sizes_bytes, strict=True)
        ]
        self.timing = timing
        self.software: dict[str, str] = {}

    def classify(self, rows: list[Any]) -> list[ClassifiedRows]:
        """Returns what each contender answers; raises VeredictoError that names a row at fault as `inputs[i]`."""
        inputs = self._encode(rows)
        return [_say(*model.run(inputs)) for model in self._models]

    def latencies_ms(self, row: Any) -> list[float]:
        """Returns the median of some runs for each contender."""
        inputs = self._encode([row])
        return [_time_ms(model, inputs, self._n_runs) for model in self._models]

    def close(self) -> None:
        """Does nothing, since there is nothing to give back."""

    def _encode(self, rows: list[Any]) -> Inputs:
        sizes = [model.size_px for model in self._models if model.size_px is not None]
        if sizes:
            name = self._models[0].name
            return image_rows.decode_rows(
                rows, model=name, size_px=max(sizes), max_pixels=self._max_pixels
            )

        return self._models[0].encode(rows)


def _describe(model: Model, size_bytes: int | None) -> Classifier:
    return Classifier(
        name=model.name,
        version=model.version,
        card=model.card,
        size_bytes=size_bytes,
        learnt=_read_learnt(model),
    )


def _read_learnt(model: Model) -> NDArray[np.uint64] | None:
    """Raises EvaluationError for a file whose record of learnt rows is broken."""
    try:
        return read_learnt(model.graph.session.metadata)
    except CardError as error:
        raise EvaluationError(f"{model.name}.onnx: {error}") from None


def _say(
    label: NDArray[np.int64], probabilities: NDArray[np.float32]
) -> ClassifiedRows:
    """Returns probabilities as an answer writes them, so that a server's figures are the same."""
    return ClassifiedRows(
        label, np.array(codec.as_json(probabilities), dtype=np.float64)
    )


def _time_ms(model: Model, inputs: Inputs, n_runs: int) -> float:
    times = []
    for _ in range(n_runs):
        started = perf_counter()
        model.run(inputs)
        times.append((perf_counter() - started) * 1000)

    return median(times)
