"""The statistics of a graph count its requests and their time, as the protocol's statistics extension has them."""

from __future__ import annotations

from collections import Counter
from time import time
from typing import Any, NamedTuple

_PHASES = (
    ("queue", "queue"),
    ("compute_input", "input"),
    ("compute_infer", "infer"),
    ("compute_output", "output"),
)


class Times(NamedTuple):
    """One request of `rows` rows took these nanoseconds to be read, to wait for its run, to run and to be written."""

    input_ns: int
    queue_ns: int
    infer_ns: int
    output_ns: int
    rows: int
    executions: int = 1
    """This is 0 where the run was shared with other requests and is counted by itself."""


class Statistics:
    """These are the counts of one graph in this process; only the event loop changes them."""

    def __init__(self) -> None:
        self.n_changes = 0
        """It differs once anything else here does."""
        self.succeeded = self.rows = self.executions = 0
        self.success_ns = self.queue_ns = self.input_ns = self.infer_ns = (
            self.output_ns
        ) = 0
        self.failed: Counter[str] = Counter()
        self.fail_ns = 0
        self._last_s = 0.0
        self._batches: dict[int, list[int]] = {}

    def succeed(self, times: Times, total_ns: int) -> None:
        """Counts a request that was answered in `total_ns` nanoseconds."""
        input_ns, queue_ns, infer_ns, output_ns, rows, executions = times
        self.n_changes += 1
        self.succeeded += 1
        self.rows += rows
        self.success_ns += total_ns
        self.input_ns += input_ns
        self.infer_ns += infer_ns
        self.output_ns += output_ns
        self.queue_ns += queue_ns
        if executions:
            self.execute(rows, infer_ns, input_ns, output_ns)

        self._last_s = time()

    def execute(
        self, rows: int, infer_ns: int, input_ns: int = 0, output_ns: int = 0
    ) -> None:
        """Counts one run, made for one request or for several together, which are read and written one by one."""
        self.n_changes += 1
        self.executions += 1
        batch = self._batches.get(rows)
        if batch is None:
            batch = self._batches[rows] = [0, 0, 0, 0]
        batch[0] += 1
        batch[1] += input_ns
        batch[2] += infer_ns
        batch[3] += output_ns

    def fail(self, reason: str, total_ns: int) -> None:
        """Counts a request without an answer; `reason` is one of a few fixed words."""
        self.n_changes += 1
        self.failed[reason] += 1
        self.fail_ns += total_ns
        self._last_s = time()

    def describe(self) -> dict[str, Any]:
        """Returns the statistics extension's document: numbers of requests, and nanoseconds."""
        phases = {
            phase: {"count": self.succeeded, "ns": getattr(self, f"{name}_ns")}
            for phase, name in _PHASES
        }
        outcomes = {
            "success": {"count": self.succeeded, "ns": self.success_ns},
            "fail": {"count": self.failed.total(), "ns": self.fail_ns},
        }
        # Nothing is cached; the extension has these members nevertheless.
        cache = {
            "cache_hit": {"count": 0, "ns": 0},
            "cache_miss": {"count": 0, "ns": 0},
        }
        batches = [
            {"batch_size": rows}
            | {
                phase: {"count": count, "ns": ns}
                for (phase, _), ns in zip(_PHASES[1:], spent_ns, strict=True)
            }
            for rows, (count, *spent_ns) in sorted(self._batches.items())
        ]

        return {
            "last_inference": round(self._last_s * 1000),
            "inference_count": self.rows,
            "execution_count": self.executions,
            "inference_stats": outcomes | phases | cache,
            "batch_stats": batches,
        }
