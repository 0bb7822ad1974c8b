"""The file counts how each challenger fared against its champion, by rows and by groups of rows.

A group is one bet of the test between two models: the mean of the differences of its labelled rows. It is revised as
further rows of the group are labelled, and never counted twice: the file has each group's sum as long as it keeps a
labelled row of it, and beside it how many groups have each mean.
"""

from __future__ import annotations

import sqlite3
from collections import Counter

from stats import sequential

MEAN_SCALE = 2520
"""Means are whole numbers of this part, which is exact for groups of 1 to 10, 12, 14, 15, 20 and 30 labelled rows, and
for others within 0.0002; a pair has 5,041 of them at most."""

_READ_BET = (
    "SELECT n_rows, difference FROM bets "
    "WHERE group_key = ? AND champion = ? AND challenger = ?"
)
_WRITE_BET = (
    "INSERT INTO bets VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT DO UPDATE SET n_rows = excluded.n_rows, difference = excluded.difference, "
    "last = max(last, excluded.last)"
)
_ADD_GROUPS = (
    "INSERT INTO means VALUES (?, ?, ?, ?) "
    "ON CONFLICT DO UPDATE SET n_groups = n_groups + excluded.n_groups"
)
_BEGIN_PAIR = "INSERT INTO pairs (champion, challenger, task, lineup, alpha) VALUES (?, ?, ?, ?, ?)"
_COLUMNS = {1: "better", 0: "equal", -1: "worse"}

Pair = tuple[int, int]


class Bets:
    """Counts within the transaction that the connection is in; `write` brings the counts into the file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute
        self.forget()

    def begin(self, champion: int, challengers: list[int]) -> None:
        """Gives each new pair its level, which stands from here on whatever other pairs the task will have."""
        if self._begun.issuperset((champion, each) for each in challengers):
            return

        found = self._execute(
            "SELECT challenger FROM pairs WHERE champion = ?", (champion,)
        ).fetchall()
        self._begun.update((champion, each) for (each,) in found)
        new = [each for each in challengers if (champion, each) not in self._begun]
        if not new:
            return

        (task,) = self._execute(
            "SELECT task FROM models WHERE number = ?", (champion,)
        ).fetchone()
        (last,) = self._execute(
            "SELECT coalesce(max(lineup), 0) FROM pairs WHERE task = ?", (task,)
        ).fetchone()
        alpha = sequential.share_alpha(last + 1, len(new))
        for challenger in new:
            self._execute(_BEGIN_PAIR, (champion, challenger, task, last + 1, alpha))
            self._begun.add((champion, challenger))

    def count(self, pair: Pair, difference: int, *, group_key: int, seq: int) -> None:
        """Counts a labelled row of the prediction `seq`; a key of 0 is of a row by itself."""
        self._rows[pair, difference] += 1
        if not group_key:
            self._groups[pair, difference * MEAN_SCALE] += 1
            return

        n_rows, total, last = self._open.get((group_key, pair), (0, 0, 0))
        self._open[group_key, pair] = n_rows + 1, total + difference, max(last, seq)

    def write(self) -> None:
        """Adds what was counted to the counts in the file."""
        for (group_key, pair), (n_rows, difference, last) in self._open.items():
            self._revise(group_key, pair, n_rows, difference, last)

        for (pair, difference), count in self._rows.items():
            column = _COLUMNS[difference]
            self._execute(
                f"UPDATE pairs SET {column} = {column} + ? WHERE champion = ? AND challenger = ?",
                (count, *pair),
            )

        for (pair, mean), count in self._groups.items():
            if count:
                self._execute(_ADD_GROUPS, (*pair, mean, count))

        self._clear()

    def delete_oldest(self, last: int) -> None:
        """Deletes the sums of groups without a labelled row after the prediction `last`; their means stay counted."""
        self._execute("DELETE FROM bets WHERE last <= ?", (last,))

    def forget(self) -> None:
        """Forgets what is not in the file, as a transaction that fails must."""
        self._begun: set[Pair] = set()
        self._clear()

    def _clear(self) -> None:
        self._rows = Counter[tuple[Pair, int]]()
        self._groups = Counter[tuple[Pair, int]]()
        self._open: dict[tuple[int, Pair], tuple[int, int, int]] = {}

    def _revise(
        self, group_key: int, pair: Pair, n_rows: int, difference: int, last: int
    ) -> None:
        """Takes a group's former mean out of the counts, and its new one in."""
        found = self._execute(_READ_BET, (group_key, *pair)).fetchone()
        if found is not None:
            self._groups[pair, scale_mean(*found)] -= 1
            n_rows += found[0]
            difference += found[1]

        self._groups[pair, scale_mean(n_rows, difference)] += 1
        self._execute(_WRITE_BET, (group_key, *pair, n_rows, difference, last))


def scale_mean(n_rows: int, difference: int) -> int:
    """Returns the mean difference of so many rows in parts of `MEAN_SCALE`, halves to even: it favours no model."""
    return round(difference * MEAN_SCALE / n_rows)
