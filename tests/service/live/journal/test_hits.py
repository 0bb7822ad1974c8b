"""Right answers are counted by groups and blocks as counting all labelled rows again does, and confidences are kept."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from service.live.journal import hits as module
from service.live.journal.challenger_counts import MEAN_SCALE, scale_mean
from service.live.journal.group_keys import hash_names
from service.live.journal.reading import reader
from service.live.journal.reading.window import ModelVersion
from service.live.journal.records import (
    FeedbackRecord,
    ModelKey,
    PredictionRecord,
    Record,
    ShadowRecord,
)
from service.live.journal.storage import schema
from service.live.journal.transaction import Transactions

CLASSES = ("no", "yes")
FIRST, SECOND = (
    ModelKey("colour", f"colour-{name}", "v1", CLASSES) for name in ("first", "second")
)
VERSION = ModelVersion("colour-first", "v1")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(schema.connect(path)) as opened:
        yield opened


@pytest.fixture
def transactions(connection: sqlite3.Connection) -> Transactions:
    return Transactions(connection, max_rows=100_000)


def test_groups_are_revised_in_the_block_of_their_first_label(
    transactions: Transactions, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counts by share are those of all labelled rows by group, over blocks that are opened, revised and joined."""
    monkeypatch.setattr(module, "GROUPS_PER_BLOCK", 10)
    monkeypatch.setattr(module, "MAX_BLOCKS", 3)
    generator = np.random.default_rng(2)
    shares: dict[str, list[bool]] = defaultdict(list)

    for index in range(400):
        name = f"group {generator.integers(150)}"
        hit = bool(generator.random() < 0.7)
        shares[name].append(hit)
        prediction = PredictionRecord(
            f"{index}", FIRST, np.array([1]), hash_names("colour", name)
        )
        feedback = FeedbackRecord(f"{index}", None, "yes" if hit else "no")
        transactions.write([prediction, feedback])

    found = reader.read_group_counts(path, "colour").hits
    blocks = found[VERSION]
    counts: dict[int, int] = defaultdict(int)
    for means in blocks.values():
        for mean, n_groups in means.items():
            counts[mean] += n_groups

    expected: dict[int, int] = defaultdict(int)
    for hits in shares.values():
        expected[scale_mean(len(hits), sum(hits))] += 1

    assert counts == expected
    assert len(blocks) == 4
    assert min(blocks) == 0
    assert max(blocks) >= 10


def test_rows_by_themselves_are_groups(transactions: Transactions, path: Path) -> None:
    """A request of one row is right or wrong as a whole, and one of several rows by its share."""
    records: list[Record] = []
    for index in range(4):
        records.append(PredictionRecord(f"{index}", FIRST, np.array([1])))
        records.append(FeedbackRecord(f"{index}", None, "yes" if index else "no"))
    records.append(PredictionRecord("many", FIRST, np.array([1, 1, 1])))
    records += [FeedbackRecord("many", row, "yes" if row else "no") for row in range(3)]
    transactions.write(records)

    found = reader.read_group_counts(path, "colour").hits
    two_thirds = int(Fraction(2, 3) * MEAN_SCALE)
    assert found == {VERSION: {0: {0: 1, two_thirds: 1, MEAN_SCALE: 3}}}


def test_what_fails_is_counted_by_no_transaction(
    transactions: Transactions, connection: sqlite3.Connection, path: Path
) -> None:
    """A transaction that fails leaves no counts behind for the next one."""
    connection.execute(
        "CREATE TEMP TRIGGER stop BEFORE INSERT ON main.hit_means "
        "BEGIN SELECT RAISE(ABORT, 'stop'); END"
    )
    records = [
        PredictionRecord("a", FIRST, np.array([1])),
        FeedbackRecord("a", None, "yes"),
    ]
    with pytest.raises(sqlite3.IntegrityError):
        transactions.write(records)

    connection.execute("DROP TRIGGER stop")
    transactions.write(records)
    found = reader.read_group_counts(path, "colour").hits
    assert found == {VERSION: {0: {MEAN_SCALE: 1}}}


def test_confidences_are_read_beside_labels(
    transactions: Transactions, path: Path
) -> None:
    """The highest probability of a row is its confidence, of the model that answered and of its challengers."""
    probabilities = np.array([[0.25, 0.75], [0.6, 0.4]], np.float32)
    shadow = ShadowRecord(
        ["a"],
        [2],
        FIRST,
        (SECOND,),
        np.array([[1, 1]]),
        [],
        np.array([[0.5, 1.0]], np.float32),
    )
    transactions.write(
        [
            PredictionRecord("a", FIRST, np.array([1, 0]), None, probabilities),
            shadow,
            PredictionRecord("b", FIRST, np.array([1])),
        ]
    )
    found = reader.read_window(path, "colour", max_rows=10).confidences
    first, second = found.values()
    assert np.isnan(first[0])
    assert np.isnan(second[0])
    assert first[1:] == pytest.approx([0.75, 0.6], abs=1e-5)
    assert second[1:] == pytest.approx([0.5, 1.0], abs=1e-5)


def test_confidences_go_with_their_predictions(
    connection: sqlite3.Connection,
) -> None:
    """Predictions that are deleted since there are too many leave no confidence behind."""
    transactions = Transactions(connection, max_rows=5)
    certain = np.array([[0.0, 1.0]], np.float32)
    for index in range(20):
        transactions.write(
            [PredictionRecord(f"{index}", FIRST, np.array([1]), None, certain)]
        )

    assert connection.execute("SELECT count(*) FROM confidences").fetchone() == (5,)
