"""Surrogate keys stand for tasks, models and sets of challengers in the journal's file."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from service.live.journal.records import ModelKey


class SurrogateKeys:
    """Finds surrogate keys, adds the rows that are missing, and remembers both until `forget` is called."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute
        self.forget()

    def forget(self) -> None:
        """Forgets all keys, as a transaction that fails must: the rows that it added are not in the file."""
        self._task_keys: dict[str, int] = {}
        self._model_keys: dict[ModelKey, int] = {}
        self._challenger_set_keys: dict[tuple[int, ...], int] = {}
        self._lists: dict[tuple[str, int], list[Any]] = {}

    def find_task(self, name: str) -> int:
        """Returns the key of a task, which is added where the file does not have it."""
        if name not in self._task_keys:
            self._execute("INSERT OR IGNORE INTO tasks (name) VALUES (?)", (name,))
            self._task_keys[name] = self._read_key(
                "SELECT number FROM tasks WHERE name = ?", (name,)
            )

        return self._task_keys[name]

    def find_model(self, model_key: ModelKey) -> int:
        """Returns the key of one version of a model, which is added where the file does not have it."""
        if model_key not in self._model_keys:
            name = model_key.name
            version = model_key.version
            classes = json.dumps(model_key.classes)

            self._execute(
                "INSERT OR IGNORE INTO models (task, name, version, classes) VALUES (?, ?, ?, ?)",
                (self.find_task(model_key.task), name, version, classes),
            )
            self._model_keys[model_key] = self._read_key(
                "SELECT number FROM models WHERE name = ? AND version = ?",
                (name, version),
            )

        return self._model_keys[model_key]

    def find_challenger_set(self, challengers: list[int]) -> int:
        """Returns the key of models in this order, which are added as a set where the file does not have it."""
        models = tuple(challengers)
        if models not in self._challenger_set_keys:
            text = json.dumps(challengers)
            self._execute("INSERT OR IGNORE INTO lineups (models) VALUES (?)", (text,))
            self._challenger_set_keys[models] = self._read_key(
                "SELECT number FROM lineups WHERE models = ?", (text,)
            )

        return self._challenger_set_keys[models]

    def read_classes(self, model: int) -> list[str]:
        """Returns the names of the classes of the model with this key."""
        return self._read_list("SELECT classes FROM models WHERE number = ?", model)

    def read_challenger_set(self, challenger_set: int) -> list[int]:
        """Returns the keys of the models of a set, in the order of their labels in the file."""
        return self._read_list(
            "SELECT models FROM lineups WHERE number = ?", challenger_set
        )

    def _read_key(self, query: str, values: tuple[str, ...]) -> int:
        found: int = self._execute(query, values).fetchone()[0]
        return found

    def _read_list(self, query: str, key: int) -> list[Any]:
        if (query, key) not in self._lists:
            (text,) = self._execute(query, (key,)).fetchone()
            self._lists[query, key] = json.loads(text)
        return self._lists[query, key]

    def read_task(self, model: int) -> str:
        """Returns the name of the task of a model, by the model's key."""
        (name,) = self._execute(
            "SELECT tasks.name FROM models JOIN tasks ON tasks.number = models.task WHERE models.number = ?",
            (model,),
        ).fetchone()
        return str(name)
