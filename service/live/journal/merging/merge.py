"""Journals of several servers become one: what each has counted is added up, and nothing is counted twice.

Labels, counts, bets and losses are sums over predictions, and a prediction is in one journal alone: so the sums of the
journals are those of one journal that had got it all. Two journals that hold one prediction, as a file and its copy do,
are refused.
"""

from __future__ import annotations

import heapq
import json
import os
import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack, closing
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

from service.live.journal.feature_counts import MAX_FEATURE_COUNTS
from service.live.journal.merging.merged_bets import MergedBets
from service.live.journal.merging.merged_hits import MergedHits
from service.live.journal.merging.new_file import make_beside
from service.live.journal.merging.sources import MergeRefused, Source, check_ids
from service.live.journal.records import ModelKey
from service.live.journal.shadows import MAX_EXAMPLES
from service.live.journal.storage import schema
from service.live.journal.storage.problems import JournalUnusable
from service.live.journal.surrogate_keys import SurrogateKeys

ROWS_AT_A_TIME = 10_000
_INSERT_PREDICTIONS = "INSERT INTO predictions VALUES (?, ?, ?, ?, ?, ?, ?)"


class Counts(NamedTuple):
    """Counts has the numbers of predictions, their rows and their true labels in a merged journal."""

    predictions: int
    rows: int
    labels: int


def merge(journals: Sequence[Path], out: Path) -> Counts:
    """Writes a new journal, whole or not at all, of others that servers may be writing to meanwhile.

    It raises MergeRefused where a journal cannot be read, two of them hold one prediction, or `out` is there.
    """
    if len(journals) < 2:
        raise MergeRefused(f"expected two journals at least, got {len(journals)}")
    _check_new(out)

    try:
        with make_beside(out) as beside:
            with ExitStack() as stack:
                sources = [Source(path, stack) for path in journals]
                check_ids(sources)
                counts = _write(beside, sources)
            _sync(beside)
            _check_new(out)  # again: a server may have begun one meanwhile
            beside.replace(out)
    except (sqlite3.Error, JournalUnusable) as error:
        raise MergeRefused(f"--out {out}: {error}") from error

    return counts


def _check_new(out: Path) -> None:
    """Raises MergeRefused where the file is there, or the log of one that was: SQLite would write that into it."""
    for path in (out, out.with_name(f"{out.name}-wal")):
        if path.exists():
            raise MergeRefused(
                f"--out {out}: expected a new file, {path.name} is there"
            )


def _write(path: Path, sources: Sequence[Source]) -> Counts:
    with closing(schema.connect(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        merger = _Merger(connection, sources)
        merger.merge()
        connection.execute("COMMIT")
        execute = connection.execute
        (n_labels,) = execute("SELECT count(*) FROM truths").fetchone()
        n_predictions, n_rows = execute(
            "SELECT count(*), coalesce(sum(n_rows), 0) FROM predictions"
        ).fetchone()
        execute("PRAGMA wal_checkpoint(TRUNCATE)")

    return Counts(n_predictions, n_rows, n_labels)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _Merger:
    """Adds what each source has within the transaction that the connection is in."""

    def __init__(
        self, connection: sqlite3.Connection, sources: Sequence[Source]
    ) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._sources = sources
        self._keys = SurrogateKeys(connection)

    def merge(self) -> None:
        for source in self._sources:
            self._connection.executemany(
                "INSERT INTO journal VALUES (?)", [(each,) for each in source.ids]
            )
            self._add_tasks_and_models(source)
            self._add_lineups(source)
        bets = MergedBets(self._connection, self._sources)
        bets.begin_pairs()
        self._add_predictions()
        hits = MergedHits(self._connection, self._sources)
        for place, source in enumerate(self._sources):
            self._add_rows_of_predictions(source)
            self._add_probabilities(source)
            bets.add(source)
            hits.add(source, place)
        self._add_feature_counts()
        self._delete_old_examples()

    def _add_tasks_and_models(self, source: Source) -> None:
        names = {}
        for number, name, *counts in source.read(
            "SELECT number, name, kept, shed, dropped FROM tasks"
        ):
            key = source.tasks[number] = self._keys.find_task(name)
            names[number] = name
            self._execute(
                "UPDATE tasks SET kept = kept + ?, shed = shed + ?, dropped = dropped + ? WHERE number = ?",
                (*counts, key),
            )

        for number, task, name, version, classes, right, wrong in source.read(
            "SELECT number, task, name, version, classes, right, wrong FROM models"
        ):
            known = tuple(json.loads(classes))
            key = self._keys.find_model(ModelKey(names[task], name, version, known))
            if tuple(self._keys.read_classes(key)) != known:
                raise MergeRefused(
                    f"{source.path}: {name} {version} has other classes there than in another journal"
                )
            source.models[number] = key
            self._execute(
                "UPDATE models SET right = right + ?, wrong = wrong + ? WHERE number = ?",
                (right, wrong, key),
            )

    def _add_lineups(self, source: Source) -> None:
        for number, models in source.read("SELECT number, models FROM lineups"):
            mapped = [source.models[each] for each in json.loads(models)]
            source.lineups[number] = self._keys.find_challenger_set(mapped)

    def _add_predictions(self) -> None:
        """Numbers predictions by their times, so that the latest of all journals are the latest of the merged one."""
        streams = [
            zip(source.read_predictions(), repeat(place))
            for place, source in enumerate(self._sources)
        ]
        rows = []
        merged = heapq.merge(*streams, key=lambda each: (each[0][0], each[1]))
        for seq, ((_, row), place) in enumerate(merged, 1):
            old, prediction_id, task, model, *rest = row
            source = self._sources[place]
            source.map_seq(old, seq)
            rows.append(
                (seq, prediction_id, source.tasks[task], source.models[model], *rest)
            )
            if len(rows) == ROWS_AT_A_TIME:
                self._connection.executemany(_INSERT_PREDICTIONS, rows)
                rows.clear()

        self._connection.executemany(_INSERT_PREDICTIONS, rows)

    def _add_rows_of_predictions(self, source: Source) -> None:
        """Adds shadows, true labels, confidences and examples under the new numbers of their predictions."""
        many = self._connection.executemany
        many(
            "INSERT INTO shadows VALUES (?, ?, ?)",
            (
                (source.find_seq(seq), source.lineups[lineup], labels)
                for seq, lineup, labels in source.read(
                    "SELECT seq, lineup, labels FROM shadows"
                )
            ),
        )
        many(
            "INSERT INTO truths VALUES (?, ?, ?, ?)",
            (
                (source.find_seq(seq), *rest)
                for seq, *rest in source.read(
                    "SELECT seq, row, label, group_key FROM truths"
                )
            ),
        )
        many(
            "INSERT INTO confidences VALUES (?, ?, ?)",
            (
                (source.find_seq(seq), source.lineups[lineup], confidences)
                for seq, lineup, confidences in source.read(
                    "SELECT seq, lineup, confidences FROM confidences"
                )
            ),
        )
        many(
            "INSERT INTO examples VALUES (?, ?, ?, ?)",
            (
                (source.find_seq(seq), row, source.tasks[task], inputs)
                for seq, row, task, inputs in source.read(
                    "SELECT seq, row, task, inputs FROM examples"
                )
            ),
        )

    def _add_probabilities(self, source: Source) -> None:
        self._connection.executemany(
            "INSERT INTO probabilities VALUES (?, ?)",
            (
                (source.find_seq(seq), probabilities)
                for seq, probabilities in source.read("SELECT * FROM probabilities")
            ),
        )

    def _add_feature_counts(self) -> None:
        """Adds counts for drift, the latest of all journals last: how they lie between each other is unknown."""
        found = []
        for source in self._sources:
            latest: dict[int, int] = {}
            for task, *rest in source.read(
                "SELECT task, basis, n_rows, counts FROM spreads ORDER BY number DESC"
            ):
                latest[task] = latest.get(task, 0) + 1
                if latest[task] <= MAX_FEATURE_COUNTS:
                    found.append((latest[task], source.tasks[task], *rest))

        for _, *values in sorted(found, key=lambda each: -each[0]):
            self._execute(
                "INSERT INTO spreads (task, basis, n_rows, counts) VALUES (?, ?, ?, ?)",
                values,
            )

    def _delete_old_examples(self) -> None:
        for (task,) in self._execute("SELECT number FROM tasks").fetchall():
            self._execute(
                "DELETE FROM examples WHERE task = ? AND seq < "
                "(SELECT seq FROM examples WHERE task = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)",
                (task, task, MAX_EXAMPLES - 1),
            )
