"""Axes and places of a chart."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from evaluation.report.chart import Axis, Chart, span
from evaluation.report.heatmap import draw_confusion


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        (Axis(name="x"), [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (Axis(name="x", low=0.83, high=0.97), [0.85, 0.9, 0.95]),
        (Axis(name="x", low=0.02, high=0.3, log=True), [0.02, 0.05, 0.1, 0.2]),
        (Axis(name="x", low=900, high=5e6, log=True), [1e3, 1e4, 1e5, 1e6]),
        (Axis(name="x", low=-0.5, high=1.5, rows=("a", "b")), [0, 1]),
    ],
)
def test_ticks_are_round(axis: Axis, expected: list[float]) -> None:
    """The ticks of linear, logarithmic and named axes are round."""
    assert axis.ticks() == pytest.approx(expected)


def test_ticks_are_written_short() -> None:
    """Shares are written in percent, large numbers with their letter, and rows by name."""
    assert Axis(name="x", percent=True).write(0.875) == "87.5 %"
    assert [Axis(name="x").write(tick) for tick in (0.02, 2000, 50_000, 2e6)] == [
        "0.02",
        "2000",
        "50k",
        "2M",
    ]
    assert Axis(name="x", rows=("a", "b")).write(1.0) == "b"


def test_an_axis_holds_its_values_with_room() -> None:
    """An axis has room around its values, also where all are equal, and a logarithmic one stays above 0."""
    assert span([1, 3]) == pytest.approx((0.8, 3.2))
    assert span([0.5, 0.5])[0] < 0.5 < span([0.5, 0.5])[1]
    low, high = span([0.01, 0.01], log=True)
    assert 0 < low < 0.01 < high


def test_points_lie_inside_the_picture() -> None:
    """Values beyond an axis are drawn at its end."""
    chart = Chart(title="t", x=Axis(name="x"), y=Axis(name="y"))
    for value in (-1.0, 0.0, 0.5, 1.0, 7.0):
        across, up = chart.at((value, value))
        assert 0 <= across <= chart.width
        assert 0 <= up <= chart.height

    assert chart.at((7, 7)) == chart.at((1, 1))


def test_names_beside_points_do_not_lie_on_one_another() -> None:
    """Three names at one place get three heights."""
    chart = Chart(title="t", x=Axis(name="x"), y=Axis(name="y"))
    chart.add_labels([((0.5, 0.5), name) for name in ("first", "second", "third")])
    heights = sorted(
        float(found) for found in re.findall(r' y="([\d.]+)"', "".join(chart.marks))
    )
    assert heights[1] - heights[0] >= 13
    assert heights[2] - heights[1] >= 13


def test_a_matrix_shows_every_count() -> None:
    """A cell each, its share of the true class as its strength; nothing is written where nothing is."""
    drawn = ElementTree.fromstring(draw_confusion([[8, 2], [0, 5]], ["no", "yes"]))
    cells = [each for each in drawn if each.tag == "rect"]
    assert [each.get("style") for each in cells] == [
        *("--share:0.800", "--share:0.200", "--share:0.000", "--share:1.000"),
    ]
    texts = [each.text for each in drawn if each.tag == "text"]
    assert [text for text in texts if text and text.isdigit()] == ["8", "2", "5"]
