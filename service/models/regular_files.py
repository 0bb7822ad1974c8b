"""Regular files are read in a way that waits for nobody, and are named whatever the locale is.

What is no regular file is never opened: a FIFO would hold the start, and a device has no end.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from service.errors import ModelRefused

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def read_file(path: Path, *, max_bytes: int) -> bytes:
    """Returns the content of a regular file, opened in a way that waits for nobody; raises ModelRefused or OSError."""
    # What is no regular file is not even opened: that alone may have an effect on a device.
    _check_mode(path.stat().st_mode)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)

    with os.fdopen(descriptor, "rb") as opened:
        # Another file may have come to its place meanwhile.
        found = os.fstat(descriptor)
        _check_mode(found.st_mode)
        _check_size(found.st_size, max_bytes=max_bytes)
        content = opened.read(found.st_size + 1)

    if len(content) != found.st_size:
        raise ModelRefused(
            f"its size changed from {found.st_size} bytes while it was read"
        )

    return content


def _check_size(n_bytes: int, *, max_bytes: int) -> None:
    """Raises ModelRefused for more bytes than a model may have."""
    if n_bytes > max_bytes:
        raise ModelRefused(
            f"its {n_bytes} bytes are over the limit of {max_bytes} (VEREDICTO_MAX_MODEL_BYTES)"
        )


def _check_mode(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise ModelRefused(f"expected a regular file, got {name_kind(mode)}")


def name_kind(mode: int) -> str:
    """Returns what a mode of the file system stands for, such as `a FIFO`."""
    return _KINDS.get(stat.S_IFMT(mode), "something else")


def can_see(path: Path) -> bool:
    """Returns whether something is there; False also where a folder ahead of it is closed."""
    try:
        return path.exists()
    except OSError:
        return False


def is_link(path: Path) -> bool:
    """Returns whether a link is there; False also where a folder ahead of it is closed."""
    try:
        return path.is_symlink()
    except OSError:
        return False


def read_name(local: str) -> str:
    """Returns a name of the file system as the UTF-8 that it is, whatever the locale makes of it."""
    return os.fsencode(local).decode("utf-8", "surrogateescape")


def write_name(name: str) -> str:
    """Returns the name by which this process finds the file that has this one in UTF-8."""
    return os.fsdecode(name.encode("utf-8", "surrogateescape"))


def show_path(path: Path | str) -> str:
    """Returns a path as text, with escapes for the bytes that are none."""
    return show_name(read_name(os.fspath(path)))


def show_name(name: str) -> str:
    """Returns a name of `read_name` as text, with escapes for the bytes that are none."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
