"""`python -m benchmarks.growth` measures what more of everything costs, and draws a picture of each: docs/growth/.

    python -m benchmarks.growth                                 # all, which takes half an hour
    python -m benchmarks.growth --parts models,rows --quick     # two of them, without their last steps

One client asks one request after the other on the machine of the server, which should be idle else: with a dozen
runnable threads a core a request took five times the processor time, as each finds cold caches. Latencies are medians;
memory is that of all processes of the server, in which what they share counts once. Pictures have processor time and
memory alone, which a busy machine changes least; times by the clock stand in growth.json beside them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import socket
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from benchmarks.growth_pictures import draw
from benchmarks.growth_server import ROOT, Cost, GrownServer, grow
from benchmarks.models import LOGISTIC, SHIPPED
from model_card import from_metadata
from service.live.journal import schema
from service.live.journal.ids import PredictionIds
from service.live.journal.records import (
    FeedbackRecord,
    ModelKey,
    PredictionRecord,
    ShadowRecord,
)
from service.live.journal.transaction import Transactions

RESULTS = ROOT / "docs" / "growth"
MODELS = (50, 500, 2000)
CONNECTIONS = (1, 100, 2000, 10_000)
ROWS = (1, 10, 100, 1000, 10_000)
CLASSIFIERS = (2, 8, 32)
WORKERS = (1, 2)
JOURNAL_ROWS = (10_000, 100_000, 1_000_000)
REQUESTS_PER_TRANSACTION = 1000
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
    with grow(folder, models=SHIPPED, workers=n_workers) as server:
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


def write_copies(folder: Path, names: Sequence[tuple[str, str]]) -> list[ModelKey]:
    """Writes the logistic classifier under each task and family, and returns how a journal knows each copy."""
    folder.mkdir()
    model = onnx.load(SHIPPED / f"{LOGISTIC}.onnx")
    metadata = {each.key: each.value for each in model.metadata_props}
    card = from_metadata(metadata)
    assert card is not None
    keys = []
    for task, family in names:
        copy = replace(card, task=task, family=family)
        path = folder / f"{copy.name}.onnx"
        version = _write_with(path, model, copy.to_metadata())
        keys.append(ModelKey(task, copy.name, version, card.classes or ()))

    return keys


def _write_with(path: Path, model: onnx.ModelProto, card: Mapping[str, str]) -> str:
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, dict(card))
    content = model.SerializeToString()
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()[:12]


def fill_journal(path: Path, models: Sequence[ModelKey], n_rows: int) -> None:
    """Writes predictions of the first model, what the others say, and every second true label."""
    champion, *challengers = models
    generator = np.random.default_rng(0)
    ids = PredictionIds()
    with closing(schema.connect(path)) as connection:
        transactions = Transactions(connection, max_rows=2 * n_rows)
        for start in range(0, n_rows, REQUESTS_PER_TRANSACTION):
            size = min(REQUESTS_PER_TRANSACTION, n_rows - start)
            labels = generator.integers(0, 2, (1 + len(challengers), size))
            names = [ids.take() for _ in range(size)]
            transactions.write(
                [
                    *(
                        PredictionRecord(name, champion, labels[0, [place]])
                        for place, name in enumerate(names)
                    ),
                    ShadowRecord(
                        names, [1] * size, champion, tuple(challengers), labels[1:], []
                    ),
                    *(
                        FeedbackRecord(name, None, champion.classes[labels[1, place]])
                        for place, name in enumerate(names)
                        if place % 2
                    ),
                ]
            )


def ask_row(server: GrownServer, model: str) -> Cost:
    """Returns what a request of one row costs."""
    body = {"model": model, "inputs": [EXAMPLE]}
    return server.measure("POST", "/predict", body, times=N_REQUESTS)


def main() -> None:
    options = _parse()
    RESULTS.mkdir(exist_ok=True)
    stored = RESULTS / "growth.json"
    results: dict[str, Any] = json.loads(stored.read_text()) if stored.exists() else {}
    for name in options.parts:
        sizes, measure = PARTS[name]
        results[name] = {}
        for size in sizes[: -1 if options.quick else None]:
            folder = Path(tempfile.mkdtemp(prefix="growth-"))
            try:
                found = measure(folder, size)
            finally:
                shutil.rmtree(folder)
            results[name][str(size)] = {
                key: round(each, 4) for key, each in found.items()
            }
            print(f"{name} {size:,}: {results[name][str(size)]}", flush=True)
        stored.write_text(json.dumps(results, indent=1) + "\n")

    draw(results, RESULTS)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.growth",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--parts",
        type=lambda text: text.split(","),
        default=list(PARTS),
        help=", ".join(PARTS),
    )
    parser.add_argument(
        "--quick", action="store_true", help="without the last step of each"
    )
    options = parser.parse_args()
    unknown = [each for each in options.parts if each not in PARTS]
    if unknown:
        parser.error(
            f"--parts: expected some of {', '.join(PARTS)}, got {unknown[0]!r}"
        )

    return options


if __name__ == "__main__":
    main()
