"""The file counts how each challenger fared against its champion, by rows and by groups of rows.

A group is one bet of the test between two models by one metric: the mean of the differences of its labelled rows. It is
revised as further rows of the group are labelled, and never counted twice: the file has each group's sum as long as it
keeps a labelled row of it, and beside it how many groups have each mean.

The difference of a row is 1 where the challenger alone is right and -1 where the champion alone is; by a loss it is by
how much the challenger loses less, in parts of the largest loss. Recalls are differences of the rows of one true class.

So that a test can be shown as a curve, the counts of its groups are kept as they were after 1, 2, 3 and so on labelled
rows, and further on after an eighth more than the last time.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping

import numpy as np

from service.live.journal.records import MAX_CONFIDENCE, Costs, StoredProbabilities
from stats import sequential
from stats.losses import bounded
from stats.losses.costs import decide

MEAN_SCALE = 2520
"""Means are whole numbers of this part, which is exact for groups of 1 to 10, 12, 14, 15, 20 and 30 labelled rows, and
for others, and for losses, within 0.0002; a pair has 5,041 of them at most by a metric."""
ROW_SCALE = 100 * MEAN_SCALE
"""Differences of rows are whole numbers of this part, so that sums of them do not depend on their order."""
ACCURACY = "accuracy"
BALANCED_ACCURACY = "balanced_accuracy"
COST = "cost"
_RECALL = "recall {}"

_READ_BET = (
    "SELECT n_rows, difference FROM bets "
    "WHERE group_key = ? AND champion = ? AND challenger = ? AND metric = ?"
)
_WRITE_BET = (
    "INSERT INTO bets VALUES (?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT DO UPDATE SET n_rows = excluded.n_rows, difference = excluded.difference, "
    "last = max(last, excluded.last)"
)
_ADD_GROUPS = (
    "INSERT INTO means VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT DO UPDATE SET n_groups = n_groups + excluded.n_groups"
)
_BEGIN_PAIR = "INSERT INTO pairs (champion, challenger, task, lineup, alpha) VALUES (?, ?, ?, ?, ?)"
_COLUMNS = {1: "better", 0: "equal", -1: "worse"}
HISTORY_DTYPE = np.dtype("<i4")
_READ_PROGRESS = (
    "SELECT challenger, better + equal + worse AS n_rows, (SELECT coalesce(max(n_rows), 0) FROM history "
    "WHERE champion = pairs.champion AND challenger = pairs.challenger AND metric = ?) AS n_kept "
    "FROM pairs WHERE champion = ? AND n_rows > n_kept AND 8 * n_rows >= 9 * n_kept"
)
_READ_MEANS = (
    "SELECT metric, mean, n_groups FROM means "
    "WHERE champion = ? AND challenger = ? AND n_groups > 0 ORDER BY metric, mean"
)

Pair = tuple[int, int]
Test = tuple[int, int, str]
"""A pair's champion and challenger, and the metric."""


class ChallengerCounts:
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

    def count(
        self,
        pair: Pair,
        difference: int,
        gains: Mapping[str, int],
        *,
        group_key: int,
        seq: int,
    ) -> None:
        """Counts a labelled row of the prediction `seq`; a key of 0 is of a row by itself.

        `gains` are its differences by other metrics than accuracy, in parts of `ROW_SCALE`.
        """
        self._rows[pair, difference] += 1
        for metric, parts in {ACCURACY: difference * ROW_SCALE, **gains}.items():
            test = (*pair, metric)
            if not group_key:
                self._groups[test, average(1, parts)] += 1
                continue

            n_rows, total, last = self._open.get((group_key, test), (0, 0, 0))
            self._open[group_key, test] = n_rows + 1, total + parts, max(last, seq)

    def write(self) -> None:
        """Adds what was counted to the counts in the file."""
        for (group_key, test), (n_rows, difference, last) in self._open.items():
            self._revise(group_key, test, n_rows, difference, last)

        for (pair, difference), count in self._rows.items():
            column = _COLUMNS[difference]
            self._execute(
                f"UPDATE pairs SET {column} = {column} + ? WHERE champion = ? AND challenger = ?",
                (count, *pair),
            )

        for (test, mean), count in self._groups.items():
            if count:
                self._execute(_ADD_GROUPS, (*test, mean, count))

        for champion in {champion for (champion, _), _ in self._rows}:
            self._keep_history(champion)

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
        self._groups = Counter[tuple[Test, int]]()
        self._open: dict[tuple[int, Test], tuple[int, int, int]] = {}

    def _keep_history(self, champion: int) -> None:
        """Keeps what its pairs have come to that have an eighth more rows than when that was kept last."""
        due = self._execute(_READ_PROGRESS, (ACCURACY, champion)).fetchall()
        for challenger, n_rows, _ in due:
            by_metric: dict[str, list[tuple[int, int]]] = {}
            for metric, *means in self._execute(_READ_MEANS, (champion, challenger)):
                by_metric.setdefault(metric, []).append(tuple(means))
            for metric, table in by_metric.items():
                stored = np.array(table, HISTORY_DTYPE).tobytes()
                self._execute(
                    "INSERT INTO history VALUES (?, ?, ?, ?, ?)",
                    (champion, challenger, metric, n_rows, stored),
                )

    def _revise(
        self, group_key: int, test: Test, n_rows: int, difference: int, last: int
    ) -> None:
        """Takes a group's former mean out of the counts, and its new one in."""
        found = self._execute(_READ_BET, (group_key, *test)).fetchone()
        if found is not None:
            self._groups[test, average(*found)] -= 1
            n_rows += found[0]
            difference += found[1]

        self._groups[test, average(n_rows, difference)] += 1
        self._execute(_WRITE_BET, (group_key, *test, n_rows, difference, last))


def find_metrics(by: str, n_classes: int, costs: Costs | None = None) -> list[str]:
    """Returns the metrics of the file that a test by a metric of a report follows from: one, or a recall each class."""
    if by == BALANCED_ACCURACY:
        return [name_recall(each) for each in range(n_classes)]
    if by == COST:
        return [] if costs is None else [costs.metric]
    return [by]


def find_gains(
    true_label: int,
    probabilities: StoredProbabilities,
    costs: Costs | None = None,
) -> dict[str, list[int]]:
    """Returns how much less each challenger loses on a row than the champion, in parts of `ROW_SCALE`, by metric.

    `probabilities` are `(1 + n_challengers, n_classes)`, the champion's first. With `costs` each says what costs least
    by its probabilities.
    """
    shares = probabilities / MAX_CONFIDENCE
    truth = np.full(len(shares), true_label)
    losses = {}
    for metric in bounded.METRICS:
        largest = bounded.find_largest(metric, shares.shape[1])
        losses[metric] = bounded.find_losses(shares, truth, metric) / largest

    if costs is not None:
        said = decide(shares, costs.matrix)
        losses[costs.metric] = costs.matrix[true_label, said] / costs.largest

    gains = {}
    for metric, each in losses.items():
        scaled = (each[0] - each[1:]) * ROW_SCALE
        gains[metric] = np.rint(scaled).astype(np.int64).tolist()

    return gains


def name_recall(true_label: int) -> str:
    """Returns the metric of the rows of one true class."""
    return _RECALL.format(true_label)


def average(n_rows: int, difference: int) -> int:
    """Returns the mean of so many rows, whose sum is in parts of `ROW_SCALE`, in parts of `MEAN_SCALE`."""
    return round(difference * MEAN_SCALE / (n_rows * ROW_SCALE))


def scale_mean(n_rows: int, difference: int) -> int:
    """Returns the mean difference of so many rows in parts of `MEAN_SCALE`, halves to even: it favours no model."""
    return round(difference * MEAN_SCALE / n_rows)
