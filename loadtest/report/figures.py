"""This module draws the pictures of a report, each from the numbers of the result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from charts.bars import add_bars
from charts.canvas import add_legend, apply_style, make_inline_figure, measure_text
from charts.lines import add_level, add_line
from charts.palette import PALETTE, style_series
from charts.scales import set_linear, set_log, span, write_number
from charts.scatter import add_labels, add_point
from charts.svg import write_svg

WIDE_PX = 440
HIGH_PX = 300
ROW_PX = 26
LEGEND = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": 4, "borderpad": 0}
LEGEND_PX = 34
LINES = {"p50_ms": "p50", "p99_ms": "p99", "max_ms": "max"}
SHARES = (0.0, 0.9, 0.99, 0.999, 0.9999, 0.99999)
"""The axis of the distribution names these shares of the requests."""
SERVER_PARTS = {
    "queue_ms": "queue",
    "compute_input_ms": "input",
    "compute_infer_ms": "inference",
    "compute_output_ms": "output",
}

Document = dict[str, Any]


def draw_all(document: Document) -> dict[str, str]:
    """Returns the pictures that the result has numbers for, as elements of HTML."""
    with apply_style():
        drawn = {
            "distribution": draw_distribution(document),
            "time": draw_over_time(document),
            "rate": draw_against_rate(document),
            "errors": draw_errors(document["errors"]),
            "server": draw_server(document["repeats"][-1]["server"] or {}),
            "latency": draw_classifiers(document, "p99_ms", "p99 latency in ms"),
            "cores": draw_classifiers(
                document, "requests_per_core_s", "requests/s of a core"
            ),
        }

    return {name: each for name, each in drawn.items() if each}


def draw_distribution(document: Document) -> str:
    """Draws the latency that each share of the requests does not exceed; the tail has as much room as the rest."""
    points = document["distribution"]
    if not points:
        return ""

    shares, latencies_ms = np.array(points).T
    places = -np.log10(1 - shares)
    figure, axes = make_inline_figure(
        width_px=WIDE_PX,
        height_px=HIGH_PX,
        x="share of the requests",
        y="latency in ms",
    )
    last = float(places.max())
    axes.set_xlim(0, max(1.0, last))
    ticks = [each for each in SHARES if -np.log10(1 - each) <= max(1.0, last)]
    axes.set_xticks(
        [float(-np.log10(1 - each)) for each in ticks],
        [f"{100 * each:.10g} %" for each in ticks],
    )
    bounds = _list_bounds(document)
    heights = [*latencies_ms, *(bound_ms for _, bound_ms in bounds)]
    set_log(axes, "y", *span(_positive(heights), log=True))
    add_line(axes, places, latencies_ms, colour=PALETTE[0])
    for text, bound_ms in bounds:
        add_level(axes, bound_ms, text=text)

    return write_svg(figure, label="Latency by share of the requests")


def draw_over_time(document: Document) -> str:
    """Draws the percentiles of each slice of the run, repeats one after the other."""
    duration_s = document["load"]["duration_s"]
    slices = [
        (number * duration_s + each["start_s"], each)
        for number, repeat in enumerate(document["repeats"])
        for each in repeat["slices"]
        if each["p50_ms"] is not None
    ]
    if not slices:
        return ""

    return _draw_lines(
        np.array([start_s for start_s, _ in slices]),
        [each for _, each in slices],
        x="seconds from the start",
        label="Latency over time",
    )


def draw_against_rate(document: Document) -> str:
    """Draws latencies against the rate, of a search's trials or of a rate that rose."""
    if "search" in document:
        return _draw_trials(document)

    load = document["load"]
    if load.get("rate") == load.get("end_rate"):
        return ""

    slices = [
        each for each in document["repeats"][-1]["slices"] if each["p50_ms"] is not None
    ]
    if not slices:
        return ""

    shares = np.array([each["start_s"] for each in slices]) / load["duration_s"]
    return _draw_lines(
        load["rate"] + (load["end_rate"] - load["rate"]) * shares,
        slices,
        x="requests/s that were due",
        label="Latency against rate",
    )


def _draw_lines(places: Any, slices: Sequence[Document], *, x: str, label: str) -> str:
    figure, axes = make_inline_figure(
        width_px=WIDE_PX,
        height_px=HIGH_PX + LEGEND_PX,
        top_px=LEGEND_PX,
        x=x,
        y="latency in ms",
    )
    values = [each[name] for each in slices for name in LINES]
    low, high = float(places.min()), float(places.max())
    set_linear(axes, "x", low, high if high > low else low + 1)
    set_log(axes, "y", *span(_positive(values), log=True))
    for place, (name, text) in enumerate(LINES.items()):
        look = style_series(place)
        heights = np.array([each[name] for each in slices])
        add_line(
            axes, places, heights, colour=look.colour, dashes=look.dashes, label=text
        )

    add_legend(axes, **LEGEND)

    return write_svg(figure, label=label)


def _draw_trials(document: Document) -> str:
    """Draws the first objective's figure of each trial: filled where all objectives held, a ring where not."""
    trials = [
        (each, next(iter(each["seen"].values())))
        for each in document["search"]["trials"]
        if next(iter(each["seen"].values())) is not None and not each.get("fault")
    ]
    if not trials:
        return ""

    text = next(iter(trials[0][0]["seen"]))
    figure, axes = make_inline_figure(
        width_px=WIDE_PX,
        height_px=HIGH_PX,
        x="requests/s",
        y=f"{text.partition('<')[0]} in ms",
    )
    rates = [each["rate"] for each, _ in trials]
    set_linear(axes, "x", *span(rates))
    bounds = _list_bounds(document)[:1]
    heights = [*(seen for _, seen in trials), *(bound_ms for _, bound_ms in bounds)]
    set_log(axes, "y", *span(_positive(heights), log=True))
    for each, seen in trials:
        add_point(
            axes,
            (each["rate"], seen),
            look=style_series(0 if each["holds"] else 3),
            tip=f"{each['rate']:,.0f} requests/s: {seen:.4g}",
            is_filled=each["holds"],
        )

    for name, bound_ms in bounds:
        add_level(axes, bound_ms, text=name)

    return write_svg(figure, label="Trials of the search by rate")


def draw_errors(errors: dict[str, int]) -> str:
    """Draws how many requests failed in each way."""
    return _draw_bars(
        list(errors), [float(each) for each in errors.values()], "requests"
    )


def draw_server(figures: Document) -> str:
    """Draws the means of what the server says that it spent its time on."""
    parts = [name for name in SERVER_PARTS if name in figures]
    return _draw_bars(
        [SERVER_PARTS[name] for name in parts],
        [figures[name] for name in parts],
        "ms in the mean",
    )


def _draw_bars(names: Sequence[str], lengths: Sequence[float], about: str) -> str:
    if not names or not max(lengths):
        return ""

    figure, axes = make_inline_figure(
        width_px=WIDE_PX,
        height_px=ROW_PX * len(names) + 56,
        left_px=16 + max(map(measure_text, names)),
        x=about,
    )
    add_bars(axes, np.array(lengths), names)
    set_linear(axes, "x", 0, 1.2 * max(lengths))  # room for the numbers
    for row, length in enumerate(lengths):
        axes.annotate(
            write_number(length),
            (length, row),
            xytext=(4, 0),
            textcoords="offset points",
            va="center_baseline",
        )

    return write_svg(figure, label=f"{', '.join(names)}: {about}")


def draw_classifiers(document: Document, figure_name: str, about: str) -> str:
    """Draws each classifier's accuracy with its interval against a figure: filled where it keeps the objectives."""
    classifiers = [
        each
        for each in document.get("classifiers", ())
        if each[figure_name] and each["accuracy_interval"]
    ]
    if not classifiers:
        return ""

    figure, axes = make_inline_figure(
        width_px=WIDE_PX, height_px=HIGH_PX + 60, x=about, y="accuracy"
    )
    ends = [end for each in classifiers for end in each["accuracy_interval"]]
    set_log(
        axes,
        "x",
        *span([each[figure_name] for each in classifiers], log=True, room=0.3),
    )
    set_linear(axes, "y", *span(ends), percent=True)
    for each in classifiers:
        look = style_series(0 if each["keeps"] else 3)
        x = each[figure_name]
        at = (x, each["accuracy"])
        axes.plot([x, x], each["accuracy_interval"], color=look.colour, linewidth=1)
        add_point(axes, at, look=look, tip=each["model"], is_filled=each["keeps"])

    add_labels(
        axes,
        [
            (
                (each[figure_name], each["accuracy"]),
                each["model"].removeprefix(f"{document['task']}-"),
            )
            for each in classifiers
        ],
    )

    return write_svg(figure, label=f"Accuracy of the classifiers against {about}")


def _list_bounds(document: Document) -> list[tuple[str, float]]:
    return [
        (each["objective"], each["bound_ms"])
        for each in document["objectives"]
        if each["bound_ms"]
    ]


def _positive(values: Any) -> list[float]:
    return [float(each) for each in values if each and each > 0] or [1.0]
