"""Rows that come in, counted for drift away from their requests: one thread, once a second."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Mapping

import numpy as np

from service.contract.answers import Drift
from service.execution.metrics import show_drift
from service.live import drift
from service.live.drift import Cells, Rows
from service.live.journal import reader
from service.live.journal.records import FeatureCounts
from service.live.journal.writer import Journal

EVERY_S = 1.0
MOST_WAITING = 5000
"""Rows of a task that are counted in that time; what comes beyond is not, and says the same."""
MOST_ROWS = 10_000
"""Of the live window, and by so many at most more."""

logger = logging.getLogger(__name__)


class DriftMonitor:
    """Of one process; `cells` are those of each task whose cards say how their training rows spread."""

    def __init__(self, cells: Mapping[str, Cells], journal: Journal) -> None:
        self._cells = cells
        self._journal = journal
        self._lock = threading.Lock()
        self._waiting: dict[str, list[Rows]] = {task: [] for task in cells}
        self._n_waiting = dict.fromkeys(cells, 0)
        self._closing = threading.Event()
        self._thread = threading.Thread(
            target=self._work, name="veredicto-intake", daemon=True
        )
        self._thread.start()

    def offer(self, task: str, rows: Rows) -> None:
        """Rows `(n_rows, n_features)` as the graph takes them; left alone by whoever gives them."""
        if self._n_waiting.get(task, MOST_WAITING) < MOST_WAITING:
            with self._lock:
                self._waiting[task].append(rows)
                self._n_waiting[task] += len(rows)

    def describe(self, task: str) -> Drift | None:
        """Of all workers' rows; None where a card does not say what to hold them against. Raises sqlite3.Error."""
        cells = self._cells.get(task)
        if cells is None:
            return None

        counts = reader.read_spread(
            self._journal.path, task, basis=cells.basis, most_rows=MOST_ROWS
        )

        return drift.describe(
            cells, np.zeros(cells.n_counts, np.int64) if counts is None else counts
        )

    def close(self) -> None:
        """Counts what waits, and ends the thread."""
        self._closing.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._closing.wait(EVERY_S):
            self._count()
        self._count()

    def _count(self) -> None:
        """Shows what was counted until the last time, which is written by now."""
        with self._lock:
            waiting = {task: parts for task, parts in self._waiting.items() if parts}
            for task in waiting:
                self._waiting[task] = []
                self._n_waiting[task] = 0
        for task, parts in waiting.items():
            rows = np.concatenate(parts)[:MOST_WAITING]
            cells = self._cells[task]
            self._journal.record_feature_counts(
                FeatureCounts(task, cells.basis, len(rows), cells.count(rows))
            )

            try:
                found = self.describe(task)
            except sqlite3.Error:
                logger.debug("the journal cannot be read now", exc_info=True)
                continue

            if found is not None:
                show_drift(task, found)
