"""The reader finds the latest predictions of a task, their true labels, and the counts of features."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from service.live.journal.challenger_counts import MEAN_SCALE
from service.live.journal.reading import reader
from service.live.journal.reading.window import UNLABELLED, ModelVersion
from service.live.journal.records import (
    NO_ANSWER,
    FeatureCounts,
    FeedbackRecord,
    LostRows,
    ModelKey,
    PredictionRecord,
    ShadowExample,
    ShadowRecord,
)
from service.live.journal.storage import schema
from service.live.journal.transaction import Transactions
from stats import sequential

CLASSES = ("no", "yes")
FIRST = ModelKey("colour", "colour-first", "v1", CLASSES)
SECOND = ModelKey("colour", "colour-second", "v1", CLASSES)
OTHER_TASK = ModelKey("hue", "hue-first", "v1", CLASSES)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def transactions(path: Path) -> Iterator[Transactions]:
    with closing(schema.connect(path)) as connection:
        yield Transactions(connection, max_rows=10_000)


def predict(prediction_id: str, model_key: ModelKey, *labels: int) -> PredictionRecord:
    return PredictionRecord(prediction_id, model_key, np.array(labels))


def test_the_window_is_the_latest_rows(transactions: Transactions, path: Path) -> None:
    """The newest rows come first and no more than asked for, also where requests have several rows and tasks mix."""
    transactions.write([predict("a", FIRST, 0, 0), predict("b", OTHER_TASK, 1)])
    transactions.write(
        [
            predict("c", FIRST, 1, 0, 1),
            FeedbackRecord("c", 1, "no"),
            FeedbackRecord("b", None, "no"),
        ]
    )
    window = reader.read_window(path, "colour", max_rows=4)
    (labels,) = window.labels.values()
    assert labels.tolist() == [1, 0, 1, 0]
    assert window.true_labels.tolist() == [-1, 0, -1, -1]


def test_a_shadow_is_read_beside_its_prediction(
    transactions: Transactions, path: Path
) -> None:
    """The window has a challenger's labels where it answered, an example of a disagreement, and the pair's counts."""
    shadow = ShadowRecord(
        ["a"], [2], FIRST, (SECOND,), np.array([[1, 1]]), [ShadowExample("a", 1, "[2]")]
    )
    transactions.write(
        [
            predict("a", FIRST, 1, 0),
            shadow,
            predict("b", FIRST, 0),
            FeedbackRecord("a", 1, "yes"),
            LostRows("colour", n_shed=3, n_dropped=4),
        ]
    )
    window = reader.read_window(path, "colour", max_rows=10)
    first = ModelVersion("colour-first", "v1")
    second = ModelVersion("colour-second", "v1")

    assert window.labels[first].tolist() == [0, 1, 0]
    assert window.labels[second].tolist() == [NO_ANSWER, 1, 1]
    assert window.true_labels.tolist() == [UNLABELLED, UNLABELLED, 1]
    assert window.examples == [("a/1", [2], {first: 0, second: 1}, 1)]
    alpha = sequential.share_alpha(1, 1)
    assert window.pairs == [(first, second, (1, 0, 0), {MEAN_SCALE: 1}, alpha)]
    assert window.groups.tolist() == [2, 1, 1]
    assert window.n_lineups == 1
    assert (window.n_shed, window.n_dropped) == (3, 4)


def test_a_task_without_predictions_has_an_empty_window(
    transactions: Transactions, path: Path
) -> None:
    """An unknown task has no labels, no examples, no pairs and no lost rows."""
    transactions.write([predict("a", FIRST, 1)])
    window = reader.read_window(path, "hue", max_rows=10)

    assert (window.labels, window.examples, window.pairs) == ({}, [], [])
    assert len(window.true_labels) == 0
    assert (window.n_shed, window.n_dropped) == (0, 0)


def test_feature_counts_are_summed_until_there_are_enough_rows(
    transactions: Transactions, path: Path
) -> None:
    """The latest counts of a basis are summed; those before them are left out, and so is another basis."""
    for n_rows in (400, 300, 200):
        counts = np.array([n_rows, 1])
        transactions.write([FeatureCounts("colour", "basis", n_rows, counts)])

    transactions.write([FeatureCounts("colour", "other", 7, np.array([7, 7]))])
    found = reader.read_feature_counts(path, "colour", basis="basis", max_rows=450)

    assert found is not None
    number, counts = found
    assert number > 1
    assert counts.tolist() == [500, 2]
    assert reader.read_feature_counts(path, "hue", basis="basis", max_rows=9) is None


def test_a_missing_file_raises_an_error_of_sqlite(tmp_path: Path) -> None:
    """Reading never makes the tables of a journal: a file without them raises OperationalError."""
    with pytest.raises(sqlite3.OperationalError):
        reader.read_window(tmp_path / "nothing.db", "colour", max_rows=10)


DAMAGES = {
    "a label beyond the classes": "UPDATE predictions SET labels = x'09000000'",
    "a label under -1": "UPDATE predictions SET labels = x'f0ffffff'",
    "labels cut short": "UPDATE predictions SET labels = x'0000'",
    "labels that are a text": "UPDATE predictions SET labels = 'no'",
    "a true label beyond the classes": "UPDATE truths SET label = 7",
    "a row beyond the prediction": "UPDATE truths SET row = 500",
    "an unknown model": "UPDATE predictions SET model = 99",
    "an unknown set of challengers": "UPDATE shadows SET lineup = 99",
    "classes that are no JSON": "UPDATE models SET classes = '['",
    "inputs that are no JSON": "UPDATE examples SET inputs = '{'",
    "a shadow without labels": "UPDATE shadows SET labels = x''",
}


@pytest.mark.parametrize("name", DAMAGES)
def test_rows_that_do_not_fit_together_are_damage(
    transactions: Transactions, path: Path, name: str
) -> None:
    """Rows that no journal writes raise sqlite3.DatabaseError where they are read."""
    shadow = ShadowRecord(
        prediction_ids=["a"],
        row_counts=[1],
        champion=FIRST,
        challengers=(SECOND,),
        labels=np.array([[1]]),
        examples=[ShadowExample("a", 0, "[1]")],
    )
    transactions.write([predict("a", FIRST, 0), shadow])
    transactions.write([FeedbackRecord("a", None, "no")])
    assert reader.read_window(path, "colour", max_rows=10).examples

    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(DAMAGES[name])

    with pytest.raises(sqlite3.DatabaseError):
        reader.read_window(path, "colour", max_rows=10)


def test_counts_of_different_lengths_are_damage(
    transactions: Transactions, path: Path
) -> None:
    """Counts that cannot be summed raise sqlite3.DatabaseError."""
    for n_counts in (3, 4):
        counts = np.ones(n_counts, np.int64)
        transactions.write([FeatureCounts("colour", "basis", 400, counts)])

    with pytest.raises(sqlite3.DatabaseError, match="do not fit together"):
        reader.read_feature_counts(path, "colour", basis="basis", max_rows=10_000)
