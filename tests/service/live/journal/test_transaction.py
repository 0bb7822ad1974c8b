"""What a transaction writes, and what it adds up to, compared with counting everything again."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from service.errors import NotFound
from service.live.journal import schema
from service.live.journal.records import Feedback, Losses, ModelKey, Predicted, Shadowed
from service.live.journal.transaction import Transactions
from tests.support.journal_counts import count_again, read_counts

CLASSES = ("no", "yes", "maybe")
FIRST, SECOND, THIRD = (
    ModelKey("colour", f"colour-{name}", "v1", CLASSES)
    for name in ("first", "second", "third")
)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(schema.connect(tmp_path / "journal.db")) as opened:
        yield opened


@pytest.fixture
def ledger(connection: sqlite3.Connection) -> Transactions:
    return Transactions(connection, most_rows=1000)


def predicted(number: str, *labels: int) -> Predicted:
    return Predicted(number, FIRST, np.array(labels))


def shadowed(number: str, *labels: list[int]) -> Shadowed:
    """What the second and the third say of a request."""
    return Shadowed(
        [number], [len(labels[0])], FIRST, (SECOND, THIRD), np.array(labels), []
    )


def told(number: str, label: str, row: int | None = None) -> Feedback:
    return Feedback(number, row, label)


def test_counts_are_those_of_the_rows(
    ledger: Transactions, connection: sqlite3.Connection
) -> None:
    """Whether the truth comes before the shadow, with it, or after it, of one row or of several; seeded."""
    generator = np.random.default_rng(7)
    entries: list[object] = []

    for number in range(300):
        n_rows = int(generator.integers(1, 4))
        others = generator.integers(-1, 3, size=(2, n_rows)).tolist()
        later = [shadowed(f"{number}", *others)]
        later += [
            told(
                f"{number}",
                str(generator.choice(CLASSES)),
                int(generator.integers(n_rows)),
            )
        ] * 2
        entries.append(
            [predicted(f"{number}", *generator.integers(0, 3, size=n_rows).tolist())]
        )
        entries += [[later[place]] for place in generator.permutation(3)]

    for start in range(0, len(entries), 7):
        ledger.write([entry for part in entries[start : start + 7] for entry in part])

    assert read_counts(connection) == count_again(connection)
    assert sum(count_again(connection)[1].values()) > 300


def test_a_truth_is_taken_once(ledger: Transactions) -> None:
    """Told again it is no news, told otherwise it is refused."""
    assert ledger.write([predicted("a", 1), told("a", "yes")]) == [True]
    again, zeroth, other = ledger.write(
        [told("a", "yes"), told("a", "yes", 0), told("a", "no")]
    )
    assert (again, zeroth) == (False, False)
    assert str(other) == (
        "label: the row of this id was labelled 'yes' before, and the first label stands, since comparisons have "
        "counted it; got 'no'"
    )
    assert ledger.read_outcomes() == {("colour-first", "v1"): (1, 0)}


def test_what_cannot_be_true_is_refused(ledger: Transactions) -> None:
    """An unknown id, row or class, and a row that is not named; the rest of the batch is written."""
    found = ledger.write(
        [
            predicted("a", 1, 0),
            told("b", "yes"),
            told("a", "yes", 2),
            told("a", "pink", 1),
            told("a", "yes"),
            told("a", "yes", 1),
        ]
    )
    assert [str(each) for each in found] == [
        "unknown id 'b': no prediction of it is kept; the oldest go first",
        "unknown id 'a/2': the rows of its answer are 0 to 1",
        "label: unknown class 'pink'; classes: no, yes, maybe",
        "id: the answer had 2 rows: name one of them, 'a/0' to 'a/1'",
        "True",
    ]


def test_the_oldest_go_first(connection: sqlite3.Connection) -> None:
    """Whole requests with all that belongs to them; what they counted for stays."""
    ledger = Transactions(connection, most_rows=5)
    ledger.write(
        [predicted("a", 1, 1), shadowed("a", [1, 1], [0, 0]), told("a", "yes", 0)]
    )
    ledger.write([predicted("b", 1, 1), predicted("c", 0, 0)])
    assert [
        number for (number,) in connection.execute("SELECT id FROM predictions")
    ] == ["b", "c"]
    assert [
        connection.execute(f"SELECT count(*) FROM {each}").fetchone()[0]
        for each in ("shadows", "truths")
    ] == [
        0,
        0,
    ]
    assert connection.execute("SELECT kept FROM tasks").fetchone() == (4,)
    assert ledger.read_outcomes()[("colour-second", "v1")] == (1, 0)
    assert isinstance(ledger.write([told("a", "yes", 0)])[0], NotFound)


def test_the_newest_request_is_kept_however_large(
    connection: sqlite3.Connection,
) -> None:
    """Its feedback would be lost otherwise."""
    ledger = Transactions(connection, most_rows=2)
    ledger.write([predicted("a", 1), predicted("b", 1, 1, 1)])
    assert ledger.write([told("b", "yes", 2)]) == [True]


def test_a_transaction_that_fails_leaves_nothing(
    ledger: Transactions, connection: sqlite3.Connection
) -> None:
    """Neither rows nor counts, nor numbers of models that are not in the file."""
    ledger.write([Losses("colour", 1, 0)])
    with pytest.raises(sqlite3.IntegrityError):
        ledger.write([predicted("a", 1), told("a", "yes"), predicted("a", 1)])

    assert connection.execute("SELECT count(*) FROM predictions").fetchone() == (0,)
    ledger.write([predicted("a", 1), Losses("colour", 2, 3), told("a", "yes")])
    assert read_counts(connection) == ({"colour-first": (1, 0)}, Counter())
    assert connection.execute("SELECT kept, shed, dropped FROM tasks").fetchone() == (
        1,
        3,
        3,
    )


def test_examples_are_the_latest(
    ledger: Transactions, connection: sqlite3.Connection
) -> None:
    """A hundred of a task."""
    for number in range(150):
        entry = shadowed(f"{number}", [1], [1])._replace(
            examples=[(f"{number}", 0, "[1]")]
        )
        ledger.write([predicted(f"{number}", 0), entry])
    assert connection.execute(
        "SELECT count(*), min(seq), max(seq) FROM examples"
    ).fetchone() == (100, 51, 150)


def test_bounds_only_get_narrower(
    ledger: Transactions, connection: sqlite3.Connection
) -> None:
    """What was refuted stays so when later rows would allow it again."""
    ledger.write(
        [
            entry
            for n in range(60)
            for entry in (predicted(f"{n}", 0), shadowed(f"{n}", [1], [0]))
        ]
    )
    ledger.write([told(f"{n}", "yes") for n in range(60)])
    ledger.narrow_bounds()
    before = connection.execute(
        "SELECT lower, upper FROM pairs ORDER BY challenger"
    ).fetchall()
    ledger.write(
        [
            entry
            for n in range(60, 90)
            for entry in (predicted(f"{n}", 0), shadowed(f"{n}", [1], [0]))
        ]
    )
    ledger.write([told(f"{n}", "no") for n in range(60, 90)])
    ledger.narrow_bounds()
    after = connection.execute(
        "SELECT lower, upper FROM pairs ORDER BY challenger"
    ).fetchall()
    assert before[0][0] > 0.5
    assert all(
        new[0] >= old[0] and new[1] <= old[1]
        for old, new in zip(before, after, strict=True)
    )
    assert after[0][0] == before[0][0]
