"""`python -m benchmarks.shadow` measures what a journal and a shadow of eight models cost the champion.

Three servers of the same models on one processor, asked in turn within each round: as it is, with a journal, and with
a shadow too. First at rates that leave them time to spare, in an open loop; then, where there is wrk, by clients that
ask without a pause, where a shadow is to give way. What counts is the ratio within a round.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
import urllib.request
from contextlib import ExitStack
from dataclasses import replace
from math import ceil
from pathlib import Path
from statistics import median

from benchmarks.contenders.contender import CONTENDERS, Contender, Location
from benchmarks.contenders.processes import Server, pin_to_last_processor, serve
from benchmarks.load import closed_loop
from benchmarks.load.open_loop import OpenLoopResult, measure
from benchmarks.workloads.models import LOGISTIC, TASK, write_copy, write_models
from benchmarks.workloads.workload import Workload, make_workloads

PLAIN = "as it is"
JOURNAL = "with a journal"
SHADOW = "with a shadow of eight"
PERCENTILES = (50, 90, 99)


def main() -> None:
    options = _read_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended before its time"))
    pin_to_last_processor()

    with (
        tempfile.TemporaryDirectory(prefix="benchmark-") as folder,
        ExitStack() as stack,
    ):
        models = Path(folder) / "models"
        models.mkdir()
        write_models(models)
        write_copy(models, "logistic_copy_too")
        (row,) = make_workloads(models, ["row"])
        servers = {
            name: stack.enter_context(
                serve(_make_contender(name), Path(sys.executable), models, row)
            )
            for name in (PLAIN, JOURNAL, SHADOW)
        }

        for rate in options.rates:
            _compare_at_rate(
                servers, row, rate=rate, rounds=options.rounds, seconds=options.seconds
            )

        print(f"\nshadowed, and shed: {_count_shadowed(servers[SHADOW])}")
        if options.clients and shutil.which("wrk"):
            _compare_saturated(servers, row, Path(folder), options)

        print(f"\nshadowed, and shed: {_count_shadowed(servers[SHADOW])}")


def _make_contender(name: str) -> Contender:
    """Returns this service with the settings of one of the three servers."""
    (service,) = (each for each in CONTENDERS if each.name == "veredicto")
    plain = service.variables
    assert plain is not None

    def variables(location: Location) -> dict[str, str]:
        journal = (
            {"VEREDICTO_JOURNAL": str(location.scratch / "journal.db")}
            if name != PLAIN
            else {}
        )
        shadow = {"VEREDICTO_SHADOW": f"{TASK}:{LOGISTIC}"} if name == SHADOW else {}
        return plain(location) | journal | shadow

    return replace(service, variables=variables)


def _compare_at_rate(
    servers: dict[str, Server],
    row: Workload,
    *,
    rate: float,
    rounds: int,
    seconds: float,
) -> None:
    found: dict[str, list[OpenLoopResult]] = {name: [] for name in servers}
    spent_s = dict.fromkeys(servers, 0.0)

    for index in range(rounds + 1):
        for name, server in servers.items():
            request = server.contender.dialects[row.name].make_request(row)
            before_s = server.tree.cpu_s()
            opened = measure(
                server.port,
                request,
                rate=rate,
                seconds=seconds,
                percentiles=PERCENTILES,
            )
            if index:  # the first round warms up
                found[name].append(opened)
                spent_s[name] += server.tree.cpu_s() - before_s

    print(f"\n{rate} requests a second, medians of {rounds} rounds of {seconds} s\n")
    n_requests = rounds * rate * seconds
    _print_latencies(found, {name: each / n_requests for name, each in spent_s.items()})


def _print_latencies(
    found: dict[str, list[OpenLoopResult]], cpu_s: dict[str, float]
) -> None:
    """Prints a row for each server; `cpu_s` are its processor seconds for one request."""
    names = " | ".join(f"p{each}, ms" for each in PERCENTILES)
    print(f"| | {names} | p50, times the first | processor, s for 1,000 |")
    print("|---|--:|--:|--:|--:|--:|")

    for name, runs in found.items():
        latencies_ms = [
            median(_percentile(run, each) for run in runs) for each in PERCENTILES
        ]
        ratios = [
            _percentile(run, 50) / _percentile(plain, 50)
            for run, plain in zip(runs, found[PLAIN], strict=True)
        ]
        cells = [f"{each:.3f}" for each in latencies_ms]
        cells += [f"{median(ratios):.3f}", f"{cpu_s[name] * 1000:.3f}"]
        print(f"| {name} | {' | '.join(cells)} |")


def _compare_saturated(
    servers: dict[str, Server], row: Workload, folder: Path, options: argparse.Namespace
) -> None:
    found: dict[str, list[closed_loop.ClosedLoopResult]] = {
        name: [] for name in servers
    }
    seconds = ceil(options.seconds)

    for index in range(options.rounds + 1):
        for name, server in servers.items():
            request = server.contender.dialects[row.name].make_request(row)
            closed = closed_loop.measure(
                server, request, folder, concurrency=options.clients, seconds=seconds
            )
            if index:  # the first round warms up
                found[name].append(closed)

    print(
        f"\n{options.clients} clients without a pause, medians of {options.rounds} rounds of {seconds} s\n"
    )
    print(
        "| | requests a second | times the first | p50, ms | p99, ms | p50, times the first |"
    )
    print("|---|--:|--:|--:|--:|--:|")

    for name, runs in found.items():
        pairs = list(zip(runs, found[PLAIN], strict=True))
        print(
            f"| {name} | {median(run.rate for run in runs):.0f} | {median(a.rate / b.rate for a, b in pairs):.3f} "
            f"| {median(run.p50_ms for run in runs):.2f} | {median(run.p99_ms for run in runs):.2f} "
            f"| {median(a.p50_ms / b.p50_ms for a, b in pairs):.3f} |"
        )


def _percentile(opened: OpenLoopResult, percentile: float) -> float:
    """Returns a latency in ms, infinite where the server did not keep up."""
    return (
        float("inf")
        if opened.percentiles_ms is None
        else opened.percentiles_ms[percentile]
    )


def _count_shadowed(server: Server) -> str:
    """Returns a text: rows of the window that challengers answered too, and rows that were shed since the start."""
    with urllib.request.urlopen(
        f"http://127.0.0.1:{server.port}/tasks/{TASK}/comparison"
    ) as answer:
        comparison = json.load(answer)

    (challenger,) = (
        each for each in comparison["models"] if each["model"] == f"{TASK}-knn"
    )
    return f"{challenger['rows']} of the last {comparison['window']['rows']} rows, {comparison['shed']} since the start"


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.shadow",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--rates", type=int, nargs="+", default=[250, 1000], help="requests a second"
    )
    parser.add_argument(
        "--clients", type=int, default=32, help="that ask without a pause; 0 for none"
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2)

    return parser.parse_args()


if __name__ == "__main__":
    main()
