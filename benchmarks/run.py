"""A run of the benchmark starts the servers, measures them in interleaved rounds, and keeps what it finds."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import report
from benchmarks.contenders.contender import CONTENDERS, IN_PROCESS, Contender
from benchmarks.contenders.environments import NotInstalled, make_environment
from benchmarks.contenders.processes import (
    ContenderFailed,
    Server,
    check_answer,
    serve,
)
from benchmarks.load import closed_loop, in_process, open_loop
from benchmarks.load.closed_loop import ClosedLoopResult
from benchmarks.report import format_number
from benchmarks.workloads.workload import NAMES, Workload, make_workloads

PARTS = ("starts", "closed", "open", "saturated")
BASE = "floor"
OURS = "veredicto"
MAX_STARTS = 3
LATENCIES = (50.0, 99.0, 99.9)
CALM_RATE = 100
"""So many small predictions are sent a second, while photographs come too or do not."""
N_SATURATING_CLIENTS = 32
"""So many clients send photographs without a pause."""
WARM_UP_S = 1


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The options of the command; lists are in the order in which they are shown."""

    contenders: list[str]
    workloads: list[str]
    parts: list[str]
    rounds: int
    seconds: int
    concurrency: list[int]
    rates: list[int]


class Benchmark:
    """Collects what is measured, contender by contender; `scratch` is a folder for what the benchmark writes."""

    def __init__(self, plan: Plan, models: Path, scratch: Path) -> None:
        made = {each.name: each for each in make_workloads(models, list(NAMES))}
        self.plan = plan
        self.models = models
        self.scratch = scratch
        self.machine = report.describe_machine()
        self.probe = made["row"]
        self.photo = made["photo"]
        self.workloads = [made[name] for name in plan.workloads]
        self.pythons: dict[str, Path] = {}
        self.skipped: dict[str, str] = {}
        self.rounds: dict[tuple[str, str, int], list[ClosedLoopResult]] = {}
        self.resources: dict[str, list[str]] = {}
        self.opened: dict[str, list[str]] = {}
        self.saturated: dict[str, list[str]] = {}

    def install(self) -> list[Contender]:
        """Returns the contenders that were asked for and could be installed; `skipped` has why others could not."""
        chosen = []
        for contender in CONTENDERS:
            if contender.name not in self.plan.contenders:
                continue
            try:
                self.pythons[contender.name] = make_environment(contender.environment)
                chosen.append(contender)
            except NotInstalled as error:
                self.skipped[contender.name] = f"cannot be installed: {error}"

        return chosen

    def measure(self, chosen: Sequence[Contender]) -> None:
        """Measures all parts but starts, of servers that live at the same time."""
        with ExitStack() as stack:
            servers = [
                server
                for each in chosen
                if (server := self._start(each, stack)) is not None
            ]
            if "closed" in self.plan.parts:
                self._measure_closed(servers)

            for server in servers:
                self._measure_latency(server)

    def measure_resources(self, contender: Contender) -> None:
        """Measures starts and memory while no other lives: they would share memory, and each look smaller."""
        _log(f"{contender.name}: starts")
        starts_s = list[float]()
        memory_mib = 0.0

        try:
            for remaining in reversed(range(min(MAX_STARTS, self.plan.rounds))):
                with serve(
                    contender, self.pythons[contender.name], self.models, self.probe
                ) as server:
                    starts_s.append(server.start_s)
                    if not remaining:
                        self._warm_up(server)
                        memory_mib = server.tree.memory_mib()
        except ContenderFailed as error:
            self.skipped[contender.name] = f"does not work: {error}"
        else:
            self.resources[contender.name] = [
                format_number(median(starts_s)),
                format_number(memory_mib),
            ]

    def measure_in_process(self) -> None:
        """Measures onnxruntime alone, which comes first in the tables."""
        self.pythons[IN_PROCESS] = make_environment(OURS)
        for workload in self.workloads:
            runs = [
                in_process.measure(
                    self.pythons[IN_PROCESS],
                    workload,
                    self.scratch,
                    seconds=self.plan.seconds,
                )
                for _ in range(self.plan.rounds)
            ]
            self.rounds[IN_PROCESS, workload.name, 1] = runs

    def _start(self, contender: Contender, stack: ExitStack) -> Server | None:
        """Returns a server that answers everything rightly, warm, until the stack ends; None where it does not work."""
        try:
            with ExitStack() as own:
                server = own.enter_context(
                    serve(
                        contender, self.pythons[contender.name], self.models, self.probe
                    )
                )
                self._warm_up(server)
                stack.push(own.pop_all())
        except ContenderFailed as error:
            self.skipped[contender.name] = f"does not work: {error}"
            return None

        _log(f"{contender.name}: ready after {server.start_s:.1f} s")
        return server

    def _warm_up(self, server: Server) -> None:
        """Asks for every workload for a while; raises ContenderFailed where an answer is not right."""
        for workload in {
            each.name: each for each in (*self.workloads, self.probe, self.photo)
        }.values():
            dialect = server.contender.dialects.get(workload.name)
            if dialect is not None:
                check_answer(server, workload)
                closed_loop.measure(
                    server,
                    dialect.make_request(workload),
                    self.scratch,
                    concurrency=8,
                    seconds=WARM_UP_S,
                )

    def _measure_closed(self, servers: Sequence[Server]) -> None:
        """Measures rounds of all servers, each round begun by another one."""
        for index in range(self.plan.rounds):
            _log(f"round {index + 1} of {self.plan.rounds}")
            first = index % max(1, len(servers))

            for workload in self.workloads:
                for concurrency in self.plan.concurrency:
                    for server in (*servers[first:], *servers[:first]):
                        try:
                            self._measure_one(server, workload, concurrency)
                        except ContenderFailed as error:
                            self._refuse(server, error)

    def _measure_latency(self, server: Server) -> None:
        """Measures the parts at fixed rates."""
        name = server.contender.name
        try:
            if "open" in self.plan.parts and name not in self.skipped:
                _log(f"{name}: open loop")
                self.opened[name] = self._measure_open(server)
            if "saturated" in self.plan.parts and name not in self.skipped:
                _log(f"{name}: beside photographs")
                self.saturated[name] = self._measure_saturated(server)
        except ContenderFailed as error:
            self._refuse(server, error)

    def _refuse(self, server: Server, error: ContenderFailed) -> None:
        """Drops the figures of a server that once did not answer with 200."""
        name = server.contender.name
        self.skipped[name] = f"is refused: {error}"
        self.rounds = {key: runs for key, runs in self.rounds.items() if key[0] != name}
        for figures in (self.opened, self.saturated):
            figures.pop(name, None)

    def _measure_one(
        self, server: Server, workload: Workload, concurrency: int
    ) -> None:
        dialect = server.contender.dialects.get(workload.name)
        if dialect is not None and server.contender.name not in self.skipped:
            request = dialect.make_request(workload)
            measured = closed_loop.measure(
                server,
                request,
                self.scratch,
                concurrency=concurrency,
                seconds=self.plan.seconds,
            )
            self.rounds.setdefault(
                (server.contender.name, workload.name, concurrency), []
            ).append(measured)

    def _measure_open(self, server: Server) -> list[str]:
        """Returns the percentiles at each rate, as they are shown."""
        request = server.contender.dialects[self.probe.name].make_request(self.probe)
        cells = []

        for rate in self.plan.rates:
            seconds = self.plan.seconds * self.plan.rounds
            found = open_loop.measure(
                server.port, request, rate=rate, seconds=seconds, percentiles=LATENCIES
            )
            cells.append(_join_percentiles(found.percentiles_ms))

        return cells

    def _measure_saturated(self, server: Server) -> list[str]:
        """Returns the percentiles of small predictions alone, and beside photographs."""
        dialects = server.contender.dialects
        seconds = self.plan.seconds * self.plan.rounds
        small = dialects[self.probe.name].make_request(self.probe)
        photo = dialects["photo"].make_request(self.photo)
        alone = open_loop.measure(
            server.port, small, rate=CALM_RATE, seconds=seconds, percentiles=LATENCIES
        )

        with closed_loop.saturate(
            server,
            photo,
            self.scratch,
            concurrency=N_SATURATING_CLIENTS,
            seconds=2 * seconds + 10,
        ):
            beside = open_loop.measure(
                server.port,
                small,
                rate=CALM_RATE,
                seconds=seconds,
                percentiles=LATENCIES,
            )

        return [
            _join_percentiles(alone.percentiles_ms),
            _join_percentiles(beside.percentiles_ms),
        ]


def run(plan: Plan, models: Path, scratch: Path) -> Benchmark:
    """Measures what the plan asks for, and returns it."""
    benchmark = Benchmark(plan, models, scratch)
    chosen = benchmark.install()
    if "starts" in plan.parts:
        for contender in chosen:
            benchmark.measure_resources(contender)
        chosen = [each for each in chosen if each.name not in benchmark.skipped]

    if IN_PROCESS in plan.contenders and "closed" in plan.parts:
        benchmark.measure_in_process()

    if set(plan.parts) - {"starts"}:
        benchmark.measure([each for each in chosen if not each.works_unasked])
        for contender in chosen:
            if contender.works_unasked:
                benchmark.measure([contender])

    return benchmark


def _join_percentiles(percentiles_ms: dict[float, float] | None) -> str:
    return (
        " / ".join(map(format_number, percentiles_ms.values()))
        if percentiles_ms
        else "does not keep up"
    )


def _log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
