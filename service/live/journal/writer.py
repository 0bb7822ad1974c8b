"""Predictions on their way into the file, and truths that wait to be accepted: one thread writes, no request waits.

What is given within some milliseconds is committed together. A prediction that finds the queue full, or a file that
cannot be written to, is dropped and counted: its answer goes out all the same. A truth is accepted when it is
committed, and refused otherwise.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from base64 import urlsafe_b64encode
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from os import urandom
from pathlib import Path
from time import monotonic, time
from typing import NamedTuple

from service.errors import NotFound, Overloaded, VeredictoError
from service.execution.metrics import JournalMetrics
from service.live.journal import schema
from service.live.journal.records import (
    Entry,
    FeatureCounts,
    Feedback,
    Labels,
    Losses,
    ModelKey,
    Predicted,
    Shadowed,
)
from service.live.journal.transaction import Transactions

GATHER_S = 0.05
"""From the first entry to the commit that takes it."""
HURRY_S = 0.01
"""The same where somebody waits for it: a truth."""
PATIENCE_S = 0.5
"""A truth may come before its prediction, which another worker has still in its queue."""
REFRESH_S = 1.0
MOST_ROWS = 50_000
"""Of predictions that wait to be written."""
MOST_TRUTHS = 10_000
_RANDOM_BYTES = 9
_IDS = 64

logger = logging.getLogger(__name__)


class _Truth(NamedTuple):
    told: Feedback
    future: Future[None]
    give_up_s: float


class Journal:
    """Takes entries from any thread; `sources` are the classifiers that are served, by name."""

    def __init__(
        self, path: Path, *, most_rows: int, sources: Mapping[str, ModelKey]
    ) -> None:
        self.path = path
        self._sources = sources
        self._connection = schema.connect(path)
        self._transactions = Transactions(self._connection, most_rows=most_rows)
        self._lock = threading.Lock()
        self._entries: list[Entry] = []
        self._n_rows = 0
        self._truths: list[_Truth] = []
        self._n_settling = 0
        self._dropped = Counter[str]()
        self._n_dropped = 0
        self._ids: deque[str] = deque()
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._closing = threading.Event()
        self._metrics = JournalMetrics()
        self._is_broken = False
        self._refreshed_s = -REFRESH_S
        self._outcomes: dict[str, dict[str, tuple[int, int]]] = {}
        self._refresh()
        self._thread = threading.Thread(
            target=self._work, name="veredicto-journal", daemon=True
        )
        self._thread.start()

    def record(self, source: ModelKey, labels: Labels) -> str:
        """The id of a new prediction, of labels `(n_rows,)`, whether it can be kept or not."""
        number = self._make_id()
        self._give(Predicted(number, source, labels), len(labels))
        return number

    def record_shadow(self, shadowed: Shadowed) -> None:
        self._give(shadowed, 0)

    def record_shed(self, task: str, n_rows: int) -> None:
        self._give(Losses(task, n_rows, 0), 0)

    def record_feature_counts(self, spread: FeatureCounts) -> None:
        self._give(spread, 0)

    def tell(self, told: Feedback) -> Future[None]:
        """Done when the truth is committed, or with the VeredictoError that says why it is not accepted."""
        future: Future[None] = Future()
        with self._lock:
            if len(self._truths) >= MOST_TRUTHS or self._closing.is_set():
                raise Overloaded(
                    f"feedback: {len(self._truths)} labels wait to be stored already: try again"
                )
            self._truths.append(_Truth(told, future, monotonic() + PATIENCE_S))

        self._hurry.set()
        self._wake.set()

        return future

    def count_waiting(self) -> int:
        """Truths that are not committed yet."""
        return len(self._truths) + self._n_settling

    def outcomes(self, task: str) -> Mapping[str, tuple[int, int]]:
        """How often each classifier served has been right and wrong, (0, 0) to begin with; about a second old."""
        if monotonic() - self._refreshed_s > REFRESH_S:
            self._wake.set()
        return self._outcomes.get(task, {})

    def close(self) -> None:
        """Writes what waits, and ends the thread; a truth that cannot be written any more is refused."""
        self._closing.set()
        self._hurry.set()
        self._wake.set()
        self._thread.join()

    def _give(self, entry: Entry, n_rows: int) -> None:
        with self._lock:
            if self._n_rows and self._n_rows + n_rows > MOST_ROWS:
                if isinstance(entry, Predicted):
                    self._drop(entry)
                return

            self._entries.append(entry)
            self._n_rows += n_rows
        if not self._wake.is_set():
            self._wake.set()

    def _drop(self, entry: Predicted) -> None:
        """Called with the lock."""
        self._dropped[entry.source.task] += len(entry.labels)
        self._n_dropped += len(entry.labels)

    def _make_id(self) -> str:
        """Random: nobody finds another's, no two workers make the same. Many at a time, which is cheaper.

        It begins with the time, so that ids of one time lie together in the file, and few of its pages change.
        """
        while True:
            try:
                return self._ids.pop()
            except IndexError:
                seconds = (int(time()) % 2**24).to_bytes(3, "big")
                made = (seconds + urandom(_RANDOM_BYTES) for _ in range(_IDS))
                self._ids.extend(urlsafe_b64encode(each).decode() for each in made)

    def _work(self) -> None:
        while not self._closing.is_set():
            self._wake.wait()
            if self._hurry.wait(GATHER_S):
                self._closing.wait(HURRY_S)

            self._hurry.clear()
            self._wake.clear()

            try:
                self._write()
            except Exception:  # of counting, say, when everything has been written
                logger.exception("a defect in the journal")

        self._write()
        with self._lock:
            self._refuse(self._truths, "the service stops")

        self._connection.close()

    def _write(self) -> None:
        """One batch, all of it or nothing."""
        with self._lock:
            entries = self._entries
            self._entries = []
            self._n_rows = 0
            truths = self._truths
            self._truths = []
            self._n_settling = len(truths)
            dropped = self._dropped
            self._dropped = Counter()

        truths = [
            each
            for each in truths
            if each.future.running() or each.future.set_running_or_notify_cancel()
        ]
        entries += [Losses(task, 0, n_rows) for task, n_rows in dropped.items()]

        try:
            told = (
                self._transactions.write([*entries, *(each.told for each in truths)])
                if entries or truths
                else []
            )
        except (
            Exception
        ) as error:  # of SQLite or of ours: answers go out whatever it is
            self._report(error)
            self._lose(entries)
            self._refuse(
                truths,
                str(error)
                if isinstance(error, sqlite3.Error)
                else "a defect of the service",
            )
        else:
            self._settle(truths, told)
            written = sum(
                len(each.labels) for each in entries if isinstance(each, Predicted)
            )
            self._metrics.add(
                written=written, accepted=sum(each is True for each in told)
            )
            self._is_broken = self._is_broken and not entries

        self._n_settling = 0
        self._metrics.show_dropped(self._n_dropped)
        self._refresh()

    def _settle(
        self, truths: list[_Truth], told: Sequence[VeredictoError | bool]
    ) -> None:
        patient = []
        for truth, found in zip(truths, told, strict=True):
            if (
                isinstance(found, NotFound)
                and monotonic() < truth.give_up_s
                and not self._closing.is_set()
            ):
                patient.append(truth)
            elif isinstance(found, VeredictoError):
                truth.future.set_exception(found)
            else:
                truth.future.set_result(None)

        if patient:
            with self._lock:
                self._truths = patient + self._truths
            self._wake.set()

    def _lose(self, entries: list[Entry]) -> None:
        """Counts what has not been written; the counts themselves are tried again."""
        with self._lock:
            for entry in entries:
                if isinstance(entry, Predicted):
                    self._drop(entry)
                elif isinstance(entry, Losses):
                    self._dropped[entry.task] += entry.dropped
                    if entry.shed:
                        self._entries.append(entry._replace(dropped=0))

    def _refuse(self, truths: list[_Truth], reason: str) -> None:
        error = Overloaded(f"feedback: the label is not stored, try again: {reason}")
        for truth in truths:
            if not truth.future.done() and (
                truth.future.running() or truth.future.set_running_or_notify_cancel()
            ):
                truth.future.set_exception(error)

    def _report(self, error: Exception) -> None:
        if not self._is_broken:
            expected = isinstance(error, sqlite3.Error)
            logger.error(
                "predictions are dropped: the journal cannot be written: %s",
                error,
                exc_info=not expected,
            )
        self._is_broken = True

    def _refresh(self) -> None:
        """Once a second, and at the end."""
        if monotonic() - self._refreshed_s < REFRESH_S and not self._closing.is_set():
            return

        self._refreshed_s = monotonic()

        try:
            self._transactions.narrow_bounds()
            found = self._transactions.read_outcomes()
        except Exception as error:  # the last ones are still true enough
            self._report(error)
            return

        outcomes: dict[str, dict[str, tuple[int, int]]] = {}

        for source in self._sources.values():
            outcomes.setdefault(source.task, {})[source.name] = found.get(
                (source.name, source.version), (0, 0)
            )

        self._outcomes = outcomes
