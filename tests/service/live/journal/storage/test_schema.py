"""The journal's file is made, migrated, opened again, and refused with words where it is something else."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from service.live.journal.challenger_counts import ROW_SCALE, average
from service.live.journal.storage import schema
from service.live.journal.storage.problems import JournalLost, WrongFile

FIRST_TABLES = """
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
CREATE TABLE pairs (champion INTEGER NOT NULL, challenger INTEGER NOT NULL, better INTEGER NOT NULL DEFAULT 0,
    equal INTEGER NOT NULL DEFAULT 0, worse INTEGER NOT NULL DEFAULT 0, lower REAL NOT NULL DEFAULT -1,
    upper REAL NOT NULL DEFAULT 1, PRIMARY KEY (champion, challenger)) WITHOUT ROWID;
INSERT INTO tasks (name, kept) VALUES ('colour', 1);
INSERT INTO predictions VALUES (1, 'AAAAAAAAAAAAAAAA', 1, 1, 1, x'01000000');
"""
"""The first files of schema 1 had these tables, and one prediction here."""
FEATURE_COUNTS = """
CREATE TABLE spreads (number INTEGER PRIMARY KEY, task INTEGER NOT NULL, basis TEXT NOT NULL, n_rows INTEGER NOT NULL,
    counts BLOB NOT NULL);
CREATE INDEX spreads_of_task ON spreads (task, number);
INSERT INTO spreads VALUES (1, 1, 'basis', 0, x'')
"""
"""Later files of schema 1 had these too."""


def write_old(path: Path, *, tables: str) -> None:
    """Writes a file of schema 1, by SQL alone."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            f"{tables}; PRAGMA application_id = {schema.APPLICATION_ID};"
            "PRAGMA user_version = 1; PRAGMA journal_mode = WAL;"
        )


def read_columns(path: Path) -> dict[str, list[str]]:
    """Returns the columns of each table and index."""
    with closing(sqlite3.connect(path)) as connection:
        names = [
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master ORDER BY name"
            )
        ]
        return {
            name: [str(each[1:]) for each in connection.execute(f"PRAGMA table_info({name})")]
            for name in names
        }  # fmt: skip


def test_a_new_file_is_made_and_opened_again(tmp_path: Path) -> None:
    """A new file has a write-ahead log, the version of the schema, and an id that stays."""
    path = tmp_path / "journal.db"
    with closing(schema.connect(path)) as connection:
        first_id = schema.read_id(connection)

    with closing(schema.connect(path)) as connection:
        found = [
            connection.execute(f"PRAGMA {each}").fetchone()[0]
            for each in ("journal_mode", "user_version")
        ]
        assert schema.read_id(connection) == first_id

    assert found == ["wal", schema.SCHEMA]
    assert len(first_id) == 16


def test_two_new_files_have_different_ids(tmp_path: Path) -> None:
    """The id tells one journal from another."""
    found = set()
    for name in ("one.db", "two.db"):
        with closing(schema.connect(tmp_path / name)) as connection:
            found.add(schema.read_id(connection))

    assert len(found) == 2


@pytest.mark.parametrize(
    "tables",
    [FIRST_TABLES, FIRST_TABLES + FEATURE_COUNTS],
    ids=["without feature counts", "with feature counts"],
)
def test_a_file_of_an_earlier_schema_is_migrated(tmp_path: Path, tables: str) -> None:
    """A file of schema 1 becomes what a new file is, and keeps its rows; the second opening changes nothing."""
    old = tmp_path / "old.db"
    write_old(old, tables=tables)
    new = tmp_path / "new.db"
    schema.connect(new).close()

    for _ in range(2):
        with closing(schema.connect(old)) as connection:
            rows = connection.execute("SELECT * FROM predictions").fetchall()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            journal_id = schema.read_id(connection)

    assert rows == [(1, "AAAAAAAAAAAAAAAA", 1, 1, 1, b"\1\0\0\0", None)]
    assert version == schema.SCHEMA
    assert len(journal_id) == 16
    assert read_columns(old) == read_columns(new)


def test_tests_of_groups_go_on(tmp_path: Path) -> None:
    """A file of schema 4 keeps its groups, as those of accuracy, whose sums are in finer parts from here on."""
    path = tmp_path / "journal.db"
    write_old(path, tables=FIRST_TABLES + FEATURE_COUNTS)
    with closing(sqlite3.connect(path)) as connection:
        for version in (1, 2, 3):
            connection.executescript(schema._MIGRATIONS[version])
        connection.executescript(
            "INSERT INTO bets VALUES (-5, 1, 2, 3, -2, 7); INSERT INTO means VALUES (1, 2, -1680, 4);"
            "PRAGMA user_version = 4;"
        )

    with closing(schema.connect(path)) as connection:
        bets = connection.execute("SELECT * FROM bets").fetchall()
        means = connection.execute("SELECT * FROM means").fetchall()

    assert bets == [(-5, 1, 2, "accuracy", 3, -2 * ROW_SCALE, 7)]
    assert means == [(1, 2, "accuracy", -1680, 4)]
    assert average(*bets[0][4:6]) == -1680


def test_tests_of_rows_begin_anew(tmp_path: Path) -> None:
    """Counts of rows that were each taken to be by itself are no evidence, so a migrated file has none of them."""
    path = tmp_path / "old.db"
    write_old(
        path, tables=f"{FIRST_TABLES}INSERT INTO pairs VALUES (1, 2, 150, 0, 0, 0.8, 1)"
    )
    with closing(schema.connect(path)) as connection:
        found = [
            connection.execute(f"SELECT count(*) FROM {each}").fetchone()[0]
            for each in ("pairs", "means", "bets", "predictions")
        ]

    assert found == [0, 0, 0, 1]


def test_every_earlier_schema_has_a_migration() -> None:
    """This version reads the files of all versions before it."""
    assert sorted(schema._MIGRATIONS) == list(range(1, schema.SCHEMA))


def test_an_empty_file_becomes_a_journal(tmp_path: Path) -> None:
    """An empty file, as mktemp leaves one, becomes a journal."""
    path = tmp_path / "journal.db"
    path.touch()
    schema.connect(path).close()
    assert path.read_bytes().startswith(b"SQLite format 3")


def test_an_emptied_file_is_not_made_again(tmp_path: Path) -> None:
    """A file that was a journal and is empty raises JournalLost where no new one is to be begun, and stays empty."""
    path = tmp_path / "journal.db"
    path.touch()
    with pytest.raises(JournalLost, match="the journal's file was emptied"):
        schema.connect(path, may_make=False)

    assert path.read_bytes() == b""


def test_what_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    """A file that is no database raises SQLite's error and is left as it is."""
    path = tmp_path / "notes.txt"
    path.write_text("not a database\n" * 100)
    with pytest.raises(sqlite3.DatabaseError, match="file is not a database"):
        schema.connect(path)

    assert path.read_text() == "not a database\n" * 100


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    """A database without our application id raises WrongFile."""
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE things (name TEXT)")

    with pytest.raises(WrongFile) as refused:
        schema.connect(path)

    assert (
        str(refused.value) == "it is another program's database: name a file of its own"
    )


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """A schema of a later version raises JournalLost with both versions, and the file is not touched."""
    path = tmp_path / "journal.db"
    with closing(schema.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()

    with pytest.raises(JournalLost) as refused:
        schema.connect(path)

    assert str(refused.value) == (
        "the journal's schema is 99, this version knows 1 to 6: name another file"
    )
    assert path.read_bytes() == before


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    """Pages that were overwritten in the middle of the file raise JournalLost."""
    path = tmp_path / "journal.db"
    with closing(schema.connect(path)) as connection:
        connection.executemany(
            "INSERT INTO predictions VALUES (?, ?, 1, 1, 1, x'00', NULL)",
            [(seq, f"id{seq}") for seq in range(1, 2000)],
        )
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 8192] = b"\xff" * 8192
    path.write_bytes(content)

    with (
        closing(schema.connect_to_read(path)) as connection,
        pytest.raises(
            JournalLost, match=r"^the journal's file is damaged \(.*\): put it aside"
        ),
    ):
        schema.check_pages(connection)


def test_reading_makes_no_file(tmp_path: Path) -> None:
    """Opening a file to read that is not there raises sqlite3.Error, and makes none."""
    path = tmp_path / "journal.db"
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        schema.connect_to_read(path)

    assert not path.exists()
