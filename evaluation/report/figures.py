"""This module draws the pictures of a report, each from its numbers.

It is imported where a report is drawn: matplotlib comes with it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from charts.canvas import apply_style, make_inline_figure, measure_text, shorten
from charts.heatmap import MatrixTexts, add_matrix
from charts.intervals import add_interval
from charts.lines import add_diagonal, add_level, add_series
from charts.palette import style_series
from charts.reliability import add_reliability
from charts.scales import set_linear, set_rows, span
from charts.scatter import add_point
from charts.svg import write_svg
from evaluation.report.cost_figures import draw_all_costs, draw_clock
from evaluation.report.numbers import Numbers, list_ends
from verdict import words

ROW_PX = 26
WIDE_PX = 400
SQUARE_PX = 360
LOW_PX = 290
KEY_PX = (48, 12)
CELL_PX = 34
MAX_HEATMAP_CLASSES = 20
"""More classes would be too many to look at."""
NAMES_PT = 9.0
AXIS_NAME_PX = 24
MIN_MATRIX_PX = 230
MIN_SCALE = 0.8
"""A matrix is made so much smaller on a narrow screen, and beyond that it is scrolled."""


def draw_all(evidence: Numbers) -> dict[str, Any]:
    """Returns all pictures of a page as elements of HTML, in lists where there is one for each model or class."""
    numbers = evidence["numbers"]
    task = evidence["task"]
    models = numbers["models"]
    n_curves = max(len(model["roc"]) for model in models)

    with apply_style():
        drawn: dict[str, Any] = {
            "legend": [draw_key(place) for place in range(len(models))],
            "intervals": draw_intervals(numbers, task),
            "reliability": [
                draw_reliability(model, place, task)
                for place, model in enumerate(models)
            ],
            "roc": [draw_roc(numbers, which) for which in range(n_curves)],
            "risk": draw_risk(numbers, evidence["options"]["risk"]),
        }
        drawn |= draw_all_costs(evidence)
        drawn |= draw_clock(evidence)
        if len(evidence["classes"]) <= MAX_HEATMAP_CLASSES:
            drawn["confusion"] = [
                draw_confusion(model, evidence["classes"], task) for model in models
            ]

    return drawn


def draw_key(number: int) -> str:
    """Draws the line and the marker of a model, for a list of their names."""
    look = style_series(number)
    width, height = KEY_PX
    figure, axes = make_inline_figure(
        width_px=width, height_px=height, left_px=1, right_px=1, top_px=0, bottom_px=0
    )
    axes.axis("off")
    axes.set(xlim=(0, 1), ylim=(-1, 1))
    add_series(axes, np.array([0.0, 1.0]), np.zeros(2), look=look)
    axes.plot([0.5], [0], marker=look.marker, color=look.colour, markersize=4.5)

    return write_svg(figure)


def draw_intervals(numbers: Numbers, task: str) -> str:
    """Draws the accuracy of each model with its 95 % interval, the best on top."""
    leader = numbers["leader"]

    def place_in_order(numbered: tuple[int, Numbers]) -> tuple[float, bool]:
        _, model = numbered
        return -model["metrics"]["accuracy"]["value"], model["model"] != leader

    order = sorted(enumerate(numbers["models"]), key=place_in_order)
    ends = list_ends([each["metrics"]["accuracy"] for _, each in order])
    low, high = span(ends, room=0.05)
    names = [words.shorten(each["model"], task) for _, each in order]
    figure, axes = make_inline_figure(
        width_px=WIDE_PX,
        height_px=ROW_PX * len(order) + 56,
        left_px=_measure_names(names),
        x="accuracy, with its 95 % interval",
    )
    set_linear(axes, "x", max(0.0, low), min(1.0, high), percent=True)
    set_rows(axes, names)

    for row, (place, each) in enumerate(order):
        accuracy = each["metrics"]["accuracy"]
        look = style_series(place)
        add_interval(
            axes,
            (accuracy["value"], row),
            accuracy["interval"],
            colour=look.colour,
            marker=look.marker,
            tip=f"{accuracy['value']:.4f}",
            is_bold=True,
        )

    return write_svg(figure, label="Accuracy of each model with its 95 % interval")


def draw_reliability(model: Numbers, place: int, task: str) -> str:
    """Draws the share of right answers against the mean confidence of each bin of equal mass; honest ones lie on the
    diagonal.
    """
    bins = model["reliability"]["equal_mass"]
    confidences = [each["confidence"] for each in bins]
    least = min(confidences + list_ends(bins))
    low = max(0.0, math.floor(10 * least) / 10)
    figure, axes = make_inline_figure(
        width_px=SQUARE_PX, height_px=LOW_PX, x="confidence", y="right"
    )
    set_linear(axes, "x", low, 1.0, percent=True)
    set_linear(axes, "y", low, 1.0, percent=True)
    add_diagonal(axes, low=low)

    look = style_series(place)
    tips = [
        f"{each['rows']} rows: confidence {each['confidence']:.3f}, right {each['accuracy']:.3f}"
        for each in bins
    ]
    add_reliability(
        axes, _arrange_bins(bins), colour=look.colour, marker=look.marker, tips=tips
    )

    return write_svg(
        figure, label=f"Reliability of {words.shorten(model['model'], task)}"
    )


def _arrange_bins(bins: Sequence[Numbers]) -> dict[str, Any]:
    low, high = np.array([each["interval"] for each in bins]).T
    middles = {
        name: np.array([each[name] for each in bins])
        for name in ("confidence", "accuracy")
    }
    return middles | {"low": low, "high": high}


def draw_roc(numbers: Numbers, which: int) -> tuple[str, str]:
    """Returns a class, and the curves of all models for it but those that vote."""
    curves = {
        place: model["roc"][which]
        for place, model in enumerate(numbers["models"])
        if model["roc"]
    }
    name = next(iter(curves.values()))["class"]
    figure, axes = make_inline_figure(
        width_px=SQUARE_PX,
        height_px=LOW_PX + 10,
        x="false positive rate",
        y="true positive rate",
    )
    set_linear(axes, "x", 0.0, 1.0, percent=True)
    set_linear(axes, "y", 0.0, 1.0, percent=True)
    add_diagonal(axes)

    for place, curve in curves.items():
        false_rates = np.array(curve["false_positive_rate"])
        true_rates = np.array(curve["true_positive_rate"])
        add_series(axes, false_rates, true_rates, look=style_series(place))

    return name, write_svg(figure, label=f"ROC curves of the class {name}")


def draw_risk(numbers: Numbers, risk: float) -> str:
    """Draws wrong answers against the share of rows that is answered, the surest first."""
    models = numbers["models"]
    risks = [model["risk_coverage"]["risk"] for model in models]
    without_first_tenth = [each[len(each) // 10 :] for each in risks]
    highest = max(max(each) for each in without_first_tenth)
    figure, axes = make_inline_figure(
        width_px=WIDE_PX,
        height_px=300,
        x="coverage: rows answered, the surest first",
        y="risk: wrong among them",
    )
    set_linear(axes, "x", 0.0, 1.0, percent=True)
    top = max(1.15 * highest, 2 * risk, 0.01)
    set_linear(axes, "y", 0.0, top, percent=True)
    add_level(axes, risk, text=f"wanted: {100 * risk:g} %")

    for place, model in enumerate(models):
        curve = model["risk_coverage"]
        look = style_series(place)
        coverages = np.array(curve["coverage"])
        add_series(axes, coverages, np.array(curve["risk"]), look=look)
        end = (1.0, curve["risk"][-1])
        add_point(axes, end, look=look, tip=f"{model['model']}: all rows", size=3.5)

    for place, model in enumerate(models):
        found = model["at_risk"]
        if found["threshold"] is not None:
            tip = f"{model['model']}: threshold {found['threshold']:.4f}"
            at = (found["coverage"], found["risk"])
            add_point(axes, at, look=style_series(place), tip=tip)

    return write_svg(figure, label="Risk against coverage")


def draw_confusion(model: Numbers, classes: Sequence[str], task: str) -> str:
    """Draws rows of true classes and columns of predicted ones; the stronger a cell, the larger its share of the
    true class.
    """
    counts = np.array(model["metrics"]["confusion"], dtype=np.int64)
    longest = _measure_names(classes)
    is_upright = max(map(measure_text, classes)) > CELL_PX
    side = CELL_PX * len(classes)
    left = longest + AXIS_NAME_PX
    below = AXIS_NAME_PX + (longest if is_upright else 16)
    width = max(left + side + 4, MIN_MATRIX_PX)
    figure, axes = make_inline_figure(
        width_px=width,
        height_px=side + below + 4,
        left_px=left,
        right_px=width - left - side,
        top_px=4,
        bottom_px=below,
        x="predicted",
        y="true",
    )
    texts = MatrixTexts(names_pt=NAMES_PT, counts_pt=NAMES_PT, is_upright=is_upright)
    add_matrix(axes, counts, classes, classes, texts=texts, has_diagonal=True)

    name = words.shorten(model["model"], task)
    size = f"width:{width:.0f}px;max-width:max(100%,{MIN_SCALE * width:.0f}px)"

    return write_svg(figure, label=f"Confusion matrix of {name}", style=size)


def _measure_names(names: Sequence[str]) -> float:
    """Returns how many pixels the longest of these names takes beside axes."""
    longest = max(measure_text(shorten(name)) for name in names)
    return max(40.0, 14 + longest)
