"""A server is asked before and after a run for its split of the time into queue and computation, and its processor.

Both come from public paths, the Open Inference Protocol's statistics and `/metrics`; a server may have neither. They
count all requests of that time, whoever sent them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from loadtest.targets.server import Server
from service.errors import LoadTestError

PARTS = ("queue", "compute_input", "compute_infer", "compute_output")
_CPU = re.compile(
    r"^(?:veredicto_process_cpu_seconds|process_cpu_seconds_total)(?:\{[^}]*\})? (\S+)$",
    re.MULTILINE,
)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """These are counters: requests and nanoseconds of each part of a model's statistics, and processor seconds."""

    counts: dict[str, tuple[int, int]]
    cpu_s: float | None


def read(server: Server | None, model: str | None) -> Figures | None:
    """Returns the counters as they are now, None where the server has none, or has others under these paths."""
    if server is None:
        return None

    try:
        counts = {} if model is None else _read_statistics(server, model)
        cpu_s = _read_cpu_s(server)
    except (LoadTestError, AttributeError, TypeError, ValueError):
        return None

    if not counts and cpu_s is None:
        return None

    return Figures(counts=counts, cpu_s=cpu_s)


def _read_statistics(server: Server, model: str) -> dict[str, tuple[int, int]]:
    answer = server.get(f"/v2/models/{quote(model)}/stats")
    if not isinstance(answer, dict):
        return {}

    versions = answer.get("model_stats", ())
    statistics = [each.get("inference_stats", {}) for each in versions]

    return {part: _sum_part(statistics, part) for part in PARTS}


def _sum_part(statistics: list[dict[str, Any]], part: str) -> tuple[int, int]:
    """Returns the requests and the nanoseconds of a part, over all versions of a model."""
    found = [each.get(part, {}) for each in statistics]
    count = sum(int(each.get("count", 0)) for each in found)
    ns = sum(int(each.get("ns", 0)) for each in found)

    return count, ns


def _read_cpu_s(server: Server) -> float | None:
    status, content = server.fetch("/metrics")
    if status != 200:
        return None

    text = content.decode(errors="replace")
    values = [float(each) for each in _CPU.findall(text)]
    if not values:
        return None

    return sum(values)


def compare(
    before: Figures | None, after: Figures | None, *, elapsed_s: float, n_ok: int
) -> dict[str, Any] | None:
    """Returns the mean milliseconds of each part, the processor cores in use, and answers for each core's second."""
    if before is None or after is None:
        return None

    figures: dict[str, Any] = {}
    for part in before.counts.keys() & after.counts.keys():
        count_before, ns_before = before.counts[part]
        count_after, ns_after = after.counts[part]
        count = count_after - count_before
        ns = ns_after - ns_before
        if count > 0:
            figures[f"{part}_ms"] = ns / count / 1e6

    if before.cpu_s is not None and after.cpu_s is not None:
        cpu_s = after.cpu_s - before.cpu_s
        if cpu_s > 0:
            figures["cores"] = cpu_s / elapsed_s
            figures["requests_per_core_s"] = n_ok / cpu_s

    return dict(sorted(figures.items())) or None
