"""A summary prints all tables of a run, the versions, and the contenders that were left out."""

from __future__ import annotations

from benchmarks import report
from benchmarks.contenders.contender import CONTENDERS, IN_PROCESS
from benchmarks.run import (
    BASE,
    CALM_RATE,
    LATENCIES,
    N_SATURATING_CLIENTS,
    OURS,
    Benchmark,
)


def show(benchmark: Benchmark) -> None:
    """Prints all tables, the versions, and the contenders that were left out."""
    plan = benchmark.plan
    about = (
        f"{plan.rounds} rounds of {plan.seconds} s, one process, one thread; medians"
    )
    print(f"{benchmark.machine}\n{about}\n")
    for workload in benchmark.workloads:
        print(f"{workload.name}: {workload.title}, {workload.model}")

    print()
    _show_closed(benchmark)
    _show_resources(benchmark)
    _show_latencies(benchmark)

    packages = {each.name: each.packages for each in CONTENDERS}
    packages[IN_PROCESS] = ("onnxruntime", "numpy")
    print(report.describe_versions(benchmark.pythons, packages))
    for name, reason in benchmark.skipped.items():
        print(f"\nleft out: {name} {reason}")


def _show_closed(benchmark: Benchmark) -> None:
    rounds = benchmark.rounds
    names = [each.name for each in benchmark.workloads]

    for concurrency in benchmark.plan.concurrency if rounds else ():
        print(report.tabulate_rates(rounds, names, concurrency, base=BASE))
        print(report.tabulate_details(rounds, names, concurrency))

    measured = {contender for contender, _, _ in rounds}
    if {BASE, OURS} <= measured and benchmark.plan.rounds > 1:
        print(report.tabulate_spread(rounds, OURS, BASE, names))


def _show_resources(benchmark: Benchmark) -> None:
    if benchmark.resources:
        n_models = len(list(benchmark.models.glob("*.onnx")))
        title = f"start with {n_models} models, and memory when warm (proportional)"
        columns = ("start to first answer, s", "memory, MiB")
        print(report.format_table(title, columns, benchmark.resources))


def _show_latencies(benchmark: Benchmark) -> None:
    name = benchmark.probe.name
    percentiles = ", ".join(f"{each:g}" for each in LATENCIES)

    if benchmark.opened:
        title = f"latency of {name} at fixed rates, open loop: percentiles {percentiles}, ms"
        rates = [f"{rate:,}/s" for rate in benchmark.plan.rates]
        print(report.format_table(title, rates, benchmark.opened))

    if benchmark.saturated:
        title = f"latency of {name} at {CALM_RATE}/s: percentiles {percentiles}, ms"
        columns = ("alone", f"beside {N_SATURATING_CLIENTS} clients' photographs")
        print(report.format_table(title, columns, benchmark.saturated))
