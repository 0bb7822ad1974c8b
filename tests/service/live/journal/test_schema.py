"""The journal's file is made, opened again, and refused with words where it is something else."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from service.errors import SettingsError
from service.live.journal import schema


def test_a_new_file_is_made_and_opened_again(tmp_path: Path) -> None:
    """A new file has a write-ahead log and the version of the schema."""
    path = tmp_path / "journal.db"
    for _ in range(2):
        schema.check(path)

    with closing(schema.connect(path)) as connection:
        found = [
            connection.execute(f"PRAGMA {each}").fetchone()[0]
            for each in ("journal_mode", "user_version")
        ]

    assert found == ["wal", schema.SCHEMA]


def test_an_empty_file_becomes_a_journal(tmp_path: Path) -> None:
    """An empty file, as mktemp leaves one, becomes a journal."""
    path = tmp_path / "journal.db"
    path.touch()
    schema.check(path)
    assert path.read_bytes().startswith(b"SQLite format 3")


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    """A file that is no database raises SettingsError and is left as it is."""
    path = tmp_path / "notes.txt"
    path.write_text("not a database\n" * 100)
    with pytest.raises(SettingsError) as refused:
        schema.check(path)

    assert (
        str(refused.value)
        == "VEREDICTO_JOURNAL: notes.txt: it cannot be used: file is not a database"
    )
    assert path.read_text() == "not a database\n" * 100


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    """A database without our application id raises SettingsError."""
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE things (name TEXT)")

    with pytest.raises(SettingsError) as refused:
        schema.check(path)

    assert str(refused.value) == (
        "VEREDICTO_JOURNAL: other.db: it is another program's database: name a file of its own"
    )


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """A schema of another version raises SettingsError with both versions."""
    path = tmp_path / "journal.db"
    with closing(schema.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")

    with pytest.raises(SettingsError) as refused:
        schema.check(path)

    assert str(refused.value) == (
        "VEREDICTO_JOURNAL: journal.db: its schema is 99, this version knows 1: name another file"
    )


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    """Pages that were overwritten in the middle of the file raise SettingsError."""
    path = tmp_path / "journal.db"
    with closing(schema.connect(path)) as connection:
        connection.executemany(
            "INSERT INTO predictions VALUES (?, ?, 1, 1, 1, x'00')",
            [(seq, f"id{seq}") for seq in range(1, 2000)],
        )
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 8192] = b"\xff" * 8192
    path.write_bytes(content)

    with pytest.raises(
        SettingsError,
        match=r"^VEREDICTO_JOURNAL: journal\.db: it is damaged \(.*\): put it aside",
    ):
        schema.check(path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A path in a missing folder raises SettingsError, and no folder is made."""
    with pytest.raises(SettingsError) as refused:
        schema.check(tmp_path / "missing" / "journal.db")
    assert str(refused.value) == (
        "VEREDICTO_JOURNAL: journal.db: it cannot be opened: unable to open database file; it must lie in a folder "
        "that can be written to"
    )
