"""The page of a report: one file, nothing loaded, nothing of the data read as HTML, and small."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from evaluation import evidence
from evaluation.report import page
from service.errors import EvaluationError
from tests.support.trials import make_trial
from verdict.predictions import Predictions

TRIAL = make_trial(
    {"champion": 0.8, "challenger": 0.9, "third": 0.85}, classes=("a", "b", "c")
)
VOID = {"meta", "link", "img", "br"}


class Outline(HTMLParser):
    """Tags that are open, addresses that are named, and text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.text = ""

    def handle_starttag(
        self, tag: str, attributes: list[tuple[str, str | None]]
    ) -> None:
        self.tags.add(tag)
        self.addresses += [
            value or ""
            for name, value in attributes
            if name in ("src", "href", "srcset", "data")
        ]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def render(predictions: Predictions, pictures: dict[int, str] | None = None) -> str:
    return page.render(
        evidence.gather(predictions, risk=0.05, gates=[], software={}), pictures or {}
    )


@pytest.fixture(scope="module")
def trial_page() -> str:
    """Returns the page of the trial, which several tests look at."""
    return render(TRIAL)


def outline(html: str) -> Outline:
    parsed = Outline()
    parsed.feed(html)
    assert parsed.open == []
    return parsed


def test_the_page_loads_nothing_and_runs_nothing(trial_page: str) -> None:
    """The page has no address but of data in it, no script, and no import of a style."""
    parsed = outline(trial_page)
    assert "script" not in parsed.tags
    assert all(address.startswith("data:") for address in parsed.addresses)
    assert not re.search(r"url\(|@import|https?://", trial_page)


def test_the_verdict_comes_first(trial_page: str) -> None:
    """The verdict comes before any table."""
    headline = evidence.conclude(TRIAL, risk=0.05, gates=[])["verdict"]["headline"]
    assert headline.replace(" %", "\u00a0%") in outline(trial_page).text
    assert trial_page.index('class="headline"') < trial_page.index("<table")


def test_every_picture_is_well_formed(trial_page: str) -> None:
    """Every picture is XML, has a name for a screen reader, and has no NaN in it."""
    pictures = re.findall(r"<svg .*?</svg>", trial_page, flags=re.DOTALL)
    assert (
        len(pictures) == 1 + 2 + 2 * 3 + 1 + 3 + 3 + 3
    )  # accuracy, costs, legends, risk, reliability, ROC, confusion
    for picture in pictures:
        drawn = ElementTree.fromstring(picture)
        assert drawn.get("aria-label") or drawn.get("aria-hidden")

    assert not re.search(r"\bnan\b|\binf\b", "".join(pictures))


def test_pictures_share_the_page(trial_page: str) -> None:
    """No picture has an id that another could have, and each colour is one of the page's style sheet."""
    drawn = "".join(re.findall(r"<svg .*?</svg>", trial_page, flags=re.DOTALL))
    used = set(re.findall(r"var\((--\w+)\)", drawn))
    assert " id=" not in drawn
    assert used >= {"--c0", "--c1", "--c2", "--quiet", "--ground"}
    assert all(trial_page.count(f"{name}:") == 2 for name in used)


def test_a_page_is_the_same_whenever_it_is_drawn(trial_page: str) -> None:
    """The same evidence gives the same bytes."""
    assert render(TRIAL) == trial_page


def test_a_report_without_matplotlib_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Serving does not need matplotlib, so that it may be missing where the evaluation is tried."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(EvaluationError) as error:
        page.require_matplotlib()

    assert (
        str(error.value)
        == "reports need matplotlib: make install in a clone, or pip install 'veredicto[evaluate]'"
    )


def test_names_of_data_are_never_read_as_html() -> None:
    """Classes, files, rows and models whose names have signs of HTML are shown as text."""
    nasty = '<b onclick="x()">&"'
    answers = [replace(each, model=f"{each.model}{nasty}") for each in TRIAL.answers]
    places = [f"{place}{nasty}" for place in TRIAL.places]
    predictions = replace(
        TRIAL, classes=(nasty, "<i>", "c"), source=nasty, places=places, answers=answers
    )
    html = render(predictions)
    assert "<b" not in html.replace("<body", "")
    assert "<i>" not in html
    assert nasty in outline(html).text


def test_rows_of_disagreement_are_listed_with_pictures() -> None:
    """The page lists the rows on which models disagree, with their images where there are any."""
    row = evidence.conclude(TRIAL, risk=0.05, gates=[])["numbers"]["disagreements"][
        "rows"
    ][0]
    html = render(TRIAL, {row: "data:image/jpeg;base64,AAAA"})
    assert f'<img src="data:image/jpeg;base64,AAAA" alt="{TRIAL.places[row]}"' in html
    assert "Nowhere: all give the same class" in render(
        make_trial({"one": 1.0, "two": 1.0}, n_rows=20)
    )


@pytest.mark.parametrize(
    ("n_rows", "n_classes", "n_models"),
    [(1, 2, 1), (5, 2, 2), (300, 30, 3), (300, 3, 11)],
)
def test_any_number_of_rows_classes_and_models_has_a_page(
    n_rows: int, n_classes: int, n_models: int
) -> None:
    """One row, many classes (whose confusions are listed), more models than colours."""
    names = {f"m{number}": 0.8 for number in range(n_models)}
    predictions = make_trial(
        names,
        n_rows=n_rows,
        classes=tuple(f"class {each}" for each in range(n_classes)),
    )
    parsed = outline(render(predictions))
    assert "svg" in parsed.tags


def test_a_server_that_tells_no_sizes_has_no_picture_of_them() -> None:
    """The page says that a server tells no sizes, and has no picture of them."""
    answers = [replace(each, size_bytes=None) for each in TRIAL.answers]
    html = render(replace(TRIAL, answers=answers))
    assert "Accuracy against size" not in html
    assert "A server does not tell the size of its files" in html


def test_a_page_of_ten_thousand_rows_is_small() -> None:
    """Under 5 MB, with eight models and ten classes and a picture for each row that is shown."""
    names = {f"m{number}": 0.7 + 0.03 * number for number in range(8)}
    predictions = make_trial(names, n_rows=10_000, classes=tuple("0123456789"))
    gathered = evidence.gather(predictions, risk=0.05, gates=[], software={})
    rows: list[Any] = gathered["numbers"]["disagreements"]["rows"]
    thumbnail = (
        "data:image/jpeg;base64," + "A" * 8_000
    )  # more than a JPEG of 96 x 96 pixels takes
    assert (
        len(page.render(gathered, dict.fromkeys(rows, thumbnail)).encode()) < 5_000_000
    )
