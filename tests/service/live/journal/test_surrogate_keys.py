"""Surrogate keys stand for tasks, models and sets of challengers, the same key each time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from service.live.journal.records import ModelKey
from service.live.journal.storage import schema
from service.live.journal.surrogate_keys import SurrogateKeys

FIRST = ModelKey("colour", "colour-first", "v1", ("no", "yes"))
SECOND = ModelKey("colour", "colour-second", "v1", ("no", "yes"))


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(schema.connect(tmp_path / "journal.db")) as opened:
        yield opened


def test_the_same_names_have_the_same_keys(connection: sqlite3.Connection) -> None:
    """Two objects over one file find equal keys, and each name is in the file once."""
    first = SurrogateKeys(connection)
    second = SurrogateKeys(connection)

    assert first.find_task("colour") == second.find_task("colour")
    assert first.find_model(FIRST) == second.find_model(FIRST)
    assert first.find_model(FIRST) != first.find_model(SECOND)
    assert connection.execute("SELECT count(*) FROM tasks").fetchone() == (1,)
    assert connection.execute("SELECT count(*) FROM models").fetchone() == (2,)


def test_another_version_is_another_model(connection: sqlite3.Connection) -> None:
    """A file that was exchanged under the same name has a key of its own."""
    keys = SurrogateKeys(connection)
    assert keys.find_model(FIRST) != keys.find_model(FIRST._replace(version="v2"))


def test_classes_and_challenger_sets_are_read_back(
    connection: sqlite3.Connection,
) -> None:
    """Names of classes and the order of challengers are those that were written."""
    keys = SurrogateKeys(connection)
    challengers = [keys.find_model(SECOND), keys.find_model(FIRST)]
    challenger_set = keys.find_challenger_set(challengers)

    again = SurrogateKeys(connection)
    assert again.read_classes(keys.find_model(FIRST)) == ["no", "yes"]
    assert again.read_challenger_set(challenger_set) == challengers
    assert keys.find_challenger_set(challengers[::-1]) != challenger_set


def test_keys_of_a_transaction_that_failed_are_forgotten(
    connection: sqlite3.Connection,
) -> None:
    """A task that was rolled back is added again after `forget`."""
    keys = SurrogateKeys(connection)
    connection.execute("BEGIN")
    keys.find_task("colour")
    connection.execute("ROLLBACK")
    keys.forget()

    key = keys.find_task("colour")
    assert connection.execute("SELECT number, name FROM tasks").fetchall() == [
        (key, "colour")
    ]
