"""The journal's thread writes: nobody waits for it but feedback, and what it accepts is in the file."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Event
from unicodedata import normalize

import numpy as np
import pytest

from service.errors import InvalidRequest, NotFound, Overloaded
from service.live.journal import waiting_records as module
from service.live.journal.records import (
    FeedbackRecord,
    ModelKey,
    PredictionRecord,
    ShadowRecord,
)
from service.live.journal.storage import schema
from service.live.journal.transaction import Transactions
from service.live.journal.writer import Journal
from tests.support.server import ROOT

FIRST = ModelKey("colour", "colour-first", "v1", ("no", "yes"))
SECOND = ModelKey("colour", "colour-second", "v1", ("no", "yes"))
LIMIT_S = 30


@pytest.fixture
def open_journal(tmp_path: Path) -> Iterator[Callable[..., Journal]]:
    """Opens journals of one file, and closes them at the end."""
    with ExitStack() as stack:

        def make(*, max_rows: int = 10_000) -> Journal:
            model_keys = (FIRST, SECOND)
            made = Journal(
                tmp_path / "journal.db", max_rows=max_rows, model_keys=model_keys
            )
            stack.callback(made.close)

            return made

        yield make


def count(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        found: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        return found


def test_what_is_accepted_is_in_the_file(open_journal: Callable[..., Journal]) -> None:
    """Another connection reads the label as soon as its future is done."""
    journal = open_journal()
    prediction_id = journal.record_prediction(FIRST, np.array([1]))
    journal.record_feedback(FeedbackRecord(prediction_id, None, "yes")).result(LIMIT_S)
    assert (count(journal.path, "predictions"), count(journal.path, "truths")) == (1, 1)


def test_ids_are_random_and_differ(open_journal: Callable[..., Journal]) -> None:
    """Ids have 16 characters that need no quoting, and those of two journals differ."""
    prediction_ids = [
        journal.record_prediction(FIRST, np.array([1]))
        for journal in (open_journal(), open_journal())
        for _ in range(600)
    ]
    assert len(set(prediction_ids)) == 1200
    assert all(
        len(prediction_id) == 16
        and set(prediction_id) < set("-_" + "".join(map(chr, range(48, 123))))
        for prediction_id in prediction_ids
    )
    assert len({prediction_id[4:8] for prediction_id in prediction_ids}) > 1190


def test_feedback_may_come_to_another_worker_first(
    open_journal: Callable[..., Journal],
) -> None:
    """Feedback waits for a prediction that another worker has still in its queue."""
    first = open_journal()
    second = open_journal()
    pairs = [
        (first.record_prediction(FIRST, np.array([0, 1])), second) for _ in range(50)
    ]
    pairs += [
        (second.record_prediction(FIRST, np.array([0, 1])), first) for _ in range(50)
    ]
    futures = [
        journal.record_feedback(FeedbackRecord(prediction_id, 1, "yes"))
        for prediction_id, journal in pairs
    ]
    assert [future.result(LIMIT_S) for future in futures] == [None] * 100
    assert count(first.path, "truths") == 100


def test_an_id_that_nobody_has_is_not_waited_for_long(
    open_journal: Callable[..., Journal],
) -> None:
    """An unknown id raises NotFound after a while, an unknown class InvalidRequest at once."""
    journal = open_journal()
    with pytest.raises(NotFound, match="unknown id 'nothing'"):
        journal.record_feedback(FeedbackRecord("nothing", None, "yes")).result(LIMIT_S)

    with pytest.raises(InvalidRequest, match="unknown class 'pink'; classes: no, yes"):
        journal.record_feedback(
            FeedbackRecord(
                journal.record_prediction(FIRST, np.array([1])), None, "pink"
            )
        ).result(LIMIT_S)


def test_a_label_in_another_form_of_unicode_is_told(
    open_journal: Callable[..., Journal],
) -> None:
    """Accents that are characters of their own make another text, which looks like the class itself."""
    journal = open_journal()
    model = ModelKey("colour", "colour-first", "v2", ("no", "sí"))
    prediction = journal.record_prediction(model, np.array([1]))
    label = normalize("NFD", "sí")

    with pytest.raises(InvalidRequest, match=r"\(the same letters are known in .* NFC"):
        journal.record_feedback(FeedbackRecord(prediction, None, label)).result(LIMIT_S)


def test_many_threads_give_feedback_and_record(
    open_journal: Callable[..., Journal],
) -> None:
    """Eight threads lose nothing and count nothing twice, though each label is given two times."""
    journal = open_journal()

    def take_part(_: int) -> None:
        prediction_ids = [
            journal.record_prediction(FIRST, np.array([1])) for _ in range(50)
        ]
        for future in [
            journal.record_feedback(FeedbackRecord(prediction_id, None, "yes"))
            for prediction_id in prediction_ids * 2
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
            journal.path,
            max_rows=10,
            model_keys=(FIRST, SECOND),
        )
    ) as again:
        assert again.outcomes("colour") == {
            "colour-first": (400, 0),
            "colour-second": (0, 0),
        }


def test_closing_writes_what_waits(open_journal: Callable[..., Journal]) -> None:
    """Predictions and shadows that wait are in the file after closing."""
    journal = open_journal()
    prediction_id = journal.record_prediction(FIRST, np.array([1]))
    journal.record_shadow(
        ShadowRecord([prediction_id], [1], FIRST, (SECOND,), np.array([[0]]), [])
    )
    journal.close()
    assert (count(journal.path, "predictions"), count(journal.path, "shadows")) == (
        1,
        1,
    )


def test_after_its_end_nothing_is_accepted(
    open_journal: Callable[..., Journal],
) -> None:
    """Feedback raises Overloaded after the journal was closed."""
    journal = open_journal()
    journal.close()
    with pytest.raises(Overloaded):
        journal.record_feedback(FeedbackRecord("any", None, "yes"))


def test_a_full_queue_drops_predictions_and_counts_them(
    open_journal: Callable[..., Journal], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers have their ids while another process locks the file, and what is dropped is counted."""
    monkeypatch.setattr(module, "MAX_WAITING_BYTES", 5000)
    journal = open_journal()

    with closing(sqlite3.connect(journal.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        prediction_ids = [
            journal.record_prediction(FIRST, np.array([1])) for _ in range(40)
        ]
        other.execute("ROLLBACK")

    last = journal.record_prediction(FIRST, np.array([1]))
    journal.close()
    kept = count(journal.path, "predictions")
    with closing(sqlite3.connect(journal.path)) as connection:
        (dropped,) = connection.execute("SELECT dropped FROM tasks").fetchone()

    assert len({*prediction_ids, last}) == 41
    assert kept + dropped == 41
    assert dropped > 0


FILLING = """
import resource, sys
from pathlib import Path
import numpy as np
from service.errors import Overloaded
from service.live.journal.writer import Journal
from service.live.journal.records import ModelKey, FeedbackRecord

model_key = ModelKey("colour", "colour-first", "v1", ("no", "yes"))
journal = Journal(Path(sys.argv[1]), max_rows=10**6, model_keys=[model_key])
before = journal.record_prediction(model_key, np.array([1]))
journal.record_feedback(FeedbackRecord(before, None, "yes")).result(30)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))  # the disk is full
refused = []
while not refused:
    prediction_id = journal.record_prediction(model_key, np.ones(5000, dtype=np.int64))
    try:
        journal.record_feedback(FeedbackRecord(prediction_id, 0, "yes")).result(30)
    except Overloaded as error:
        refused.append(str(error))
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))  # and has room again
after = journal.record_prediction(model_key, np.array([0]))
journal.record_feedback(FeedbackRecord(after, None, "yes")).result(30)
journal.close()
with_reason = refused[0].startswith("feedback: the label is not stored, try again: ")
print(with_reason)
"""


def test_a_full_disk_drops_predictions_and_refuses_feedback(tmp_path: Path) -> None:
    """A process whose files may not grow refuses feedback, and goes on when there is room again."""
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


def test_what_waits_is_bounded_in_bytes(open_journal: Callable[..., Journal]) -> None:
    """Predictions of many rows and shadows take no more than their part of memory while the file is locked."""
    journal = open_journal()
    waiting = journal._waiting
    labels = np.zeros(10_000, dtype=np.int64)
    max_bytes = 0

    with closing(sqlite3.connect(journal.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(1000):
            prediction_id = journal.record_prediction(FIRST, labels)
            shadow = ShadowRecord(
                [prediction_id], [10_000], FIRST, (SECOND,), labels[None, :], []
            )
            journal.record_shadow(shadow)
            # What the thread has taken to write it counts too.
            max_bytes = max(max_bytes, waiting._n_bytes)

        other.execute("ROLLBACK")

    assert labels.nbytes < max_bytes <= module.MAX_WAITING_BYTES
    assert waiting.n_dropped > 0


@pytest.mark.parametrize("now_s", [0.0, -86_400.0, 4e9, 1e12])
def test_steps_of_the_clock_change_nothing(
    open_journal: Callable[..., Journal],
    monkeypatch: pytest.MonkeyPatch,
    now_s: float,
) -> None:
    """Ids differ and feedback is accepted whatever the time of day is said to be."""
    journal = open_journal()
    prediction_ids = [journal.record_prediction(FIRST, np.array([1]))]
    monkeypatch.setattr("service.live.journal.prediction_ids.time", lambda: now_s)
    prediction_ids += [
        journal.record_prediction(FIRST, np.array([1])) for _ in range(200)
    ]

    for each in prediction_ids:
        journal.record_feedback(FeedbackRecord(each, None, "yes"))
    journal.close()
    assert len(set(prediction_ids)) == 201
    assert count(journal.path, "truths") == 201


def test_long_labels_do_not_pile_up(open_journal: Callable[..., Journal]) -> None:
    """Feedback whose labels together are too long to wait is refused."""
    journal = open_journal()
    label = "x" * (module.MAX_LABEL_BYTES // 2)

    with closing(sqlite3.connect(journal.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(2):
            journal.record_feedback(FeedbackRecord("any", None, label))
        with pytest.raises(Overloaded, match="labels wait to be stored already"):
            journal.record_feedback(FeedbackRecord("any", None, label))
        other.execute("ROLLBACK")


def wait_until(holds: Callable[[], bool]) -> None:
    for _ in range(3000):
        if holds():
            return
        Event().wait(0.02)
    raise AssertionError("it does not come true")


@pytest.mark.parametrize("name", ["journal.db", "journal.db-wal", "journal.db-shm"])
def test_no_label_is_accepted_after_a_file_was_deleted(
    open_journal: Callable[..., Journal],
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    """Feedback is refused from the moment at which a file is gone, predictions have ids, and the log says it once."""
    journal = open_journal()
    before = journal.record_prediction(FIRST, np.array([1]))
    journal.record_feedback(FeedbackRecord(before, None, "yes")).result(LIMIT_S)
    journal.path.with_name(name).unlink()

    for _ in range(20):
        prediction_id = journal.record_prediction(FIRST, np.array([1]))
        with pytest.raises(Overloaded, match="deleted or moved while the server runs"):
            journal.record_feedback(FeedbackRecord(prediction_id, None, "yes")).result(
                LIMIT_S
            )

    assert len(prediction_id) == 16
    assert len(caplog.records) == 1
    with pytest.raises(Overloaded, match=r"^the journal cannot be read now: "):
        journal.check_readable()
    assert journal.path.with_name(name).exists() is False


def test_a_deletion_is_noticed_though_nothing_is_written(
    open_journal: Callable[..., Journal], caplog: pytest.LogCaptureFixture
) -> None:
    """The thread looks at the file by itself."""
    journal = open_journal()
    journal.path.unlink()
    wait_until(lambda: bool(caplog.records))
    assert caplog.messages == [
        "predictions are dropped: the journal cannot be written: the journal's file was deleted or moved while the "
        "server runs, feedback is refused until a restart"
    ]


def test_a_damaged_file_is_refused_from_the_start(
    tmp_path: Path, open_journal: Callable[..., Journal]
) -> None:
    """A journal of a damaged file is made, gives ids, refuses feedback, and leaves the file as it is."""
    content = random.Random(0).randbytes(60_000)
    (tmp_path / "journal.db").write_bytes(content)
    journal = open_journal()

    assert len(journal.record_prediction(FIRST, np.array([1]))) == 16
    with pytest.raises(Overloaded, match="damaged: file is not a database; the jour"):
        journal.record_feedback(FeedbackRecord("any", None, "yes"))

    journal.close()
    assert (tmp_path / "journal.db").read_bytes() == content


def test_a_lock_at_the_start_ends_by_itself(
    tmp_path: Path, open_journal: Callable[..., Journal]
) -> None:
    """A journal of a new file that another process locks refuses feedback, and takes it when the lock is gone."""
    path = tmp_path / "journal.db"
    path.touch()

    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        journal = open_journal()
        with pytest.raises(Overloaded, match="try again: database is locked"):
            journal.record_feedback(FeedbackRecord("any", None, "yes")).result(LIMIT_S)
        other.execute("ROLLBACK")

    def is_accepted() -> bool:
        prediction_id = journal.record_prediction(FIRST, np.array([1]))
        record = FeedbackRecord(prediction_id, None, "yes")
        try:
            journal.record_feedback(record).result(LIMIT_S)
        except Overloaded:
            return False
        return True

    wait_until(is_accepted)


@pytest.mark.parametrize(("fsync", "expected"), [(0, [1, 1, 1]), (1, [1, 2, 1])])
def test_only_labels_wait_for_the_disk(
    tmp_path: Path, fsync: int, expected: list[int]
) -> None:
    """A transaction of labels waits for the disk with `fsync`, one of predictions does not; without it none does."""
    path = tmp_path / "journal.db"
    levels = []
    with closing(schema.connect(path)) as connection:
        transactions = Transactions(connection, max_rows=100, fsync=bool(fsync))
        for records in (
            [PredictionRecord("any", FIRST, np.array([1]))],
            [FeedbackRecord("any", None, "yes")],
            [PredictionRecord("other", FIRST, np.array([1]))],
        ):
            transactions.write(records)
            levels.append(connection.execute("PRAGMA synchronous").fetchone()[0])

    assert levels == expected


def test_outcomes_are_read_without_waiting(
    open_journal: Callable[..., Journal],
) -> None:
    """Outcomes are those of the last look into the file, and soon the latest."""
    journal = open_journal()
    assert journal.outcomes("colour") == {
        "colour-first": (0, 0),
        "colour-second": (0, 0),
    }
    assert journal.outcomes("nothing") == {}
    prediction_id = journal.record_prediction(FIRST, np.array([1]))
    journal.record_shadow(
        ShadowRecord([prediction_id], [1], FIRST, (SECOND,), np.array([[0]]), [])
    )
    journal.record_feedback(FeedbackRecord(prediction_id, None, "yes")).result(LIMIT_S)

    for _ in range(3000):
        if journal.outcomes("colour")["colour-first"] == (1, 0):
            break
        Event().wait(0.02)

    assert journal.outcomes("colour") == {
        "colour-first": (1, 0),
        "colour-second": (0, 1),
    }
