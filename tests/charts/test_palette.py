"""Colours are told apart by people of any colour vision, in print without colours, and from their ground."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from charts.palette import DARK, LIGHT, style_series, write_css

Floats = NDArray[np.float64]

SERIES = ("c0", "c1", "c2", "c3", "c4", "c5", "text", "c6")
TO_XYZ = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
)
WHITE = np.array([0.9505, 1.0, 1.089])
SEEN = {
    "all colours": np.eye(3),
    "no red": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "no green": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "no blue": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
"""This is left of linear colours to people who lack one kind of cones: Machado et al., IEEE TVCG 15 (2009)."""


def make_linear(colour: str) -> Floats:
    shares = np.array([int(colour[each : each + 2], 16) for each in (1, 3, 5)]) / 255
    return np.where(
        shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4
    )


def make_lab(linear: Floats) -> Floats:
    """Returns lightness, and places between green and red and between blue and yellow: CIE 1976."""
    ratios = TO_XYZ @ np.clip(linear, 0, 1) / WHITE
    x, y, z = np.where(ratios > 0.008856, np.cbrt(ratios), 7.787 * ratios + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("seen", SEEN)
def test_series_are_told_apart_with_any_colour_vision(
    colours: dict[str, str], seen: str
) -> None:
    """Any two colours of series are at least 15 apart in CIE 1976, where 2 or 3 can be noticed side by side."""
    places = [make_lab(SEEN[seen] @ make_linear(colours[name])) for name in SERIES]
    distances = [float(np.linalg.norm(a - b)) for a, b in combinations(places, 2)]
    assert min(distances) >= 15


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_no_two_series_are_equally_light(colours: dict[str, str]) -> None:
    """A print without colours still shows eight shades."""
    lightness = sorted(make_lab(make_linear(colours[name]))[0] for name in SERIES)
    assert min(np.diff(lightness)) >= 3


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_series_stand_out_from_their_ground(colours: dict[str, str]) -> None:
    """Series have a contrast of 3 to their ground, and texts one of 4.5, as WCAG 2.2 asks."""
    ground = make_linear(colours["ground"]) @ TO_XYZ[1]
    for name, least in (
        *((each, 3.0) for each in SERIES),
        ("quiet", 4.5),
        ("text", 4.5),
    ):
        colour = make_linear(colours[name]) @ TO_XYZ[1]
        contrast = (max(colour, ground) + 0.05) / (min(colour, ground) + 0.05)
        assert contrast >= least, name


def test_32_series_are_told_apart_without_colours() -> None:
    """No two of 32 series have the same marker and the same dashes."""
    looks = [style_series(number) for number in range(32)]
    assert len({(look.marker, look.dashes) for look in looks}) == 32


def test_a_page_gets_each_colour_for_both_grounds() -> None:
    """The style sheet has each colour twice, and names no address."""
    css = write_css()
    assert [css.count(f"--{name}:") for name in LIGHT] == [2] * len(LIGHT)
    assert LIGHT.keys() == DARK.keys()
    assert "url(" not in css
