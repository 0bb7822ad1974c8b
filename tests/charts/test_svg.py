"""A figure inside a page is SVG with nothing of a document, nothing that clashes, and the page's colours."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest

from charts.canvas import apply_style, make_inline_figure, shorten
from charts.lines import add_diagonal, add_level, add_line
from charts.palette import BLUE, DARK, LIGHT, style_series
from charts.scales import set_linear
from charts.scatter import add_labels, add_point
from charts.svg import save_svg, write_svg


def draw(*, x: str = "x", label: str = "a picture", tip: str = "a point") -> str:
    """Returns a picture with a bit of everything."""
    with apply_style():
        figure, axes = make_inline_figure(width_px=360, height_px=300, x=x, y="y")
        set_linear(axes, "x", 0.0, 1.0, percent=True)
        set_linear(axes, "y", 0.0, 1.0)
        add_diagonal(axes)
        add_level(axes, 0.5, text="a level")
        values = np.linspace(0, 2, 50)
        add_line(axes, values, values**2, colour=BLUE, band=(values, values + 0.1))
        for number in range(8):
            at = (0.1 * number, 0.3)
            add_point(axes, at, look=style_series(number), tip=tip)

        add_labels(axes, [((0.1, 0.3), "one"), ((0.2, 0.3), "two")])
        return write_svg(figure, label=label)


def test_a_picture_is_the_same_whenever_it_is_drawn() -> None:
    """A picture of equal numbers has equal bytes, without a date or a random name."""
    assert draw() == draw()


def test_a_picture_has_nothing_that_clashes_or_is_loaded() -> None:
    """A picture has no id, no reference, no address, no style sheet and no namespace."""
    drawn = draw()
    assert not re.search(
        r"\bid=|href|url\(|https?:|<style|<defs|xmlns|clip|metadata", drawn
    )


def test_a_picture_has_only_colours_of_the_page() -> None:
    """Every colour is a variable of the page's style sheet, so that it follows a light or a dark ground."""
    drawn = draw()
    assert "var(--c0)" in drawn
    assert not re.search(r"#[0-9a-f]{3,6}|rgb\(|black|white", drawn)


def test_a_picture_in_a_file_has_its_own_colours_and_ground(tmp_path: Path) -> None:
    """A picture's file is read by itself: with a name space, a size, and each variable's colour in both themes."""
    path = tmp_path / "picture.svg"
    with apply_style():
        figure, axes = make_inline_figure(width_px=360, height_px=300)
        add_line(axes, np.arange(3), np.arange(3), colour=BLUE)
        save_svg(figure, path, label="a line")

    text = path.read_text(encoding="utf-8")
    root = ElementTree.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert (root.get("width"), root.get("height")) == ("360", "300")
    assert root.get("aria-label") == "a line"
    assert [each.tag.rpartition("}")[2] for each in root][:2] == ["style", "rect"]
    for name in re.findall(r"var\(--(\w+)\)", text):
        assert f"--{name}:{LIGHT[name]};" in text
        assert f"--{name}:{DARK[name]};" in text
    assert "href" not in text


def test_a_picture_says_what_it_is() -> None:
    """A screen reader hears the label; a picture without one is passed by."""
    root = ElementTree.fromstring(draw(label='risk < 5 % & "more"'))
    assert (root.get("role"), root.get("aria-label")) == ("img", 'risk < 5 % & "more"')
    quiet = ElementTree.fromstring(draw(label=""))
    assert (quiet.get("role"), quiet.get("aria-hidden")) == (None, "true")


def test_texts_stay_texts() -> None:
    """Names of axes and ticks can be read, found and copied, letter by letter, and so can the tip of each point."""
    name = "<b>share & $5$</b>"
    root = ElementTree.fromstring(draw(x=shorten(name), tip="7 rows"))
    texts = {each.text for each in root.iter("text")}
    assert texts >= {name, "20 %", "a level", "one"}
    assert [each.text for each in root.iter("title")] == ["7 rows"] * 8


def test_round_points_are_circles() -> None:
    """The marker of the first series is a circle, with its place and its radius."""
    (circle,) = ElementTree.fromstring(draw()).iter("circle")
    assert float(circle.get("r", "0")) == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "line\nbreak", "\x1b[31m", "猫"])
def test_any_text_is_drawn(text: str) -> None:
    """Signs that XML cannot hold, and those that matplotlib's font lacks, stop no picture."""
    ElementTree.fromstring(draw(label=text, tip=text))


def test_what_a_person_has_set_in_matplotlib_changes_nothing() -> None:
    """A person's own settings are neither used nor lost."""
    expected = draw()
    with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path"}):
        assert draw() == expected
        assert matplotlib.rcParams["font.size"] == 30
