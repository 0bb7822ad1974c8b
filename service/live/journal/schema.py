"""The SQLite file that predictions and their true labels are kept in: it is made, opened, or refused.

Several processes share it (write-ahead log). What has been committed outlives the process, whatever ends it; a power
cut may take the last commits, since only checkpoints wait for the disk.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from service.errors import SettingsError

APPLICATION_ID = 0x56455244
"""VERD in ASCII tells our files from those of other programs."""
SCHEMA = 1
"""Names of tables and columns stay as they are: `number` is a surrogate key, `truths` has the true labels, `lineups`
the sets of challengers, `spreads` the feature counts."""
BUSY_MS = 5000
_TABLES = """
CREATE TABLE tasks (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
    kept INTEGER NOT NULL DEFAULT 0, shed INTEGER NOT NULL DEFAULT 0, dropped INTEGER NOT NULL DEFAULT 0);
CREATE TABLE models (number INTEGER PRIMARY KEY, task INTEGER NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL,
    classes TEXT NOT NULL, right INTEGER NOT NULL DEFAULT 0, wrong INTEGER NOT NULL DEFAULT 0, UNIQUE (name, version));
CREATE TABLE predictions (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, task INTEGER NOT NULL,
    model INTEGER NOT NULL, n_rows INTEGER NOT NULL, labels BLOB NOT NULL);
CREATE INDEX predictions_of_task ON predictions (task, seq);
CREATE TABLE lineups (number INTEGER PRIMARY KEY, models TEXT NOT NULL UNIQUE);
CREATE TABLE shadows (seq INTEGER PRIMARY KEY, lineup INTEGER NOT NULL, labels BLOB NOT NULL);
CREATE TABLE truths (seq INTEGER NOT NULL, row INTEGER NOT NULL, label INTEGER NOT NULL,
    PRIMARY KEY (seq, row)) WITHOUT ROWID;
CREATE TABLE examples (seq INTEGER NOT NULL, row INTEGER NOT NULL, task INTEGER NOT NULL, inputs TEXT NOT NULL,
    PRIMARY KEY (seq, row)) WITHOUT ROWID;
CREATE TABLE spreads (number INTEGER PRIMARY KEY, task INTEGER NOT NULL, basis TEXT NOT NULL, n_rows INTEGER NOT NULL,
    counts BLOB NOT NULL);
CREATE INDEX spreads_of_task ON spreads (task, number);
CREATE TABLE pairs (champion INTEGER NOT NULL, challenger INTEGER NOT NULL, better INTEGER NOT NULL DEFAULT 0,
    equal INTEGER NOT NULL DEFAULT 0, worse INTEGER NOT NULL DEFAULT 0, lower REAL NOT NULL DEFAULT -1,
    upper REAL NOT NULL DEFAULT 1, PRIMARY KEY (champion, challenger)) WITHOUT ROWID;
"""
"""Labels are class indices, little-endian int32: of predictions `(n_rows,)`, of shadows `(n_challengers, n_rows)`.

Counts are little-endian int64, `(n_counts,)`.
"""


def connect(path: Path) -> sqlite3.Connection:
    """Opens a file in autocommit mode, making it where there is none; raises SettingsError where it is no journal."""
    try:
        connection = sqlite3.connect(
            path, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False
        )
    except sqlite3.Error as error:
        raise _refuse(
            path,
            f"it cannot be opened: {error}; it must lie in a folder that can be written to",
        ) from error

    try:
        _prepare(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise _refuse(path, f"it cannot be used: {error}") from error
    except SettingsError:
        connection.close()
        raise

    return connection


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Opens a journal that is there, for queries only; raises sqlite3.Error."""
    connection = sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None)
    connection.execute("PRAGMA query_only = 1")
    return connection


def check(path: Path) -> None:
    """Looks through all of the file; raises SettingsError where it is no journal or is damaged."""
    connection = connect(path)
    try:
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        found = str(error)
    finally:
        connection.close()

    if found != "ok":
        raise _refuse(
            path,
            f"it is damaged ({' '.join(found.split())[:200]}): put it aside, and a new one is made",
        )


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Makes the tables of an empty file, or checks those of another; raises SettingsError where they are not ours."""
    connection.execute("BEGIN IMMEDIATE")
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (schema,) = connection.execute("PRAGMA user_version").fetchone()
    (n_tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()

    if application == 0 and not n_tables:
        for statement in _TABLES.split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA}")
    elif application != APPLICATION_ID:
        raise _refuse(path, "it is another program's database: name a file of its own")
    elif schema != SCHEMA:
        raise _refuse(
            path,
            f"its schema is {schema}, this version knows {SCHEMA}: name another file",
        )

    connection.execute("COMMIT")
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise _refuse(
            path,
            "its file system does not let processes share memory: put it on a local disk",
        )

    connection.execute("PRAGMA synchronous = NORMAL")


def _refuse(path: Path, reason: str) -> SettingsError:
    return SettingsError(f"VEREDICTO_JOURNAL: {path.name}: {reason}")
