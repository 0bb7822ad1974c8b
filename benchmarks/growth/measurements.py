"""Each part of the growth is measured here: a server with so many of one thing, and what it costs then."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from benchmarks.growth.journal import fill_journal
from benchmarks.growth.models import write_copies
from benchmarks.growth.server import Cost, GrownServer, grow
from benchmarks.paths import SHIPPED_MODELS
from benchmarks.workloads.models import LOGISTIC

MODELS = (50, 500, 2000)
CONNECTIONS = (1, 100, 2000, 10_000)
ROWS = (1, 10, 100, 1000, 10_000)
CLASSIFIERS = (2, 8, 32)
WORKERS = (1, 2)
JOURNAL_ROWS = (10_000, 100_000, 1_000_000)
N_REQUESTS = 1000
"""Processor time is counted in hundredths of a second: of so many requests it is known to 0.01 ms."""
N_CHALLENGERS = 7
EXAMPLE = [0.0] * 30
Point = dict[str, float]


def measure_models(folder: Path, n_models: int) -> Point:
    """Measures a folder of copies of one small model, each a task of its own."""
    models = folder / "models"
    write_copies(models, [("grown_" + str(n), "logistic") for n in range(n_models)])
    with grow(folder, models=models) as server:
        return {
            "ready_s": server.start_s,
            "processor_s": server.cpu_s,
            "memory_mib": server.processes.memory_mib(),
            "first_ms": ask_row(server, "grown_0-logistic").processor_ms,
            "last_ms": ask_row(server, f"grown_{n_models - 1}-logistic").processor_ms,
        }


def measure_connections(folder: Path, n_connections: int) -> Point:
    """Measures one client's requests beside so many others that are connected and ask nothing."""
    models = folder / "models"
    write_copies(models, [("grown", "logistic")])
    with (
        grow(folder, models=models, max_connections=20_000) as server,
        ExitStack() as stack,
    ):
        before_mib = server.processes.memory_mib()
        for _ in range(n_connections):
            connection = socket.create_connection(("127.0.0.1", server.port))
            stack.enter_context(closing(connection))
        return {
            **ask_row(server, "grown-logistic")._asdict(),
            # Without a request the allocator may have given something back meanwhile.
            "memory_mib": max(0.0, server.processes.memory_mib() - before_mib),
        }


def measure_rows(folder: Path, n_rows: int) -> Point:
    """Measures requests of so many rows, all of one model."""
    models = folder / "models"
    write_copies(models, [("grown", "logistic")])
    body = {"model": "grown-logistic", "inputs": [EXAMPLE] * n_rows}
    times = N_REQUESTS if n_rows <= 100 else 50
    with grow(folder, models=models) as server:
        cost = server.measure("POST", "/predict", body, times=times)
        return {**cost._asdict(), "row_us": 1000 * cost.processor_ms / n_rows}


def measure_classifiers(folder: Path, n_classifiers: int) -> Point:
    """Measures `/compare` of one row and of a hundred by so many classifiers of a task."""
    models = folder / "models"
    write_copies(models, [("grown", f"copy_{n}") for n in range(n_classifiers)])
    found: Point = {}
    with grow(folder, models=models) as server:
        for n_rows in (1, 100):
            body = {"task": "grown", "inputs": [EXAMPLE] * n_rows}
            cost = server.measure("POST", "/compare", body)
            found[f"rows_{n_rows}_ms"] = cost.processor_ms

    return found


def measure_workers(folder: Path, n_workers: int) -> Point:
    """Measures a server of the shipped models with so many workers."""
    with grow(folder, models=SHIPPED_MODELS, workers=n_workers) as server:
        return {
            "ready_s": server.start_s,
            "memory_mib": server.processes.memory_mib(),
            **ask_row(server, LOGISTIC)._asdict(),
        }


def measure_journal(folder: Path, n_rows: int) -> Point:
    """Measures a server whose journal has so many predictions, shadowed by seven challengers and half labelled."""
    path = folder / "journal.db"
    models = folder / "models"
    names = [("grown", f"copy_{n}") for n in range(1 + N_CHALLENGERS)]
    fill_journal(path, write_copies(models, names), n_rows)
    settings: dict[str, object] = {
        "models": models,
        "journal": path,
        "journal_rows": 2 * n_rows,
        "shadow": "grown:grown-copy_0",
    }

    with grow(folder, **settings) as server:
        return {
            "ready_s": server.start_s,
            "processor_s": server.cpu_s,
            "predict_ms": ask_row(server, "grown-copy_0").processor_ms,
            "comparison_ms": server.measure_first("/tasks/grown/comparison"),
            "file_mb": path.stat().st_size / 1e6,
        }


PARTS: Mapping[str, tuple[Sequence[int], Callable[[Path, int], Point]]] = {
    "models": (MODELS, measure_models),
    "connections": (CONNECTIONS, measure_connections),
    "rows": (ROWS, measure_rows),
    "classifiers": (CLASSIFIERS, measure_classifiers),
    "workers": (WORKERS, measure_workers),
    "journal": (JOURNAL_ROWS, measure_journal),
}


def ask_row(server: GrownServer, model: str) -> Cost:
    """Returns what a request of one row costs."""
    body = {"model": model, "inputs": [EXAMPLE]}
    return server.measure("POST", "/predict", body, times=N_REQUESTS)
