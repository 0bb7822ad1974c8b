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
from service.live.journal.prediction_ids import CYCLE_S, ID_CHARACTERS, find_age_s
from service.live.journal.storage import schema
from service.live.journal.storage.problems import JournalLost

_READ_PREDICTIONS = "SELECT seq, id, task, model, n_rows, labels, group_keys FROM predictions ORDER BY seq"


class MergeRefused(VeredictoError):
    """These journals cannot be merged, for the reason that it says."""


class _Keys(dict[int, int]):
    """Keys of the merged journal by those of a source; raises MergeRefused for one that the source does not have."""

    def __init__(self, path: Path, kind: str) -> None:
        super().__init__()
        self._path = path
        self._kind = kind

    def __missing__(self, key: object) -> int:
        raise MergeRefused(
            f"{self._path} is damaged: a row names the {self._kind} {key}, which it does not have"
        )


class Source:
    """A source is a journal as it was when it was opened; its keys are mapped to those of the merged one.

    `ids` are its own, and after it those of the journals that it was merged from.
    """

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.path = path
        self.models = _Keys(path, "model")
        self.tasks = _Keys(path, "task")
        self.lineups = _Keys(path, "line-up")
        self.lineups[0] = 0  # the model that answered, of confidences
        self.ids: list[str] = []
        self._old_seqs = array("q")
        self._new_seqs = array("q")
        try:
            connection = stack.enter_context(closing(schema.connect_to_read(path)))
            (found,) = connection.execute("PRAGMA user_version").fetchone()
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            connection.execute("BEGIN")
            self._execute = connection.execute
            if found == schema.SCHEMA:
                self.ids = schema.read_ids(connection)
                schema.check_pages(connection)
        except JournalLost as error:
            reason = str(error).partition(":")[0]
            raise MergeRefused(f"{path}: {reason}") from error
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

    def read(self, query: str) -> Iterator[Any]:
        """Yields the rows of a query; raises MergeRefused, which names the file, where they cannot be read."""
        try:
            for row in self._execute(query):  # noqa: UP028 -- its end would close the cursor, after the file
                yield row
        except sqlite3.Error as error:
            raise MergeRefused(f"{self.path} is damaged: {error}") from error

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
    """Raises MergeRefused where a journal is given twice, also within a merged one, or two hold predictions of the
    same ids.
    """
    owners: dict[str, Source] = {}
    for source in sources:
        for each in source.ids:
            if each in owners:
                raise MergeRefused(_explain_twice(source, owners[each]))
            owners[each] = source

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


def _explain_twice(source: Source, other: Source) -> str:
    """Returns what two journals have in common, though their predictions of that time may be gone by now."""
    if source.ids[:1] == other.ids[:1]:
        return f"{source.path} is the same journal as {other.path}, or a copy of it: its rows would count twice"

    return (
        f"{source.path} and {other.path} have counted the same rows, since one of them was merged from the other, "
        "or both from a third: they would count twice. Merge the journals of single servers into a new file"
    )
