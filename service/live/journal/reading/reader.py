"""The latest predictions of a task are read back from the journal: which model answered what, and what was true."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.live.journal.reading.counts import CountReader
from service.live.journal.reading.examples import ExampleReader
from service.live.journal.reading.predictions import PredictionReader
from service.live.journal.reading.stored_task import StoredTask
from service.live.journal.reading.window import Example, GroupCounts, PredictionWindow
from service.live.journal.records import COUNT_DTYPE
from service.live.journal.storage import schema

_READ_FEATURE_COUNTS = (
    "SELECT spreads.number, n_rows, counts FROM spreads JOIN tasks ON tasks.number = spreads.task "
    "WHERE tasks.name = ? AND basis = ? ORDER BY spreads.number DESC"
)


def read_window(
    path: Path,
    task: str,
    *,
    max_rows: int,
    metrics: Sequence[str] = (),
    has_histories: bool = False,
) -> PredictionWindow:
    """Reads one state of the file, whoever writes meanwhile; raises sqlite3.Error.

    Of tests by other metrics than accuracy it reads those of `metrics`, as the file names them, and with
    `has_histories` what those had come to after fewer labelled rows.
    """
    with closing(schema.connect_to_read(path)) as connection, _explaining_damage():
        connection.execute("BEGIN")
        stored = StoredTask(connection, task)
        counts = CountReader(connection, stored)
        window = _tabulate(
            connection, stored, counts, max_rows=max_rows, metrics=metrics
        )
        histories = counts.read_histories(metrics) if has_histories else None

        return replace(window, histories=histories)


def read_unlabelled(path: Path, task: str, *, max_rows: int) -> list[Example]:
    """Reads the latest rows on which models disagree, and that nobody has labelled; raises sqlite3.Error."""
    with closing(schema.connect_to_read(path)) as connection, _explaining_damage():
        connection.execute("BEGIN")
        stored = StoredTask(connection, task)
        return ExampleReader(connection, stored).read_unlabelled(max_rows)


def read_feature_counts(
    path: Path, task: str, *, basis: str, max_rows: int
) -> tuple[int, NDArray[np.int64]] | None:
    """Sums the latest counts of rows by cell, `(n_counts,)`, until they are of `max_rows` rows.

    It returns with them the number of the latest ones, from 1, or None where there are no counts of this basis; raises
    sqlite3.Error.
    """
    with closing(schema.connect_to_read(path)) as connection, _explaining_damage():
        found = []
        n_found = 0

        latest = 0
        for number, n_rows, counts in connection.execute(
            _READ_FEATURE_COUNTS, (task, basis)
        ):
            latest = latest or number
            found.append(np.frombuffer(counts, COUNT_DTYPE))
            n_found += n_rows
            if n_found >= max_rows:
                break

        return (latest, np.sum(found, axis=0, dtype=np.int64)) if found else None


def read_group_counts(
    path: Path, task: str, metrics: Sequence[str] = ()
) -> GroupCounts:
    """Reads what tests and alarms follow from, without the rows; raises sqlite3.Error.

    Of tests by other metrics than accuracy it reads those of `metrics`, as the file names them.
    """
    with closing(schema.connect_to_read(path)) as connection, _explaining_damage():
        connection.execute("BEGIN")
        counts = CountReader(connection, StoredTask(connection, task))
        return GroupCounts(
            counts.read_pairs(), counts.read_hits(), counts.read_gains(metrics)
        )


@contextmanager
def _explaining_damage() -> Iterator[None]:
    """Raises sqlite3.DatabaseError where rows are not as the journal writes them: the file is damaged, not the code."""
    try:
        yield
    except (ValueError, LookupError, TypeError) as error:
        raise sqlite3.DatabaseError("its rows do not fit together") from error


def _tabulate(
    connection: sqlite3.Connection,
    task: StoredTask,
    counts: CountReader,
    *,
    max_rows: int,
    metrics: Sequence[str],
) -> PredictionWindow:
    """Returns the task's latest predictions, column by column, with the counts that the file has beside them."""
    reader = PredictionReader(connection, task)
    predictions = reader.read_latest(max_rows)
    labels = reader.tabulate_labels(predictions)
    true_labels, groups = reader.read_true_labels(predictions)
    (n_lineups,) = connection.execute(
        "SELECT coalesce(max(lineup), 0) FROM pairs WHERE task = ?", (task.key,)
    ).fetchone()

    return PredictionWindow(
        labels={
            model: column[:max_rows]
            for model, column in zip(task.models.values(), labels, strict=True)
        },
        true_labels=true_labels[:max_rows],
        groups=groups[:max_rows],
        examples=ExampleReader(connection, task).read_latest(),
        pairs=counts.read_pairs(),
        n_shed=task.n_shed,
        n_dropped=task.n_dropped,
        n_lineups=n_lineups,
        age_s=reader.read_age_s(predictions),
        confidences=reader.tabulate_confidences(predictions, max_rows),
        hits=counts.read_hits(),
        gains=counts.read_gains(metrics),
    )
