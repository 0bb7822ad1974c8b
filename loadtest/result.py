"""This module writes the result of a test as one JSON document."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from cli.places import write_file
from loadtest import objectives, validity
from loadtest.objectives import Objective
from loadtest.run import Load, Run
from loadtest.sending.samples import Samples, merge
from loadtest.targets.target import Target
from service.errors import LoadTestError
from stats.percentiles import percentile, percentile_interval

FORMAT = "veredicto load test"
SCHEMA_VERSION = 1
COMPARED = ("p50", "p99")
POINTS_PER_DECADE = 20
"""The distribution has so many points to 90 %, as many to 99 %, and so on."""
PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99_9": 0.999}


def build(
    target: Target,
    load: Load,
    runs: Sequence[Run],
    *,
    slo: Sequence[Objective] = (),
    confidence: float = 0.99,
) -> dict[str, Any]:
    """Returns the document; its percentiles are of all repeats together."""
    samples = merge([each.samples for each in runs])
    repeats = [_describe_run(each, load) for each in runs]
    faults = [
        f"repeat {number}: {fault}" if len(runs) > 1 else fault
        for number, each in enumerate(repeats, start=1)
        for fault in each["faults"]
    ]
    rates = [each["rate"] for each in repeats]

    return {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "target": _describe_target(target),
        "load": load.describe(),
        "rate": sum(rates) / len(rates),
        "requests": len(samples.due_s),
        "errors": samples.count_errors(),
        "latency_ms": describe_latencies(samples),
        "latency_intervals_ms": describe_intervals(samples),
        "distribution": describe_distribution(samples),
        "valid": not faults,
        **({"why": "; ".join(faults)} if faults else {}),
        "objectives": objectives.describe(list(slo), samples, confidence=confidence),
        "repeats": repeats,
    }


def _describe_target(target: Target) -> dict[str, Any]:
    return {
        "address": target.shown,
        "protocol": target.protocol,
        "model": target.model,
        "inputs": target.inputs,
        "bodies": len(target.messages),
    }


def describe_latencies(samples: Samples) -> dict[str, float | None]:
    """Returns percentiles of the answers without an error, in milliseconds; None without any."""
    values = samples.ok_latency_ms
    if not len(values):
        return dict.fromkeys((*PERCENTILES, "max", "mean"))

    found: dict[str, float | None] = {
        name: percentile(values, share) for name, share in PERCENTILES.items()
    }

    return found | {"max": float(values.max()), "mean": float(values.mean())}


def describe_distribution(samples: Samples) -> list[list[float]]:
    """Returns shares of the requests with the latency that each does not exceed, as far out as there are requests."""
    values = samples.ok_latency_ms
    if not len(values):
        return []

    n_decades = np.log10(len(values))
    places = np.arange(0, n_decades, 1 / POINTS_PER_DECADE)
    shares = 1 - 10.0**-places
    latencies_ms = np.quantile(values, shares, method="inverted_cdf")

    return [
        [float(share), float(latency_ms)]
        for share, latency_ms in zip(shares, latencies_ms, strict=True)
    ]


def describe_intervals(samples: Samples) -> dict[str, list[float | None]]:
    """Returns the limits of each percentile with 95 % confidence; None where there were too few requests."""
    values = samples.ok_latency_ms
    return {
        name: list(percentile_interval(values, share))
        for name, share in PERCENTILES.items()
    }


def _describe_run(run: Run, load: Load) -> dict[str, Any]:
    samples = run.samples
    slices = validity.cut_slices(samples)
    generator = validity.describe_generator(samples, concurrency=load.concurrency)
    steadiness = (
        None
        if load.is_rising
        else validity.describe_steadiness(slices, samples.duration_s)
    )

    return {
        "rate": samples.rate,
        "requests": len(samples.due_s),
        "errors": samples.count_errors(),
        "latency_ms": describe_latencies(samples),
        "faults": validity.find_faults(samples, generator, steadiness),
        "generator": generator,
        "steadiness": steadiness,
        "server": run.server,
        "slices": [asdict(each) for each in slices],
    }


def write(document: dict[str, Any], path: Path) -> None:
    """Writes the document as JSON that people can read too."""
    write_file(path, f"{json.dumps(document, indent=1)}\n".encode())


def read(path: Path) -> dict[str, Any]:
    """Reads a document that `write` wrote; raises LoadTestError for anything else."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        document = None

    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise LoadTestError(
            f"{path.name}: expected the JSON of a load test, as --output writes it"
        )
    if document.get("schema_version") != SCHEMA_VERSION:
        raise LoadTestError(
            f"{path.name}: expected schema {SCHEMA_VERSION}, got {document.get('schema_version')!r}"
        )
    if not _is_whole(document):
        raise LoadTestError(
            f"{path.name}: expected the whole result of a load test, got a part of one"
        )

    return document


def _is_whole(document: dict[str, Any]) -> bool:
    """Says whether there is all that another test is compared with; a person may have edited the file."""
    try:
        figures = [
            document["requests"],
            *document["errors"].values(),
            *document.get("search", {"rates": []})["rates"],
            *(each["rate"] for each in document["repeats"]),
            *(each["rate"] for one in document["repeats"] for each in one["slices"]),
        ]
        latencies = [
            *(
                each["latency_ms"][name]
                for each in document["repeats"]
                for name in COMPARED
            ),
            *(
                each[f"{name}_ms"]
                for one in document["repeats"]
                for each in one["slices"]
                for name in COMPARED
            ),
        ]
        is_load = isinstance(document["load"]["loop"], str)
    except (AttributeError, KeyError, TypeError):
        return False

    return is_load and all(
        isinstance(each, int | float)
        for each in (*figures, *(each for each in latencies if each is not None))
    )
