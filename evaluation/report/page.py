"""Evidence as one page that loads nothing from anywhere; it is the only module that knows Jinja.

Its pictures are drawn with matplotlib, which is imported when a page is drawn: those who judge nothing need none.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from evaluation import gate
from service.errors import EvaluationError
from service.judging.labelled_rows import LabelledData
from service.models.images import image_codec
from service.models.images.budget import PixelBudget
from stats.confusion import most_confused
from verdict.criterion import NAMES
from verdict.prediction_sets import tell_sets
from verdict.words import (
    Write,
    percent,
    shorten,
    show_interval,
    show_minus,
    show_number,
    show_p,
    signed,
)

TEMPLATES = Path(__file__).parent
THUMBNAIL_PX = 96
MAX_PIXELS = 200_000_000
MAX_CONFUSIONS = 20
MAX_CLASS_ROWS = 100
METRICS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "roc_auc": "ROC AUC",
    "log_loss": "log loss",
    "brier": "Brier score",
    "ece": "calibration error",
}


def require_matplotlib() -> None:
    """Raises EvaluationError where reports cannot be drawn, so that this is known before anything is computed."""
    if find_spec("matplotlib") is None:
        raise EvaluationError(
            "reports need matplotlib: make install in a clone, or pip install 'veredicto[evaluate]'"
        )


def render(evidence: dict[str, Any], pictures: dict[int, str]) -> str:
    """Returns the page; `pictures` has a data URI for rows on which models disagree, where the rows are images."""
    from charts import palette
    from evaluation.report import figures

    numbers = evidence["numbers"]
    task = evidence["task"]
    drawn = figures.draw_all(evidence)
    return (
        _make_environment()
        .get_template("report.html")
        .render(
            evidence={"load": None, **evidence, "by": _name_metric(evidence)},
            numbers=numbers,
            models=numbers["models"],
            answers=evidence["answers"],
            metrics=METRICS,
            sets=tell_sets(evidence["sets"], task) if "sets" in evidence else "",
            gates=[gate.describe(each) for each in evidence["gates"]],
            write_percent=percent,
            write_signed=_fix_signed,
            write_number=show_number,
            palette=Markup(palette.write_css()),
            matrix=_arrange_pairs(numbers),
            figures={name: _mark(each) for name, each in drawn.items()},
            confusions=_list_confusions(evidence),
            disagreements=_list_disagreements(evidence, pictures),
            max_class_rows=MAX_CLASS_ROWS,
        )
    )


@cache
def _make_environment() -> Environment:
    """Returns what fills the template in, with the filters that write numbers; it keeps the template, compiled."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "short": _shorten,
        "p": show_p,
        "percent": percent,
        "signed": signed,
        "bind": _bind,
    }
    environment.filters |= {"metric": _show_metric, "interval": _show_interval}

    return environment


@pass_context
def _shorten(context: Context, name: str) -> str:
    """Returns a model's name without the report's task."""
    return shorten(name, context["evidence"]["task"])


def _name_metric(evidence: dict[str, Any]) -> dict[str, Any] | None:
    """Returns the verdict by the metric that was asked for, with its name; None where that is accuracy."""
    by = evidence.get("by")
    return None if by is None else {**by, "name": NAMES[by["numbers"]["metric"]]}


def draw_thumbnails(labelled: LabelledData, rows: Sequence[int]) -> dict[int, str]:
    """Data URIs of images at these rows, none where the rows are no images."""
    if not labelled.files:
        return {}
    return {row: _draw_thumbnail(labelled, row) for row in rows}


def _draw_thumbnail(labelled: LabelledData, row: int) -> str:
    content = labelled.files[row].read_bytes()
    place = labelled.places[row]
    budget = PixelBudget(MAX_PIXELS)
    pixels = image_codec.decode(
        content, where=place, media_type="", budget=budget, min_px=THUMBNAIL_PX
    )

    thumbnail = image_codec.encode_jpeg(image_codec.shrink(pixels, THUMBNAIL_PX))
    return f"data:image/jpeg;base64,{b64encode(thumbnail).decode()}"


def _mark(drawn: Any) -> Any:
    """Returns pictures as markup that is not to be escaped; names beside them are."""
    if isinstance(drawn, list):
        return [_mark(each) for each in drawn]
    if isinstance(drawn, tuple):
        return drawn[0], Markup(drawn[1])

    return Markup(drawn)


def _list_confusions(evidence: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """Returns for each model the classes that it confuses most, which are listed where they are too many for cells."""
    matrices = [
        model["metrics"]["confusion"] for model in evidence["numbers"]["models"]
    ]
    return [_name_confusions(matrix, evidence["classes"]) for matrix in matrices]


def _name_confusions(
    matrix: list[list[int]], classes: list[str]
) -> list[dict[str, Any]]:
    found = most_confused(np.array(matrix, dtype=np.int64), most=MAX_CONFUSIONS)
    return [
        {"true": classes[true], "predicted": classes[named], "rows": rows}
        for true, named, rows in found
    ]


_PAIR_STYLES = {"a": ("better", "worse"), "b": ("worse", "better")}
"""By the verdict on a pair its first model, and its second one, are shown so."""


def _arrange_pairs(numbers: dict[str, Any]) -> list[list[dict[str, Any] | None]]:
    """Returns a row for each model: how far it is above each other one, and what the test says."""
    names = [model["model"] for model in numbers["models"]]
    cells: dict[tuple[str, str], dict[str, Any]] = {}

    for pair in numbers["pairs"]:
        (first, second) = pair["models"]
        apart = pair["difference"]["value"]
        style, opposite = _PAIR_STYLES.get(pair["verdict"], ("level", "level"))
        cells[first, second] = pair | {"apart": apart, "style": style}
        cells[second, first] = pair | {"apart": -apart, "style": opposite}

    return [[cells.get((row, column)) for column in names] for row in names]


def _list_disagreements(
    evidence: dict[str, Any], pictures: dict[int, str]
) -> list[dict[str, Any]]:
    """Each row with its place, its true class, and what every model says of it with which probability."""
    classes = evidence["classes"]
    listed = []
    for row in evidence["numbers"]["disagreements"]["rows"]:
        truth = evidence["truth"][row]
        said = [
            {
                "class": classes[answer["label"][row]],
                "right": answer["label"][row] == truth,
                "probability": answer["probabilities"][row][answer["label"][row]],
            }
            for answer in evidence["answers"]
        ]
        place = evidence["data"]["places"][row]
        listed.append(
            {
                "place": place,
                "truth": classes[truth],
                "said": said,
                "picture": pictures.get(row),
            }
        )

    return listed


def _bind(text: str) -> str:
    """Numbers are not parted from their sign of percent where a line ends."""
    return text.replace(" %", "\u00a0%")


def _show_metric(
    metric: dict[str, Any], write: Write | None = None, digits: int = 3
) -> str:
    """Returns the value of a metric, with as many digits as its interval has."""
    value = metric["value"]
    if value is None:
        return "–"
    interval = metric["interval"]
    if not _has_ends(interval):
        return (write or _fix)(value, digits)
    return show_interval(value, interval, write or _fix, digits)[0]


def _show_interval(
    metric: dict[str, Any], write: Write | None = None, digits: int = 3
) -> str:
    """Returns both ends of a metric's interval, which differ in what is shown; nothing where it has none."""
    interval = metric["interval"]
    if not _has_ends(interval):
        return ""
    _, low, high = show_interval(interval[0], interval, write or _fix, digits)
    return f"{low} to {high}"


def _has_ends(interval: Sequence[float | None] | None) -> bool:
    return interval is not None and interval[1] is not None


def _fix(value: float, digits: int) -> str:
    return show_minus(f"{value:.{digits}f}")


def _fix_signed(value: float, digits: int) -> str:
    return show_minus(f"{value:+.{digits}f}")
