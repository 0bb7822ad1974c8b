"""A figure becomes SVG here, mostly inside a page: small, without ids or addresses, in the page's colours.

matplotlib writes a whole document. What a page has itself is taken out of it, what is named there is written where it
is used, and each colour of the palette becomes a variable of the page's style sheet (`palette.write_css`).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from matplotlib.artist import Artist
from matplotlib.figure import Figure

from charts.canvas import FONT_PT, clean
from charts.palette import LIGHT, TEXT, write_css

NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
TIP = "tip:"
HALO = "halo"
"""The id of an artist says by these that it has a tip, or that it stands out from what lies under it."""
VARIABLES = {colour: f"var(--{name})" for name, colour in LIGHT.items()}
LEFT_TO_THE_PAGE = (
    "font-family",
    "stroke-linecap",
    "stroke-linejoin",
    "text-anchor",
    "font-size",
)
"""Declarations that the page's style sheet has, or that become attributes."""
TEXT_STYLE = f"fill:{VARIABLES[TEXT]}"
"""A text has this colour in the page where nothing else is said."""
GROUND_STYLE = "fill:var(--ground)"
PX_PER_PT = 96 / 72
"""matplotlib's SVG is in points."""
DEFAULTS = (("stroke-dashoffset", "0"),)
NUMBER = re.compile(r"-?\d+\.?\d*(?:e-?\d+)?")
FILE_STYLE = "text{font:12px system-ui,sans-serif}"
"""A file of its own has this besides the colours, as a page has it."""
MIN_SHARED = 3
"""Elements of a group from which it is shorter to say once what all of them have."""
LINE_OR_CURVE = re.compile("[LCQ]")
ARCS_OF_A_CIRCLE = 8
"""Curves of which matplotlib makes a round marker, and no other one."""


def add_tip(artist: Artist, text: str) -> None:
    """Gives an artist a text that a browser shows where the pointer rests on it."""
    artist.set_gid(TIP + clean(text))


def add_halo(artist: Artist) -> None:
    """Gives a text a halo in which it can be read over lines."""
    artist.set_gid(HALO)


def write_svg(figure: Figure, *, label: str = "", style: str = "") -> str:
    """Returns the picture as an element of HTML; `label` is what a screen reader says, which passes by one without.

    `style` is CSS of the element, as for its size in the page.
    """
    stream = StringIO()
    with warnings.catch_warnings():  # the page's fonts have what matplotlib's lacks
        warnings.filterwarnings("ignore", "Glyph", UserWarning)
        figure.savefig(stream, format="svg", metadata=NO_METADATA)

    drawn = ElementTree.fromstring(stream.getvalue())
    shapes = {
        f"#{each.get('id')}": each for each in drawn.iter() if _name(each) == "path"
    }
    spoken = {"role": "img", "aria-label": clean(label)}
    picture = Element(
        "svg",
        {"viewBox": drawn.get("viewBox", "")}
        | (spoken if label else {"aria-hidden": "true"})
        | ({"style": style} if style else {}),
    )
    for child in drawn:
        picture.extend(_convert(child, shapes))

    return ElementTree.tostring(picture, encoding="unicode")


def save_svg(figure: Figure, path: Path, *, label: str) -> None:
    """Writes the picture as a file of its own, with its ground and colours: a reader's light or dark ones."""
    picture = ElementTree.fromstring(write_svg(figure, label=label))
    _, _, width, height = picture.get("viewBox", "").split()
    picture.attrib |= {
        "xmlns": "http://www.w3.org/2000/svg",
        "width": f"{float(width) * PX_PER_PT:g}",
        "height": f"{float(height) * PX_PER_PT:g}",
    }
    style = Element("style")
    style.text = write_css() + FILE_STYLE
    ground = Element("rect", {"width": "100%", "height": "100%", "style": GROUND_STYLE})
    picture[:0] = [style, ground]
    path.write_text(
        ElementTree.tostring(picture, encoding="unicode") + "\n", encoding="utf-8"
    )


def _convert(element: Element, shapes: Mapping[str, Element]) -> Iterator[Element]:
    """Yields what is drawn of an element, without groups that say nothing."""
    name = _name(element)
    if name == "path":
        yield from _convert_path(element)
    elif name == "use":
        yield _convert_use(element, shapes[_find_reference(element)])
    elif name == "text":
        yield _convert_text(element)
    elif name == "g":
        yield from _convert_group(element, shapes)


def _convert_group(
    element: Element, shapes: Mapping[str, Element]
) -> Iterator[Element]:
    children = [part for child in element for part in _convert(child, shapes)]
    what = element.get("id", "")
    if what.startswith(TIP):
        group = Element("g")
        ElementTree.SubElement(group, "title").text = what.removeprefix(TIP)
        group.extend(children)
        yield group
        return

    for child in children:
        if what == HALO and child.tag == "text":
            child.set("class", HALO)

    yield from _share_style(children) if len(children) >= MIN_SHARED else children


def _share_style(children: Sequence[Element]) -> Iterator[Element]:
    """Yields the elements in a group that says once what the styles of all of them say."""
    styles = [_declarations(each.get("style", "")) for each in children]
    shared = {
        name: value
        for name, value in styles[0].items()
        if name != "opacity" and all(each.get(name) == value for each in styles)
    }
    if not shared:
        yield from children
        return

    group = Element("g", _style_attribute(shared))
    for child, style in zip(children, styles, strict=True):
        child.attrib.pop("style", None)
        child.attrib |= _style_attribute(
            {name: value for name, value in style.items() if name not in shared}
        )
        group.append(child)

    yield group


def _convert_path(element: Element) -> Iterator[Element]:
    """Yields the path, unless nothing of it is seen."""
    path = _round(element.get("d", ""), digits=1)
    if LINE_OR_CURVE.search(path):
        yield Element("path", {"d": path} | _style(element.get("style", "")))


def _convert_use(element: Element, shape: Element) -> Element:
    """Returns a marker where it is used, a circle as one."""
    x, y = (float(element.get(each, "0")) for each in ("x", "y"))
    style = _style(f"{shape.get('style', '')};{element.get('style', '')}")
    path = shape.get("d", "")
    if path.count("C") == ARCS_OF_A_CIRCLE:
        radius = max(map(float, NUMBER.findall(path)))
        places = {"cx": f"{x:.4g}", "cy": f"{y:.4g}", "r": f"{radius:.3g}"}
        return Element("circle", places | style)

    move = f"translate({x:.4g} {y:.4g})"
    return Element("path", {"d": _round(path, digits=2), "transform": move} | style)


def _convert_text(element: Element) -> Element:
    """Returns a text that says of itself what differs from the page's texts."""
    declared = _declarations(element.get("style", ""))
    places = {each: _round(element.get(each, "0"), digits=1) for each in ("x", "y")}
    anchor = declared.get("text-anchor", "start")
    size = float(declared.get("font-size", "0").removesuffix("px"))
    turn = element.get("transform", "")
    attributes = places | _style(element.get("style", ""))
    if attributes.get("style") == TEXT_STYLE:
        del attributes["style"]
    if anchor != "start":
        attributes["text-anchor"] = anchor
    if size != FONT_PT:
        attributes["font-size"] = f"{size:g}"
    if turn and not turn.startswith("rotate(-0 "):
        attributes["transform"] = _round(turn, digits=1)

    text = Element("text", attributes)
    text.text = element.text

    return text


def _style(style: str) -> dict[str, str]:
    """Returns the attribute with what the page's style sheet does not say, with the page's colours."""
    kept = {
        name: VARIABLES.get(value, value)
        for name, value in _declarations(style).items()
        if name not in LEFT_TO_THE_PAGE and (name, value) not in DEFAULTS
    }
    return _style_attribute(kept)


def _style_attribute(declared: Mapping[str, str]) -> dict[str, str]:
    text = ";".join(f"{name}:{value}" for name, value in declared.items())
    return {"style": text} if text else {}


def _declarations(style: str) -> dict[str, str]:
    """Returns what a style says, of what it says twice the latter."""
    pairs = (each.partition(":") for each in style.split(";") if each.strip())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _round(text: str, *, digits: int) -> str:
    """Returns a path or a place with shorter numbers, on one line."""
    short = NUMBER.sub(lambda found: f"{round(float(found[0]), digits):g}", text)
    return re.sub(r"\s*([A-Zz])\s*", r"\1", short).strip()


def _find_reference(element: Element) -> str:
    return next(
        value for name, value in element.attrib.items() if name.endswith("href")
    )


def _name(element: Element) -> str:
    """Returns an element's name without its namespace."""
    return element.tag.rpartition("}")[2]
