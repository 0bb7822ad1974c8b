"""This module draws accuracy against what models cost: latency, bytes, and figures of a load test."""

from __future__ import annotations

from charts.canvas import apply_style, make_inline_figure
from charts.palette import style_series
from charts.scales import set_linear, set_log, span
from charts.scatter import add_labels, add_point, add_steps
from charts.svg import write_svg
from evaluation.report.numbers import Numbers, list_ends
from verdict import words

WIDE_PX = 440
HEIGHT_PX = 320
COSTS = {"latency": "ms a row", "bytes": "bytes of the file"}
"""An axis calls each cost of a model so."""
LOAD_FIGURES = {
    "p99_ms": "p99 under the load, ms",
    "requests_per_core_s": "requests/s of a core",
}
"""An axis calls each figure of a load test so."""


def draw_clock(evidence: Numbers) -> dict[str, str]:
    """Returns accuracy with its interval against each figure of the load test, where one was given."""
    if "load" not in evidence:
        return {}

    with apply_style():
        drawn = {name: _draw_under_load(evidence, name) for name in LOAD_FIGURES}

    return {name: each for name, each in drawn.items() if each}


def _draw_under_load(evidence: Numbers, figure_name: str) -> str:
    """Draws a model filled where it keeps the objectives, as a ring where it does not."""
    loaded = {each["model"]: each for each in evidence["load"]["models"]}
    models = [
        (place, each["model"], each["metrics"]["accuracy"])
        for place, each in enumerate(evidence["numbers"]["models"])
        if loaded[each["model"]][figure_name]
    ]
    if not models:
        return ""

    about = LOAD_FIGURES[figure_name]
    figure, axes = make_inline_figure(
        width_px=WIDE_PX, height_px=HEIGHT_PX, x=about, y="accuracy"
    )
    costs = [loaded[name][figure_name] for _, name, _ in models]
    ends = list_ends([accuracy for _, _, accuracy in models])
    low, high = span(ends, room=0.05)
    set_log(axes, "x", *span(costs, log=True, room=0.15))
    set_linear(axes, "y", max(0.0, low), min(1.0, high), percent=True)

    labels = []
    for (place, name, accuracy), cost in zip(models, costs, strict=True):
        look = style_series(place)
        axes.plot([cost, cost], accuracy["interval"], color=look.colour, linewidth=1)
        tip = f"{name}: {accuracy['value']:.4f} at {cost:,.4g}"
        at = (cost, accuracy["value"])
        keeps = loaded[name]["keeps"]
        add_point(axes, at, look=look, tip=tip, is_filled=keeps)
        labels.append((at, words.shorten(name, evidence["task"])))

    add_labels(axes, labels)

    return write_svg(figure, label=f"Accuracy against {about}")


def draw_all_costs(evidence: Numbers) -> dict[str, str]:
    numbers = evidence["numbers"]
    front = numbers["pareto"]
    drawn = {}
    for name, key in (("latency", "latency_ms"), ("bytes", "size_bytes")):
        if front[name] is None:
            continue

        costs = [answer[key] for answer in evidence["answers"]]
        drawn[name] = draw_costs(
            numbers, costs, front[name], name=COSTS[name], task=evidence["task"]
        )

    return drawn


def draw_costs(
    numbers: Numbers,
    costs: list[float],
    front: list[str],
    *,
    name: str,
    task: str,
) -> str:
    """Draws accuracy against a cost on a logarithmic axis; filled and joined are those that none beats in both."""
    accuracy = [model["metrics"]["accuracy"]["value"] for model in numbers["models"]]
    names = [model["model"] for model in numbers["models"]]
    points = list(zip(costs, accuracy, strict=True))
    figure, axes = make_inline_figure(
        width_px=WIDE_PX, height_px=HEIGHT_PX, x=name, y="accuracy"
    )
    bottom, top = span(accuracy, room=0.15)
    set_log(axes, "x", *span(costs, log=True, room=0.15))
    set_linear(axes, "y", max(0.0, bottom), min(1.005, top), percent=True)
    in_front = [
        point for point, each in zip(points, names, strict=True) if each in front
    ]
    add_steps(axes, in_front)

    for place, (point, each) in enumerate(zip(points, names, strict=True)):
        add_point(
            axes,
            point,
            look=style_series(place),
            tip=f"{each}: {point[1]:.4f} at {point[0]:,.4g}",
            is_filled=each in front,
        )

    labels = [words.shorten(each, task) for each in names]
    add_labels(axes, list(zip(points, labels, strict=True)))

    return write_svg(figure, label=f"Accuracy against {name}")
