"""A transaction writes what it is given, and its counts are those of counting everything again."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from service.errors import NotFound
from service.live.journal.group_keys import hash_names
from service.live.journal.records import (
    FeedbackRecord,
    LostRows,
    ModelKey,
    PredictionRecord,
    ShadowRecord,
)
from service.live.journal.storage import schema
from service.live.journal.transaction import Transactions
from stats import sequential
from tests.support.journal_counts import (
    count_again,
    count_groups_again,
    read_counts,
    read_groups,
)

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
def transactions(connection: sqlite3.Connection) -> Transactions:
    return Transactions(connection, max_rows=1000)


def make_prediction(prediction_id: str, *labels: int) -> PredictionRecord:
    return PredictionRecord(prediction_id, FIRST, np.array(labels))


def make_shadow(prediction_id: str, *labels: list[int]) -> ShadowRecord:
    """Returns the labels of the second and the third model, `n_rows` each."""
    return ShadowRecord(
        [prediction_id], [len(labels[0])], FIRST, (SECOND, THIRD), np.array(labels), []
    )


def make_feedback(
    prediction_id: str, label: str, row: int | None = None
) -> FeedbackRecord:
    return FeedbackRecord(prediction_id, row, label)


def draw_groups(generator: np.random.Generator, n_rows: int) -> np.ndarray | None:
    """Returns no groups, one group, or one for each row; there are 40 of them, so that requests share some."""
    kind = generator.integers(3)
    names = [f"group {each}" for each in generator.integers(40, size=n_rows)]
    if kind == 0:
        return None
    return hash_names("colour", names[0] if kind == 1 else names)


def test_counts_are_those_of_the_rows(
    transactions: Transactions, connection: sqlite3.Connection
) -> None:
    """Counts hold where the true label comes before the shadow, with it or after it, of one row or several, in groups
    of a request, of a row or over requests; seeded."""
    generator = np.random.default_rng(7)
    records: list[object] = []

    for index in range(300):
        n_rows = int(generator.integers(1, 4))
        others = generator.integers(-1, 3, size=(2, n_rows)).tolist()
        later = [make_shadow(f"{index}", *others)]
        later += [
            make_feedback(
                f"{index}",
                str(generator.choice(CLASSES)),
                int(generator.integers(n_rows)),
            )
        ] * 2
        records.append(
            [
                make_prediction(
                    f"{index}", *generator.integers(0, 3, size=n_rows).tolist()
                )._replace(group_keys=draw_groups(generator, n_rows))
            ]
        )
        records += [[later[place]] for place in generator.permutation(3)]

    for start in range(0, len(records), 7):
        transactions.write(
            [entry for part in records[start : start + 7] for entry in part]
        )

    assert read_counts(connection) == count_again(connection)
    assert read_groups(connection) == count_groups_again(connection)
    assert sum(count_again(connection)[1].values()) > 300


def test_a_true_label_is_taken_once(transactions: Transactions) -> None:
    """A label that is given again is not new, and another label is refused."""
    assert transactions.write([make_prediction("a", 1), make_feedback("a", "yes")]) == [
        True
    ]
    again, zeroth, other = transactions.write(
        [
            make_feedback("a", "yes"),
            make_feedback("a", "yes", 0),
            make_feedback("a", "no"),
        ]
    )
    assert (again, zeroth) == (False, False)
    assert str(other) == (
        "label: the row of this id was labelled 'yes' before, and the first label stands, since comparisons have "
        "counted it; got 'no'"
    )
    assert transactions.read_outcomes() == {("colour-first", "v1"): (1, 0)}


def test_what_cannot_be_true_is_refused(transactions: Transactions) -> None:
    """An unknown id, row or class, and a row that is not named, are refused; the rest of the batch is written."""
    found = transactions.write(
        [
            make_prediction("a", 1, 0),
            make_feedback("b", "yes"),
            make_feedback("a", "yes", 2),
            make_feedback("a", "pink", 1),
            make_feedback("a", "yes"),
            make_feedback("a", "yes", 1),
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
    """Whole predictions are deleted with all that belongs to them; what they counted for stays."""
    transactions = Transactions(connection, max_rows=5)
    transactions.write(
        [
            make_prediction("a", 1, 1),
            make_shadow("a", [1, 1], [0, 0]),
            make_feedback("a", "yes", 0),
        ]
    )
    transactions.write([make_prediction("b", 1, 1), make_prediction("c", 0, 0)])
    assert [
        prediction_id
        for (prediction_id,) in connection.execute("SELECT id FROM predictions")
    ] == ["b", "c"]
    assert [
        connection.execute(f"SELECT count(*) FROM {each}").fetchone()[0]
        for each in ("shadows", "truths")
    ] == [
        0,
        0,
    ]
    assert connection.execute("SELECT kept FROM tasks").fetchone() == (4,)
    assert transactions.read_outcomes()[("colour-second", "v1")] == (1, 0)
    assert isinstance(transactions.write([make_feedback("a", "yes", 0)])[0], NotFound)


def test_the_newest_request_is_kept_however_large(
    connection: sqlite3.Connection,
) -> None:
    """A request with more rows than are kept can still have feedback."""
    transactions = Transactions(connection, max_rows=2)
    transactions.write([make_prediction("a", 1), make_prediction("b", 1, 1, 1)])
    assert transactions.write([make_feedback("b", "yes", 2)]) == [True]


def test_a_transaction_that_fails_leaves_nothing(
    transactions: Transactions, connection: sqlite3.Connection
) -> None:
    """A failed transaction leaves neither rows nor counts, nor keys of models that are not in the file."""
    transactions.write([LostRows("colour", 1, 0)])
    with pytest.raises(sqlite3.IntegrityError):
        transactions.write(
            [
                make_prediction("a", 1),
                make_feedback("a", "yes"),
                make_prediction("a", 1),
            ]
        )

    assert connection.execute("SELECT count(*) FROM predictions").fetchone() == (0,)
    transactions.write(
        [make_prediction("a", 1), LostRows("colour", 2, 3), make_feedback("a", "yes")]
    )
    assert read_counts(connection) == ({"colour-first": (1, 0)}, Counter())
    assert connection.execute("SELECT kept, shed, dropped FROM tasks").fetchone() == (
        1,
        3,
        3,
    )


def test_examples_are_the_latest(
    transactions: Transactions, connection: sqlite3.Connection
) -> None:
    """The file keeps the latest hundred examples of a task."""
    for index in range(150):
        entry = make_shadow(f"{index}", [1], [1])._replace(
            examples=[(f"{index}", 0, "[1]")]
        )
        transactions.write([make_prediction(f"{index}", 0), entry])
    assert connection.execute(
        "SELECT count(*), min(seq), max(seq) FROM examples"
    ).fetchone() == (100, 51, 150)


def write_labelled(
    transactions: Transactions,
    prediction_id: str,
    n_rows: int,
    group_keys: np.ndarray | None = None,
) -> None:
    """Writes rows on which the second model alone is right, row by row labelled."""
    prediction = make_prediction(prediction_id, *[0] * n_rows)
    shadow = make_shadow(prediction_id, [1] * n_rows, [0] * n_rows)
    transactions.write([prediction._replace(group_keys=group_keys), shadow])
    for row in range(n_rows):
        transactions.write([make_feedback(prediction_id, "yes", row)])


def test_a_request_is_one_bet(
    transactions: Transactions, connection: sqlite3.Connection
) -> None:
    """A request of 150 rows is one group of its pairs, however its labels come, and one row is one too."""
    write_labelled(transactions, "a", 150)
    write_labelled(transactions, "b", 1)
    transactions.write([make_feedback("a", "yes", 3)])
    second, third = (
        ("colour-first", "colour-second", 1),
        ("colour-first", "colour-third", 0),
    )
    assert read_groups(connection) == Counter({second: 2, third: 2})
    assert read_counts(connection)[1][second] == 151


def test_a_named_group_is_one_bet_over_requests(
    transactions: Transactions, connection: sqlite3.Connection
) -> None:
    """Rows of one name are one group over requests, and names in feedback and in requests mean the same."""
    write_labelled(transactions, "a", 2, hash_names("colour", ["p", "q"]))
    write_labelled(transactions, "b", 1, hash_names("colour", "p"))
    transactions.write([make_prediction("c", 1), make_shadow("c", [1], [0])])
    told = make_feedback("c", "yes")._replace(group="p")
    assert transactions.write([told, told]) == [True, False]
    found = {
        mean: count
        for (_, challenger, mean), count in read_groups(connection).items()
        if challenger == "colour-second"
    }
    assert found == {Fraction(2, 3): 1, Fraction(1): 1}
    assert read_groups(connection) == count_groups_again(connection)


def test_feedback_cannot_move_a_row_into_another_group(
    transactions: Transactions,
) -> None:
    """A label whose group is not the one of its request is refused, and with the same group or none it is taken."""
    keys = hash_names("colour", ["p", "q"])
    transactions.write([make_prediction("a", 1, 1)._replace(group_keys=keys)])
    wrong, same = transactions.write(
        [
            make_feedback("a", "yes", 0)._replace(group="q"),
            make_feedback("a", "yes", 1)._replace(group="q"),
        ]
    )
    assert str(wrong) == (
        "group: the request of this id put the row into another group than 'q', and that stands: leave group out"
    )
    assert same is True


def test_a_label_that_is_given_again_cannot_move_its_row_into_another_group(
    transactions: Transactions,
) -> None:
    """The group of the first label stands, and so does that it had none; the same group, or none, is no news."""
    transactions.write([make_prediction("a", 1), make_prediction("b", 1)])
    in_p = make_feedback("a", "yes")._replace(group="p")
    without = make_feedback("b", "yes")
    assert transactions.write([in_p, without]) == [True, True]

    found = transactions.write(
        [
            in_p,
            in_p._replace(group=None),
            in_p._replace(group="q"),
            without._replace(group="p"),
        ]
    )

    assert found[:2] == [False, False]
    assert [str(each) for each in found[2:]] == [
        f"group: the row of this id was labelled before, in another group than {name!r} or in none, and that stands, "
        "since comparisons have counted it: leave group out"
        for name in ("q", "p")
    ]


def test_sums_of_groups_go_with_their_rows(connection: sqlite3.Connection) -> None:
    """Sums of groups whose last labelled row is deleted go too, and what they counted for stays."""
    transactions = Transactions(connection, max_rows=4)
    for index in range(20):
        write_labelled(transactions, f"{index}", 2)

    counted = "SELECT count(*) FROM bets WHERE metric = 'accuracy'"
    assert connection.execute(counted).fetchone() == (4,)
    assert sum(read_groups(connection).values()) == 40


def test_all_pairs_of_a_task_share_the_level(
    transactions: Transactions, connection: sqlite3.Connection
) -> None:
    """Each new line-up shares what its number leaves it among its new pairs, and former pairs keep their levels."""
    write_labelled(transactions, "0", 1)
    fourth = THIRD._replace(name="colour-fourth")
    for index in range(1, 30):
        new = fourth._replace(version=f"v{index}")
        shadow = make_shadow(f"{index}", [1], [1])._replace(challengers=(SECOND, new))
        transactions.write(
            [make_prediction(f"{index}", 0), shadow, make_feedback(f"{index}", "yes")]
        )

    found = connection.execute(
        "SELECT lineup, alpha FROM pairs ORDER BY lineup, challenger"
    ).fetchall()
    first = sequential.share_alpha(1, 2)
    expected = [(1, first)] * 2
    expected += [(each, sequential.share_alpha(each, 1)) for each in range(2, 31)]
    assert found == expected
    assert first == pytest.approx(0.05 * 6 / np.pi**2 / 2)
    assert sum(alpha for _, alpha in found) < sequential.ALPHA
