"""The counts of how often each model was right are added up over journals, the latest groups beside the latest."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from service.live.journal.challenger_counts import scale_mean
from service.live.journal.merging.sources import Source

_INSERT_HITS = (
    "INSERT INTO hits VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET n_rows = n_rows + excluded.n_rows, "
    "n_hits = n_hits + excluded.n_hits, last = max(last, excluded.last)"
)
_ADD_GROUPS = (
    "INSERT INTO hit_means VALUES (?, ?, ?, ?) "
    "ON CONFLICT DO UPDATE SET n_groups = n_groups + excluded.n_groups"
)
_READ_HITS = "SELECT block, n_rows, n_hits FROM hits WHERE group_key = ? AND model = ?"


class MergedHits:
    """Adds within the transaction that the connection is in; the sources' models and predictions are mapped already.

    An alarm looks at the groups since each block began. The last blocks of all journals become one, so that it goes on
    looking at the latest groups of each, and so do those before them.
    """

    def __init__(
        self, connection: sqlite3.Connection, sources: Sequence[Source]
    ) -> None:
        self._execute = connection.execute
        self._latest = [_find_latest_blocks(source) for source in sources]

    def add(self, source: Source, place: int) -> None:
        """Adds the counts of the source at this place; a group of one name in two journals becomes one."""
        shifts = {
            model: max(each.get(model, 0) for each in self._latest) - latest
            for model, latest in self._latest[place].items()
        }
        for old, block, mean, n_groups in source.read(
            "SELECT model, block, mean, n_groups FROM hit_means"
        ):
            model = source.models[old]
            self._execute(_ADD_GROUPS, (model, block + shifts[model], mean, n_groups))

        for group, old, block, n_rows, n_hits, last in source.read(
            "SELECT group_key, model, block, n_rows, n_hits, last FROM hits"
        ):
            # A positive key is the number of the group's only prediction.
            key = source.find_seq(group) if group > 0 else group
            model = source.models[old]
            if key:
                at = block + shifts.get(model, 0)
                self._add_group(key, model, at, n_rows, n_hits, source.find_seq(last))

    def _add_group(
        self, key: int, model: int, block: int, n_rows: int, n_hits: int, last: int
    ) -> None:
        before = self._execute(_READ_HITS, (key, model)).fetchone()
        self._execute(_INSERT_HITS, (key, model, block, n_rows, n_hits, last))
        if before is None:
            return

        # Its means of either journal are counted already: both go, and that of all its rows comes.
        first, rows_before, hits_before = before
        mean = scale_mean(rows_before + n_rows, hits_before + n_hits)
        for at, value, count in (
            (first, scale_mean(rows_before, hits_before), -1),
            (block, scale_mean(n_rows, n_hits), -1),
            (first, mean, 1),
        ):
            self._execute(_ADD_GROUPS, (model, at, value, count))


def _find_latest_blocks(source: Source) -> dict[int, int]:
    """Returns the latest block of each model by its key in the merged journal."""
    return {
        source.models[model]: block
        for model, block in source.read(
            "SELECT model, max(block) FROM hit_means GROUP BY model"
        )
    }
