"""Files that a command reads and writes are looked at before it works: it waits for none for ever, and loses none."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

TAKES_NO_OTHERS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY)
"""A folder that takes no other file says so with one of these, and a file that is mounted by itself with the last."""


def find_fault(
    read: Mapping[str, Path | None], written: Mapping[str, Path | None]
) -> str | None:
    """Returns what stands in the way of files by the option that names each, None where nothing does.

    That is a named pipe, which would be waited for without end where nobody writes into it, or a file that is read
    and would be written over. Pipes of a shell, as `<(command)` gives, end by themselves and are left to their reader.
    """
    for option, path in {**read, **written}.items():
        if path is not None and path.is_fifo() and not _is_device(path):
            return f"{option} {path}: expected a file, got a named pipe: write what comes out of it into a file"

    for option, path in written.items():
        for other, source in read.items():
            if path is not None and source is not None and _is_same(path, source):
                return f"{option} {path}: expected a file of its own, got that of {other}, which would be written over"

    return None


def find_unwritable(folders: Mapping[str, Path | None]) -> str | None:
    """Returns why no file can be written into a folder, by the option that names it; None where each takes files.

    A folder that is not there yet would be made in the nearest one above it that is. Nothing is left in either.
    """
    for option, folder in folders.items():
        if folder is None:
            continue

        above = folder
        try:
            above = next(
                each for each in (folder, *folder.absolute().parents) if each.exists()
            )
            with TemporaryFile(dir=above):
                pass
        except OSError as error:
            what = "it is no folder" if above.is_file() else error.strerror
            return f"{option} {folder}: no file can be written there, {above}: {what}; name another folder"

    return None


def _is_same(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except OSError:
        return False


def write_file(path: Path, content: bytes) -> None:
    """Writes a file as `write_atomically` does."""
    write_atomically(path, lambda file: file.write(content))


def write_atomically(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Has `write` write a file that is there whole or not at all, whatever ends the process or the machine.

    It is written under another name, and takes its own once the disk has it; a file of that name is replaced, and
    its permissions are kept. What is no regular file, such as /dev/stdout, and a file in a folder that takes no others,
    are written as they are. The OSError of a failure names the file, also where the disk is full.
    """
    try:
        if _is_device(path) or (path.exists() and not path.is_file()):
            _write_in_place(path, write)
            return

        try:
            _replace(path.resolve(), write)
        except OSError as error:
            if error.errno not in TAKES_NO_OTHERS or not path.is_file():
                raise
            _write_in_place(path, write)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def _is_device(path: Path) -> bool:
    """Returns whether a path names what the shell has opened, or a device; what is opened may be a file."""
    return path.parts[:2] == ("/", "dev")


def _write_in_place(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    with path.open("wb") as file:
        write(file)


def _replace(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            beside.chmod(stat.S_IMODE(path.stat().st_mode))
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)

    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Waits until the disk has the names of a folder's files."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
