"""Numbers that stand for tasks, models and lineups in the journal's file; made where there are none yet."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from service.live.journal.records import ModelKey


class Keys:
    """Remembers what it has looked up, until a transaction fails: what that has made up is not in the file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute
        self.forget()

    def forget(self) -> None:
        self._numbers: dict[Any, int] = {}
        self._lists: dict[tuple[str, int], list[Any]] = {}

    def task(self, name: str) -> int:
        if name not in self._numbers:
            self._execute("INSERT OR IGNORE INTO tasks (name) VALUES (?)", (name,))
            (self._numbers[name],) = self._execute(
                "SELECT number FROM tasks WHERE name = ?", (name,)
            ).fetchone()
        return self._numbers[name]

    def model(self, source: ModelKey) -> int:
        if source not in self._numbers:
            task = self.task(source.task)
            key = (source.name, source.version)
            values = (task, *key, json.dumps(source.classes))
            self._execute(
                "INSERT OR IGNORE INTO models (task, name, version, classes) VALUES (?, ?, ?, ?)",
                values,
            )
            found = self._execute(
                "SELECT number FROM models WHERE name = ? AND version = ?", key
            ).fetchone()
            (self._numbers[source],) = found
        return self._numbers[source]

    def lineup(self, models: list[int]) -> int:
        key = tuple(models)
        text = json.dumps(models)
        if key not in self._numbers:
            self._execute("INSERT OR IGNORE INTO lineups (models) VALUES (?)", (text,))
            (self._numbers[key],) = self._execute(
                "SELECT number FROM lineups WHERE models = ?", (text,)
            ).fetchone()

        return self._numbers[key]

    def read_classes(self, model: int) -> list[str]:
        return self._read_list("SELECT classes FROM models WHERE number = ?", model)

    def read_lineup(self, number: int) -> list[int]:
        """The numbers of its models."""
        return self._read_list("SELECT models FROM lineups WHERE number = ?", number)

    def _read_list(self, query: str, number: int) -> list[Any]:
        if (query, number) not in self._lists:
            self._lists[query, number] = json.loads(
                self._execute(query, (number,)).fetchone()[0]
            )
        return self._lists[query, number]
