"""Each journal that is to be merged is read as it was when it was opened, whoever writes to it meanwhile."""

from __future__ import annotations

import heapq
import sqlite3
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import repeat
from pathlib import Path
from typing import Any

from service.errors import VeredictoError
from service.live.journal.ids import CYCLE_S, ID_CHARACTERS, find_age_s
from service.live.journal.storage import schema

_READ_PREDICTIONS = "SELECT seq, id, task, model, n_rows, labels, group_keys FROM predictions ORDER BY seq"


class MergeRefused(VeredictoError):
    """These journals cannot be merged, for the reason that it says."""


class Source:
    """A source is a journal as it was when it was opened; its keys are mapped to those of the merged one."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.path = path
        self.models: dict[int, int] = {}
        self.tasks: dict[int, int] = {}
        self.lineups: dict[int, int] = {}
        self._old_seqs = array("q")
        self._new_seqs = array("q")
        try:
            connection = stack.enter_context(closing(schema.connect_to_read(path)))
            (found,) = connection.execute("PRAGMA user_version").fetchone()
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            connection.execute("BEGIN")
            self.read = connection.execute
            self.id = schema.read_id(connection) if found == schema.SCHEMA else ""
        except sqlite3.Error as error:
            raise MergeRefused(f"{path}: expected a journal: {error}") from error

        if application != schema.APPLICATION_ID:
            raise MergeRefused(
                f"{path}: expected a journal, got another program's database"
            )
        if found != schema.SCHEMA:
            raise MergeRefused(
                f"{path}: expected a journal of schema {schema.SCHEMA}, got {found}: "
                "a server of this version that is started with it brings it there"
            )

    def read_predictions(self) -> Iterator[tuple[int, tuple[Any, ...]]]:
        """Yields each prediction behind its time, which never goes back within a journal."""
        time = -CYCLE_S
        for row in self.read(_READ_PREDICTIONS):
            if len(row[1]) == ID_CHARACTERS:
                time = max(time, -find_age_s(row[1]))
            yield time, row

    def map_seq(self, old: int, new: int) -> None:
        self._old_seqs.append(old)
        self._new_seqs.append(new)

    def find_seq(self, old: int) -> int:
        """Returns the new number of a prediction, 0 for one that is not kept any more."""
        at = bisect_left(self._old_seqs, old)
        is_there = at < len(self._old_seqs) and self._old_seqs[at] == old
        return self._new_seqs[at] if is_there else 0


def check_ids(sources: Sequence[Source]) -> None:
    """Raises MergeRefused where a journal is given twice, or two hold predictions of the same ids."""
    paths: dict[str, Path] = {}
    for source in sources:
        if source.id in paths:
            raise MergeRefused(
                f"{source.path} is the same journal as {paths[source.id]}, or a copy of it: its rows would count twice"
            )
        paths[source.id] = source.path

    streams = [
        zip(source.read("SELECT id FROM predictions ORDER BY id"), repeat(number))
        for number, source in enumerate(sources)
    ]
    last, owner = "", 0
    for (prediction_id,), number in heapq.merge(*streams):
        if prediction_id == last:
            raise MergeRefused(
                f"{sources[owner].path} and {sources[number].path} both have the prediction {last!r}: "
                "its rows would count twice"
            )
        last, owner = prediction_id, number
