"""What a journal and a shadow of eight models cost the champion: `python -m benchmarks.shadow`.

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

from benchmarks import load
from benchmarks.contenders import CONTENDERS, Contender, Place
from benchmarks.models import LOGISTIC, TASK, write_copy, write_models
from benchmarks.open_loop import Opened, measure
from benchmarks.processes import Server, keep_to_last, serve
from benchmarks.workloads import Workload, make_workloads

PLAIN = "as it is"
JOURNAL = "with a journal"
SHADOW = "with a shadow of eight"
PERCENTILES = (50, 90, 99)


def main() -> None:
    options = _read_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended before its time"))
    keep_to_last()

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
                serve(_contender(name), Path(sys.executable), models, row)
            )
            for name in (PLAIN, JOURNAL, SHADOW)
        }

        for rate in options.rates:
            _compare(
                servers, row, rate=rate, rounds=options.rounds, seconds=options.seconds
            )

        print(f"\nshadowed, and let go: {_count_shadowed(servers[SHADOW])}")
        if options.clients and shutil.which("wrk"):
            _saturate(servers, row, Path(folder), options)

        print(f"\nshadowed, and let go: {_count_shadowed(servers[SHADOW])}")


def _contender(name: str) -> Contender:
    """This service under these settings."""
    (service,) = (each for each in CONTENDERS if each.name == "veredicto")
    plain = service.variables
    assert plain is not None

    def variables(place: Place) -> dict[str, str]:
        journal = (
            {"VEREDICTO_JOURNAL": str(place.scratch / "journal.db")}
            if name != PLAIN
            else {}
        )
        shadow = {"VEREDICTO_SHADOW": f"{TASK}:{LOGISTIC}"} if name == SHADOW else {}
        return plain(place) | journal | shadow

    return replace(service, variables=variables)


def _compare(
    servers: dict[str, Server],
    row: Workload,
    *,
    rate: float,
    rounds: int,
    seconds: float,
) -> None:
    found: dict[str, list[Opened]] = {name: [] for name in servers}
    spent_s = dict.fromkeys(servers, 0.0)

    for number in range(rounds + 1):
        for name, server in servers.items():
            request = server.contender.speaks[row.name].ask(row)
            before_s = server.tree.cpu_s()
            opened = measure(
                server.port,
                request,
                rate=rate,
                seconds=seconds,
                percentiles=PERCENTILES,
            )
            if number:  # the first round warms up
                found[name].append(opened)
                spent_s[name] += server.tree.cpu_s() - before_s

    print(f"\n{rate} requests a second, medians of {rounds} rounds of {seconds} s\n")
    print(
        f"| | {' | '.join(f'p{each}, ms' for each in PERCENTILES)} | p50, times the first | processor, s for 1,000 |"
    )
    print("|---|--:|--:|--:|--:|--:|")

    for name, runs in found.items():
        columns = [
            median(_percentile(run, each) for run in runs) for each in PERCENTILES
        ]
        cpu_s = spent_s[name] / (rounds * rate * seconds) * 1000
        ratios = [
            _percentile(run, 50) / _percentile(plain, 50)
            for run, plain in zip(runs, found[PLAIN], strict=True)
        ]
        print(
            f"| {name} | {' | '.join(f'{each:.3f}' for each in columns)} | {median(ratios):.3f} | {cpu_s:.3f} |"
        )


def _saturate(
    servers: dict[str, Server], row: Workload, folder: Path, options: argparse.Namespace
) -> None:
    found: dict[str, list[load.Closed]] = {name: [] for name in servers}
    seconds = ceil(options.seconds)

    for number in range(options.rounds + 1):
        for name, server in servers.items():
            request = server.contender.speaks[row.name].ask(row)
            closed = load.measure(
                server, request, folder, concurrency=options.clients, seconds=seconds
            )
            if number:  # the first round warms up
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


def _percentile(opened: Opened, percentile: float) -> float:
    """Without end where the server did not keep up."""
    return (
        float("inf")
        if opened.percentiles_ms is None
        else opened.percentiles_ms[percentile]
    )


def _count_shadowed(server: Server) -> str:
    """Rows of the window that challengers answered too, and rows that were let go since the start."""
    with urllib.request.urlopen(
        f"http://127.0.0.1:{server.port}/tasks/{TASK}/comparison"
    ) as answer:
        standing = json.load(answer)

    (challenger,) = (
        each for each in standing["models"] if each["model"] == f"{TASK}-knn"
    )
    return f"{challenger['rows']} of the last {standing['window']['rows']} rows, {standing['shed']} since the start"


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
