"""Files of a command that would be waited for, or written over, are found before it works."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from cli.places import find_fault, find_unwritable, write_atomically, write_file


def test_a_named_pipe_is_found(tmp_path: Path) -> None:
    """Nobody may ever write into it, or read what is written."""
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    fault = f"{pipe}: expected a file, got a named pipe: write what comes out of it into a file"
    assert (
        find_fault({"--data": pipe}, {}) == f"--data {pipe}: {fault.partition(': ')[2]}"
    )
    assert find_fault({}, {"--output": pipe}) == f"--output {fault}"


def test_a_pipe_of_a_shell_is_read(tmp_path: Path) -> None:
    """A shell that runs a command for its output hands the pipe over by a number."""
    out, into = os.pipe()
    try:
        assert find_fault({"--data": Path(f"/dev/fd/{out}")}, {}) is None
    finally:
        os.close(out)
        os.close(into)


def test_a_file_that_is_read_is_not_written_over(tmp_path: Path) -> None:
    """Another name of the file, and a link to it, are the file as well; a new file, or another one, is none."""
    data = tmp_path / "data.csv"
    data.write_text("a\n1\n")
    link = tmp_path / "link.csv"
    link.symlink_to(data)
    for path in (data, link, tmp_path / "." / ".." / tmp_path.name / "data.csv"):
        assert find_fault({"--data": data, "--by": None}, {"--output": path}) == (
            f"--output {path}: expected a file of its own, got that of --data, which would be written over"
        )

    other = tmp_path / "other.csv"
    assert find_fault({"--data": data}, {"--output": other, "--raw": None}) is None
    other.write_text("a\n1\n")
    assert find_fault({"--data": data}, {"--output": other}) is None
    assert find_fault({"--data": tmp_path / "nowhere"}, {"--output": other}) is None


def test_a_full_disk_is_told_with_the_file() -> None:
    """Python's own error of a write does not say which file it was."""
    with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
        write_file(Path("/dev/full"), b"x" * 100_000)


def test_a_file_is_there_whole_or_as_it_was(tmp_path: Path) -> None:
    """A write that fails in the middle leaves the old file, and nothing beside it."""
    path = tmp_path / "evidence.csv"
    path.write_bytes(b"old")

    def write(file: IO[bytes]) -> None:
        file.write(b"half")
        file.flush()
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match=r"No space left on device: .*evidence\.csv"):
        write_atomically(path, write)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_written_file_keeps_its_permissions_and_the_links_to_it(
    tmp_path: Path,
) -> None:
    """A link goes on naming the file, and a private file is private still."""
    path = tmp_path / "report.html"
    path.write_bytes(b"old")
    path.chmod(0o600)
    link = tmp_path / "link.html"
    link.symlink_to(path)

    write_file(link, b"new")

    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_the_shell_has_opened_is_written_as_it_is(tmp_path: Path) -> None:
    """Another file in its place would not be the one that the shell has opened."""
    path = tmp_path / "out.txt"
    code = "from pathlib import Path; from cli.places import write_file; print('first', flush=True); "
    code += "write_file(Path('/dev/stdout'), b'content')"
    with path.open("ab") as out:
        before = os.fstat(out.fileno()).st_ino
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True)

    assert path.stat().st_ino == before
    assert path.read_text().endswith("content")


def test_a_file_in_a_folder_that_takes_no_others_is_written(tmp_path: Path) -> None:
    """A file that is mounted by itself, or whose folder belongs to somebody else, can be written all the same."""
    path = tmp_path / "plan.json"
    path.write_bytes(b"old")

    def replace(*_: object) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")

    with pytest.MonkeyPatch.context() as patch:
        # No test may mount anything, and root may write into each folder.
        patch.setattr(Path, "replace", replace)
        write_file(path, b"new")

    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_takes_no_files_is_told_before_any_work(tmp_path: Path) -> None:
    """A file in the place of a folder, or above it, and a file system that takes none, are told with the option."""
    file = tmp_path / "file"
    file.touch()

    for folder in (file, file / "below", Path("/proc/models")):
        fault = find_unwritable({"--report": None, "--output": folder})
        assert fault is not None
        assert fault.startswith(f"--output {folder}: no file can be written there")


def test_looking_whether_a_folder_takes_files_leaves_none(tmp_path: Path) -> None:
    """A folder that is there and one that is to be made take files, and neither has one, nor is made, by the look."""
    assert (
        find_unwritable({"--output": tmp_path, "--report": tmp_path / "a" / "b"})
        is None
    )
    assert list(tmp_path.iterdir()) == []
