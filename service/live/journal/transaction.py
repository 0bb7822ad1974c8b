"""What goes into the journal's file, a batch to a transaction: predictions, shadows, truths, and what they add up to.

How often each model was right, and how each challenger fared against its champion, is counted in the transaction that
accepts a truth. So it is counted once, whoever else writes, whatever ends the process, however much is forgotten later.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

import numpy as np

from service.errors import InvalidRequest, NotFound, VeredictoError
from service.live.journal.keys import Keys
from service.live.journal.records import (
    COUNTED,
    NO_ANSWER,
    STORED,
    Entry,
    FeatureCounts,
    Feedback,
    Labels,
    Losses,
    ModelKey,
    Predicted,
    Shadowed,
)
from stats import sequential

MOST_AT_ONCE = 128
"""Rows of a statement, a power of two."""
MOST_RECENT = 20_000
"""Predictions whose numbers are remembered for their shadows."""
FEW_SPREAD = 500
"""Rows that are counted together: of two that follow each other there are more, so 64 hold a window of 10,000."""
MOST_SPREADS = 64
MOST_EXAMPLES = 100
"""Rows of a task on which models disagree, whose values are kept."""


_PAIR = "SELECT better, equal, worse, lower, upper FROM pairs WHERE champion = ? AND challenger = ?"


class Transactions:
    """Writes to one connection; keeps the latest `most_rows` predictions."""

    def __init__(self, connection: sqlite3.Connection, *, most_rows: int) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._most_rows = most_rows
        self._numbering = Keys(connection)
        self._touched: dict[tuple[int, int], int] = {}
        self._forget_numbers()

    def write(self, entries: Sequence[Entry]) -> list[VeredictoError | bool]:
        """For each truth whether it is new, or why it is not taken; raises sqlite3.Error, and then nothing is written.

        Of a prediction that is not there the error is NotFound: it may still come.
        """
        try:
            with self._transaction():
                told = list(self._write_all(entries))
                self._count_up()
                self._forget_oldest()
        except BaseException:
            self._forget_numbers()
            raise
        return told

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._execute("BEGIN IMMEDIATE")
        try:
            yield
            self._execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._execute("ROLLBACK")
            raise

    def narrow_bounds(self) -> None:
        """Of the pairs whose counts have changed: what was refuted once stays so."""
        if not self._touched:
            return

        pairs = self._touched
        self._touched = {}

        with self._transaction():
            found = [self._execute(_PAIR, pair).fetchone() for pair in pairs]
            alpha = np.array(
                [sequential.ALPHA / n_challengers for n_challengers in pairs.values()]
            )
            now = sequential.bound(np.array([each[:3] for each in found]), alpha=alpha)
            bounds = sequential.narrow(np.array([each[3:] for each in found]), now)

            for pair, (lower, upper) in zip(pairs, bounds.tolist(), strict=True):
                values = (lower, upper, *pair)
                self._execute(
                    "UPDATE pairs SET lower = ?, upper = ? WHERE champion = ? AND challenger = ?",
                    values,
                )

    def read_outcomes(self) -> dict[tuple[str, str], tuple[int, int]]:
        """How often each model has been right and wrong, by name and version."""
        found = self._execute(
            "SELECT name, version, right, wrong FROM models"
        ).fetchall()
        return {
            (name, version): (right, wrong) for name, version, right, wrong in found
        }

    def _write_all(self, entries: Sequence[Entry]) -> Iterator[VeredictoError | bool]:
        """In three rounds, since a shadow and a truth belong to a prediction."""
        self._write_predictions(
            [entry for entry in entries if isinstance(entry, Predicted)]
        )
        for entry in entries:
            if isinstance(entry, Shadowed):
                self._write_shadows(entry)
            elif isinstance(entry, Losses):
                places = (entry.shed, entry.dropped, self._numbering.task(entry.task))
                self._execute(
                    "UPDATE tasks SET shed = shed + ?, dropped = dropped + ? WHERE number = ?",
                    places,
                )
            elif isinstance(entry, FeatureCounts):
                self._write_feature_counts(entry)

        for entry in entries:
            if isinstance(entry, Feedback):
                try:
                    yield self._write_truth(entry)
                except VeredictoError as error:
                    yield error

    def _write_predictions(self, entries: list[Predicted]) -> None:
        """Under the next numbers, which nobody else can take before the transaction ends."""
        (last,) = self._execute(
            "SELECT coalesce(max(seq), 0) FROM predictions"
        ).fetchone()
        rows = []

        for seq, (number, source, labels) in enumerate(entries, last + 1):
            task = self._numbering.task(source.task)
            stored = labels.astype(STORED).tobytes()
            rows.append(
                (seq, number, task, self._numbering.model(source), len(labels), stored)
            )
            self._recent[number] = seq
            self._kept[task] += len(labels)

        self._insert("predictions", rows)
        while len(self._recent) > MOST_RECENT:
            self._recent.popitem(last=False)

    def _insert(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Many rows in one statement, of a few sizes: each hands Python's lock to the other threads and back."""
        start = 0
        while start < len(rows):
            size = min(MOST_AT_ONCE, 1 << (len(rows) - start).bit_length() - 1)
            row = f"({', '.join('?' * len(rows[0]))})"
            values = tuple(chain.from_iterable(rows[start : start + size]))
            self._execute(
                f"INSERT INTO {table} VALUES {', '.join([row] * size)}", values
            )
            start += size

    def _write_shadows(self, entry: Shadowed) -> None:
        """Of a prediction that was not kept, or is forgotten already, nothing is kept."""
        (oldest,) = self._execute(
            "SELECT coalesce(min(seq), 0) FROM predictions"
        ).fetchone()
        lineup = [self._numbering.model(each) for each in entry.challengers]
        number = self._numbering.lineup(lineup)
        start = 0
        columns = {}

        for each, length in zip(entry.ids, entry.lengths, strict=True):
            seq = self._recent.pop(each, -1)
            if seq >= oldest:
                columns[seq] = entry.labels[:, start : start + length]
            start += length

        rows = [
            (seq, number, labels.astype(STORED).tobytes())
            for seq, labels in columns.items()
        ]
        self._insert("shadows", rows)
        self._write_examples(entry, oldest)
        self._count_late(entry.champion, lineup, columns)

    def _count_late(
        self, champion: ModelKey, lineup: list[int], columns: dict[int, Labels]
    ) -> None:
        """Truths that came before the shadows, by the predictions' numbers."""
        query = (
            "SELECT seq, row, label, labels FROM truths "
            "JOIN predictions USING (seq) WHERE truths.seq BETWEEN ? AND ?"
        )
        between = (min(columns, default=0), max(columns, default=-1))

        for seq, row, truth, labels in self._execute(query, between).fetchall():
            if seq in columns:
                said = int(np.frombuffer(labels, STORED)[row])
                others = columns[seq][:, row].tolist()
                self._count_shadows(
                    self._numbering.model(champion), said, lineup, others, truth
                )

    def _write_examples(self, entry: Shadowed, oldest: int) -> None:
        task = self._numbering.task(entry.champion.task)
        for number, row, inputs in entry.examples:
            (seq,) = self._execute(
                "SELECT seq FROM predictions WHERE id = ?", (number,)
            ).fetchone() or (-1,)
            if seq >= oldest:
                self._execute(
                    "INSERT INTO examples VALUES (?, ?, ?, ?)", (seq, row, task, inputs)
                )

        if entry.examples:
            self._execute(
                "DELETE FROM examples WHERE task = ? AND seq < "
                "(SELECT seq FROM examples WHERE task = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)",
                (task, task, MOST_EXAMPLES - 1),
            )

    def _write_feature_counts(self, entry: FeatureCounts) -> None:
        """With the last, whoever wrote that, as long as the two are few rows."""
        key = (self._numbering.task(entry.task), entry.basis)
        query = "SELECT number, n_rows, counts FROM spreads WHERE task = ? AND basis = ? ORDER BY number DESC LIMIT 1"
        number, n_rows, counts = self._execute(query, key).fetchone() or (None, 0, b"")
        if number is not None and n_rows + entry.n_rows <= FEW_SPREAD:
            summed = (
                (np.frombuffer(counts, COUNTED) + entry.counts)
                .astype(COUNTED)
                .tobytes()
            )
            values = (n_rows + entry.n_rows, summed, number)
            self._execute(
                "UPDATE spreads SET n_rows = ?, counts = ? WHERE number = ?", values
            )

            return

        row = (*key, entry.n_rows, entry.counts.astype(COUNTED).tobytes())
        self._execute(
            "INSERT INTO spreads (task, basis, n_rows, counts) VALUES (?, ?, ?, ?)", row
        )
        oldest = "SELECT number FROM spreads WHERE task = ? ORDER BY number DESC LIMIT 1 OFFSET ?"
        self._execute(
            f"DELETE FROM spreads WHERE task = ? AND number <= ({oldest})",
            (key[0], key[0], MOST_SPREADS),
        )

    def _write_truth(self, entry: Feedback) -> bool:
        """Whether it is new. The first truth of a row stands: the comparison has counted it."""
        found = self._execute(
            "SELECT seq, model, n_rows, predictions.labels, lineup, shadows.labels FROM predictions "
            "LEFT JOIN shadows USING (seq) WHERE id = ?",
            (entry.id,),
        ).fetchone()
        if found is None:
            raise NotFound(
                f"unknown id {entry.id!r}: no prediction of it is kept; the oldest go first"
            )

        seq, model, n_rows, labels, lineup, shadows = found
        row = _find_row(entry, n_rows)
        classes = self._numbering.read_classes(model)
        if entry.label not in classes:
            raise InvalidRequest(
                f"label: unknown class {entry.label[:200]!r}; classes: {', '.join(classes)}"
            )

        truth = classes.index(entry.label)
        if not self._execute(
            "INSERT OR IGNORE INTO truths VALUES (?, ?, ?)", (seq, row, truth)
        ).rowcount:
            (first,) = self._execute(
                "SELECT label FROM truths WHERE seq = ? AND row = ?", (seq, row)
            ).fetchone()
            if first != truth:
                raise InvalidRequest(
                    f"label: the row of this id was labelled {classes[first]!r} before, and the first label stands, "
                    f"since comparisons have counted it; got {entry.label!r}"
                )

            return False

        said = int(np.frombuffer(labels, STORED)[row])
        self._right_or_wrong[model, said == truth] += 1
        if lineup is not None:
            others = np.frombuffer(shadows, STORED).reshape(-1, n_rows)[:, row]
            self._count_shadows(
                model, said, self._numbering.read_lineup(lineup), others.tolist(), truth
            )

        return True

    def _count_shadows(
        self, champion: int, said: int, lineup: list[int], labels: list[int], truth: int
    ) -> None:
        for challenger, label in zip(lineup, labels, strict=True):
            if label != NO_ANSWER:
                self._right_or_wrong[challenger, label == truth] += 1
                self._pairs[
                    champion, challenger, (label == truth) - (said == truth)
                ] += 1
                self._touched[champion, challenger] = len(lineup)

    def _count_up(self) -> None:
        """Adds what this batch has added."""
        for task, n_rows in self._kept.items():
            self._execute(
                "UPDATE tasks SET kept = kept + ? WHERE number = ?", (n_rows, task)
            )

        for (model, is_right), count in self._right_or_wrong.items():
            column = "right" if is_right else "wrong"
            self._execute(
                f"UPDATE models SET {column} = {column} + ? WHERE number = ?",
                (count, model),
            )

        for (champion, challenger, difference), count in self._pairs.items():
            column = {1: "better", 0: "equal", -1: "worse"}[difference]
            self._execute(
                "INSERT OR IGNORE INTO pairs (champion, challenger) VALUES (?, ?)",
                (champion, challenger),
            )
            self._execute(
                f"UPDATE pairs SET {column} = {column} + ? WHERE champion = ? AND challenger = ?",
                (count, champion, challenger),
            )

        for counts in (self._kept, self._right_or_wrong, self._pairs):
            counts.clear()

    def _forget_oldest(self) -> None:
        """Whole requests, the oldest first, never the newest."""
        (kept,) = self._execute("SELECT sum(kept) FROM tasks").fetchone()
        excess = (kept or 0) - self._most_rows
        if excess <= 0:
            return

        gone = Counter[int]()
        last = None
        (newest,) = self._execute("SELECT max(seq) FROM predictions").fetchone()

        for seq, task, n_rows in self._execute(
            "SELECT seq, task, n_rows FROM predictions ORDER BY seq"
        ):
            if excess <= 0 or seq == newest:
                break
            excess = excess - n_rows
            last = seq
            gone[task] += n_rows

        for table in ("predictions", "shadows", "truths", "examples"):
            self._execute(f"DELETE FROM {table} WHERE seq <= ?", (last,))

        for task, n_rows in gone.items():
            self._execute(
                "UPDATE tasks SET kept = kept - ? WHERE number = ?", (n_rows, task)
            )

    def _forget_numbers(self) -> None:
        """What a transaction that fails has made up is not in the file."""
        self._numbering.forget()
        self._recent: OrderedDict[str, int] = OrderedDict()
        self._kept = Counter[int]()
        self._right_or_wrong = Counter[Any]()
        self._pairs = Counter[Any]()


def _find_row(entry: Feedback, n_rows: int) -> int:
    if entry.row is None and n_rows > 1:
        raise InvalidRequest(
            f"id: the answer had {n_rows} rows: name one of them, {entry.id + '/0'!r} to {f'{entry.id}/{n_rows - 1}'!r}"
        )

    row = entry.row or 0
    if row >= n_rows:
        raise NotFound(
            f"unknown id {f'{entry.id}/{row}'!r}: the rows of its answer are 0 to {n_rows - 1}"
        )

    return row
