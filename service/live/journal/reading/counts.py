"""Counts of groups of labelled rows are read from the journal's file: tests and alarms follow from them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np

from service.live.journal.challenger_counts import ACCURACY, HISTORY_DTYPE
from service.live.journal.reading.stored_task import StoredTask
from service.live.journal.reading.window import (
    Gains,
    History,
    HitBlocks,
    Means,
    ModelVersion,
    PairCounts,
)

_READ_PAIRS = (
    "SELECT champion, challenger, better, equal, worse, alpha FROM pairs WHERE task = ?"
)
_READ_MEANS = (
    "SELECT champion, challenger, mean, n_groups FROM means JOIN pairs USING (champion, challenger) "
    "WHERE task = ? AND metric = ? AND n_groups > 0"
)
_READ_HISTORY = (
    "SELECT champion, challenger, n_rows, means FROM history JOIN pairs USING (champion, challenger) "
    "WHERE task = ? AND metric = ? ORDER BY n_rows"
)
_READ_HIT_MEANS = (
    "SELECT model, block, mean, n_groups FROM hit_means WHERE model IN "
    "(SELECT models.number FROM models JOIN tasks ON tasks.number = task WHERE tasks.name = ?) "
    "AND n_groups > 0 ORDER BY model, block, mean"
)


class CountReader:
    """Reads a task's counts within the transaction that the connection is in."""

    def __init__(self, connection: sqlite3.Connection, task: StoredTask) -> None:
        self._execute = connection.execute
        self._task = task

    def read_pairs(self) -> list[PairCounts]:
        """Returns how each challenger fared against each champion by accuracy."""
        means = self._read_means(ACCURACY)
        return [
            PairCounts(
                self._task.models[champion],
                self._task.models[challenger],
                (better, equal, worse),
                means.get((champion, challenger), {}),
                alpha,
            )
            for champion, challenger, better, equal, worse, alpha in self._execute(
                _READ_PAIRS, (self._task.key,)
            )
        ]

    def read_hits(self) -> dict[ModelVersion, HitBlocks]:
        """Returns how many groups of labelled rows each model answered how well, by blocks of groups."""
        hits: dict[ModelVersion, HitBlocks] = {}
        for model, block, mean, n_groups in self._execute(
            _READ_HIT_MEANS, (self._task.name,)
        ):
            of_model = hits.setdefault(self._task.models[model], {})
            of_model.setdefault(block, {})[mean] = n_groups

        return hits

    def read_gains(self, metrics: Sequence[str]) -> Gains:
        """Returns by metric how many groups of each pair of models gained how much."""
        return {
            metric: {
                (self._task.models[champion], self._task.models[challenger]): means
                for (champion, challenger), means in self._read_means(metric).items()
            }
            for metric in metrics
        }

    def read_histories(
        self, metrics: Sequence[str]
    ) -> dict[tuple[ModelVersion, ModelVersion], History]:
        """Returns what each pair's gains had come to after fewer labelled rows, by metric."""
        found: dict[tuple[ModelVersion, ModelVersion], History] = {}
        for metric in metrics:
            for champion, challenger, n_rows, stored in self._execute(
                _READ_HISTORY, (self._task.key, metric)
            ):
                pair = self._task.models[champion], self._task.models[challenger]
                means, n_groups = (
                    np.frombuffer(stored, HISTORY_DTYPE).reshape(-1, 2).T.tolist()
                )
                of_pair = found.setdefault(pair, {})
                of_pair.setdefault(n_rows, {})[metric] = dict(
                    zip(means, n_groups, strict=True)
                )

        return found

    def _read_means(self, metric: str) -> dict[tuple[int, int], Means]:
        """Returns the means of each pair's groups by a metric."""
        means: dict[tuple[int, int], Means] = {}
        for champion, challenger, mean, n_groups in self._execute(
            _READ_MEANS, (self._task.key, metric)
        ):
            means.setdefault((champion, challenger), {})[mean] = n_groups

        return means
