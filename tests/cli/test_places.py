"""Files of a command that would be waited for, or written over, are found before it works."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.places import find_fault, write_file


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
