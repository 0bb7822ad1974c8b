"""The latest predictions of a task, read back from the journal: who answered what, and what was true."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.live.journal import schema
from service.live.journal.records import COUNTED, NO_ANSWER, STORED

UNKNOWN = -1
"""In place of a truth that nobody has told."""
MOST_EXAMPLES = 20


class Key(NamedTuple):
    """A model as the journal has it."""

    name: str
    version: str


class Example(NamedTuple):
    """A row on which models disagree; `inputs` are its values, None where they are not kept."""

    id: str
    inputs: Any
    labels: dict[Key, int]
    truth: int


class Pair(NamedTuple):
    """Rows on which the challenger alone was right, both alike, the champion alone; and the bounds so far."""

    champion: Key
    challenger: Key
    counts: tuple[int, int, int]
    bounds: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Window:
    """Labels by model, `(n_rows,)` each, -1 where it did not answer; truth `(n_rows,)`, -1 where it is not known.

    The newest row comes first. `shed` and `dropped` are counts of rows since the journal began.
    """

    labels: dict[Key, NDArray[np.int64]]
    truth: NDArray[np.int64]
    examples: list[Example]
    pairs: list[Pair]
    shed: int
    dropped: int


def read(path: Path, task: str, *, most_rows: int) -> Window:
    """One state of the file, whoever writes meanwhile; raises sqlite3.Error."""
    connection = schema.connect_to_read(path)
    try:
        connection.execute("BEGIN")
        return _Reader(connection, task).read(most_rows)
    finally:
        connection.close()


def read_spread(
    path: Path, task: str, *, basis: str, most_rows: int
) -> NDArray[np.int64] | None:
    """Rows counted by cell, `(n_counts,)`: the latest, until there are as many; None without any.

    Raises sqlite3.Error.
    """
    connection = schema.connect_to_read(path)
    try:
        query = (
            "SELECT n_rows, counts FROM spreads JOIN tasks ON tasks.number = spreads.task "
            "WHERE tasks.name = ? AND basis = ? ORDER BY spreads.number DESC"
        )
        found = []
        n_found = 0

        for n_rows, counts in connection.execute(query, (task, basis)):
            found.append(np.frombuffer(counts, COUNTED))
            n_found += n_rows
            if n_found >= most_rows:
                break
    finally:
        connection.close()

    return np.sum(found, axis=0, dtype=np.int64) if found else None


class _Reader:
    def __init__(self, connection: sqlite3.Connection, task: str) -> None:
        self._execute = connection.execute
        found = self._execute(
            "SELECT number, shed, dropped FROM tasks WHERE name = ?", (task,)
        ).fetchone()
        self._task: int | None
        self._shed: int
        self._dropped: int
        self._task, self._shed, self._dropped = found or (None, 0, 0)
        models = self._execute(
            "SELECT number, name, version FROM models WHERE task = ?", (self._task,)
        )
        self._keys = {number: Key(name, version) for number, name, version in models}
        lineups = self._execute("SELECT number, models FROM lineups")
        self._lineups: dict[int, list[int]] = {
            number: json.loads(text) for number, text in lineups
        }

    def read(self, most_rows: int) -> Window:
        labels, truth = self._read_rows(most_rows)
        return Window(
            labels=labels,
            truth=truth,
            examples=self._read_examples(),
            pairs=self._read_pairs(),
            shed=self._shed,
            dropped=self._dropped,
        )

    def _read_rows(
        self, most_rows: int
    ) -> tuple[dict[Key, NDArray[np.int64]], NDArray[np.int64]]:
        n_rows = 0
        requests = []
        query = (
            "SELECT seq, model, n_rows, predictions.labels, lineup, shadows.labels FROM predictions "
            "LEFT JOIN shadows USING (seq) WHERE task = ? ORDER BY seq DESC"
        )

        for request in self._execute(query, (self._task,)):
            requests.append(request)
            n_rows += request[2]
            if n_rows >= most_rows:
                break

        table = np.full((len(self._keys), n_rows), NO_ANSWER, dtype=np.int64)
        places = {number: place for place, number in enumerate(self._keys)}
        starts: dict[int, int] = {}
        start = 0

        for seq, model, length, answers, lineup, shadows in requests:
            rows = slice(start, start + length)
            table[places[model], rows] = np.frombuffer(answers, STORED)
            if lineup is not None:
                others = [places[each] for each in self._lineups[lineup]]
                table[others, rows] = np.frombuffer(shadows, STORED).reshape(-1, length)

            starts[seq] = start
            start += length

        truth = self._read_truths(starts, n_rows)
        kept = slice(0, most_rows)

        return {
            key: table[places[number], kept] for number, key in self._keys.items()
        }, truth[kept]

    def _read_truths(self, starts: dict[int, int], n_rows: int) -> NDArray[np.int64]:
        truth = np.full(n_rows, UNKNOWN, dtype=np.int64)
        oldest = min(starts, default=0)

        for seq, row, label in self._execute(
            "SELECT seq, row, label FROM truths WHERE seq >= ?", (oldest,)
        ):
            if seq in starts:  # else of another task
                truth[starts[seq] + row] = label

        return truth

    def _read_examples(self) -> list[Example]:
        query = (
            "SELECT id, row, n_rows, inputs, model, predictions.labels, lineup, shadows.labels, truths.label "
            "FROM examples JOIN predictions USING (seq) JOIN shadows USING (seq) LEFT JOIN truths USING (seq, row) "
            "WHERE examples.task = ? ORDER BY seq DESC, row LIMIT ?"
        )
        return [
            self._make_example(*found)
            for found in self._execute(query, (self._task, MOST_EXAMPLES))
        ]

    def _make_example(self, *found: Any) -> Example:
        number, row, n_rows, inputs, model, answers, lineup, shadows, truth = found
        others = np.frombuffer(shadows, STORED).reshape(-1, n_rows)[:, row].tolist()
        labels = {self._keys[model]: int(np.frombuffer(answers, STORED)[row])}
        labels |= {
            self._keys[each]: label
            for each, label in zip(self._lineups[lineup], others, strict=True)
        }
        shown = number if n_rows == 1 else f"{number}/{row}"

        return Example(
            shown, json.loads(inputs), labels, UNKNOWN if truth is None else truth
        )

    def _read_pairs(self) -> list[Pair]:
        query = (
            "SELECT champion, challenger, better, equal, worse, lower, upper FROM pairs"
        )
        return [
            Pair(
                self._keys[champion],
                self._keys[challenger],
                (better, equal, worse),
                (lower, upper),
            )
            for champion, challenger, better, equal, worse, lower, upper in self._execute(
                query
            )
            if champion in self._keys and challenger in self._keys
        ]
