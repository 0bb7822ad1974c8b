"""Matrices of counts."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np

from charts.canvas import apply_style, make_inline_figure
from charts.heatmap import MatrixTexts, add_matrix
from charts.svg import write_svg

TEXTS = MatrixTexts(names_pt=9, counts_pt=9, is_upright=False)


def draw(counts: list[list[int]], *, has_diagonal: bool = True) -> ElementTree.Element:
    names = ["no", "yes", "perhaps"][: len(counts)]
    with apply_style():
        figure, axes = make_inline_figure(width_px=200, height_px=200)
        matrix = np.array(counts)
        add_matrix(axes, matrix, names, names, texts=TEXTS, has_diagonal=has_diagonal)
        return ElementTree.fromstring(write_svg(figure))


def find_cells(drawn: ElementTree.Element) -> list[dict[str, str]]:
    """Returns what the style of each cell and of the group around all of them says, in rows."""
    (group,) = drawn.iter("g")
    return [read_style(group) | read_style(cell) for cell in group.iter("path")]


def read_style(element: ElementTree.Element) -> dict[str, str]:
    declared = filter(None, element.get("style", "").split(";"))
    return dict(each.split(":") for each in declared)


def test_a_matrix_shows_every_count() -> None:
    """A cell each, its share of the true class as its strength; nothing is written where nothing is."""
    drawn = draw([[8, 2], [0, 5]])
    strengths = [each.get("fill-opacity", "1") for each in find_cells(drawn)]
    assert strengths == ["0.8", "0.2", "0.06", "1"]
    texts = [each.text for each in drawn.iter("text")]
    assert [text for text in texts if text and text.isdigit()] == ["8", "2", "5"]


def test_what_is_wrong_has_another_colour() -> None:
    """Cells beside the diagonal have a colour of their own where rows and columns are the same classes."""
    colours = [each["fill"] for each in find_cells(draw([[8, 2], [1, 5]]))]
    assert colours == ["var(--c0)", "var(--c3)", "var(--c3)", "var(--c0)"]
    clusters = find_cells(draw([[8, 2], [1, 5]], has_diagonal=False))
    assert {each["fill"] for each in clusters} == {"var(--c0)"}


def test_a_class_without_rows_is_an_empty_row() -> None:
    """A true class that never comes has cells without counts, and no number that is none."""
    drawn = draw([[3, 0, 1], [0, 0, 0], [0, 0, 2]])
    cells = find_cells(drawn)
    assert [each["fill-opacity"] for each in cells[3:6]] == ["0.06"] * 3
    assert "nan" not in ElementTree.tostring(drawn, encoding="unicode")
