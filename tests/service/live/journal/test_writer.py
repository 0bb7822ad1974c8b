"""The thread that writes: nobody waits for it but feedback, and what it accepts is in the file."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from service.errors import InvalidRequest, NotFound, Overloaded
from service.live.journal import writer as module
from service.live.journal.records import Feedback, ModelKey, Shadowed
from service.live.journal.writer import Journal
from tests.support.server import ROOT

SOURCE = ModelKey("colour", "colour-first", "v1", ("no", "yes"))
OTHER = ModelKey("colour", "colour-second", "v1", ("no", "yes"))
LIMIT_S = 30


@pytest.fixture
def open_journal(tmp_path: Path) -> Iterator[Callable[..., Journal]]:
    """Journals of one file, closed at the end."""
    with ExitStack() as stack:

        def make(*, most_rows: int = 10_000) -> Journal:
            sources = {each.name: each for each in (SOURCE, OTHER)}
            made = Journal(
                tmp_path / "journal.db", most_rows=most_rows, sources=sources
            )
            stack.callback(made.close)

            return made

        yield make


def count(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        found: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        return found


def test_what_is_accepted_is_in_the_file(open_journal: Callable[..., Journal]) -> None:
    """Read by another connection as soon as the future is done."""
    journal = open_journal()
    number = journal.record(SOURCE, np.array([1]))
    journal.tell(Feedback(number, None, "yes")).result(LIMIT_S)
    assert (count(journal.path, "predictions"), count(journal.path, "truths")) == (1, 1)


def test_ids_are_random_and_differ(open_journal: Callable[..., Journal]) -> None:
    """16 characters that need no quoting, also of two journals."""
    numbers = [
        journal.record(SOURCE, np.array([1]))
        for journal in (open_journal(), open_journal())
        for _ in range(600)
    ]
    assert len(set(numbers)) == 1200
    assert all(
        len(number) == 16
        and set(number) < set("-_" + "".join(map(chr, range(48, 123))))
        for number in numbers
    )
    assert len({number[4:8] for number in numbers}) > 1190


def test_a_truth_may_come_to_another_worker_first(
    open_journal: Callable[..., Journal],
) -> None:
    """It waits for the prediction, which is on its way."""
    first = open_journal()
    second = open_journal()
    pairs = [(first.record(SOURCE, np.array([0, 1])), second) for _ in range(50)]
    pairs += [(second.record(SOURCE, np.array([0, 1])), first) for _ in range(50)]
    futures = [journal.tell(Feedback(number, 1, "yes")) for number, journal in pairs]
    assert [future.result(LIMIT_S) for future in futures] == [None] * 100
    assert count(first.path, "truths") == 100


def test_an_id_that_nobody_has_is_not_waited_for_long(
    open_journal: Callable[..., Journal],
) -> None:
    """And an unknown class is refused at once."""
    journal = open_journal()
    with pytest.raises(NotFound, match="unknown id 'nothing'"):
        journal.tell(Feedback("nothing", None, "yes")).result(LIMIT_S)

    with pytest.raises(InvalidRequest, match="unknown class 'pink'; classes: no, yes"):
        journal.tell(
            Feedback(journal.record(SOURCE, np.array([1])), None, "pink")
        ).result(LIMIT_S)


def test_many_threads_tell_and_record(open_journal: Callable[..., Journal]) -> None:
    """Nothing is lost, nothing counted twice; two tell each truth."""
    journal = open_journal()

    def take_part(_: int) -> None:
        numbers = [journal.record(SOURCE, np.array([1])) for _ in range(50)]
        for future in [
            journal.tell(Feedback(number, None, "yes")) for number in numbers * 2
        ]:
            future.result(LIMIT_S)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(take_part, range(8)))

    journal.close()
    assert (count(journal.path, "predictions"), count(journal.path, "truths")) == (
        400,
        400,
    )

    with closing(
        Journal(
            journal.path, most_rows=10, sources={SOURCE.name: SOURCE, OTHER.name: OTHER}
        )
    ) as again:
        assert again.outcomes("colour") == {
            "colour-first": (400, 0),
            "colour-second": (0, 0),
        }


def test_closing_writes_what_waits(open_journal: Callable[..., Journal]) -> None:
    """Predictions and shadows."""
    journal = open_journal()
    number = journal.record(SOURCE, np.array([1]))
    journal.record_shadow(
        Shadowed([number], [1], SOURCE, (OTHER,), np.array([[0]]), [])
    )
    journal.close()
    assert (count(journal.path, "predictions"), count(journal.path, "shadows")) == (
        1,
        1,
    )


def test_after_its_end_nothing_is_accepted(
    open_journal: Callable[..., Journal],
) -> None:
    """What cannot be stored is refused."""
    journal = open_journal()
    journal.close()
    with pytest.raises(Overloaded):
        journal.tell(Feedback("any", None, "yes"))


def test_a_full_queue_drops_predictions_and_counts_them(
    open_journal: Callable[..., Journal], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is locked by another meanwhile; answers have their ids all the same, which mean nothing then."""
    monkeypatch.setattr(module, "MOST_ROWS", 10)
    journal = open_journal()

    with closing(sqlite3.connect(journal.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        numbers = [journal.record(SOURCE, np.array([1])) for _ in range(40)]
        other.execute("ROLLBACK")

    last = journal.record(SOURCE, np.array([1]))
    journal.close()
    kept = count(journal.path, "predictions")
    with closing(sqlite3.connect(journal.path)) as connection:
        (dropped,) = connection.execute("SELECT dropped FROM tasks").fetchone()

    assert len({*numbers, last}) == 41
    assert kept + dropped == 41
    assert dropped > 0


FILLING = """
import resource, sys
from pathlib import Path
import numpy as np
from service.errors import Overloaded
from service.live.journal.writer import Journal
from service.live.journal.records import ModelKey, Feedback

source = ModelKey("colour", "colour-first", "v1", ("no", "yes"))
journal = Journal(Path(sys.argv[1]), most_rows=10**6, sources={source.name: source})
before = journal.record(source, np.array([1]))
journal.tell(Feedback(before, None, "yes")).result(30)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))  # the disk is full
refused = []
while not refused:
    number = journal.record(source, np.ones(5000, dtype=np.int64))
    try:
        journal.tell(Feedback(number, 0, "yes")).result(30)
    except Overloaded as error:
        refused.append(str(error))
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))  # and has room again
after = journal.record(source, np.array([0]))
journal.tell(Feedback(after, None, "yes")).result(30)
journal.close()
with_reason = refused[0].startswith("feedback: the label is not stored, try again: ")
print(with_reason)
"""


def test_a_full_disk_drops_predictions_and_refuses_truths(tmp_path: Path) -> None:
    """In a process of its own whose files may not grow; when there is room again it goes on."""
    path = tmp_path / "journal.db"
    command = [sys.executable, "-c", FILLING, str(path)]
    finished = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert finished.stdout.startswith("True")
    assert "predictions are dropped: the journal cannot be written" in finished.stderr

    with closing(sqlite3.connect(path)) as connection:
        dropped, right, wrong = connection.execute(
            "SELECT dropped, right, wrong FROM tasks JOIN models ON task = tasks.number"
        ).fetchone()
        truths = connection.execute("SELECT count(*) FROM truths").fetchone()[0]

    assert dropped >= 5000
    assert truths == right + wrong
    assert wrong == 1


def test_outcomes_are_read_without_waiting(
    open_journal: Callable[..., Journal],
) -> None:
    """They are those of the last look into the file, and soon the latest."""
    journal = open_journal()
    assert journal.outcomes("colour") == {
        "colour-first": (0, 0),
        "colour-second": (0, 0),
    }
    assert journal.outcomes("nothing") == {}
    number = journal.record(SOURCE, np.array([1]))
    journal.record_shadow(
        Shadowed([number], [1], SOURCE, (OTHER,), np.array([[0]]), [])
    )
    journal.tell(Feedback(number, None, "yes")).result(LIMIT_S)

    for _ in range(300):
        if journal.outcomes("colour")["colour-first"] == (1, 0):
            break
        Event().wait(0.02)

    assert journal.outcomes("colour") == {
        "colour-first": (1, 0),
        "colour-second": (0, 1),
    }
