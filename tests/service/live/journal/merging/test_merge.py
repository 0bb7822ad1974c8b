"""Journals of several servers are merged into what one journal would be that had got it all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.live.journal import group_keys
from service.live.journal.__main__ import main
from service.live.journal.merging.merge import merge
from service.live.journal.merging.sources import MergeRefused
from service.live.journal.prediction_ids import PredictionIds
from service.live.journal.reading import reader
from service.live.journal.records import (
    FeatureCounts,
    FeedbackRecord,
    LostRows,
    ModelKey,
    PredictionRecord,
    Record,
    ShadowExample,
    ShadowRecord,
    encode_probabilities,
)
from service.live.journal.storage import schema
from service.live.journal.transaction import Transactions

CLASSES = ("no", "yes")
FIRST = ModelKey("colour", "colour-first", "v1", CLASSES)
SECOND = ModelKey("colour", "colour-second", "v1", CLASSES)
THIRD = ModelKey("colour", "colour-third", "v1", CLASSES)
MAX_ROWS = 100_000


def make_requests(n_requests: int = 60) -> Iterator[list[Record]]:
    """Yields the records of each request: its prediction, its shadow, and true labels of most of its rows."""
    generator = np.random.default_rng(0)
    ids = PredictionIds()
    for number in range(n_requests):
        n_rows = 1 + number % 3
        truth = generator.integers(0, 2, n_rows)
        hits = generator.random((3, n_rows)) < [[0.7], [0.9], [0.8]]
        labels = np.where(hits, truth, 1 - truth)
        confidences = generator.uniform(0.5, 1, (3, n_rows)).astype(np.float32)
        name = f"patient {number % 7}" if number % 2 else None
        keys = None if name is None else group_keys.hash_names("colour", name)
        prediction_id = ids.take()
        challengers = (SECOND,) if number < n_requests // 2 else (SECOND, THIRD)
        probabilities = np.stack([1 - confidences, confidences], axis=2)
        example = ShadowExample(prediction_id, 0, "[1]")
        yield [
            PredictionRecord(prediction_id, FIRST, labels[0], keys, probabilities[0]),
            ShadowRecord(
                [prediction_id],
                [n_rows],
                FIRST,
                challengers,
                labels[1 : 1 + len(challengers)],
                [example] if number % 5 == 0 else [],
                confidences=confidences[1 : 1 + len(challengers)],
                probabilities=encode_probabilities(probabilities)[
                    : 1 + len(challengers)
                ],
            ),
            *(
                FeedbackRecord(prediction_id, row, CLASSES[truth[row]])
                for row in range(n_rows)
                if (number + row) % 4
            ),
            FeatureCounts("colour", "basis", n_rows, np.array([n_rows, number % 3])),
            LostRows("colour", n_shed=number % 2, n_dropped=1),
        ]


def write(
    path: Path, requests: list[list[Record]], *, max_rows: int = MAX_ROWS
) -> Path:
    with closing(schema.connect(path)) as connection:
        transactions = Transactions(connection, max_rows=max_rows)
        for records in requests:
            transactions.write(records)

    return path


METRICS = ("brier", "log_loss", "recall 0")


def read_gains(path: Path) -> tuple[dict[str, Any], list[Any]]:
    """Returns the means of groups by other metrics than accuracy, and all probabilities."""
    window = reader.read_window(path, "colour", max_rows=1, metrics=METRICS)
    with closing(schema.connect_to_read(path)) as connection:
        probabilities = connection.execute(
            "SELECT id, probabilities FROM probabilities JOIN predictions USING (seq) ORDER BY id"
        ).fetchall()

    assert probabilities
    assert all(window.gains.values())
    return window.gains, probabilities


def read(path: Path) -> dict[str, Any]:
    """Returns all that a comparison of the task follows from, in an order of its own."""
    window = reader.read_window(path, "colour", max_rows=MAX_ROWS)
    drift = reader.read_feature_counts(path, "colour", basis="basis", max_rows=MAX_ROWS)
    with closing(schema.connect_to_read(path)) as connection:
        outcomes = connection.execute(
            "SELECT name, version, right, wrong FROM models ORDER BY name"
        ).fetchall()
        hits = connection.execute(
            "SELECT name, block, mean, n_groups FROM hit_means JOIN models ON model = number "
            "WHERE n_groups > 0 ORDER BY name, block, mean"
        ).fetchall()
        confidences = connection.execute(
            "SELECT id, lineup > 0, confidences FROM confidences JOIN predictions USING (seq) ORDER BY 1, 2"
        ).fetchall()

    rows = zip(*window.labels.values(), window.true_labels, strict=True)
    sizes = np.unique(
        np.unique(window.groups, return_counts=True)[1], return_counts=True
    )
    assert hits
    assert confidences
    return {
        "models": list(window.labels),
        "rows": sorted(tuple(map(int, row)) for row in rows),
        "groups": [each.tolist() for each in sizes],
        "pairs": sorted(window.pairs),
        "examples": sorted(each.row_id for each in window.examples),
        "lost": (window.n_shed, window.n_dropped),
        "lineups": window.n_lineups,
        "drift": None if drift is None else drift[1].tolist(),
        "outcomes": outcomes,
        "hits": hits,
        "confidences": confidences,
        "gains": read_gains(path),
    }


@pytest.mark.parametrize("n_journals", [2, 3])
def test_merged_journals_are_as_one_that_got_it_all(
    tmp_path: Path, n_journals: int
) -> None:
    """Labels, groups, tests, their levels, losses, drift and examples are those of one journal; groups by name join."""
    requests = list(make_requests())
    one = write(tmp_path / "one.db", requests)
    several = [
        write(tmp_path / f"{place}.db", requests[place::n_journals])
        for place in range(n_journals)
    ]
    counts = merge(several, tmp_path / "merged.db")

    assert read(tmp_path / "merged.db") == read(one)
    assert counts.predictions == len(requests)
    assert counts.labels > 0


def test_a_merged_journal_is_written_on(tmp_path: Path) -> None:
    """Later records are counted as in one journal, also a label of a group that two journals had."""
    requests = list(make_requests())
    one = write(tmp_path / "one.db", requests)
    parts = [write(tmp_path / f"{n}.db", requests[n:40:2]) for n in range(2)]
    merge(parts, tmp_path / "merged.db")
    write(tmp_path / "merged.db", requests[40:])

    assert read(tmp_path / "merged.db") == read(one)


def test_the_latest_of_all_journals_are_the_latest(tmp_path: Path) -> None:
    """Predictions are in the order of the times in their ids, whichever journal is named first."""
    early, late = "AAAA" + "a" * 12, "AAAB" + "a" * 12
    paths = [
        write(tmp_path / "late.db", [[PredictionRecord(late, FIRST, np.array([1]))]]),
        write(tmp_path / "early.db", [[PredictionRecord(early, FIRST, np.array([0]))]]),
    ]
    merge(paths, tmp_path / "merged.db")
    with closing(sqlite3.connect(tmp_path / "merged.db")) as connection:
        found = connection.execute("SELECT id FROM predictions ORDER BY seq").fetchall()

    assert found == [(early,), (late,)]


def test_a_journal_and_its_copy_are_refused(tmp_path: Path) -> None:
    """A file that is given twice, and a prediction that two files have, are refused, so that all counts once."""
    requests = list(make_requests(8))
    first = write(tmp_path / "a.db", requests)
    other = write(tmp_path / "b.db", requests[:1])
    with pytest.raises(MergeRefused, match="is the same journal as "):
        merge([first, first], tmp_path / "merged.db")
    with pytest.raises(MergeRefused, match="both have the prediction "):
        merge([first, other], tmp_path / "merged.db")

    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.db", "b.db"]


def test_a_merged_journal_and_one_of_its_own_are_refused(tmp_path: Path) -> None:
    """Counts outlive predictions, so it is refused also where no prediction of the first merge is kept any more."""
    requests = list(make_requests())
    parts = [write(tmp_path / f"{n}.db", requests[n:40:2]) for n in range(2)]
    third = write(tmp_path / "third.db", requests[40:44])
    merge(parts, tmp_path / "merged.db")
    merge([parts[0], third], tmp_path / "with third.db")
    write(parts[0], requests[44:], max_rows=4)

    for first, second in (
        ("merged.db", "0.db"),
        ("0.db", "merged.db"),
        ("merged.db", "with third.db"),
    ):
        with pytest.raises(MergeRefused) as refused:
            merge([tmp_path / first, tmp_path / second], tmp_path / "again.db")
        assert f"/{second} and {tmp_path / first} have counted the same rows" in str(
            refused.value
        )
    merge([tmp_path / "merged.db", third], tmp_path / "all.db")
    assert read(tmp_path / "all.db")["rows"] == read_rows_of(tmp_path, requests[:44])


def read_rows_of(tmp_path: Path, requests: list[list[Record]]) -> Any:
    """Returns the rows of one journal that got all of these."""
    return read(write(tmp_path / "one.db", requests))["rows"]


def test_a_damaged_journal_is_refused_by_name(tmp_path: Path) -> None:
    """Any of its pages that cannot be read ends the merge, with the name of that journal and without a file."""
    requests = list(make_requests())
    parts = [write(tmp_path / f"{n}.db", requests[n::2]) for n in range(2)]
    content = parts[1].read_bytes()
    page_bytes = 4096

    for page in range(1, len(content) // page_bytes, 3):
        damaged = bytearray(content)
        start = page * page_bytes
        damaged[start : start + page_bytes] = bytes(page_bytes)
        parts[1].write_bytes(damaged)
        with pytest.raises(MergeRefused, match=rf"^{parts[1]}: "):
            merge(parts, tmp_path / "merged.db")
        assert not (tmp_path / "merged.db").exists()


def test_a_row_that_names_an_unknown_model_is_refused_by_name(tmp_path: Path) -> None:
    """Its pages are whole, but what they say does not fit together."""
    requests = list(make_requests(8))
    parts = [write(tmp_path / f"{n}.db", requests[n::2]) for n in range(2)]
    with closing(sqlite3.connect(parts[0])) as connection:
        connection.execute("UPDATE predictions SET model = 99 WHERE seq = 2")
        connection.commit()
    with pytest.raises(MergeRefused) as refused:
        merge(parts, tmp_path / "merged.db")
    assert str(refused.value) == (
        f"{parts[0]} is damaged: a row names the model 99, which it does not have"
    )


def test_a_log_that_was_left_is_not_written_into_the_merged_journal(
    tmp_path: Path,
) -> None:
    """SQLite takes a log of that name for the new file's own, whose rows would come into it."""
    requests = list(make_requests(8))
    parts = [write(tmp_path / f"{n}.db", requests[n::2]) for n in range(2)]
    (tmp_path / "merged.db-wal").write_bytes(b"rows of another journal")
    with pytest.raises(MergeRefused) as refused:
        merge(parts, tmp_path / "merged.db")
    assert str(refused.value) == (
        f"--out {tmp_path}/merged.db: expected a new file, merged.db-wal is there"
    )


def test_a_pair_has_no_higher_level_than_it_had(tmp_path: Path) -> None:
    """Line-ups that one journal alone has come after those before, so that all levels sum to 5 % at most."""
    paths = []
    for place, challenger in enumerate((SECOND, THIRD)):
        records: list[Record] = [
            PredictionRecord(f"{place}", FIRST, np.array([0])),
            ShadowRecord([f"{place}"], [1], FIRST, (challenger,), np.array([[1]]), []),
            FeedbackRecord(f"{place}", 0, "no"),
        ]
        paths.append(write(tmp_path / f"{place}.db", [records]))

    merge(paths, tmp_path / "merged.db")
    window = reader.read_window(tmp_path / "merged.db", "colour", max_rows=10)
    levels = {each.challenger.name: each.alpha for each in window.pairs}

    assert levels["colour-second"] == pytest.approx(0.05 * 6 / np.pi**2)
    assert levels["colour-third"] == pytest.approx(levels["colour-second"] / 4)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("a.db", "nowhere.db"), "nowhere.db: expected a journal: "),
        (("a.db", "text.db"), "text.db: expected a journal: file is not a database"),
        (("a.db", "other.db"), "other.db: expected a journal, got another program's"),
        (("a.db",), "expected two journals at least, got 1"),
    ],
)
def test_what_is_no_journal_is_refused_by_name(
    tmp_path: Path,
    names: tuple[str, ...],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The command ends with 2 and one line that names the file, and leaves no other behind."""
    write(tmp_path / "a.db", list(make_requests(2)))
    (tmp_path / "text.db").write_text("no journal" * 100)
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE something (x)")

    out = tmp_path / "merged.db"
    paths = [str(tmp_path / name) for name in names]
    assert main(["merge", *paths, "--out", str(out)]) == 2
    assert said in capsys.readouterr().err
    assert not out.exists()


def test_a_file_that_is_there_is_not_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The merged journal is a new file, since a server may be writing to one that is there."""
    paths = [
        str(write(tmp_path / f"{n}.db", requests))
        for n, requests in enumerate([list(make_requests(2)), list(make_requests(3))])
    ]
    out = tmp_path / "merged.db"
    assert main(["merge", *paths, "--out", str(out)]) == 0
    assert "5 predictions of 9 rows, " in capsys.readouterr().out
    assert main(["merge", *paths, "--out", str(out)]) == 2
    assert "expected a new file" in capsys.readouterr().err
