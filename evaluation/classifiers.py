"""The classifiers of a task that are to be judged, run in this process."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from model_card import Card, CardError
from row_records import read_learnt
from service.contract import codec
from service.errors import EvaluationError, NotFound
from service.models import image_rows
from service.models.model import Inputs, Model
from service.models.registry import Registry

MAX_PIXELS = 2_000_000_000
"""Of a batch of images: here nobody sends them from outside."""
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


class LocalClassifiers:
    """Loads the models of a folder here; one thread, processor only."""

    timing = "one row in onnxruntime in this process, one thread"

    def __init__(self, folder: Path, task: str) -> None:
        """Raises NotFound for an unknown task and EvaluationError for a folder without models."""
        if not folder.is_dir():
            raise EvaluationError(f"{folder}: expected a folder of exported models")

        registry = Registry.load(folder)

        try:
            self._models = registry.task(task)
        except NotFound as error:
            refused = "".join(
                f"; {file} was refused: {reason}"
                for file, reason in registry.refused.items()
            )
            raise EvaluationError(f"{error}{refused}") from None

        self.contenders = [_describe(model, folder) for model in self._models]
        self.software: dict[str, str] = {}

    def classify(self, rows: list[Any]) -> list[ClassifiedRows]:
        inputs = self._encode(rows)
        return [_say(*model.run(inputs)) for model in self._models]

    def latencies_ms(self, row: Any) -> list[float]:
        """Returns the median of 50 runs for each contender."""
        inputs = self._encode([row])
        return [_time_ms(model, inputs) for model in self._models]

    def close(self) -> None:
        """There is nothing to give back."""

    def _encode(self, rows: list[Any]) -> Inputs:
        sizes = [model.size_px for model in self._models if model.size_px is not None]
        if sizes:
            name = self._models[0].name
            return image_rows.decode_rows(
                rows, model=name, size_px=max(sizes), max_pixels=MAX_PIXELS
            )

        return self._models[0].encode(rows)


def _describe(model: Model, folder: Path) -> Classifier:
    files = [folder / f"{model.name}.onnx", *folder.glob(f"{model.name}/*/model.onnx")]
    contents = [path.read_bytes() for path in files if path.exists()]
    sizes = [
        len(each)
        for each in contents
        if hashlib.sha256(each).hexdigest().startswith(model.version)
    ]

    return Classifier(
        name=model.name,
        version=model.version,
        card=model.card,
        size_bytes=next(iter(sizes), None),
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


def _time_ms(model: Model, inputs: Inputs) -> float:
    times = []
    for _ in range(RUNS):
        started = perf_counter()
        model.run(inputs)
        times.append((perf_counter() - started) * 1000)

    return median(times)
