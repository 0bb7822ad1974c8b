"""One run of the benchmark: which servers live when, and what is measured of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import load, open_loop, report
from benchmarks.contenders import CONTENDERS, IN_PROCESS, Contender
from benchmarks.environments import NotInstalled, make_environment
from benchmarks.load import Closed
from benchmarks.processes import (
    ROOT,
    Failed,
    Server,
    check,
    pinned_to_first,
    serve,
    variables,
)
from benchmarks.report import shown
from benchmarks.workloads import NAMES, Workload, make_workloads

PARTS = ("starts", "closed", "open", "saturated")
BASE = "floor"
OURS = "veredicto"
MOST_STARTS = 3
LATENCIES = (50.0, 99.0, 99.9)
CALM_RATE = 100
"""Small predictions a second, while photographs come too or do not."""
SATURATING = 32
"""Clients that send photographs without a pause."""
WARM_UP_S = 1


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What was asked for; lists are in the order in which they are shown."""

    contenders: list[str]
    workloads: list[str]
    parts: list[str]
    rounds: int
    seconds: int
    concurrency: list[int]
    rates: list[int]


class Run:
    """Collects what is measured, contender by contender; `scratch` is a folder for what the measuring writes."""

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
        self.rounds: dict[tuple[str, str, int], list[Closed]] = {}
        self.resources: dict[str, list[str]] = {}
        self.opened: dict[str, list[str]] = {}
        self.saturated: dict[str, list[str]] = {}

    def choose(self) -> list[Contender]:
        """Those that were asked for and could be installed; why others could not, is kept."""
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
        """All parts but starts, of servers that live at the same time."""
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
        """Starts and memory while no other lives: they would share what they have mapped, and each look smaller."""
        _say(f"{contender.name}: starts")
        starts_s = list[float]()
        memory_mib = 0.0

        try:
            for remaining in reversed(range(min(MOST_STARTS, self.plan.rounds))):
                with serve(
                    contender, self.pythons[contender.name], self.models, self.probe
                ) as server:
                    starts_s.append(server.start_s)
                    if not remaining:
                        self._warm_up(server)
                        memory_mib = server.tree.memory_mib()
        except Failed as error:
            self.skipped[contender.name] = f"does not work: {error}"
        else:
            self.resources[contender.name] = [
                shown(median(starts_s)),
                shown(memory_mib),
            ]

    def measure_in_process(self) -> None:
        """Onnxruntime alone, as the first of the contenders."""
        self.pythons[IN_PROCESS] = make_environment(OURS)
        for workload in self.workloads:
            runs = [self._run_in_process(workload) for _ in range(self.plan.rounds)]
            self.rounds[IN_PROCESS, workload.name, 1] = runs

    def _start(self, contender: Contender, stack: ExitStack) -> Server | None:
        """The server, warm and found to answer everything rightly, for as long as the stack lives; else None."""
        try:
            with ExitStack() as own:
                server = own.enter_context(
                    serve(
                        contender, self.pythons[contender.name], self.models, self.probe
                    )
                )
                self._warm_up(server)
                stack.push(own.pop_all())
        except Failed as error:
            self.skipped[contender.name] = f"does not work: {error}"
            return None

        _say(f"{contender.name}: ready after {server.start_s:.1f} s")
        return server

    def _warm_up(self, server: Server) -> None:
        """Raises Failed where an answer is not right."""
        for workload in {
            each.name: each for each in (*self.workloads, self.probe, self.photo)
        }.values():
            dialect = server.contender.speaks.get(workload.name)
            if dialect is not None:
                check(server, workload)
                load.measure(
                    server,
                    dialect.ask(workload),
                    self.scratch,
                    concurrency=8,
                    seconds=WARM_UP_S,
                )

    def _measure_closed(self, servers: Sequence[Server]) -> None:
        """Rounds of all, each begun by another one."""
        for number in range(self.plan.rounds):
            _say(f"round {number + 1} of {self.plan.rounds}")
            first = number % max(1, len(servers))

            for workload in self.workloads:
                for concurrency in self.plan.concurrency:
                    for server in (*servers[first:], *servers[:first]):
                        try:
                            self._measure_one(server, workload, concurrency)
                        except Failed as error:
                            self._refuse(server, error)

    def _measure_latency(self, server: Server) -> None:
        """The parts at fixed rates."""
        name = server.contender.name
        try:
            if "open" in self.plan.parts and name not in self.skipped:
                _say(f"{name}: open loop")
                self.opened[name] = self._measure_open(server)
            if "saturated" in self.plan.parts and name not in self.skipped:
                _say(f"{name}: beside photographs")
                self.saturated[name] = self._measure_saturated(server)
        except Failed as error:
            self._refuse(server, error)

    def _refuse(self, server: Server, error: Failed) -> None:
        """Figures of a server that once did not answer with 200 are none."""
        name = server.contender.name
        self.skipped[name] = f"is refused: {error}"
        self.rounds = {key: runs for key, runs in self.rounds.items() if key[0] != name}
        for figures in (self.opened, self.saturated):
            figures.pop(name, None)

    def _measure_one(
        self, server: Server, workload: Workload, concurrency: int
    ) -> None:
        dialect = server.contender.speaks.get(workload.name)
        if dialect is not None and server.contender.name not in self.skipped:
            request = dialect.ask(workload)
            measured = load.measure(
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
        """The percentiles at each rate, as they are shown."""
        request = server.contender.speaks[self.probe.name].ask(self.probe)
        cells = []

        for rate in self.plan.rates:
            seconds = self.plan.seconds * self.plan.rounds
            found = open_loop.measure(
                server.port, request, rate=rate, seconds=seconds, percentiles=LATENCIES
            )
            cells.append(_join(found.percentiles_ms))

        return cells

    def _measure_saturated(self, server: Server) -> list[str]:
        """The percentiles of small predictions alone, and beside photographs."""
        speaks = server.contender.speaks
        seconds = self.plan.seconds * self.plan.rounds
        small = speaks[self.probe.name].ask(self.probe)
        photo = speaks["photo"].ask(self.photo)
        alone = open_loop.measure(
            server.port, small, rate=CALM_RATE, seconds=seconds, percentiles=LATENCIES
        )

        with load.saturating(
            server,
            photo,
            self.scratch,
            concurrency=SATURATING,
            seconds=2 * seconds + 10,
        ):
            beside = open_loop.measure(
                server.port,
                small,
                rate=CALM_RATE,
                seconds=seconds,
                percentiles=LATENCIES,
            )

        return [_join(alone.percentiles_ms), _join(beside.percentiles_ms)]

    def _run_in_process(self, workload: Workload) -> Closed:
        inputs = self.scratch / "inputs.npy"
        np.save(inputs, workload.inputs)
        program = [
            str(self.pythons[IN_PROCESS]),
            "-m",
            "benchmarks.servers.in_process",
            str(inputs),
        ]
        command = [
            *pinned_to_first(),
            *program,
            str(self.plan.seconds),
            *map(str, workload.files),
        ]
        report_of_run = subprocess.run(
            command,
            cwd=ROOT,
            env=variables(),
            start_new_session=True,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        found = json.loads(report_of_run)
        rate = found["runs"] / found["seconds"]
        cpu_s = found["cpu_s"] / found["runs"] * 1000

        return Closed(rate=rate, cpu_s_per_1000=cpu_s, p50_ms=1000 / rate, p99_ms=0.0)


def run(plan: Plan, models: Path, scratch: Path) -> None:
    """Measures and prints."""
    measuring = Run(plan, models, scratch)
    chosen = measuring.choose()
    if "starts" in plan.parts:
        for contender in chosen:
            measuring.measure_resources(contender)
        chosen = [each for each in chosen if each.name not in measuring.skipped]

    if IN_PROCESS in plan.contenders and "closed" in plan.parts:
        measuring.measure_in_process()

    if set(plan.parts) - {"starts"}:
        measuring.measure([each for each in chosen if not each.is_restless])
        for contender in chosen:
            if contender.is_restless:
                measuring.measure([contender])

    show(measuring)


def show(measuring: Run) -> None:
    """All tables, and who was left out."""
    plan = measuring.plan
    names = [each.name for each in measuring.workloads]
    print(
        f"{measuring.machine}\n{plan.rounds} rounds of {plan.seconds} s, one process, one thread; medians\n"
    )
    for workload in measuring.workloads:
        print(f"{workload.name}: {workload.title}, {workload.model}")

    print()
    for concurrency in plan.concurrency if measuring.rounds else ():
        print(report.tabulate_rates(measuring.rounds, names, concurrency, base=BASE))
        print(report.tabulate_details(measuring.rounds, names, concurrency))

    if {BASE, OURS} <= {key[0] for key in measuring.rounds} and plan.rounds > 1:
        print(report.tabulate_spread(measuring.rounds, OURS, BASE, names))

    percentiles = ", ".join(f"{each:g}" for each in LATENCIES)
    if measuring.resources:
        columns = ("start to first answer, s", "memory, MiB")
        title = f"start with {len(list(measuring.models.glob('*.onnx')))} models, and memory when warm (proportional)"
        print(report.format_table(title, columns, measuring.resources))

    if measuring.opened:
        title = f"latency of {measuring.probe.name} at fixed rates, open loop: percentiles {percentiles}, ms"
        print(
            report.format_table(
                title, [f"{rate:,}/s" for rate in plan.rates], measuring.opened
            )
        )

    if measuring.saturated:
        title = f"latency of {measuring.probe.name} at {CALM_RATE}/s: percentiles {percentiles}, ms"
        columns = ("alone", f"beside {SATURATING} clients' photographs")
        print(report.format_table(title, columns, measuring.saturated))

    packages = {IN_PROCESS: ("onnxruntime", "numpy")} | {
        each.name: each.packages for each in CONTENDERS
    }
    print(report.describe_versions(measuring.pythons, packages))
    for name, reason in measuring.skipped.items():
        print(f"\nleft out: {name} {reason}")


def _join(percentiles_ms: dict[float, float] | None) -> str:
    return (
        " / ".join(map(shown, percentiles_ms.values()))
        if percentiles_ms
        else "does not keep up"
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
