"""The page for people is judged here as far as its text alone allows; what it does in a browser is not tested."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import service
from model_card import OUTPUTS
from training.export.evaluation import HEADLINES


@pytest.fixture(scope="module")
def page() -> str:
    """The fixture gives the page's HTML as the server sends it."""
    return (Path(service.__file__).parent / "pages" / "home.html").read_text(
        encoding="utf-8"
    )


def test_the_page_loads_nothing_from_elsewhere(page: str) -> None:
    """The page names no other host, and no file besides the service's own routes."""
    assert "//" not in re.sub(r"^ *// .*|; // .*", "", page, flags=re.MULTILINE)
    assert set(re.findall(r'\b(?:href|src)="([^"]*)"', page)) == {
        "data:,",
        "docs",
        "docs.json",
        "metrics",
        "models",
    }


def test_every_element_that_the_script_asks_for_is_there_once(page: str) -> None:
    """Every id that the script looks up belongs to exactly one element."""
    ids = re.findall(r'\bid="([\w-]+)"', page)

    assert len(set(ids)) == len(ids)
    assert set(re.findall(r'\bat\("([\w-]+)"\)', page)) <= set(ids)


def test_every_field_has_a_label(page: str) -> None:
    """Every input of the page has a label, for people who do not see the page."""
    fields = re.findall(r'<(?:select|input|textarea)\b[^>]*\bid="(\w+)"', page)

    assert fields == re.findall(r'<label for="(\w+)"', page)


def test_every_kind_of_model_can_be_tried(page: str) -> None:
    """The page has a form for every kind of model in the contract."""
    kinds = re.findall(r"\bkinds: \[([^]]*)\]", page)

    assert {kind.strip('" ') for each in kinds for kind in each.split(",")} == set(
        OUTPUTS
    )


def test_the_page_and_training_name_the_same_headlines(page: str) -> None:
    """The page and training list the same headline metrics in the same order."""
    (names,) = re.findall(r"const HEADLINES = \[([^]]*)\]", page)

    assert tuple(name.strip('" ') for name in names.split(",")) == HEADLINES
