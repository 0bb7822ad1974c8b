"""Bets on challengers are added up: those on pairs of models, with the level that each pair had in its own journal."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from service.live.journal.challenger_counts import average
from service.live.journal.merging.sources import Source
from stats import sequential

_INSERT_BET = (
    "INSERT INTO bets VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET n_rows = n_rows + excluded.n_rows, "
    "difference = difference + excluded.difference, last = max(last, excluded.last)"
)
_ADD_GROUPS = (
    "INSERT INTO means VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT DO UPDATE SET n_groups = n_groups + excluded.n_groups"
)
_ADD_ROWS_OF_PAIR = (
    "UPDATE pairs SET better = better + ?, equal = equal + ?, worse = worse + ? "
    "WHERE champion = ? AND challenger = ?"
)


class MergedBets:
    """The pairs of the merged journal, their counts and their bets, within the transaction of the connection."""

    def __init__(
        self, connection: sqlite3.Connection, sources: Sequence[Source]
    ) -> None:
        self._execute = connection.execute
        self._sources = sources

    def begin_pairs(self) -> None:
        """Gives each pair its level as one journal had: line-ups share the task's level in the order of their begin.

        A line-up that one journal alone has comes after those that both have begun before, so no pair has a higher
        level than it had, and those of a task have no more than the task's together.
        """
        begun: dict[int, int] = {}
        seen: set[tuple[int, int]] = set()
        for task, pairs in self._find_lineups():
            new = [each for each in pairs if each not in seen]
            if not new:
                continue
            begun[task] = begun.get(task, 0) + 1
            alpha = sequential.share_alpha(begun[task], len(new))
            for champion, challenger in new:
                self._execute(
                    "INSERT INTO pairs (champion, challenger, task, lineup, alpha) VALUES (?, ?, ?, ?, ?)",
                    (champion, challenger, task, begun[task], alpha),
                )
            seen.update(new)

    def _find_lineups(self) -> Iterable[tuple[int, list[tuple[int, int]]]]:
        """Returns the pairs of each line-up by its task, the first line-ups of all sources first."""
        lineups: dict[tuple[int, int, int], list[tuple[int, int]]] = {}
        for place, source in enumerate(self._sources):
            for champion, challenger, task, lineup in source.read(
                "SELECT champion, challenger, task, lineup FROM pairs ORDER BY lineup"
            ):
                key = (lineup, place, source.tasks[task])
                pair = source.models[champion], source.models[challenger]
                lineups.setdefault(key, []).append(pair)

        return [
            (task, lineups[lineup, place, task])
            for lineup, place, task in sorted(lineups)
        ]

    def add(self, source: Source) -> None:
        """Adds the counts of pairs; a group of one name in two journals is one bet, of the mean of all its rows."""
        for champion, challenger, *counts in source.read(
            "SELECT champion, challenger, better, equal, worse FROM pairs"
        ):
            pair = source.models[champion], source.models[challenger]
            self._execute(_ADD_ROWS_OF_PAIR, (*counts, *pair))

        for champion, challenger, metric, mean, n_groups in source.read(
            "SELECT champion, challenger, metric, mean, n_groups FROM means"
        ):
            pair = source.models[champion], source.models[challenger]
            self._execute(_ADD_GROUPS, (*pair, metric, mean, n_groups))

        for (
            group,
            champion,
            challenger,
            metric,
            n_rows,
            difference,
            last,
        ) in source.read(
            "SELECT group_key, champion, challenger, metric, n_rows, difference, last FROM bets"
        ):
            # A positive key is the number of the group's only prediction.
            key = source.find_seq(group) if group > 0 else group
            test = (source.models[champion], source.models[challenger], metric)
            if key:
                self._add_bet(key, test, n_rows, difference, source.find_seq(last))

    def _add_bet(
        self,
        key: int,
        test: tuple[int, int, str],
        n_rows: int,
        difference: int,
        last: int,
    ) -> None:
        before = self._execute(
            "SELECT n_rows, difference FROM bets "
            "WHERE group_key = ? AND champion = ? AND challenger = ? AND metric = ?",
            (key, *test),
        ).fetchone()
        self._execute(_INSERT_BET, (key, *test, n_rows, difference, last))
        if before is None:
            return

        # Its means of either journal are counted already: both go, and that of all its rows comes.
        for mean, count in (
            (average(*before), -1),
            (average(n_rows, difference), -1),
            (average(before[0] + n_rows, before[1] + difference), 1),
        ):
            self._execute(_ADD_GROUPS, (*test, mean, count))
