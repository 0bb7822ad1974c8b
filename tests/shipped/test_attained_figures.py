"""Each family's module opens with what it attains, and those figures are the cards'."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from model_card import Card
from tests.support.documents import ROOT
from tests.support.shipped_models import SHIPPED_MODELS
from training.console import headline
from training.data import datasets
from training.export.evaluation import evaluate_generator

CARDS = [each.card for each in SHIPPED_MODELS]
FAMILIES = sorted((ROOT / "training" / "families").glob("[a-z]*.py"))
OTHER_FILES = {"gan": ("gan", "discriminator")}
"""Families whose training makes more than one file."""


def find_attained(path: Path) -> str:
    """Returns what the module says that it attains, without the line breaks; empty where it says nothing."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(docstring.lower().partition("attains")[2].split())


def list_figures(card: Card) -> set[str]:
    """Returns the card's held-out figures, and their means over the folds, as they are written."""
    figures = {f"{metric.value:.3f}" for metric in card.metrics.values()}
    if card.cross_validation is not None:
        means = [each.mean for each in card.cross_validation.metrics.values()]
        figures |= {f"{mean:.3f}" for mean in means}
    return figures


def measure_real_confidence() -> set[str]:
    """Returns how sure the generator's judge is of real held-out digits, with which the module compares it.

    The judge sums in an order that the number of threads changes, and the last digit with it: each neighbour may stand.
    """
    digits = datasets.load("digits")
    rows = datasets.split(digits, seed=0)
    metrics = evaluate_generator(digits.features[rows.held_out], digits, rows)
    confidence = metrics["confidence"].value
    return {f"{confidence + apart:.3f}" for apart in (-0.001, 0, 0.001)}


STATED = [path for path in FAMILIES if find_attained(path)]


def test_every_shipped_family_says_what_it_attains() -> None:
    """The modules that state figures are those of the families whose models of tables are shipped."""
    shipped = {card.family for card in CARDS if card.family != "discriminator"}
    stated = {path.stem for path in STATED}
    assert shipped - stated == {"pretrained", "efficientnet_lite0"}
    assert stated <= shipped


@pytest.mark.parametrize("path", STATED, ids=lambda path: path.stem)
def test_the_figures_of_a_family_are_those_of_its_cards(path: Path) -> None:
    """A figure that is stated with a task is the headline of that card; others stand in a card of the family."""
    family = path.stem
    text = find_attained(path)
    cards = [
        card for card in CARDS if card.family in OTHER_FILES.get(family, (family,))
    ]
    headlines = {card.task: f"{headline(card)[1].value:.3f}" for card in cards}

    stated = {
        task: figure for figure, task in re.findall(r"(\d\.\d{3}) on (\w+)", text)
    }
    known = set().union(*map(list_figures, cards))
    if family == "gan":
        known |= measure_real_confidence()

    assert {task: headlines[task] for task in stated if task in headlines} == {
        task: figure for task, figure in stated.items() if task in headlines
    }
    assert set(re.findall(r"\d\.\d{3}", text)) <= known
