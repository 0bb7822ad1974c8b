"""This module keeps of each request of a run when it was due, how long its answer took, and what came of it."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

OK = "ok"


class Recorder:
    """This takes the requests of a run as they end, into arrays, since a run has millions of requests."""

    def __init__(self) -> None:
        self.due_s = array("d")
        self.latency_s = array("d")
        self.outcomes = array("H")
        self.kinds: dict[str, int] = {OK: 0}
        self.late_s = array("d")
        """Each request was sent by so much later than it could have been, which is the generator's doing."""

    def add(self, due_s: float, end_s: float, outcome: str) -> None:
        """Takes a request that was due, and ended, so many seconds from the start."""
        kind = self.kinds.setdefault(outcome, len(self.kinds))
        self.due_s.append(due_s)
        self.latency_s.append(end_s - due_s)
        self.outcomes.append(kind)

    def add_answer(self, due_s: float, end_s: float, status: int) -> None:
        """Takes a request that was answered with this status of HTTP."""
        if 200 <= status < 300:
            self.due_s.append(due_s)
            self.latency_s.append(end_s - due_s)
            self.outcomes.append(0)
        else:
            self.add(due_s, end_s, f"status {status}")

    def finish(self, *, duration_s: float, generator: GeneratorUse) -> Samples:
        """Returns what was taken, in the order in which requests were due."""
        due_s = np.array(self.due_s)
        latency_s = np.array(self.latency_s)
        outcomes = np.array(self.outcomes, dtype=np.uint16)
        order = np.argsort(due_s, kind="stable")

        return Samples(
            due_s=due_s[order],
            latency_s=latency_s[order],
            outcomes=outcomes[order],
            kinds=tuple(self.kinds),
            late_s=np.array(self.late_s),
            duration_s=duration_s,
            generator=generator,
        )


@dataclass(frozen=True, kw_only=True)
class GeneratorUse:
    """This is what the generator used: processor and wall time in seconds, connections that it opened.

    `waiting_s` is the time in which it could have run, and others had the processor.
    """

    cpu_s: float
    waiting_s: float
    wall_s: float
    connections: int


@dataclass(frozen=True, kw_only=True)
class Samples:
    """These are all requests of a run; `outcomes` are indices of `kinds`, of which the first is `ok`.

    `duration_s` is what was planned. The latency of a request counts from when it was due.
    """

    due_s: Floats
    latency_s: Floats
    outcomes: NDArray[np.uint16]
    kinds: tuple[str, ...]
    late_s: Floats
    duration_s: float
    generator: GeneratorUse

    @property
    def is_ok(self) -> NDArray[np.bool_]:
        is_ok: NDArray[np.bool_] = self.outcomes == 0
        return is_ok

    @property
    def ok_latency_ms(self) -> Floats:
        """Returns the latencies of the answers with a status from 200 to 299."""
        return 1000 * self.latency_s[self.is_ok]

    @property
    def judged_latency_ms(self) -> Floats:
        """Returns the latencies of all requests, where one that failed is slower than any bound."""
        return np.where(self.is_ok, 1000 * self.latency_s, np.inf)

    @property
    def elapsed_s(self) -> float:
        """Returns the seconds from the start until the last answer, at least as many as the run was planned for."""
        ends = self.due_s + self.latency_s
        last_s = float(ends.max(initial=0))
        return max(self.duration_s, last_s)

    @property
    def rate(self) -> float:
        """Returns how many answers without an error came in a second."""
        n_ok = float(self.is_ok.sum())
        return n_ok / self.elapsed_s

    def count_errors(self) -> dict[str, int]:
        """Returns how many requests failed, by kind, the most frequent first."""
        failed = self.outcomes[~self.is_ok]
        counts = Counter(failed.tolist())
        return {self.kinds[kind]: count for kind, count in counts.most_common()}


def merge(runs: Sequence[Samples]) -> Samples:
    """Returns all requests of several runs, one run after the other."""
    kinds: dict[str, None] = {}
    for each in runs:
        kinds.update(dict.fromkeys(each.kinds))
    all_kinds = tuple(kinds)

    start_s = 0.0
    due_s = []
    for each in runs:
        due_s.append(each.due_s + start_s)
        start_s += each.duration_s

    return Samples(
        due_s=np.concatenate(due_s),
        latency_s=np.concatenate([each.latency_s for each in runs]),
        outcomes=np.concatenate([_renumber(each, all_kinds) for each in runs]),
        kinds=all_kinds,
        late_s=np.concatenate([each.late_s for each in runs]),
        duration_s=sum(each.duration_s for each in runs),
        generator=_sum_use([each.generator for each in runs]),
    )


def _sum_use(generators: Sequence[GeneratorUse]) -> GeneratorUse:
    return GeneratorUse(
        cpu_s=sum(each.cpu_s for each in generators),
        waiting_s=sum(each.waiting_s for each in generators),
        wall_s=sum(each.wall_s for each in generators),
        connections=sum(each.connections for each in generators),
    )


def _renumber(samples: Samples, kinds: tuple[str, ...]) -> NDArray[np.uint16]:
    numbers = np.array([kinds.index(kind) for kind in samples.kinds], dtype=np.uint16)
    return numbers[samples.outcomes]
