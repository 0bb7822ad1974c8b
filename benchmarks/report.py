"""Formats results as tables of text, to be pasted as they are."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

from benchmarks.contenders.environments import list_versions
from benchmarks.load.closed_loop import ClosedLoopResult

Rounds = Mapping[tuple[str, str, int], list[ClosedLoopResult]]
"""A run for each round, by contender, workload and concurrency."""
MISSING = "-"


def format_table(
    title: str, columns: Sequence[str], rows: Mapping[str, Sequence[str]]
) -> str:
    """Returns a title, and under it a line for each row; columns are right-aligned."""
    first = max(map(len, rows), default=0)
    widths = [
        max(len(column), *(len(row[index]) for row in rows.values()))
        if rows
        else len(column)
        for index, column in enumerate(columns)
    ]
    lines = [
        title,
        " " * first
        + "".join(
            f"  {column:>{width}}"
            for column, width in zip(columns, widths, strict=True)
        ),
    ]

    for name, row in rows.items():
        lines.append(
            f"{name:<{first}}"
            + "".join(
                f"  {cell:>{width}}" for cell, width in zip(row, widths, strict=True)
            )
        )

    return "\n".join(lines) + "\n"


def format_number(value: float | None) -> str:
    """Returns three significant digits, or as many as there are before the point."""
    if value is None:
        return MISSING
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 0.001 else f"{value:.1g}"


def describe_machine() -> str:
    """Returns date, processors, system, Python and the load of other work, so it is called before any measurement."""
    processor = next(
        (
            line.partition(":")[2].strip()
            for line in _read_lines("/proc/cpuinfo")
            if line.startswith("model name")
        ),
        platform.processor() or platform.machine(),
    )
    system = next(
        (
            line.partition("=")[2].strip('"')
            for line in _read_lines("/etc/os-release")
            if line.startswith("PRETTY")
        ),
        "",
    )
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} processors ({processor}), "
        f"{system or platform.system()}, Python {platform.python_version()}; load at the start {os.getloadavg()[0]:.1f}"
    )


def describe_versions(
    pythons: Mapping[str, Path], packages: Mapping[str, tuple[str, ...]]
) -> str:
    """Returns a line with the versions of each environment."""
    return "\n".join(
        f"{name}: {', '.join(list_versions(python, packages[name]))}"
        for name, python in pythons.items()
    )


def tabulate_rates(
    rounds: Rounds, workloads: Sequence[str], concurrency: int, *, base: str | None
) -> str:
    """Returns requests a second, and as shares of the base contender's; all are medians of the rounds."""
    names = _list_names(rounds, concurrency)
    title = f"requests a second, {_name_clients(concurrency)}"
    tables = [
        _tabulate(title, rounds, names, workloads, concurrency, lambda each: each.rate)
    ]
    if base in names:
        shares = {
            name: [
                format_number(
                    _ratio(rounds, name, base, workload, concurrency)
                    if base is not None
                    else None
                )
                for workload in workloads
            ]
            for name in names
        }
        tables.append(
            format_table(
                f"the same as shares of the {base}'s, {_name_clients(concurrency)}",
                workloads,
                shares,
            )
        )

    return "\n".join(tables)


def tabulate_details(rounds: Rounds, workloads: Sequence[str], concurrency: int) -> str:
    """Returns processor seconds for 1,000 requests and the 99th percentile of latency, medians of the rounds."""
    names = _list_names(rounds, concurrency)
    clients = _name_clients(concurrency)
    cpu = _tabulate(
        f"seconds of processor for 1,000 requests, {clients}",
        rounds,
        names,
        workloads,
        concurrency,
        lambda each: each.cpu_s_per_1000,
    )
    served = [
        name
        for name in names
        if all(each.p99_ms for each in _list_runs(rounds, name, concurrency))
    ]
    late = _tabulate(
        f"99th percentile of latency in ms, {clients}",
        rounds,
        served,
        workloads,
        concurrency,
        lambda each: each.p99_ms,
    )

    return f"{cpu}\n{late}"


def tabulate_spread(
    rounds: Rounds, name: str, base: str, workloads: Sequence[str]
) -> str:
    """Returns the shares once more, with the middle half of the rounds."""
    rows = {}
    for workload in workloads:
        for concurrency in sorted({key[2] for key in rounds}):
            own, bare = (
                rounds.get((each, workload, concurrency)) for each in (name, base)
            )
            if own and bare and len(own) == len(bare) > 1:
                low, _, high = quantiles(
                    [one.rate / two.rate for one, two in zip(own, bare, strict=True)],
                    n=4,
                )
                ratio = _ratio(rounds, name, base, workload, concurrency)
                rows[f"{workload}, {_name_clients(concurrency)}"] = [
                    format_number(ratio),
                    f"{low:.2f} to {high:.2f}",
                ]

    return format_table(
        f"{name} as a share of the {base}",
        ("medians", "middle half of the rounds"),
        rows,
    )


def _tabulate(
    title: str,
    rounds: Rounds,
    names: Sequence[str],
    workloads: Sequence[str],
    concurrency: int,
    figure: Callable[[ClosedLoopResult], float],
) -> str:
    rows = {
        name: [
            format_number(_median(rounds.get((name, workload, concurrency)), figure))
            for workload in workloads
        ]
        for name in names
    }
    return format_table(title, workloads, rows)


def _median(
    runs: list[ClosedLoopResult] | None, figure: Callable[[ClosedLoopResult], float]
) -> float | None:
    return median(map(figure, runs)) if runs else None


def _ratio(
    rounds: Rounds, name: str, base: str, workload: str, concurrency: int
) -> float | None:
    own, bare = (
        _median(rounds.get((each, workload, concurrency)), lambda run: run.rate)
        for each in (name, base)
    )
    return None if own is None or bare is None else own / bare


def _list_names(rounds: Rounds, concurrency: int) -> list[str]:
    return list(dict.fromkeys(key[0] for key in rounds if key[2] == concurrency))


def _list_runs(rounds: Rounds, name: str, concurrency: int) -> list[ClosedLoopResult]:
    return [
        run
        for key, runs in rounds.items()
        if key[0] == name and key[2] == concurrency
        for run in runs
    ]


def _name_clients(concurrency: int) -> str:
    return "one client" if concurrency == 1 else f"{concurrency} clients"


def _read_lines(path: str) -> list[str]:
    file = Path(path)
    return file.read_text().splitlines() if file.exists() else []
