"""Files that a command reads and writes are looked at before it works: it waits for none for ever, and loses none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def find_fault(
    read: Mapping[str, Path | None], written: Mapping[str, Path | None]
) -> str | None:
    """Returns what stands in the way of files by the option that names each, None where nothing does.

    That is a named pipe, which would be waited for without end where nobody writes into it, or a file that is read
    and would be written over. Pipes of a shell, as `<(command)` gives, end by themselves and are left to their reader.
    """
    for option, path in {**read, **written}.items():
        if path is not None and path.is_fifo() and path.parts[:2] != ("/", "dev"):
            return f"{option} {path}: expected a file, got a named pipe: write what comes out of it into a file"

    for option, path in written.items():
        for other, source in read.items():
            if path is not None and source is not None and _is_same(path, source):
                return f"{option} {path}: expected a file of its own, got that of {other}, which would be written over"

    return None


def _is_same(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except OSError:
        return False


def write_file(path: Path, content: bytes) -> None:
    """Writes a file; its OSError names it, also where the disk is full."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
