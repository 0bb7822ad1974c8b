"""The classifiers of a task run on the same rows, for one request or for several that came together."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from time import perf_counter_ns
from typing import Any

from service.calls.comparison import ClassifierOutput
from service.execution.joined_runs import join_rows
from service.execution.run import Reply, RunRecord
from service.models.graph import MAX_SHARED_ROW, MIN_SHARED_S, QUICK_S
from service.models.model import Inputs, Model
from service.models.model_statistics import Times


@dataclass(slots=True, eq=False)
class ComparisonRun:
    """Runs of several classifiers on the same `n_rows` rows are still to be made.

    `finish` makes the answer of the classifiers' outputs, which it checks, and `encode` writes it.
    """

    models: list[Model]
    inputs: Inputs
    n_rows: int
    finish: Callable[[list[ClassifierOutput]], Any]
    encode: Callable[[Any], Any] | None = None
    decode_ns: int = 0

    def encode_with(self, encode: Callable[[Any], Any]) -> ComparisonRun:
        """Sets what writes the answer, and returns the run itself."""
        self.encode = encode
        return self

    def is_shared_by(self, client: int) -> bool:
        """Returns whether another client than this one asked the first classifier before it."""
        return self.models[0].graph.is_shared_by(client)

    @property
    def is_worth_joining(self) -> bool:
        """Returns whether all classifiers are quick, and other requests' rows cost them little together."""
        if isinstance(self.inputs, list):
            return False

        alone_s, row_s = self._add_costs()
        return MIN_SHARED_S <= alone_s < QUICK_S and row_s <= MAX_SHARED_ROW * alone_s

    @property
    def max_joined_rows(self) -> int:
        """Returns how many rows are quick together."""
        alone_s, row_s = self._add_costs()
        return 1 + int((QUICK_S - alone_s) / row_s)

    def _add_costs(self) -> tuple[float, float]:
        """Returns the seconds that all classifiers take for one row and for one more; infinity if one does not join."""
        alone_s = row_s = 0.0
        for model in self.models:
            alone_s += model.graph.alone_s
            row_s += model.graph.row_s

        return alone_s, row_s

    @property
    def kind(self) -> Hashable:
        """Returns what requests must have in common to share runs: the classifiers, and the shape of a row."""
        return (*self.models, self.inputs[0].shape)

    def count_as_cancelled(self) -> None:
        """Counts the run for its classifiers as one that nobody waited for."""
        for model in self.models:
            model.graph.statistics.fail("cancelled", 0)

    def reply_if_quick(self, _started_ns: int) -> Reply:
        """Returns the reply: a thread gains nothing where several quick runs follow each other."""
        return self.reply()

    def reply(self) -> Reply:
        """Runs the classifiers and writes the answer, here and now; raises VeredictoError."""
        outputs, records = self._execute()
        return Reply(self._write(outputs), tuple(records))

    def reply_together(
        self, runs: Sequence[ComparisonRun], came_ns: Sequence[int]
    ) -> list[Reply | Exception]:
        """Makes runs of this kind, which came at these times in ns, as one; returns the reply or the error of each.

        Where they fail together each is made alone, so that each fails alone.
        """
        started_ns = perf_counter_ns()
        try:
            outputs, records = self._join(runs)._execute()
        except Exception:
            return [_reply_alone(run) for run in runs]

        for graph, times in records:
            graph.statistics.execute(times.rows, times.infer_ns)

        return [
            run._reply_shared(each, records, queue_ns=started_ns - each_ns)
            for run, each, each_ns in zip(
                runs, _split(runs, outputs), came_ns, strict=True
            )
        ]

    def _join(self, runs: Sequence[ComparisonRun]) -> ComparisonRun:
        """Returns one run of the rows of all these runs."""
        if len(runs) == 1:
            return self

        joined: Any = join_rows([each.inputs for each in runs])
        return replace(self, inputs=joined, n_rows=len(joined))

    def _execute(self) -> tuple[list[ClassifierOutput], list[RunRecord]]:
        """Returns each model's output for the same rows, unchecked, and the record of its run."""
        outputs = []
        records = []
        before_ns = perf_counter_ns()

        for model in self.models:
            label, probabilities = model.run_unchecked(model.output_names, self.inputs)
            now_ns = perf_counter_ns()
            run_ns = now_ns - before_ns
            before_ns = now_ns
            output = ClassifierOutput(
                model.name, model.version, label, probabilities, run_ns / 1e6
            )
            outputs.append(output)
            records.append(RunRecord(model.graph, Times(0, 0, run_ns, 0, self.n_rows)))

        return outputs, records

    def _reply_shared(
        self,
        outputs: list[ClassifierOutput],
        records: list[RunRecord],
        *,
        queue_ns: int,
    ) -> Reply | Exception:
        """Returns the reply of outputs that came of a shared run, or the error of writing it."""
        try:
            content = self._write(outputs)
        except Exception as error:
            return error

        own = [
            RunRecord(
                graph, Times(0, queue_ns, times.infer_ns, 0, self.n_rows, executions=0)
            )
            for graph, times in records
        ]

        return Reply(content, tuple(own))

    def _write(self, outputs: list[ClassifierOutput]) -> Any:
        """Returns the answer as the transport writes it."""
        answer = self.finish(outputs)
        return answer if self.encode is None else self.encode(answer)


def _reply_alone(run: ComparisonRun) -> Reply | Exception:
    try:
        return run.reply()
    except Exception as error:
        # It is the request's own.
        return error


def _split(
    runs: Sequence[ComparisonRun], outputs: list[ClassifierOutput]
) -> Iterator[list[ClassifierOutput]]:
    """Yields each request's rows of the joined outputs."""
    start = 0

    for run in runs:
        rows = slice(start, start + run.n_rows)
        start = rows.stop
        yield [
            ClassifierOutput(
                each.model,
                each.version,
                each.label[rows],
                each.probabilities[rows],
                each.latency_ms,
            )
            for each in outputs
        ]
