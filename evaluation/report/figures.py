"""The pictures of a report, each from its numbers."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from evaluation.report.chart import BOTTOM, TOP, Axis, Chart, span
from evaluation.report.heatmap import measure
from evaluation.words import shorten

COLOURS = 8
"""Of the page's style sheet, `c0` to `c7`; further models take them again, with dashes."""
ROW = 26


def style_of(place: int) -> str:
    """The classes of a model's colour and dashes, by its place among the models."""
    return f"c{place % COLOURS} d{place // COLOURS % 3}"


def draw_intervals(numbers: dict[str, Any], task: str) -> str:
    """Accuracy of each model with its 95 % interval, the best on top."""
    leader = numbers["leader"]
    order = sorted(
        enumerate(numbers["models"]),
        key=lambda each: (
            each[1]["metrics"]["accuracy"]["value"],
            each[1]["model"] == leader,
        ),
    )
    ends = [end for _, each in order for end in each["metrics"]["accuracy"]["interval"]]
    low, high = span(ends, room=0.05)
    names = tuple(shorten(each["model"], task) for _, each in order)
    chart = Chart(
        title="Accuracy of each model with its 95 % interval",
        x=Axis(
            name="accuracy, with its 95 % interval",
            low=max(0.0, low),
            high=min(1.0, high),
            percent=True,
        ),
        y=Axis(name="", low=-0.5, high=len(order) - 0.5, rows=names),
        width=400,
        height=ROW * len(order) + TOP + BOTTOM,
        left=measure(names),
    )

    for row, (place, each) in enumerate(order):
        accuracy = each["metrics"]["accuracy"]
        chart.add_line(
            [(accuracy["interval"][0], row), (accuracy["interval"][1], row)],
            f"bar c{place % COLOURS}",
        )
        chart.add_point(
            (accuracy["value"], row),
            f"dot c{place % COLOURS}",
            radius=5,
            tip=f"{accuracy['value']:.4f}",
        )

    return chart.draw()


def draw_reliability(model: dict[str, Any], place: int, task: str) -> str:
    """Share of right answers against the mean confidence of each bin of equal mass; honest ones lie on the diagonal."""
    bins = model["reliability"]["equal_mass"]
    ends = [each["confidence"] for each in bins] + [
        end for each in bins for end in each["interval"]
    ]
    low = max(0.0, math.floor(10 * min(ends)) / 10)
    chart = Chart(
        title=f"Reliability of {shorten(model['model'], task)}",
        x=Axis(name="confidence", low=low, percent=True),
        y=Axis(name="right", low=low, percent=True),
        height=280,
    )
    chart.add_line([(low, low), (1, 1)], "guide")

    for each in bins:
        middle = each["confidence"]
        chart.add_line(
            [(middle, each["interval"][0]), (middle, each["interval"][1])],
            f"thin c{place % COLOURS}",
        )

    for each in bins:
        tip = f"{each['rows']} rows: confidence {each['confidence']:.3f}, right {each['accuracy']:.3f}"
        chart.add_point(
            (each["confidence"], each["accuracy"]), f"dot c{place % COLOURS}", tip=tip
        )

    return chart.draw()


def draw_roc(numbers: dict[str, Any], which: int) -> tuple[str, str]:
    """The class, and the curves of all models for it."""
    name = numbers["models"][0]["roc"][which]["class"]
    chart = Chart(
        title=f"ROC curves of the class {name}",
        x=Axis(name="false positive rate", percent=True),
        y=Axis(name="true positive rate", percent=True),
    )
    chart.add_line([(0, 0), (1, 1)], "guide")

    for place, model in enumerate(numbers["models"]):
        curve = model["roc"][which]
        points = zip(
            curve["false_positive_rate"], curve["true_positive_rate"], strict=True
        )
        chart.add_line(points, f"curve {style_of(place)}")

    return name, chart.draw()


def draw_risk(numbers: dict[str, Any], risk: float) -> str:
    """Wrong answers against the share of rows that is answered, the surest first."""
    highest = max(
        max(model["risk_coverage"]["risk"][len(model["risk_coverage"]["risk"]) // 10 :])
        for model in numbers["models"]
    )
    chart = Chart(
        title="Risk against coverage",
        x=Axis(name="coverage: rows answered, the surest first", percent=True),
        y=Axis(
            name="risk: wrong among them",
            high=max(1.15 * highest, 2 * risk, 0.01),
            percent=True,
        ),
        width=400,
        height=300,
    )
    chart.add_line([(0, risk), (1, risk)], "guide")
    chart.add_text(
        (0, risk), f"wanted: {100 * risk:g} %", style="tick over", shift=(6, -5)
    )

    for place, model in enumerate(numbers["models"]):
        curve = model["risk_coverage"]
        chart.add_line(
            zip(curve["coverage"], curve["risk"], strict=True),
            f"curve {style_of(place)}",
        )
        chart.add_point(
            (1, curve["risk"][-1]),
            f"dot c{place % COLOURS}",
            radius=3,
            tip=f"{model['model']}: all rows",
        )

    for place, model in enumerate(numbers["models"]):
        found = model["at_risk"]
        if found["threshold"] is not None:
            tip = f"{model['model']}: threshold {found['threshold']:.4f}"
            chart.add_point(
                (found["coverage"], found["risk"]), f"dot c{place % COLOURS}", tip=tip
            )

    return chart.draw()


def draw_costs(
    numbers: dict[str, Any],
    costs: list[float],
    front: list[str],
    *,
    name: str,
    task: str,
) -> str:
    """Accuracy against a cost on a logarithmic axis; filled and joined are those that none beats in both."""
    accuracy = [model["metrics"]["accuracy"]["value"] for model in numbers["models"]]
    low, high = span(costs, log=True, room=0.15)
    bottom, top = span(accuracy, room=0.15)
    chart = Chart(
        title=f"Accuracy against {name}",
        x=Axis(name=name, low=low, high=high, log=True),
        y=Axis(
            name="accuracy", low=max(0.0, bottom), high=min(1.005, top), percent=True
        ),
        width=440,
        height=320,
    )
    points = list(zip(costs, accuracy, strict=True))
    names = [model["model"] for model in numbers["models"]]
    _add_front(
        chart,
        [point for point, each in zip(points, names, strict=True) if each in front],
    )

    for place, (point, each) in enumerate(zip(points, names, strict=True)):
        style = f"{'dot' if each in front else 'ring'} c{place % COLOURS}"
        chart.add_point(
            point, style, radius=5, tip=f"{each}: {point[1]:.4f} at {point[0]:,.4g}"
        )

    chart.add_labels(
        [
            (point, shorten(each, task))
            for point, each in zip(points, names, strict=True)
        ]
    )

    return chart.draw()


def _add_front(chart: Chart, points: list[tuple[float, float]]) -> None:
    """Steps from each model of the front to the next dearer one, and on to the edge."""
    best = sorted(points)
    steps = [
        step
        for this, following in pairwise(best)
        for step in (this, (following[0], this[1]))
    ]
    chart.add_line([*steps, best[-1], (chart.x.high, best[-1][1])], "front")
