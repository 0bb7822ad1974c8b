"""Predictions and their true labels are kept in a SQLite file, which is made, migrated, opened or refused here.

Several processes share it (write-ahead log). What has been committed outlives the process, whatever ends it; a power
cut may take the last commits but those that waited for the disk.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from service.live.journal.storage.problems import JournalLost, WrongFile

APPLICATION_ID = 0x56455244
"""VERD in ASCII tells our files from those of other programs."""
SCHEMA = 6
"""Names of tables and columns stay as they are: `number` is a surrogate key, `truths` has the true labels, `lineups`
the sets of challengers, `spreads` the feature counts. `journal` has the random id of the file; in a merged one those
of the journals that it was merged from follow. `bets` has the labelled rows of groups that may get more of them,
`means` how many groups of a pair have each mean difference by each metric, and `history` the same as it was after
fewer labelled rows; `hits` and `hit_means` are those of one model's right answers, by blocks of groups."""
BUSY_MS = 2000
"""So long a transaction waits for another process before it fails."""
READ_BUSY_MS = 1000
_TABLES = """
CREATE TABLE tasks (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
    kept INTEGER NOT NULL DEFAULT 0, shed INTEGER NOT NULL DEFAULT 0, dropped INTEGER NOT NULL DEFAULT 0);
CREATE TABLE models (number INTEGER PRIMARY KEY, task INTEGER NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL,
    classes TEXT NOT NULL, right INTEGER NOT NULL DEFAULT 0, wrong INTEGER NOT NULL DEFAULT 0, UNIQUE (name, version));
CREATE TABLE predictions (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, task INTEGER NOT NULL,
    model INTEGER NOT NULL, n_rows INTEGER NOT NULL, labels BLOB NOT NULL, group_keys BLOB);
CREATE INDEX predictions_of_task ON predictions (task, seq);
CREATE TABLE lineups (number INTEGER PRIMARY KEY, models TEXT NOT NULL UNIQUE);
CREATE TABLE shadows (seq INTEGER PRIMARY KEY, lineup INTEGER NOT NULL, labels BLOB NOT NULL);
CREATE TABLE truths (seq INTEGER NOT NULL, row INTEGER NOT NULL, label INTEGER NOT NULL, group_key INTEGER,
    PRIMARY KEY (seq, row)) WITHOUT ROWID;
CREATE TABLE examples (seq INTEGER NOT NULL, row INTEGER NOT NULL, task INTEGER NOT NULL, inputs TEXT NOT NULL,
    PRIMARY KEY (seq, row)) WITHOUT ROWID;
CREATE TABLE spreads (number INTEGER PRIMARY KEY, task INTEGER NOT NULL, basis TEXT NOT NULL, n_rows INTEGER NOT NULL,
    counts BLOB NOT NULL);
CREATE INDEX spreads_of_task ON spreads (task, number);
CREATE TABLE journal (id TEXT NOT NULL);
INSERT INTO journal VALUES (lower(hex(randomblob(8))));
"""
_TABLES_OF_TESTS = """
CREATE TABLE pairs (champion INTEGER NOT NULL, challenger INTEGER NOT NULL, task INTEGER NOT NULL,
    lineup INTEGER NOT NULL, alpha REAL NOT NULL, better INTEGER NOT NULL DEFAULT 0, equal INTEGER NOT NULL DEFAULT 0,
    worse INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (champion, challenger)) WITHOUT ROWID;
"""
_TABLES_OF_METRICS = """
CREATE TABLE bets (group_key INTEGER NOT NULL, champion INTEGER NOT NULL, challenger INTEGER NOT NULL,
    metric TEXT NOT NULL, n_rows INTEGER NOT NULL, difference INTEGER NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY (group_key, champion, challenger, metric)) WITHOUT ROWID;
CREATE INDEX bets_by_last ON bets (last);
CREATE TABLE means (champion INTEGER NOT NULL, challenger INTEGER NOT NULL, metric TEXT NOT NULL,
    mean INTEGER NOT NULL, n_groups INTEGER NOT NULL,
    PRIMARY KEY (champion, challenger, metric, mean)) WITHOUT ROWID;
CREATE TABLE probabilities (seq INTEGER PRIMARY KEY, probabilities BLOB NOT NULL)
"""
_TABLES_OF_HISTORY = """
CREATE TABLE history (champion INTEGER NOT NULL, challenger INTEGER NOT NULL, metric TEXT NOT NULL,
    n_rows INTEGER NOT NULL, means BLOB NOT NULL,
    PRIMARY KEY (champion, challenger, metric, n_rows)) WITHOUT ROWID
"""
"""Labels are class indices, little-endian int32: of predictions `(n_rows,)`, of shadows `(n_challengers, n_rows)`.

Counts are little-endian int64, `(n_counts,)`. Keys of groups are little-endian int64, `(n_rows,)`, or one for all rows,
or none where the request is a group of its own. A pair's `lineup` counts the task's line-ups of challengers from 1.
Probabilities are little-endian uint16 in parts of 1/65535, `(1 + n_challengers, n_rows, n_classes)`, the champion's
first; the challengers are those of the prediction's shadow. Means are little-endian int32, `(n_means, 2)`: each and how
many groups have it.
"""


_TABLES_OF_ONE_MODEL = """
CREATE TABLE confidences (seq INTEGER NOT NULL, lineup INTEGER NOT NULL, confidences BLOB NOT NULL,
    PRIMARY KEY (seq, lineup)) WITHOUT ROWID;
CREATE TABLE hits (group_key INTEGER NOT NULL, model INTEGER NOT NULL, block INTEGER NOT NULL,
    n_rows INTEGER NOT NULL, n_hits INTEGER NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY (group_key, model)) WITHOUT ROWID;
CREATE INDEX hits_by_last ON hits (last);
CREATE TABLE hit_means (model INTEGER NOT NULL, block INTEGER NOT NULL, mean INTEGER NOT NULL,
    n_groups INTEGER NOT NULL, PRIMARY KEY (model, block, mean)) WITHOUT ROWID
"""
"""Confidences, the probabilities of the labels, are little-endian uint16 in parts of 1/65535, shaped as labels are.

The `lineup` of the model that answered is 0.
"""


_TABLES_OF_ACCURACY = """
CREATE TABLE bets (group_key INTEGER NOT NULL, champion INTEGER NOT NULL, challenger INTEGER NOT NULL,
    n_rows INTEGER NOT NULL, difference INTEGER NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY (group_key, champion, challenger)) WITHOUT ROWID;
CREATE INDEX bets_by_last ON bets (last);
CREATE TABLE means (champion INTEGER NOT NULL, challenger INTEGER NOT NULL, mean INTEGER NOT NULL,
    n_groups INTEGER NOT NULL, PRIMARY KEY (champion, challenger, mean)) WITHOUT ROWID
"""
"""Up to schema 4 the tests were of accuracy alone, and `difference` a number of rows."""

_MIGRATIONS = {
    1: """
CREATE TABLE IF NOT EXISTS spreads (number INTEGER PRIMARY KEY, task INTEGER NOT NULL, basis TEXT NOT NULL,
    n_rows INTEGER NOT NULL, counts BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS spreads_of_task ON spreads (task, number);
CREATE TABLE journal (id TEXT NOT NULL);
INSERT INTO journal VALUES (lower(hex(randomblob(8))))
""",
    2: f"""
ALTER TABLE predictions ADD COLUMN group_keys BLOB;
ALTER TABLE truths ADD COLUMN group_key INTEGER;
DROP TABLE pairs;
{_TABLES_OF_TESTS}{_TABLES_OF_ACCURACY}
""",
    3: _TABLES_OF_ONE_MODEL,
    4: f"""
ALTER TABLE bets RENAME TO bets_of_accuracy;
ALTER TABLE means RENAME TO means_of_accuracy;
DROP INDEX bets_by_last;
{_TABLES_OF_METRICS};
INSERT INTO bets SELECT group_key, champion, challenger, 'accuracy', n_rows, 252000 * difference, last
    FROM bets_of_accuracy;
INSERT INTO means SELECT champion, challenger, 'accuracy', mean, n_groups FROM means_of_accuracy;
DROP TABLE bets_of_accuracy;
DROP TABLE means_of_accuracy
""",
    5: _TABLES_OF_HISTORY,
}
"""Each brings a file from its schema to the next; the first files of schema 1 had no feature counts.

Up to schema 2 a pair's rows were counted as if each were by itself, so its test begins anew. Up to schema 3 no
confidences were kept, and no right answers by group: both are of what comes after the migration, and so are, from
schema 5 on, probabilities and tests by other metrics than accuracy. Up to schema 5 no history was kept.
"""


def connect(path: Path, *, may_make: bool = True) -> sqlite3.Connection:
    """Opens a file in autocommit mode, making its tables where it has none; raises sqlite3.Error and JournalLost.

    A file of an earlier schema is migrated; one of a later schema, or another program's, is left as it is.
    """
    connection = connect_unprepared(path, may_make=may_make)
    try:
        prepare(connection, may_make=may_make)
    except BaseException:
        connection.close()
        raise

    return connection


def connect_unprepared(path: Path, *, may_make: bool) -> sqlite3.Connection:
    """Opens a file in autocommit mode whatever is in it; raises sqlite3.Error."""
    return _open(path, mode="rwc" if may_make else "rw", busy_ms=BUSY_MS)


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Opens a journal that is there, for queries only; raises sqlite3.Error."""
    connection = _open(path, mode="rw", busy_ms=READ_BUSY_MS)
    connection.execute("PRAGMA query_only = 1")
    return connection


def read_id(connection: sqlite3.Connection) -> str:
    """Returns the id of the journal, which another file with another history does not have; raises sqlite3.Error."""
    found = read_ids(connection)
    return found[0] if found else ""


def read_ids(connection: sqlite3.Connection) -> list[str]:
    """Returns the id of the journal, then those of the journals that it was merged from; raises sqlite3.Error."""
    found = connection.execute("SELECT id FROM journal ORDER BY rowid").fetchall()
    return [str(each) for (each,) in found]


def check_pages(connection: sqlite3.Connection) -> None:
    """Looks through the file, as this connection sees it; raises JournalLost where it is damaged, and sqlite3.Error."""
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        reason = " ".join(found.split())[:200]
        raise JournalLost(
            f"the journal's file is damaged ({reason}): put it aside, and a restart makes a new one"
        )


def _open(path: Path, *, mode: str, busy_ms: int) -> sqlite3.Connection:
    """Opens a file by its URI, since only so SQLite is told not to make one that is missing."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=busy_ms / 1000,
        isolation_level=None,
        check_same_thread=False,
    )


def prepare(connection: sqlite3.Connection, *, may_make: bool) -> None:
    """Brings the file to the latest schema; raises sqlite3.Error and JournalLost.

    A file that has the schema is not written to, and may be locked by another process that writes.
    """
    if _read_schema(connection) < SCHEMA:
        connection.execute("BEGIN IMMEDIATE")
        schema = _read_schema(connection)  # which another process may have changed
        if schema == 0 and not may_make:
            raise JournalLost("the journal's file was emptied")

        _migrate(connection, schema)
        connection.execute("COMMIT")

    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise WrongFile(
            "its file system does not let processes share memory: put it on a local disk"
        )

    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # makes the log


def _read_schema(connection: sqlite3.Connection) -> int:
    """Returns the version of the schema, 0 for an empty file; raises JournalLost for one that is not known here."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (schema,) = connection.execute("PRAGMA user_version").fetchone()
    (n_tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()

    if application == 0 and not n_tables:
        return 0
    if application != APPLICATION_ID:
        raise WrongFile("it is another program's database: name a file of its own")
    if schema not in (SCHEMA, *_MIGRATIONS):
        raise JournalLost(
            f"the journal's schema is {schema}, this version knows 1 to {SCHEMA}: name another file"
        )

    return int(schema)


def _migrate(connection: sqlite3.Connection, schema: int) -> None:
    """Makes the tables of an empty file, or changes those of an earlier schema, within a transaction."""
    scripts = [
        _TABLES + _TABLES_OF_TESTS + _TABLES_OF_METRICS,
        _TABLES_OF_ONE_MODEL,
        _TABLES_OF_HISTORY,
    ]
    if schema:
        scripts = [_MIGRATIONS[each] for each in range(schema, SCHEMA)]

    for script in scripts:
        for statement in script.split(";"):
            connection.execute(statement)

    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA}")
