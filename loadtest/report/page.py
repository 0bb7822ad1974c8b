"""This module writes a result as one page that loads nothing from anywhere; no other module here knows Jinja."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from charts import palette
from loadtest import console
from loadtest.objectives import say
from loadtest.report import figures

TEMPLATES = Path(__file__).parent
CAPTIONS = {
    "latency": "Accuracy against latency",
    "cores": "Accuracy against requests/s of a core",
    "distribution": "Latency by share of the requests",
    "time": "Latency over time",
    "rate": "Latency against rate",
    "errors": "Requests that failed, by kind",
    "server": "The server's own split of its time",
}


def render(document: dict[str, Any]) -> str:
    """Returns the page of a result, which may be that of a task."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = _write_number
    drawn = figures.draw_all(document)
    headline, *findings = _find_sentences(document)

    return environment.get_template("report.html").render(
        document={"classifiers": None, "task": None, **document},
        headline=headline,
        findings=findings,
        about=console.say_load(document["load"]),
        objectives=[(each["finding"], say(each)) for each in document["objectives"]],
        labels=console.LABELS,
        captions=CAPTIONS,
        figures={name: Markup(each) for name, each in drawn.items()},
        generator=console.show_generator(document["repeats"]),
        palette=Markup(palette.write_css()),
    )


def _find_sentences(document: dict[str, Any]) -> list[str]:
    """Returns what the test was for, the most important first."""
    if "verdict" in document:
        return [f"{each.rstrip('.')}." for each in document["verdict"].split(". ")]

    searched = console.show_search(document)[::-1]
    return [*searched, console.say_requests(document)]


def _write_number(value: float | None, decimals: int) -> str:
    return "unknown" if value is None else f"{value:,.{decimals}f}"
