"""Counts incoming rows for drift, away from their requests: one thread, once a second."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Mapping

import numpy as np

from service.contract.live_answers import Drift
from service.errors import Overloaded
from service.execution.live_metrics import show_drift
from service.live import drift
from service.live.correlations import Correlations
from service.live.drift import MAX_WINDOW_ROWS
from service.live.drift_cells import DriftCells, Features
from service.live.journal.reading import reader
from service.live.journal.records import FeatureCounts
from service.live.journal.writer import Journal

INTERVAL_S = 1.0
MAX_WAITING_ROWS = 5000
"""So many rows of a task are counted in that time; those beyond are not, and would say the same."""

logger = logging.getLogger(__name__)


class DriftMonitor:
    """Monitors one process; `cells` are those of each task whose cards have the distributions of training rows."""

    def __init__(self, cells: Mapping[str, DriftCells], journal: Journal) -> None:
        self._cells = cells
        self._correlations = _pair(cells)
        self.read_held_out: Callable[[str], Features | None] = _read_nothing
        """This reads the held-out rows of a task as the graph takes them, None where there are none."""
        self._journal = journal
        self._lock = threading.Lock()
        self._waiting: dict[str, list[Features]] = {task: [] for task in cells}
        self._n_waiting = dict.fromkeys(cells, 0)
        self._closing = threading.Event()
        self._thread = threading.Thread(
            target=self._count_until_closed, name="veredicto-drift", daemon=True
        )
        self._thread.start()

    def follow(self, cells: Mapping[str, DriftCells]) -> None:
        """Counts by other cells from here on; rows that wait for cells that have changed are not counted."""
        with self._lock:
            same = {
                task: self._waiting[task]
                for task in cells
                if task in self._cells and cells[task].basis == self._cells[task].basis
            }
            self._waiting = {task: same.get(task, []) for task in cells}
            self._n_waiting = {
                task: sum(map(len, parts)) for task, parts in self._waiting.items()
            }
            self._cells = cells
            self._correlations = _pair(cells)

    def offer(self, task: str, features: Features) -> None:
        """Takes `(n_rows, n_features)` as the graph does; the caller must not change the array any more."""
        if self._n_waiting.get(task, MAX_WAITING_ROWS) < MAX_WAITING_ROWS:
            with self._lock:
                if task in self._waiting:
                    self._waiting[task].append(features)
                    self._n_waiting[task] += len(features)

    def describe(self, task: str) -> Drift | None:
        """Returns the drift of all workers' rows; raises sqlite3.Error.

        It is None where the cards of the task have no distributions of training rows.
        """
        with self._lock:
            cells = self._cells.get(task)
            correlations = self._correlations.get(task)
        if cells is None or correlations is None:
            return None

        found = reader.read_feature_counts(
            self._journal.path,
            task,
            basis=_name_basis(cells),
            max_rows=MAX_WINDOW_ROWS,
        )
        n_counts = cells.n_counts + correlations.n_counts
        look, counted = found or (1, np.zeros(n_counts, np.int64))
        if len(counted) != n_counts:
            raise sqlite3.DatabaseError("its counts of rows do not fit the model")

        described = drift.describe(cells, counted[: cells.n_counts], look=look)
        described["correlations"] = correlations.describe(
            counted[cells.n_counts :],
            counted[: cells.n_counts],
            self.read_held_out(task),
            look=look,
        )
        return described

    def close(self) -> None:
        """Counts what waits, and ends the thread."""
        self._closing.set()
        self._thread.join()

    def _count_until_closed(self) -> None:
        while not self._closing.wait(INTERVAL_S):
            self._count_carefully()
        self._count_carefully()

    def _count_carefully(self) -> None:
        """Counts what waits; the thread outlives a defect of counting."""
        try:
            self._count_waiting()
        except Exception:
            logger.exception("a defect in counting for drift")

    def _count_waiting(self) -> None:
        """Gives the counts to the journal, and shows the drift of those that are in its file by now."""
        for task, (cells, correlations, parts) in self._take_waiting().items():
            features = np.concatenate(parts)[:MAX_WAITING_ROWS]
            products = correlations.count(features)
            counts = np.concatenate([cells.count(features), products])
            self._journal.record_feature_counts(
                FeatureCounts(task, _name_basis(cells), len(features), counts)
            )
            self._show(task)

    def _take_waiting(
        self,
    ) -> dict[str, tuple[DriftCells, Correlations, list[Features]]]:
        with self._lock:
            waiting = {
                task: (self._cells[task], self._correlations[task], parts)
                for task, parts in self._waiting.items()
                if parts
            }
            for task in waiting:
                self._waiting[task] = []
                self._n_waiting[task] = 0

        return waiting

    def _show(self, task: str) -> None:
        try:
            self._journal.check_readable()
            found = self.describe(task)
        except (sqlite3.Error, Overloaded):
            logger.debug("the journal cannot be read now", exc_info=True)
            return

        if found is not None:
            show_drift(task, found)


def _pair(cells: Mapping[str, DriftCells]) -> dict[str, Correlations]:
    return {task: Correlations(each) for task, each in cells.items()}


def _name_basis(cells: DriftCells) -> str:
    """Returns the basis of counts of cells and sums of products together, which earlier versions did not have."""
    return f"{cells.basis}+pairs"


def _read_nothing(task: str) -> None:  # as all that read held-out rows
    """Returns None: it stands in until somebody knows where held-out rows are."""
