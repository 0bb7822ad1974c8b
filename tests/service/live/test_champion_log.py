"""The log of acts holds whole lines that follow each other, whoever writes, and says what stands."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from service.errors import SettingsError
from service.live import champion_log
from service.live.champion_log import ChampionChange, ChangeKind, History, LogChanged


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "acts.jsonl"


def make_act(
    history: History, act: ChangeKind, before: str, after: str
) -> ChampionChange:
    return {
        "number": len(history.acts) + 1,
        "time": "2026-01-01T00:00:00.000+00:00",
        "task": "colour",
        "act": act,
        "before": {"model": before, "version": "v1"},
        "after": {"model": after, "version": "v1"},
        "because": "the test says so",
        "previous": history.last_hash,
    }


def write(path: Path, *words: tuple[ChangeKind, str, str]) -> History:
    history = champion_log.read(path)
    for act, before, after in words:
        history = champion_log.append(
            path, history, make_act(history, act, before, after)
        )

    return history


def test_what_is_written_is_read(path: Path) -> None:
    """The history that is written is the one that is read, and names the champion of each task."""
    written = write(path, ("promotion", "a", "b"), ("promotion", "b", "c"))
    assert champion_log.read(path) == written
    assert written.find_champions() == {"colour": "c"}
    assert written.n_bytes == path.stat().st_size


def test_a_roll_back_goes_to_the_champion_before(path: Path) -> None:
    """Promotions are undone one after the other, the last first; then none stands."""
    history = write(path, ("promotion", "a", "b"), ("promotion", "b", "c"))
    assert history.find_predecessor("colour") == {"model": "b", "version": "v1"}
    history = write(path, ("roll-back", "c", "b"))
    assert history.find_predecessor("colour") == {"model": "a", "version": "v1"}
    history = write(path, ("roll-back", "b", "a"))
    assert history.find_predecessor("colour") is None
    assert history.was_rolled_back("colour", {"model": "c", "version": "v1"})
    assert not history.was_rolled_back("colour", {"model": "c", "version": "v2"})


def test_who_comes_second_writes_nothing(path: Path) -> None:
    """The first of two that decide upon the same history writes its line, and the other raises LogChanged."""
    first = write(path)
    write(path, ("promotion", "a", "b"))
    before = path.read_bytes()
    with pytest.raises(LogChanged):
        champion_log.append(path, first, make_act(first, "promotion", "a", "b"))

    assert path.read_bytes() == before


def test_part_of_a_line_is_no_act(path: Path) -> None:
    """A part of a line, as a killed process leaves it, does not count, and goes before the next is written."""
    history = write(path, ("promotion", "a", "b"))
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"number": 2, "ta')
    assert champion_log.read(path) == history

    again = write(path, ("roll-back", "b", "a"))
    assert path.read_bytes().startswith(whole)
    assert [json.loads(each)["number"] for each in path.read_text().splitlines()] == [
        1,
        2,
    ]
    assert champion_log.read(path) == again


def test_what_the_disk_does_not_take_is_not_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that cannot be brought to the disk raises OSError, and no part of it stays."""
    history = write(path, ("promotion", "a", "b"))
    before = path.read_bytes()

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write(path, ("roll-back", "b", "a"))

    assert path.read_bytes() == before
    assert champion_log.read(path) == history


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"notes\n", "line 1 is no act"),
        (b"\n", "line 1 is no act"),
        (b"[]\n", "line 1 is no act"),
        (b"\xff\xfe\n", "line 1 is no act"),
        (b'{"number": 1}\n', "line 1 is no act"),
    ],
)
def test_other_content_is_refused(path: Path, content: bytes, words: str) -> None:
    """A file of something else raises SettingsError, which names the line."""
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=f"VEREDICTO_ACTS: acts.jsonl: {words}"):
        champion_log.check_file(path)

    assert path.read_bytes() == content


def test_a_changed_line_is_found(path: Path) -> None:
    """A line whose content was changed is not the one that the next line follows."""
    write(path, ("promotion", "a", "b"), ("roll-back", "b", "a"))
    path.write_bytes(path.read_bytes().replace(b"says so", b"says no", 1))
    with pytest.raises(SettingsError, match="line 2 does not follow the line before"):
        champion_log.read(path)


def test_a_log_in_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A log that cannot be made raises SettingsError with the reason."""
    with pytest.raises(SettingsError, match="it must lie in a folder that is there"):
        champion_log.check_file(tmp_path / "nowhere" / "acts.jsonl")
