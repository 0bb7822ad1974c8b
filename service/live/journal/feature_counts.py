"""Counts of rows by cell of each feature go into the file, a task's latest ones merged as long as they are few."""

from __future__ import annotations

import sqlite3

import numpy as np

from service.live.journal.records import COUNT_DTYPE, FeatureCounts

MAX_MERGED_ROWS = 500
"""Feature counts of fewer rows are merged; any two that follow each other have more, so 64 hold a window of 10,000."""
MAX_FEATURE_COUNTS = 64

_READ_LATEST_FEATURE_COUNTS = (
    "SELECT number, n_rows, counts FROM spreads WHERE task = ? AND basis = ? "
    "ORDER BY number DESC LIMIT 1"
)
_DELETE_OLD_FEATURE_COUNTS = (
    "DELETE FROM spreads WHERE task = ? AND number <= "
    "(SELECT number FROM spreads WHERE task = ? ORDER BY number DESC LIMIT 1 OFFSET ?)"
)


def write_feature_counts(
    connection: sqlite3.Connection, task: int, record: FeatureCounts
) -> None:
    """Adds to the latest counts in the file, whoever wrote those, as long as both together are few rows."""
    execute = connection.execute
    basis = record.basis
    latest = execute(_READ_LATEST_FEATURE_COUNTS, (task, basis)).fetchone()

    if latest is not None:
        key, n_rows, stored = latest
        n_merged = n_rows + record.n_rows
        if n_merged <= MAX_MERGED_ROWS:
            counts = np.frombuffer(stored, COUNT_DTYPE) + record.counts
            execute(
                "UPDATE spreads SET n_rows = ?, counts = ? WHERE number = ?",
                (n_merged, counts.astype(COUNT_DTYPE).tobytes(), key),
            )
            return

    execute(
        "INSERT INTO spreads (task, basis, n_rows, counts) VALUES (?, ?, ?, ?)",
        (task, basis, record.n_rows, record.counts.astype(COUNT_DTYPE).tobytes()),
    )
    execute(_DELETE_OLD_FEATURE_COUNTS, (task, task, MAX_FEATURE_COUNTS))
