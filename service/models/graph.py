"""A graph is one exported file under a name and a version, with or without a card."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import prod
from time import perf_counter, thread_time
from typing import TYPE_CHECKING, Any

import numpy as np

from service.errors import InvalidRequest, ModelRefused, Overloaded, VeredictoError
from service.models.cancellation import current
from service.models.datatypes import BY_SESSION, BYTES
from service.models.model_statistics import Statistics
from service.models.runtime.options import MAX_FIRST_RUN_S, limit_runs
from service.models.runtime.run_errors import lacks_memory, one_line
from service.models.session import Session, TensorInfo

if TYPE_CHECKING:
    from service.models.model import Model

QUICK_S = 0.002
"""A run that takes less is made where its request was read: to hand it to a thread costs a good part of that."""
MIN_RUNS = 3
MAX_RUNS = 5
MIN_MEASURED_S = 0.005
SURELY_SLOW_S = 5 * QUICK_S
"""A run for which its thread computes so long is not quick, whatever the system does meanwhile."""
MAX_JOINED_S = 0.05
"""Four rows are run together where they are expected to take no longer than this, or else two, or else none."""
MAX_FEW_S = 0.25
"""The start measures each graph until its runs took 5 ms in total, or 250 ms where they are fewer than 3.

A busy system interrupts a run for 50 ms, and a graph whose only run that was would count as slow for good.
"""
JOINED_ROWS = 4
MEASURED_ROWS = 64
MIN_SHARED_S = 0.0001
"""Quick runs that take less are not joined: to wait for the end of the event loop's turn costs a tenth of that."""
MAX_SHARED_ROW = 0.5
"""One more row must cost a quick run at most this share of a run of its own."""
MAX_JOINED_SHARE = 0.9
"""A joined run must take at most this share of the time of as many single runs, or runs stay single."""
MAX_INPUT_BYTES = 2**31 - 1
"""No setting allows longer bodies, so that a graph that needs more could never be asked."""
MAX_ROWS = 10**9
"""This is the number of quick rows of a graph whose rows cost hardly anything."""


class Graph:
    """A graph under a name and a version owns its session; `model` is what its card makes of it, None without a card.

    `outputs` are those that an answer has where none are asked for; `extras` may be asked for by name.
    """

    def __init__(self, name: str, version: str, session: Session) -> None:
        self.name = name
        self.version = version
        self.session = session
        self.model: Model | None = None
        self.inputs: Mapping[str, TensorInfo] = session.inputs
        self.outputs: Mapping[str, TensorInfo] = session.outputs
        self.extras: Mapping[str, TensorInfo] = {}
        self.run: Callable[[list[str], Any], list[Any]] = self._run_session
        """This callable takes output names and inputs, and returns the outputs in the order of the names.

        Its inputs are a model's rows, or without a card one array for each input name. It raises InvalidRequest for
        values that the graph cannot work with.
        """
        self.takes_images = False
        self.statistics = Statistics()
        self.max_quick_rows = 0
        """A run of at most this many rows is not worth a thread; `measure` sets it, and it is 0 before."""
        self.alone_s = np.inf
        """A run of one row takes so many seconds where it is quick and joined runs can be split; else infinity."""
        self.row_s = 0.0
        """A row takes at least about so many seconds, where many come together; `measure` sets it."""
        self.is_measured = False
        self.is_batchable = False
        """This is true where the rows of several requests are worth one joined run."""
        self._last_client = 0

    def is_shared_by(self, client: int) -> bool:
        """Returns whether another client than this one asked before it; only the event loop may call it."""
        before = self._last_client
        self._last_client = client
        return before not in (0, client)

    def rename(self, name: str) -> Graph:
        """Returns the same graph under another name, with statistics of its own and not yet measured."""
        renamed = Graph(name, self.version, self.session)
        if self.model is not None:
            renamed.attach(self.model)
        return renamed

    def attach(self, model: Model) -> None:
        """Makes this the graph of a model, whose kind names its outputs and which runs it from here on."""
        known = self.outputs
        self.model = model
        self.outputs = {name: known[name] for name in model.output_names}
        self.extras = {
            name: each for name, each in known.items() if name not in self.outputs
        }
        self.takes_images = model.size_px is not None
        self.run = model.run_outputs

    def retire(self) -> None:
        """Lets go of the model, so that both end with the last request that has the graph.

        They hold each other, and what the start has loaded is never looked through for such circles.
        """
        self.model = None
        self.run = _refuse_to_run

    def _run_session(self, names: list[str], inputs: Any) -> list[Any]:
        token = current.token
        try:
            if token is not None:
                return token.run(self.session.run, names, inputs)
            return self.session.run(names, inputs, self.session.options)
        except VeredictoError:
            raise
        except Exception as error:
            # onnxruntime's errors share no base class, and the graph is anyone's.
            if lacks_memory(error):
                raise Overloaded(
                    f"{self.name} needs more memory for this run than there is"
                ) from error
            if isinstance(error, UnicodeDecodeError):
                raise InvalidRequest(
                    f"{self.name} answers with a text that is not UTF-8 ({error.reason}), which its file has to mend: "
                    "ask for its other outputs"
                ) from error
            raise InvalidRequest(
                f"{self.name} cannot work with these values: {one_line(error)[:500]}"
            ) from error

    def has_rows(self, output: str) -> bool:
        """Returns whether an output has one row for each input row, so that a joined run can be split by it."""
        found = self.session.outputs[output]
        return found.is_ranked and bool(found.shape) and found.shape[0] < 0

    def measure(self) -> None:
        """Measures how long runs take, and sets `max_quick_rows` and `is_batchable`.

        Nothing else may run meanwhile, unless this thread computes all of a run: then what it computes is measured.
        """
        self.is_measured = True
        alone_s = self._time(1)
        if alone_s < QUICK_S and self._varies_in_rows_alone():
            row_s = max(
                (self._time(MEASURED_ROWS) - alone_s) / (MEASURED_ROWS - 1), 1e-9
            )
            if all(map(self.has_rows, self.outputs)):
                self.alone_s = alone_s
            self.row_s = row_s
            self.max_quick_rows = min(MAX_ROWS, 1 + int((QUICK_S - alone_s) / row_s))
            self.is_batchable = (
                self.model is not None
                and alone_s >= MIN_SHARED_S
                and row_s <= MAX_SHARED_ROW * alone_s
            )
        elif self.model is not None and alone_s < np.inf:
            self.row_s = alone_s
            if 2 * alone_s < MAX_JOINED_S and self._may_gain(self.model, alone_s):
                self._measure_joined(alone_s)

    def _may_gain(self, model: Model, alone_s: float) -> bool:
        """Returns whether a run of several rows may take less than as many runs of one, of `alone_s` seconds each.

        The self-check was such a run. A slow graph that gained nothing by it is not run again for this.
        """
        n_rows = len(model.card.self_check.input)
        is_known = n_rows > 1 and self.session.computes_in_caller
        if not is_known or alone_s < SURELY_SLOW_S:
            return True

        return model.check_s < n_rows * alone_s

    def _measure_joined(self, alone_s: float) -> None:
        """Measures whether a run of several rows takes less than one run for each of them, of `alone_s` seconds."""
        n_rows = JOINED_ROWS if JOINED_ROWS * alone_s < MAX_JOINED_S else 2
        max_s = MAX_JOINED_SHARE * n_rows * alone_s
        joined_s = self._time(n_rows, enough_s=max_s)
        self.row_s = min(alone_s, joined_s / n_rows)
        self.is_batchable = joined_s < max_s

    @property
    def depends_on_values(self) -> bool:
        """Returns whether an operator may work for as long as a value says.

        Images are resized by their shapes, and are never read on the event loop.
        """
        return self.session.outline.depends_on_values and not self.takes_images

    def _varies_in_rows_alone(self) -> bool:
        """Returns whether the number of rows decides the cost.

        Without a card any other axis may be free too.
        """
        if self.depends_on_values:
            return False

        return self.model is not None or all(
            each.is_ranked and min(each.shape[1:], default=0) >= 0
            for each in self.inputs.values()
        )

    def try_out(self) -> None:
        """Runs two rows of an example, and corrects by what comes the shapes that the file promises.

        It raises ModelRefused where the run does not end, or needs more memory than there is. A graph may well have no
        answer to an example of zeros.
        """
        names = list(self.outputs)
        self._check_size()
        with limit_runs(MAX_FIRST_RUN_S) as options:
            try:
                outputs = self.session.run(names, self._make_example(2), options)
            except Exception as error:
                # onnxruntime's errors share no base class.
                if options.terminate:
                    raise ModelRefused(
                        f"its first run did not end within {MAX_FIRST_RUN_S} s"
                    ) from error
                if lacks_memory(error):
                    raise ModelRefused(
                        "its first run needs more memory than there is"
                    ) from error
                return

        for name, output in zip(names, outputs, strict=True):
            self.session.free_axes(name, np.shape(output))

    def _check_size(self) -> None:
        """Raises ModelRefused where an input has more bytes than any request may have."""
        for name, tensor in self.inputs.items():
            datatype = BY_SESSION[tensor.type]
            n_bytes = prod(max(length, 1) for length in tensor.shape)
            n_bytes *= np.dtype(datatype.array).itemsize
            if n_bytes > MAX_INPUT_BYTES:
                raise ModelRefused(
                    f"its input {name[:100]!r} of shape {tensor.shown} takes at least {n_bytes} bytes, and no request "
                    f"has more than {MAX_INPUT_BYTES}: export it with a smaller or a free axis"
                )

    def _time(self, n_rows: int, *, enough_s: float = 0.0) -> float:
        """Returns the seconds that a run of `n_rows` rows takes, infinity where it fails.

        A run that takes less than `enough_s` is the last: more of them would not change what it decides.
        """
        names = list(self.outputs)
        inputs = self._make_example(n_rows)
        with limit_runs(MAX_FIRST_RUN_S) as options:
            run = partial(self.session.run, names, inputs, options)
            if self.session.computes_in_caller:
                return _shortest_s(
                    run, thread_time, enough_s=enough_s, long_s=SURELY_SLOW_S
                )
            return _shortest_s(run, perf_counter, enough_s=enough_s)

    def _make_example(self, n_rows: int) -> dict[str, Any]:
        """Returns inputs of `n_rows` rows by name: the card's stored rows, or without a card zeros and empty texts."""
        if self.model is not None:
            stored = self.model.self_check_inputs()
            return {
                name: np.resize(stored, (n_rows, *stored.shape[1:]))
                for name in self.inputs
            }

        example = {}
        for name, tensor in self.inputs.items():
            datatype = BY_SESSION[tensor.type]
            shape = [1 if length < 0 else length for length in tensor.shape]
            if shape and tensor.shape[0] < 0:
                shape[0] = n_rows

            is_text = datatype.name == BYTES
            example[name] = (
                np.full(shape, "", np.object_)
                if is_text
                else np.zeros(shape, datatype.array)
            )

        return example

    def labels(self, output: str) -> Sequence[str]:
        """Returns the class names of the columns of an output, none where it has no classes."""
        if self.model is None:
            return self.session.class_names.get(output, ())
        return self.model.classes if output == "probabilities" else ()


def _refuse_to_run(names: list[str], inputs: Any) -> list[Any]:  # noqa: ARG001  # as every run
    raise Overloaded("this version of the model is no longer served: try again")


def _shortest_s(
    run: Callable[[], Any],
    clock: Callable[[], float],
    *,
    enough_s: float,
    long_s: float = np.inf,
) -> float:
    """Returns the seconds of the fastest of up to five runs, the first of which warms up; infinity where it fails.

    A run of less than `enough_s` or more than `long_s` is the last.
    """
    times: list[float] = []
    while len(times) < MAX_RUNS:
        started = clock()
        try:
            run()
        except Exception:
            # onnxruntime's errors share no base class; some graph cannot work with zeros.
            return np.inf

        times.append(clock() - started)
        if not enough_s <= times[-1] <= long_s:
            break
        if sum(times) > (MIN_MEASURED_S if len(times) >= MIN_RUNS else MAX_FEW_S):
            break

    return min(times)
