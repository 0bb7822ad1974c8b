"""A person sees this: a live line while a test runs, and a table at its end."""

from __future__ import annotations

import sys
from typing import Any

from loadtest.objectives import write_sentence
from loadtest.sending.pacing import Progress

LINE_S = 0.5
LABELS = {"p50": "p50", "p90": "p90", "p99": "p99", "p99_9": "p99.9"}
SERVER_PARTS = (
    ("queue_ms", "queue"),
    ("compute_input_ms", "input"),
    ("compute_infer_ms", "inference"),
    ("compute_output_ms", "output"),
)


class LiveLine:
    """This writes how a run goes on stderr: in place on a terminal, else a line for each tenth of the run."""

    def __init__(self) -> None:
        self._next_s = 0.0
        self._tenth = 0
        self._last = (0.0, 0)

    def __call__(self, progress: Progress) -> None:
        if progress.elapsed_s < self._last[0]:  # the next repeat has begun
            self.__init__()  # type: ignore[misc]

        is_terminal = sys.stderr.isatty()
        tenth = int(10 * progress.elapsed_s / progress.duration_s)
        is_due = (
            progress.elapsed_s >= self._next_s if is_terminal else tenth > self._tenth
        )
        if not is_due:
            return

        line = self._describe(progress)
        self._next_s = progress.elapsed_s + LINE_S
        self._tenth = tenth
        self._last = (progress.elapsed_s, progress.n_ended)
        sys.stderr.write(f"\r\x1b[K{line}" if is_terminal else f"{line}\n")
        sys.stderr.flush()

    def _describe(self, progress: Progress) -> str:
        before_s, before = self._last
        rate = (progress.n_ended - before) / max(1e-9, progress.elapsed_s - before_s)
        recent = sorted(progress.recent_s)
        p50 = 1000 * recent[len(recent) // 2] if recent else 0.0
        p99 = 1000 * recent[int(0.99 * len(recent))] if recent else 0.0

        return (
            f"{progress.elapsed_s:6.1f} of {progress.duration_s:,.0f} s  {rate:9,.0f}/s  "
            f"p50 {p50:8.2f} ms  p99 {p99:8.2f} ms  "
            f"failed {progress.n_failed_recently} of the last {len(recent)}  in flight {progress.in_flight}"
        )

    def end(self) -> None:
        """Ends the line in place."""
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def write_table(document: dict[str, Any]) -> list[str]:
    """Returns the result as lines."""
    target = document["target"]
    lines = [
        f"{target['address']}  {target['protocol']}, {target['inputs']}",
        print_load(document["load"]),
        "",
        print_requests(document),
        *_show_latencies(document),
        *_show_server(document["repeats"]),
        *write_generator(document["repeats"]),
    ]
    lines += [write_sentence(each) for each in document["objectives"]]
    lines += write_search(document)
    if not document["valid"]:
        lines += ["", f"NOT VALID: {document['why']}"]

    return lines


def print_load(load: dict[str, Any]) -> str:
    ending = f"for {load['duration_s']:g} s after {load['warm_up_s']:g} s of warm-up"
    if load["loop"] == "closed":
        return f"closed loop, {load['concurrency']} callers, {ending}"
    if "recording" in load:
        return f"open loop, arrivals of {load['recording']}, {ending}"

    rate = f"{load['rate']:,g}"
    if load["end_rate"] != load["rate"]:
        rate += f" to {load['end_rate']:,g}"

    return f"open loop, {rate} requests/s, {load['arrivals']} arrivals, {ending}"


def print_requests(document: dict[str, Any]) -> str:
    errors = document["errors"]
    n_errors = sum(errors.values())
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in errors.items())

    return (
        f"{document['requests']:,} requests, {document['rate']:,.1f} answered a second, "
        f"{n_errors:,} failed" + (f": {kinds}" if kinds else "")
    )


def _show_latencies(document: dict[str, Any]) -> list[str]:
    if document["latency_ms"]["p50"] is None:
        return []

    counted = "due" if document["load"]["loop"] == "open" else "sent"
    lines = [f"latency in ms, from when a request was {counted}, with 95 % limits"]
    for name, label in LABELS.items():
        low, high = document["latency_intervals_ms"][name]
        limits = f"{_say_limit(low)} to {_say_limit(high)}"
        lines.append(f"  {label:<6}{document['latency_ms'][name]:12,.3f}   {limits}")

    lines.append(f"  {'max':<6}{document['latency_ms']['max']:12,.3f}")

    return lines


def _say_limit(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.3f}"


def _show_server(repeats: list[dict[str, Any]]) -> list[str]:
    """Returns what the server said of itself in the last repeat."""
    server = repeats[-1]["server"]
    if server is None:
        return []

    parts = [
        f"{label} {server[name]:.3f}" for name, label in SERVER_PARTS if name in server
    ]
    lines = [f"the server's own mean ms: {', '.join(parts)}"] if parts else []
    if "cores" in server:
        lines.append(
            f"the server used {server['cores']:.2f} cores: {server['requests_per_core_s']:,.0f} requests/s per core"
        )

    return lines


def write_search(document: dict[str, Any]) -> list[str]:
    """Returns the highest rate that was found, with what its repeats say of it."""
    search = document.get("search")
    if search is None:
        return []

    slo = ",".join(each["objective"] for each in document["objectives"])
    lines = [f"not known: {each}" for each in search["why"]]
    if search["rate"] is None:
        return [*lines, f"no rate keeps {slo}"]

    low, high = search["interval"]
    sure = (
        f", with {search['confidence']:.0%} confidence" if search["confidence"] else ""
    )
    lines.append(
        f"the highest rate that keeps {slo}: {search['rate']:,.0f} requests/s, "
        f"from {low:,.0f} to {high:,.0f} over {len(search['rates'])} repeats{sure}"
    )

    return lines


def write_generator(repeats: list[dict[str, Any]]) -> list[str]:
    worst = max(repeats, key=lambda each: float(each["generator"]["late_ms"]["p99"]))
    generator = worst["generator"]
    late_ms, own_share = generator["late_ms"], generator["own_share"]
    effect = (
        f"it sent {late_ms['p50']:.3f} ms late in the median, {late_ms['p99']:.3f} ms (p99)"
        if own_share is None
        else f"some {own_share:.0%} of the latency is its own"
    )

    return [
        f"the generator used {generator['cpu_share']:.0%} of a core, waited {generator['waiting_share']:.0%} of the "
        f"time for one, and opened {generator['connections']} connections; {effect}"
    ]
