"""The server begins with one file, or refuses to start where its path is a slip."""

from __future__ import annotations

import os
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from service.errors import SettingsError
from service.live.journal.storage import startup
from service.live.journal.storage.file import JournalFile, PreparedFile, identify
from service.live.journal.storage.startup import prepare_file, read_prepared_file


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps what is told to workers from other tests."""
    monkeypatch.setenv(startup.VARIABLE, "")


def test_a_new_file_is_begun_and_workers_know_it(tmp_path: Path) -> None:
    """The environment names the file and the id of the journal in it."""
    path = tmp_path / "journal.db"
    prepare_file(path)
    file = JournalFile(path, begun=None)
    expected = PreparedFile(identify(path), file.journal_id)
    file.close(is_sound=True)

    assert read_prepared_file(os.environ) == expected


def test_without_a_server_no_file_was_begun() -> None:
    """A process that no server has started makes the file itself."""
    assert read_prepared_file({}) is None


@pytest.mark.parametrize(
    ("content", "journal_id"),
    [
        (random.Random(0).randbytes(60_000), ""),
        (b"SQLite format 3\0" + b"\xff" * 5000, ""),
    ],
    ids=["noise", "a header alone"],
)
def test_a_damaged_file_does_not_keep_the_server_from_starting(
    tmp_path: Path, content: bytes, journal_id: str
) -> None:
    """The file is left as it is, and the workers are told that it has no journal in it."""
    path = tmp_path / "journal.db"
    path.write_bytes(content)
    prepare_file(path)

    assert path.read_bytes() == content
    assert read_prepared_file(os.environ) == PreparedFile(identify(path), journal_id)


def test_a_locked_file_does_not_keep_the_server_from_starting(tmp_path: Path) -> None:
    """A file that another process locks is begun, and made into a journal later."""
    path = tmp_path / "journal.db"
    path.touch()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        prepare_file(path)

    begun = read_prepared_file(os.environ)
    assert begun == PreparedFile(identify(path), "")
    JournalFile(path, begun=begun).close(is_sound=True)


def make_another_programs(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE things (name TEXT)")


def test_what_waiting_cannot_mend_is_refused(tmp_path: Path) -> None:
    """A missing folder, a folder, a text and another program's database raise SettingsError and are left alone."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "notes.md").write_text("# Notes\n")
    make_another_programs(tmp_path / "other.db")
    messages = {}

    with pytest.raises(SettingsError, match="cannot be made: File name too long"):
        prepare_file(tmp_path / ("x" * 300))
    with pytest.raises(SettingsError, match="cannot be made: Not a directory"):
        prepare_file(tmp_path / "notes.md" / "journal.db")

    for name in ("missing/journal.db", "folder", "notes.md", "other.db"):
        with pytest.raises(SettingsError) as refused:
            prepare_file(tmp_path / name)
        messages[name] = str(refused.value)

    assert messages == {
        "missing/journal.db": "VEREDICTO_JOURNAL: journal.db: it cannot be made: No such file or directory; it must "
        "lie in a folder that is there and can be written to",
        "folder": "VEREDICTO_JOURNAL: folder: expected a file, got something else",
        "notes.md": "VEREDICTO_JOURNAL: notes.md: it cannot be used: file is not a database but a text",
        "other.db": "VEREDICTO_JOURNAL: other.db: it is another program's database: name a file of its own",
    }
    assert (tmp_path / "notes.md").read_text() == "# Notes\n"
    assert read_prepared_file(os.environ) is None
