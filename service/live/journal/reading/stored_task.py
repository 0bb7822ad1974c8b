"""A task in the journal's file has models, their classes, and sets of challengers that answered together."""

from __future__ import annotations

import json
import sqlite3

from service.live.journal.reading.window import ModelVersion
from service.live.journal.records import Labels


class StoredTask:
    """A task as the file has it in the transaction that the connection is in; `key` is None where it has no such."""

    def __init__(self, connection: sqlite3.Connection, task: str) -> None:
        self.name = task
        self.key: int | None = None
        self.n_shed = 0
        self.n_dropped = 0
        found = connection.execute(
            "SELECT number, shed, dropped FROM tasks WHERE name = ?", (task,)
        ).fetchone()
        if found is not None:
            self.key, self.n_shed, self.n_dropped = found

        models = connection.execute(
            "SELECT number, name, version, classes FROM models WHERE task = ?",
            (self.key,),
        ).fetchall()
        self.models = {key: ModelVersion(*names) for key, *names, _ in models}
        self.n_classes = {key: len(json.loads(classes)) for key, *_, classes in models}
        challenger_sets = connection.execute("SELECT number, models FROM lineups")
        self.challenger_sets: dict[int, list[int]] = {
            key: json.loads(models) for key, models in challenger_sets
        }


def check_labels(labels: Labels, n_classes: int) -> None:
    """Raises ValueError where a label is no class, and not -1 either."""
    if len(labels) and not -1 <= labels.min() <= labels.max() < n_classes:
        raise ValueError
