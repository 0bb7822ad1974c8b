"""The live comparison, computed again from the same rows by scikit-learn and statsmodels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, cohen_kappa_score
from statsmodels.stats.proportion import proportion_confint

from service.live import comparison
from service.live.challengers import Lineup, find_lineups, name_source
from service.live.journal import reader, schema
from service.live.journal.records import (
    NO_ANSWER,
    Entry,
    Feedback,
    Losses,
    ModelKey,
    Predicted,
    Shadowed,
)
from service.live.journal.transaction import Transactions
from service.models.registry import Registry
from service.settings import Settings
from stats import sequential
from tests.support.tiny_models import tiny_card, write_tiny

CLASSES = ("no", "yes")
N_ROWS = 400


@pytest.fixture
def registry(models: Path) -> Registry:
    """Three classifiers of one task."""
    write_tiny(models, tiny_card(family="third"), sign=0.5)
    return Registry.load(models)


@pytest.fixture
def lineup(registry: Registry) -> Lineup:
    settings = Settings.from_environment(
        {"VEREDICTO_SHADOW": "colour:colour-second", "VEREDICTO_JOURNAL": "j"}
    )
    return find_lineups(registry, settings)["colour-second"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Transactions]:
    with closing(schema.connect(path)) as connection:
        yield Transactions(connection, most_rows=10_000)


def fill(ledger: Transactions, lineup: Lineup) -> tuple[np.ndarray, np.ndarray]:
    """Seeded labels `(n_rows, 3)`, in the order of names, and truth; the truth of every third row is not told."""
    generator = np.random.default_rng(8)
    truth = generator.integers(0, 2, N_ROWS)
    labels = np.where(
        generator.random((N_ROWS, 3)) < [0.9, 0.7, 0.8],
        truth[:, None],
        1 - truth[:, None],
    )
    champion = name_source(lineup.champion)
    entries: list[Entry] = []

    for row in range(N_ROWS):
        entries.append(Predicted(f"{row}", champion, labels[row, 1:2]))
        examples = [(f"{row}", 0, "[1,null]")] if len(set(labels[row])) > 1 else []
        entries.append(
            Shadowed(
                [f"{row}"],
                [1],
                champion,
                lineup.sources,
                labels[row, [0, 2]][:, None],
                examples,
            )
        )
        if row % 3:
            entries.append(Feedback(f"{row}", None, CLASSES[truth[row]]))

    ledger.write(entries)

    return labels, truth


def test_figures_are_those_of_the_rows(
    registry: Registry, ledger: Transactions, lineup: Lineup, path: Path
) -> None:
    """Agreement and kappa of all, accuracy with its interval of those that are labelled."""
    labels, truth = fill(ledger, lineup)
    found = comparison.describe(
        registry.task("colour"), lineup, reader.read(path, "colour", most_rows=N_ROWS)
    )
    told = np.arange(N_ROWS) % 3 > 0
    assert found["window"] == {
        "rows": N_ROWS,
        "most_rows": comparison.MOST_ROWS,
        "labelled": int(told.sum()),
    }

    for each, column in zip(found["models"], labels.T, strict=True):
        right = int((column == truth)[told].sum())
        assert each["accuracy"]["value"] == pytest.approx(
            accuracy_score(truth[told], column[told]), abs=1e-12
        )
        interval = proportion_confint(right, int(told.sum()), method="wilson")
        assert each["accuracy"]["interval"] == pytest.approx(interval, abs=1e-9)

    for each, (first, second) in zip(
        found["pairs"], combinations(labels.T, 2), strict=True
    ):
        assert each["agreement"] == pytest.approx(
            accuracy_score(first, second), abs=1e-12
        )
        assert each["kappa"] == pytest.approx(
            cohen_kappa_score(first, second), abs=1e-9
        )


def test_tests_are_of_the_labelled_rows_with_their_share_of_alpha(
    registry: Registry, ledger: Transactions, lineup: Lineup, path: Path
) -> None:
    """Each challenger against the champion, which is the worst of the three."""
    labels, truth = fill(ledger, lineup)
    found = comparison.describe(
        registry.task("colour"), lineup, reader.read(path, "colour", most_rows=10)
    )
    told = np.arange(N_ROWS) % 3 > 0
    hits = (labels == truth[:, None])[told].astype(int)

    for each, column in zip(found["tests"], (0, 2), strict=True):
        differences = hits[:, column] - hits[:, 1]
        counts = np.array([[(differences == value).sum() for value in (1, 0, -1)]])
        interval = sequential.bound(counts, alpha=0.025)[0].tolist()
        assert (each["champion"], each["alpha"], each["rows"]) == (
            "colour-second",
            0.025,
            told.sum(),
        )
        assert each["difference"] == pytest.approx(differences.mean())
        assert each["interval"] == pytest.approx(interval)

    assert found["tests"][0]["verdict"] == "challenger better"


def test_the_window_is_the_latest_rows(
    ledger: Transactions, lineup: Lineup, path: Path
) -> None:
    """Newest first, and no more than asked for, also of requests with several rows and of other tasks in between."""
    champion = name_source(lineup.champion)
    other = ModelKey("hue", "hue-first", "v1", CLASSES)
    ledger.write(
        [
            Predicted("a", champion, np.array([0, 0])),
            Predicted("b", other, np.array([1])),
        ]
    )
    ledger.write(
        [
            Predicted("c", champion, np.array([1, 0, 1])),
            Feedback("c", 1, "no"),
            Feedback("b", None, "no"),
        ]
    )
    read = reader.read(path, "colour", most_rows=4)
    (labels,) = read.labels.values()
    assert labels.tolist() == [1, 0, 1, 0]
    assert read.truth.tolist() == [-1, 0, -1, -1]


def test_a_disagreement_says_what_each_said(
    registry: Registry, ledger: Transactions, lineup: Lineup, path: Path
) -> None:
    """With the values, and the truth where it was told; one who had no answer is left out."""
    champion = name_source(lineup.champion)
    shadowed = Shadowed(
        ["a"],
        [2],
        champion,
        lineup.sources,
        np.array([[0, 1], [0, NO_ANSWER]]),
        [("a", 1, "[1,null]")],
    )
    ledger.write(
        [
            Predicted("a", champion, np.array([0, 0])),
            shadowed,
            Feedback("a", 1, "yes"),
            Losses("colour", 3, 4),
        ]
    )
    found = comparison.describe(
        registry.task("colour"), lineup, reader.read(path, "colour", most_rows=10)
    )
    assert found["disagreements"] == [
        {
            "id": "a/1",
            "inputs": [1, None],
            "predictions": {"colour-second": "no", "colour-first": "yes"},
            "label": "yes",
        }
    ]
    assert (found["shed"], found["dropped"]) == (3, 4)
    assert [each["rows"] for each in found["models"]] == [2, 2, 1]


def test_other_versions_are_left_out(
    registry: Registry, ledger: Transactions, lineup: Lineup, path: Path
) -> None:
    """What a file of the same name said before it was exchanged is not what it says now."""
    old = name_source(lineup.champion)._replace(version="0" * 12)
    ledger.write([Predicted("a", old, np.array([1])), Feedback("a", None, "yes")])
    found = comparison.describe(
        registry.task("colour"), lineup, reader.read(path, "colour", most_rows=10)
    )
    assert [(each["rows"], each["accuracy"]["value"]) for each in found["models"]] == [
        (0, None)
    ] * 3
    assert [each["verdict"] for each in found["tests"]] == ["not shown yet"] * 2


def test_without_rows_there_is_nothing_to_say(registry: Registry) -> None:
    """No figure, no pair, no test."""
    found = comparison.describe(registry.task("colour"), None, comparison.NOTHING)
    assert (
        found["pairs"],
        found["tests"],
        found["disagreements"],
        found["champion"],
    ) == ([], [], [], None)
    assert found["models"][0]["accuracy"] == {
        "value": None,
        "interval": None,
        "reason": "undefined: no row that it answered is labelled",
    }
