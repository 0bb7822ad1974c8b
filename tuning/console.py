"""This module says a line for each measurement, the table of the front, and the file of settings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from tuning.candidates import Candidate, name_changes
from tuning.choice import RATE, Choice, Summary, find_front
from tuning.measurement import Figures

DEFAULTS = "the defaults"


def print_candidate(candidate: Candidate, default: Candidate) -> str:
    """Returns what is other than the default, as `workers 2, threads 1`."""
    changes = name_changes(candidate, default)
    words = [f"{name.replace('_', '-')} {value}" for name, value in changes.items()]
    return ", ".join(words) or DEFAULTS


def print_measurement(
    candidate: Candidate, default: Candidate, figures: Figures
) -> str:
    """Returns one measurement as a line."""
    rate = "no rate" if figures.rate is None else f"{figures.rate:,.0f}/s"
    faults = f"  ({figures.faults[0]})" if figures.faults else ""
    return (
        f"{rate:>10}  p99 {figures.p99_ms:8.2f} ms  {figures.memory_mib:6.0f} MiB  "
        f"{print_candidate(candidate, default)}{faults}"
    )


def write_table(
    summaries: Sequence[Summary], default: Candidate, *, common_rate: float
) -> list[str]:
    """Returns the table of all candidates, the fastest first; those of the front are marked."""
    front = find_front(summaries)
    ordered = sorted(
        summaries, key=lambda each: (each.rate or 0.0, -each.p99_ms), reverse=True
    )
    names = [print_candidate(each.candidate, default) for each in ordered]
    width = max(len("settings"), *map(len, names))
    lines = [
        f"  {'settings':<{width}}    rate/s  (least to most)   p99 ms at {common_rate:,.0f}/s     MiB  rounds"
    ]
    for name, each in zip(names, ordered, strict=True):
        mark = "*" if each in front else " "
        lines.append(f"{mark} {name:<{width}}{_show_figures(each)}")

    return [*lines, "* none is better in rate, p99 and memory at once"]


def _show_figures(summary: Summary) -> str:
    rate, between = "-", ""
    if summary.rate is not None:
        rate = f"{summary.rate:,.0f}"
        between = f"({summary.low_rate:,.0f} to {summary.high_rate:,.0f})"

    return (
        f"{rate:>10}  {between:<17}{summary.p99_ms:>15.2f}"
        f"{summary.memory_mib:>10.0f}{summary.n_rounds:>8}"
    )


def print_choice(choice: Choice, default: Candidate, *, goal: str) -> str:
    """Returns the outcome as a sentence."""
    named = print_candidate(choice.candidate, default)
    compared = _say_ratio(choice, goal)
    if choice.is_default:
        return f"Keep the defaults: {choice.why}{compared}."

    return f"Take {named}: {choice.why}{compared}."


def _say_ratio(choice: Choice, goal: str) -> str:
    ratio = choice.ratio
    if ratio is None:
        return ""

    figure = "rate of the best other" if choice.is_default else "rate"
    if goal != RATE:
        figure = "saving of memory"

    return f" ({figure}: {ratio.value:.2f} times, {ratio.low:.2f} to {ratio.high:.2f})"


def write_settings(
    choice: Choice, default: Candidate, *, goal: str, asked: str, n_processors: int
) -> str:
    """Returns the file of settings, which says where it comes from."""
    ended = datetime.now(UTC).isoformat(timespec="seconds")
    lines = [
        f"# Written by `veredicto tune` at {ended} on {n_processors} processors for {asked}.",
        f"# {print_choice(choice, default, goal=goal)}",
        "# The service reads this file where VEREDICTO_SETTINGS names it.",
        *(f"{name}={text}" for name, text in choice.candidate.list_variables().items()),
    ]

    return "\n".join(lines) + "\n"
