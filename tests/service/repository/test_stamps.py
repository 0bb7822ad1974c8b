"""A stamp tells that files have changed, without reading them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from service.repository.stamps import stamp_beside, stamp_file, stamp_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder has a model, weights beside it and below it, and a hidden file."""
    (tmp_path / "a.onnx").write_bytes(b"model")
    (tmp_path / "a.onnx.data").write_bytes(b"weights")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "more.data").write_bytes(b"weights")
    (tmp_path / ".hidden").write_bytes(b"")

    return tmp_path


def replace(path: Path) -> None:
    """Puts another file of the same size and time in the place of one."""
    status = path.stat()
    other = path.with_name(".other")
    other.write_bytes(bytes(status.st_size))
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.rename(path)


def overwrite(path: Path) -> None:
    """Writes as many other bytes into a file, and gives it the time that it had."""
    status = path.stat()
    with path.open("r+b") as file:
        file.write(b"other")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: replace(folder / "a.onnx"),
        lambda folder: overwrite(folder / "a.onnx"),
        lambda folder: (folder / "a.onnx").chmod(0o600),
        lambda folder: (folder / "a.onnx").write_bytes(b"another"),
        lambda folder: (folder / "b.onnx").write_bytes(b""),
        lambda folder: (folder / "a.onnx").unlink(),
        lambda folder: replace(folder / "a.onnx.data"),
        lambda folder: replace(folder / "below" / "more.data"),
    ],
)
def test_any_change_makes_another_stamp_of_the_folder(
    folder: Path, change: Callable[[Path], object]
) -> None:
    """A file that is replaced, written, new, gone or may be read by others is told, at any depth."""
    before = stamp_folder(folder)
    assert stamp_folder(folder) == before
    change(folder)
    assert stamp_folder(folder) != before


def test_hidden_files_are_nothing(folder: Path) -> None:
    """A file that is being copied under a hidden name is not looked at yet."""
    before = stamp_folder(folder)
    (folder / ".hidden").write_bytes(b"more")
    assert stamp_folder(folder) == before


def test_what_lies_beside_a_model_is_told_from_other_models(folder: Path) -> None:
    """Weights and sums make another stamp, and another model does not."""
    before = stamp_beside(folder)
    (folder / "b.onnx").write_bytes(b"")
    assert stamp_beside(folder) == before
    replace(folder / "below" / "more.data")
    assert stamp_beside(folder) != before


def test_what_is_missing_has_a_stamp_too(tmp_path: Path) -> None:
    """A folder or a file that is not there is told from one that is."""
    missing = tmp_path / "missing"
    stamps = stamp_folder(missing), stamp_file(missing / "a.onnx")
    missing.mkdir()
    (missing / "a.onnx").write_bytes(b"")

    assert stamp_folder(missing) != stamps[0]
    assert stamp_file(missing / "a.onnx") != stamps[1]
