"""A table with a column of texts is learnt from, and the text itself is sent to what was learnt."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from playwright.sync_api import expect

from evaluation.__main__ import main as evaluate
from model_card import Card, FeatureInput
from scoring.__main__ import main as score
from tests.support.browser import PHONE, WIDE, open_page, start_browser
from tests.support.server import Server, serve
from training.__main__ import main as train
from training.export.freshness import read_card

TASK = "reviews"
NAME = f"{TASK}-naive_bayes"
GOOD, BAD = ("great", "lovely", "warm"), ("awful", "cold", "rude")
OTHER = [
    "the",
    "room",
    "food",
    "table",
    "staff",
    "was",
    "and",
    "we",
    "had",
    "a",
    "hotel",
    "with",
    "view",
    "near",
    "this",
]
MIN_ACCURACY = 0.8


def make_reviews(n_rows: int, seed: int) -> pl.DataFrame:
    """Returns reviews of which a word or two say whether they are good, with gaps and letters of other languages."""
    chance = random.Random(seed)
    rows = []
    for number in range(n_rows):
        is_good = number % 2 == 0
        words = chance.choices(OTHER, k=chance.randint(6, 20))
        words.insert(3, chance.choice(GOOD if is_good else BAD))
        text = " ".join(words).capitalize() + chance.choice(["!", "… 😀", " Ñandú", ""])
        rows.append(
            {
                "review": None if number % 50 == 7 else text,
                "stars": chance.randint(1, 5),
                "city": chance.choice(["Köln", "Lima"]),
                "liked": "yes" if is_good else "no",
            }
        )

    return pl.DataFrame(rows)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder has two models learnt from 400 reviews, as a person types it."""
    made = tmp_path_factory.mktemp("texts")
    make_reviews(400, 1).write_csv(made / "reviews.csv")
    words = ["--data", str(made / "reviews.csv"), "--target", "liked", "--task", TASK]
    for family in ("naive_bayes", "decision_tree"):
        assert train([family, *words, "--output", str(made / "models")]) == 0

    return made


@pytest.fixture(scope="module")
def new(folder: Path) -> Path:
    """The file has 120 other reviews."""
    path = folder / "new.csv"
    make_reviews(120, 2).write_csv(path)
    return path


@pytest.fixture(scope="module")
def card(folder: Path) -> Card:
    found = read_card(folder / "models" / f"{NAME}.onnx")
    assert found is not None
    return found


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with serve(folder, VEREDICTO_MODELS=folder / "models") as started:
        yield started


def list_features(card: Card) -> list[str]:
    assert isinstance(card.input, FeatureInput)
    return [each.name for each in card.input.features]


def ask(server: Server, inputs: object) -> list[Any]:
    body = {"model": NAME, "inputs": inputs}
    return list(server.post("/predict_proba", body).json()["probabilities"])


def test_words_tell_the_classes_apart(card: Card) -> None:
    """A model that has the words only is right far more often than the commonest class."""
    assert card.metrics["accuracy"].value > MIN_ACCURACY
    names = list_features(card)
    assert {"review: awful", "review: great", "stars", "city"} <= set(names)


def test_a_text_is_answered_as_its_terms(server: Server, card: Card) -> None:
    """The server answers a text, as an object and in a list, as it answers the features that it stands for."""
    names = list_features(card)
    row = {"review": "A GREAT view, and friendly", "stars": 4, "city": "Köln"}
    found = {"a", "great", "view", "and", "friendly", "great view", "and friendly"}
    spread = {
        name: float(name.partition(": ")[2] in found) if ": " in name else row[name]
        for name in names
    }
    listed = [row.get(name, row["review"]) for name in names if ": " not in name]
    place = next(at for at, name in enumerate(names) if ": " in name)
    listed.insert(place, row["review"])

    one, other, third = ask(server, [row, spread, listed])
    assert one == other == third
    assert one[1] > MIN_ACCURACY


def test_a_report_is_one_of_the_server_and_of_the_scores(
    folder: Path, new: Path, server: Server, tmp_path: Path
) -> None:
    """Report, judging by the server and scores of a table with texts have the same answers and figures."""
    models = ["--models", str(folder / "models"), "--task", TASK]
    rows = ["--data", str(new), "--label", "liked"]
    evidence = tmp_path / "evidence.json"
    written = ["--output", str(tmp_path / "o.html"), "--evidence", str(evidence)]
    assert evaluate([*models, *rows, *written]) == 0
    assert score([*models, *rows, "--out", str(tmp_path / "scores")]) == 0

    report = json.loads(evidence.read_text())
    judged = server.client.post(
        "/judge",
        data={"task": TASK, "label": "liked"},
        files={"data": ("new.csv", new.read_bytes(), "text/csv")},
    ).json()
    scored = pl.read_parquet(tmp_path / "scores" / "predictions")
    # The report leaves out rows that models were learnt from.
    lines = [int(each.removeprefix("line ")) for each in report["data"]["places"]]
    scored = scored.filter(pl.col("line").is_in(lines))

    assert report["truth"] == judged["truth"]
    for one, other in zip(report["answers"], judged["answers"], strict=True):
        assert one["label"] == other["label"]
        right = sum(map(int.__eq__, one["label"], report["truth"]))
        assert right > MIN_ACCURACY * len(report["truth"])
        answered = scored[one["model"]].to_list()
        assert [report["classes"].index(each) for each in answered] == one["label"]


def test_what_shares_no_words_is_no_text(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A column without words that several rows have is refused as a text, whoever calls it one."""
    words = ["--data", str(folder / "reviews.csv"), "--target", "liked", "--task", TASK]
    no = ["--as", "city=text", "--output", str(folder / "no")]
    assert train(["naive_bayes", *words, *no]) != 0
    assert (
        "--as city=text: expected at least 5 words that several rows have, got 2"
        in capsys.readouterr().out
    )


def test_the_page_has_a_box_for_the_text(server: Server) -> None:
    """A text is one box among the columns' fields, and its words are answered, also on a phone."""
    with start_browser() as browser:
        for size in (WIDE, PHONE):
            with open_page(browser, server.url, size=size) as page:
                box = page.get_by_label("review", exact=True)
                expect(page.locator(".fields .field")).to_have_count(3)
                headline = page.locator(".headline")
                box.fill("The staff was lovely and great, we had a warm room")
                expect(headline).to_contain_text("yes")
                box.fill("The staff was awful and rude, we had a cold room")
                expect(headline).to_contain_text("no")
                assert page.evaluate("document.body.scrollWidth") <= size[0]
