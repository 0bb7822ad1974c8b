"""A file that is served: a graph, and where it has a card, the model that the card makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from service.errors import InvalidRequest
from service.models.datatypes import BY_SESSION
from service.models.model_statistics import Statistics
from service.models.session import Session, TensorInfo, one_line

if TYPE_CHECKING:
    from service.models.model import Model

QUICK_S = 0.002
"""A run that takes less is done where it is read: to hand it over and back costs a good part of that."""
MIN_RUNS = 3
MAX_RUNS = 10
SHORT_S = 0.005
LONG_S = 0.05
"""Of runs so far, after which the shortest of a few, or of any, is known well enough: the start waits for them."""
SEVERAL = 4
MANY = 64
SHARED = 0.9
"""Of the time of so many runs one by one, what a run together may take to be worth it."""
MAX_ROWS = 10**9
"""Where rows do not count, or hardly."""


class Graph:
    """A graph under a name and a version, which owns its session; `model` is what its card makes of it.

    `outputs` are those that an answer has where none are asked for; `extras` may be asked for by name. A graph without
    a card is described by itself alone.
    """

    def __init__(self, name: str, version: str, session: Session) -> None:
        self.name = name
        self.version = version
        self.session = session
        self.model: Model | None = None
        self.inputs: Mapping[str, TensorInfo] = session.inputs
        self.outputs: Mapping[str, TensorInfo] = {
            each.name: each
            for each in session.outputs.values()
            if each.type in BY_SESSION
        }
        self.extras: Mapping[str, TensorInfo] = {}
        self.run: Callable[[list[str], Any], list[Any]] = self._run_feed
        """Gives outputs by name; its inputs are a model's rows, or without a card an array for each name.

        It raises InvalidRequest for values that the graph cannot work with.
        """
        self.takes_images = False
        self.statistics = Statistics()
        self.max_quick_rows = 0
        """How many rows a run takes in so little time that a thread is not worth it; 0 until it has been measured."""
        self.joins = False
        """Whether several requests share a run."""

    def attach(self, model: Model) -> None:
        """Makes this the graph of a model: its outputs are those of the model's kind, its runs the model's."""
        known = self.outputs
        self.model = model
        self.outputs = {name: known[name] for name in model.output_names}
        self.extras = {
            name: each for name, each in known.items() if name not in self.outputs
        }
        self.takes_images = model.size_px is not None
        self.run = model.run_outputs

    def _run_feed(self, names: list[str], inputs: Any) -> list[Any]:
        try:
            return list(self.session.run(names, inputs, self.session.options))
        except Exception as error:  # onnxruntime's errors share no base class, and the graph is anyone's
            raise InvalidRequest(
                f"{self.name} cannot work with these values: {one_line(error)[:500]}"
            ) from error

    def has_rows(self, output: str) -> bool:
        """Whether an output has a row for each of the input, and is not the same whatever the input."""
        shape = self.session.outputs[output].shape
        return bool(shape) and shape[0] < 0

    def measure(self) -> None:
        """How long its runs take; to be called while nothing else runs here."""
        alone_s = self._time(1)
        if alone_s < QUICK_S and self._has_free_rows_alone():
            row_s = max((self._time(MANY) - alone_s) / (MANY - 1), 1e-9)
            self.max_quick_rows = min(MAX_ROWS, 1 + int((QUICK_S - alone_s) / row_s))
        elif self.model is not None and alone_s < np.inf:
            n_rows = SEVERAL if SEVERAL * alone_s < LONG_S else 2
            self.joins = self._time(n_rows) < SHARED * n_rows * alone_s

    def _has_free_rows_alone(self) -> bool:
        """Whether the number of rows says how much there is to do; a graph without a card may be of any shape."""
        shapes = [each.shape for each in self.inputs.values()]
        return self.model is not None or all(
            min(shape[1:], default=0) >= 0 for shape in shapes
        )

    def _time(self, n_rows: int) -> float:
        """Seconds of a run of so many rows."""
        names = list(self.outputs)
        feed = self._example(n_rows)
        return _shortest_s(lambda: self.session.run(names, feed, self.session.options))

    def _example(self, n_rows: int) -> dict[str, Any]:
        """So many rows of the card's stored ones; of a graph without a card of zeros, or of texts that are empty."""
        if self.model is not None:
            stored = self.model.check_inputs()
            return {
                name: np.resize(stored, (n_rows, *stored.shape[1:]))
                for name in self.inputs
            }

        shapes = {
            name: [
                length if length >= 0 else n_rows if axis == 0 else 1
                for axis, length in enumerate(each.shape)
            ]
            for name, each in self.inputs.items()
        }
        types = {
            name: BY_SESSION[each.type]
            for name, each in self.inputs.items()
            if each.type in BY_SESSION
        }

        return {
            name: np.full(shapes[name], each.json(), each.array)
            for name, each in types.items()
        }

    def labels(self, output: str) -> Sequence[str]:
        """Names of the places of an output's rows."""
        return (
            self.model.classes
            if self.model is not None and output == "probabilities"
            else ()
        )


def _shortest_s(run: Callable[[], Any]) -> float:
    """Of some runs, the first of which warms up; without end where it does not run."""
    times: list[float] = []
    while len(times) < MAX_RUNS:
        started = perf_counter()
        try:
            run()
        except Exception:  # onnxruntime's errors share no base class; zeros may be what a graph cannot work with
            return np.inf

        times.append(perf_counter() - started)
        if sum(times) > (SHORT_S if len(times) >= MIN_RUNS else LONG_S):
            break

    return min(times)
