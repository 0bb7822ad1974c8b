"""This module writes a result as one page that loads nothing from anywhere; no other module here knows Jinja."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from charts import palette
from loadtest import console
from loadtest.objectives import write_sentence
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

CLASSIFIERS_NOTE = "A filled mark kept every objective, a hollow one did not; lines are the accuracies' intervals."
TRIALS_NOTE = "A mark is a trial of the search: filled where every objective held, hollow where one did not."


def render(document: dict[str, Any]) -> str:
    """Returns the page of a result, which may be that of a task."""
    drawn = figures.draw_all(document)
    headline, *findings = _find_sentences(document)

    return (
        make_environment()
        .get_template("report.html")
        .render(
            document={"classifiers": None, "task": None, **document},
            headline=headline,
            findings=findings,
            about=console.print_load(document["load"]),
            objectives=[
                (each["finding"], write_sentence(each))
                for each in document["objectives"]
            ],
            labels=console.LABELS,
            captions=CAPTIONS,
            notes=_find_notes(document),
            figures={name: Markup(each) for name, each in drawn.items()},
            generator=console.write_generator(document["repeats"]),
            palette=Markup(palette.write_css()),
        )
    )


@cache
def make_environment() -> Environment:
    """Returns what templates are rendered with, which keeps them compiled."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = _write_number
    environment.filters["sentence"] = _begin_sentence

    return environment


def _find_sentences(document: dict[str, Any]) -> list[str]:
    """Returns what the test was for, the most important first."""
    if "verdict" in document:
        return [f"{each.rstrip('.')}." for each in document["verdict"].split(". ")]

    searched = console.write_search(document)[::-1]
    return [*searched, console.print_requests(document)]


def _find_notes(document: dict[str, Any]) -> dict[str, str]:
    """Returns what the marks of the pictures mean."""
    trials = {"rate": TRIALS_NOTE} if "search" in document else {}
    return {"latency": CLASSIFIERS_NOTE, "cores": CLASSIFIERS_NOTE, **trials}


def _begin_sentence(text: str) -> str:
    """Returns the text with a capital, but for a name that begins it, as `p99<20ms`."""
    is_word = text.partition(" ")[0].isalpha()
    return text[:1].upper() + text[1:] if is_word else text


def _write_number(value: float | None, decimals: int) -> str:
    return "unknown" if value is None else f"{value:,.{decimals}f}"
