"""The file counts how often each model was right, by groups of rows and by blocks of groups in the order of labels.

A group's part is the share of its labelled rows that were answered rightly. It stays in the block in which its first
label came, and is revised there as further rows of it are labelled. An alarm looks at the groups since each block
began, so that a model that breaks after years is found soon; blocks before the latest ones are joined into the first.
"""

from __future__ import annotations

import sqlite3
from collections import Counter

from service.live.journal.challenger_counts import scale_mean

GROUPS_PER_BLOCK = 200
MAX_BLOCKS = 64
"""So many blocks are kept apart, beside the first, which takes in the older ones."""

_READ_HITS = "SELECT block, n_rows, n_hits FROM hits WHERE group_key = ? AND model = ?"
_WRITE_HITS = (
    "INSERT INTO hits VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT DO UPDATE SET n_rows = excluded.n_rows, n_hits = excluded.n_hits, "
    "last = max(last, excluded.last)"
)
_ADD_GROUPS = (
    "INSERT INTO hit_means VALUES (?, ?, ?, ?) "
    "ON CONFLICT DO UPDATE SET n_groups = n_groups + excluded.n_groups"
)
_READ_LATEST_BLOCK = (
    "SELECT block, sum(n_groups) FROM hit_means WHERE model = ? "
    "GROUP BY block ORDER BY block DESC LIMIT 1"
)
_JOIN_OLD_BLOCKS = (
    "INSERT INTO hit_means SELECT model, 0, mean, sum(n_groups) FROM hit_means "
    "WHERE model = ? AND block BETWEEN 1 AND ? GROUP BY mean "
    "ON CONFLICT DO UPDATE SET n_groups = n_groups + excluded.n_groups"
)


class Hits:
    """Counts within the transaction that the connection is in; `write` brings the counts into the file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute
        self.forget()

    def count(self, model: int, *, hit: bool, group_key: int, seq: int) -> None:
        """Counts a labelled row that the model answered in the prediction `seq`; a key of 0 is of a row by itself."""
        if not group_key:
            self._alone[model, hit] += 1
            return

        key = (group_key, model)
        n_rows, n_hits, last = self._open.get(key, (0, 0, 0))
        self._open[key] = (n_rows + 1, n_hits + hit, max(last, seq))

    def write(self) -> None:
        """Adds what was counted to the counts in the file."""
        for (model, hit), count in self._alone.items():
            block = self._find_block(model)
            mean = scale_mean(1, int(hit))
            self._means[model, block, mean] += count

        for (group_key, model), (n_rows, n_hits, last) in self._open.items():
            self._revise(group_key, model, n_rows, n_hits, last)

        for (model, block, mean), count in self._means.items():
            if count:
                self._execute(_ADD_GROUPS, (model, block, mean, count))

        self.forget()

    def delete_oldest(self, last: int) -> None:
        """Deletes the sums of groups without a labelled row after the prediction `last`; they stay counted."""
        self._execute("DELETE FROM hits WHERE last <= ?", (last,))

    def forget(self) -> None:
        """Forgets what is not in the file, as a transaction that fails must."""
        self._alone = Counter[tuple[int, bool]]()
        self._open: dict[tuple[int, int], tuple[int, int, int]] = {}
        self._means = Counter[tuple[int, int, int]]()
        self._blocks: dict[int, int] = {}

    def _find_block(self, model: int) -> int:
        """Returns the block that takes a model's new groups, the same throughout a transaction."""
        if model not in self._blocks:
            found = self._execute(_READ_LATEST_BLOCK, (model,)).fetchone()
            block, n_groups = found or (0, 0)
            if n_groups >= GROUPS_PER_BLOCK:
                block += 1
                self._join_old_blocks(model, block - MAX_BLOCKS)
            self._blocks[model] = block

        return self._blocks[model]

    def _join_old_blocks(self, model: int, last: int) -> None:
        """Joins the blocks up to `last` into the first, whose groups may be revised further."""
        if last < 1:
            return

        self._execute(_JOIN_OLD_BLOCKS, (model, last))
        where = "WHERE model = ? AND block BETWEEN 1 AND ?"
        self._execute(f"DELETE FROM hit_means {where}", (model, last))
        self._execute(f"UPDATE hits SET block = 0 {where}", (model, last))

    def _revise(
        self, group_key: int, model: int, n_rows: int, n_hits: int, last: int
    ) -> None:
        """Takes a group's former share out of its block's counts, and its new one in."""
        block = self._find_block(model)  # which may join the blocks that groups are in
        found = self._execute(_READ_HITS, (group_key, model)).fetchone()
        if found is not None:
            block, n_rows_before, n_hits_before = found
            mean_before = scale_mean(n_rows_before, n_hits_before)
            self._means[model, block, mean_before] -= 1
            n_rows += n_rows_before
            n_hits += n_hits_before

        mean = scale_mean(n_rows, n_hits)
        self._means[model, block, mean] += 1
        self._execute(_WRITE_HITS, (group_key, model, block, n_rows, n_hits, last))
