"""The open file notices when its path names another, and when somebody else has written to it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from uuid import uuid4

import pytest

from service.live.journal.storage.file import JournalFile, PreparedFile, identify
from service.live.journal.storage.problems import JournalLost, JournalUnusable

Damage = Callable[[Path], object]
N_TASKS = 500


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder / "journal.db"


@pytest.fixture
def open_file(path: Path) -> Iterator[Callable[..., JournalFile]]:
    """Opens the file with rows in it and in its log, and closes it at the end."""
    with ExitStack() as stack:

        def make(*, begun: PreparedFile | None = None) -> JournalFile:
            made = JournalFile(path, begun=begun)
            stack.callback(made.close, is_sound=False)
            fill(made)
            made.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            fill(made)
            made.check()

            return made

        yield make


def fill(file: JournalFile) -> None:
    """Adds tasks, which take pages of the file."""
    file.connection.execute("BEGIN")
    file.connection.executemany(
        "INSERT INTO tasks (name) VALUES (?)",
        [(f"{uuid4()} {'x' * 100}",) for _ in range(N_TASKS)],
    )
    file.connection.execute("COMMIT")


def beside(path: Path, suffix: str) -> Path:
    return Path(f"{path}{suffix}")


def overwrite(path: Path, *, at: int, n_bytes: int = 60_000) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\xa5" * n_bytes)


def replace_by_copy(path: Path) -> None:
    other = path.with_name("other")
    shutil.copy(path, other)
    other.replace(path)


def write_another_over(path: Path) -> None:
    """Writes the bytes of another journal into the file, and empties its log."""
    other = path.with_name("other.db")
    JournalFile(other, begun=None).close(is_sound=True)
    path.write_bytes(other.read_bytes())
    os.truncate(beside(path, "-wal"), 0)


DAMAGES: dict[str, tuple[Damage, str]] = {
    "deleted": (Path.unlink, "the journal's file was deleted or moved"),
    "moved": (
        lambda path: path.rename(path.with_name("gone.db")),
        "the journal's file was deleted or moved",
    ),
    "folder gone": (
        lambda path: path.parent.rename(path.parent.with_name("gone")),
        "the journal's file was deleted or moved",
    ),
    "folder in the file's place": (
        lambda path: (path.unlink(), path.mkdir()),
        "another file has taken the place of the journal's file",
    ),
    "replaced by its copy": (
        replace_by_copy,
        "another file has taken the place of the journal's file",
    ),
    "another journal over it": (
        write_another_over,
        "write-ahead log (-wal) was overwritten or cut short",
    ),
    "cut to nothing": (
        lambda path: os.truncate(path, 0),
        "the journal's file was overwritten or cut short",
    ),
    "cut to its first bytes": (
        lambda path: os.truncate(path, 1000),
        "the journal's file is damaged",
    ),
    "cut to its half": (
        lambda path: os.truncate(path, path.stat().st_size // 8192 * 4096),
        "the journal's file is damaged",
    ),
    "overwritten from its start": (
        lambda path: overwrite(path, at=0),
        "the journal's file was overwritten or cut short",
    ),
    "overwritten in its middle": (
        lambda path: overwrite(path, at=8192),
        "the journal's file is damaged",
    ),
    "log deleted": (
        lambda path: beside(path, "-wal").unlink(),
        "write-ahead log (-wal) was deleted or moved",
    ),
    "log cut to nothing": (
        lambda path: os.truncate(beside(path, "-wal"), 0),
        "write-ahead log (-wal) was overwritten or cut short",
    ),
    "log cut by a byte": (
        lambda path: os.truncate(
            beside(path, "-wal"), beside(path, "-wal").stat().st_size - 1
        ),
        "write-ahead log (-wal) was overwritten or cut short",
    ),
    "log overwritten": (
        lambda path: overwrite(beside(path, "-wal"), at=0),
        "write-ahead log (-wal) was overwritten or cut short",
    ),
    "index deleted": (
        lambda path: beside(path, "-shm").unlink(),
        "log (-shm) was deleted or moved",
    ),
    "index cut": (
        lambda path: os.truncate(beside(path, "-shm"), 0),
        "log (-shm) was cut short",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_file_that_is_not_what_was_opened_is_lost(
    open_file: Callable[..., JournalFile], path: Path, name: str
) -> None:
    """A look raises JournalLost with words for each way in which the file is not the one that was written."""
    file = open_file()
    damage, words = DAMAGES[name]
    damage(path)

    with pytest.raises(JournalLost) as lost:
        file.check()

    assert words in str(lost.value)
    if name.startswith("index cut"):
        path.with_name("journal.db-shm").write_bytes(b"\0" * 32_768)


def test_what_sqlite_does_itself_is_no_damage(
    open_file: Callable[..., JournalFile], path: Path
) -> None:
    """Checkpoints, vacuums and other processes' commits change the files, and the file is sound."""
    file = open_file()

    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        for command in (
            "INSERT INTO tasks (name) VALUES ('another')",
            "PRAGMA wal_checkpoint(FULL)",
            "DELETE FROM tasks WHERE number < 400",
            "VACUUM",
            "PRAGMA wal_checkpoint(TRUNCATE)",
            "INSERT INTO tasks (name) VALUES ('last')",
        ):
            other.execute(command).fetchall()
            file.check()

    fill(file)
    file.check()


def test_a_file_whose_time_alone_changed_is_sound(
    open_file: Callable[..., JournalFile], path: Path
) -> None:
    """Touching the file makes it look suspicious, and a look through it clears that."""
    file = open_file()
    os.utime(path)
    file.check()


def test_a_damaged_file_is_closed_as_it_is(
    open_file: Callable[..., JournalFile], path: Path
) -> None:
    """The damaged file and its log, which may be worth something, stay as they are when it is closed."""
    file = open_file()
    overwrite(path, at=0)
    before = path.read_bytes(), beside(path, "-wal").read_bytes()
    file.close(is_sound=False)

    assert (path.read_bytes(), beside(path, "-wal").read_bytes()) == before


def test_only_the_file_that_the_server_began_with_is_opened(
    open_file: Callable[..., JournalFile], path: Path
) -> None:
    """A worker that starts later opens the same file, and no other that has its name."""
    first = open_file()
    begun = PreparedFile(identify(path), first.journal_id)
    JournalFile(path, begun=begun).close(is_sound=True)
    replace_by_copy(path)

    with pytest.raises(JournalLost, match="another file has taken the place"):
        JournalFile(path, begun=begun)

    path.unlink()
    with pytest.raises(JournalLost, match="was deleted or moved"):
        JournalFile(path, begun=begun)

    assert not path.exists()


def test_a_file_that_was_emptied_is_not_begun_again(path: Path) -> None:
    """A worker that starts after the file was emptied does not make a journal of it."""
    first = JournalFile(path, begun=None)
    begun = PreparedFile(identify(path), first.journal_id)
    first.close(is_sound=True)
    os.truncate(path, 0)

    with pytest.raises(JournalLost, match="the journal's file was emptied"):
        JournalFile(path, begun=begun)

    assert path.stat().st_size == 0


def test_another_journal_in_the_same_file_is_not_used(path: Path) -> None:
    """A worker that starts after another journal was written into the file raises JournalLost."""
    first = JournalFile(path, begun=None)
    begun = PreparedFile(identify(path), first.journal_id)
    first.close(is_sound=True)
    other = path.with_name("other.db")
    JournalFile(other, begun=None).close(is_sound=True)
    path.write_bytes(other.read_bytes())

    with pytest.raises(JournalLost, match="another journal has taken the place"):
        JournalFile(path, begun=begun)


def test_a_file_that_a_link_names_is_followed(tmp_path: Path) -> None:
    """A link that is turned to another file is noticed, since the setting names the link."""
    link = tmp_path / "journal.db"
    link.symlink_to(tmp_path / "real.db")
    file = JournalFile(link, begun=None)
    fill(file)
    file.check()

    (tmp_path / "other.db").touch()
    link.unlink()
    link.symlink_to(tmp_path / "other.db")
    with pytest.raises(JournalLost, match="another file has taken the place"):
        file.check()

    file.close(is_sound=False)


def test_a_file_that_may_not_be_written_may_be_later(path: Path) -> None:
    """A file without permissions is unusable, and not lost."""
    if os.geteuid() == 0:
        pytest.skip("root may write to any file")

    JournalFile(path, begun=None).close(is_sound=True)
    path.chmod(0o400)
    with pytest.raises(JournalUnusable, match="permissions") as refused:
        JournalFile(path, begun=None)

    assert not isinstance(refused.value, JournalLost)


def test_a_lock_is_unusable_and_not_lost(path: Path) -> None:
    """A new file that another process locks cannot be made into a journal now, and can be later."""
    path.touch()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(JournalUnusable, match="locked") as refused:
            JournalFile(path, begun=None)
        other.execute("ROLLBACK")

    assert not isinstance(refused.value, JournalLost)
    JournalFile(path, begun=None).close(is_sound=True)
